// A bad day of a guest: a disk that is not what it should be is refused without a write, and the
// same request succeeds when what the message says was done.

import { createHash } from 'node:crypto'
import type { SimAnswer } from '../../../sim/host.ts'
import { describeError, type ErrorKind } from '../../../src/errors.ts'
import type { StageRequest } from '../../../src/guest/requests.ts'
import {
  type GuestWorld,
  guestWorld,
  MiB,
  type PlatformKind,
  type TestDisk,
} from '../guest/world.ts'

export interface GuestDay {
  readonly name: string
  readonly on: readonly PlatformKind[]
  /** The disk under the number of the request when the trouble comes. */
  readonly disk?: (world: GuestWorld) => Promise<TestDisk> | TestDisk
  readonly trouble: (world: GuestWorld, disk: TestDisk) => unknown
  readonly request?: (world: GuestWorld, disk: TestDisk) => Partial<StageRequest>
  readonly kind: ErrorKind
  /** Of the message: `DISK` stands for the disk's name on the platform. */
  readonly says: readonly string[]
  readonly over: (world: GuestWorld, disk: TestDisk) => unknown
}

export const BOTH: readonly PlatformKind[] = ['linux', 'solaris']
export const LINUX: readonly PlatformKind[] = ['linux']
export const SOLARIS: readonly PlatformKind[] = ['solaris']
export const SLOT = 100
export const KEPT = 'kept'

export function diskName({ kind, bus }: GuestWorld): string {
  if (kind === 'solaris') return 'c0d100'
  return bus === 'xen' ? '/dev/xvdcw' : '/dev/vdiskcw'
}
export const blank = (world: GuestWorld) => world.addDisk(SLOT, 600 * MiB)
export const zero = (disk: TestDisk) => disk.store.write(0, Buffer.alloc(64 * 1024))

/** With a file system and a file, as the volume left it. */
export async function used(world: GuestWorld): Promise<TestDisk> {
  const disk = blank(world)
  const request = world.stageRequest(disk)
  await world.volumes.stage(request)
  world.guest.writeFile('/staging/v1/data', KEPT)
  await world.volumes.unstage(request)
  return disk
}

export const written = () => ({ written: true })

/** A program of the guest that answers so, until the rules are taken away. */
export function answers(world: GuestWorld, program: string, answer: Partial<SimAnswer>): void {
  world.timeline.rules.push(argv =>
    argv[0]?.endsWith(`/${program}`)
      ? { kind: 'answer', answer: { exitStatus: 0, stdout: '', stderr: '', ...answer } }
      : undefined,
  )
}
export const honestAgain = (world: GuestWorld) => world.timeline.rules.splice(0)

/** Of the simulated file system: a magic word, then what is known of it. */
export function changeSuperblock(disk: TestDisk, change: object): void {
  const bytes = disk.store.read(0, 4096)
  const [magic, text] = [
    bytes.toString('latin1', 0, 8),
    bytes.toString('utf8', 8, bytes.indexOf(0)),
  ]
  const changed = Buffer.alloc(4096)
  changed.write(magic + JSON.stringify({ ...(JSON.parse(text) as object), ...change }))
  disk.store.write(0, changed)
}

/** What a refused request must not change: bytes, mounts, holders. */
export function seen(world: GuestWorld): object {
  return {
    mounts: world.guest.mounts(),
    disks: world.disks.disks.map(({ id, store, holders }) => ({
      id,
      bytes: createHash('sha256')
        .update(store.read(0, 256 * 1024))
        .digest('hex'),
      holders: [...holders.keys()],
    })),
  }
}

interface Guest {
  readonly title: string
  readonly platform: PlatformKind
  readonly bus: GuestWorld['bus']
}

const GUESTS: readonly Guest[] = [
  { title: 'linux', platform: 'linux', bus: 'vio' },
  { title: 'linux on Xen', platform: 'linux', bus: 'xen' },
  { title: 'solaris', platform: 'solaris', bus: 'vio' },
]

async function runGuestDay(row: GuestDay & Guest): Promise<void> {
  const { platform, bus } = row
  const world = guestWorld(platform, { bus })
  const disk = await (row.disk ?? blank)(world)
  await row.trouble(world, disk)
  const request = world.stageRequest(disk, row.request?.(world, disk))
  const before = seen(world)

  const error = await world.volumes.stage(request).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )

  const message = describeError(error)
  expect({ kind: (error as { kind?: string } | undefined)?.kind, message }).toEqual({
    kind: row.kind,
    message,
  })
  for (const words of row.says) {
    expect(message).toContain(words === 'DISK' ? diskName(world) : words)
  }
  expect(seen(world)).toEqual(before)

  await row.over(world, disk)
  const now = world.disks.disks.find(({ id }) => id === SLOT)
  if (now === undefined) throw new Error('the disk of the request is there in the end')
  await world.fresh().stage({
    ...request,
    sizeBytes: now === disk ? request.sizeBytes : now.store.sizeBytes,
    written: request.written && now === disk,
  })
  if (request.format.kind === 'filesystem') {
    expect(world.guest.mounts()).toContainEqual(
      expect.objectContaining({ path: '/staging/v1', disk: SLOT }),
    )
    if (row.disk === used && now === disk) {
      expect(world.guest.readFile('/staging/v1/data')).toBe(KEPT)
    }
    expect(world.guest.formatCount(SLOT)).toBe(1)
  }
}

export function testGuestDays(rows: readonly GuestDay[]): void {
  const cases = rows.flatMap(row =>
    GUESTS.filter(({ platform }) => row.on.includes(platform)).map(guest => ({ ...guest, ...row })),
  )
  test.each(cases)('in a $title guest: $name', runGuestDay)
}
