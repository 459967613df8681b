// Disks that are not what they should be, in the guest: nothing is written to them, the message
// says what to do, and the same request succeeds when that was done. What is guaranteed on good
// days: guest/staging.test.ts and guest/publishing.test.ts.

import { createHash } from 'node:crypto'
import type { SimAnswer } from '../../../sim/host.ts'
import { describeError, type ErrorKind } from '../../../src/errors.ts'
import type { StageRequest } from '../../../src/guest/requests.ts'
import {
  GiB,
  type GuestWorld,
  guestWorld,
  MiB,
  type PlatformKind,
  scribble,
  TestDisk,
} from '../guest/world.ts'

interface GuestDay {
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

const BOTH: readonly PlatformKind[] = ['linux', 'solaris']
const LINUX: readonly PlatformKind[] = ['linux']
const SOLARIS: readonly PlatformKind[] = ['solaris']
const SLOT = 100
const KEPT = 'kept'

const diskName = (world: GuestWorld) => (world.kind === 'linux' ? '/dev/vdiskcw' : 'c0d100')
const blank = (world: GuestWorld) => world.addDisk(SLOT, 600 * MiB)
const zero = (disk: TestDisk) => disk.store.write(0, Buffer.alloc(64 * 1024))

/** With a file system and a file, as the volume left it. */
async function used(world: GuestWorld): Promise<TestDisk> {
  const disk = blank(world)
  const request = world.stageRequest(disk)
  await world.volumes.stage(request)
  world.guest.writeFile('/staging/v1/data', KEPT)
  await world.volumes.unstage(request)
  return disk
}

const written = () => ({ written: true })

/** A program of the guest that answers so, until the rules are taken away. */
function answers(world: GuestWorld, program: string, answer: Partial<SimAnswer>): void {
  world.timeline.rules.push(argv =>
    argv[0]?.endsWith(`/${program}`)
      ? { kind: 'answer', answer: { exitStatus: 0, stdout: '', stderr: '', ...answer } }
      : undefined,
  )
}
const honestAgain = (world: GuestWorld) => world.timeline.rules.splice(0)

/** Of the simulated file system: a magic word, then what is known of it. */
function changeSuperblock(disk: TestDisk, change: object): void {
  const bytes = disk.store.read(0, 4096)
  const [magic, text] = [
    bytes.toString('latin1', 0, 8),
    bytes.toString('utf8', 8, bytes.indexOf(0)),
  ]
  const changed = Buffer.alloc(4096)
  changed.write(magic + JSON.stringify({ ...(JSON.parse(text) as object), ...change }))
  disk.store.write(0, changed)
}

const ROWS: readonly GuestDay[] = [
  {
    name: 'the disk never appears',
    on: BOTH,
    disk: world => new TestDisk(SLOT, world.addDisk(7, 600 * MiB).store),
    trouble: () => {},
    kind: 'unavailable',
    says: ['silver/v1', 'disk 100', 'does not show the disk', 'attached', 'service domain is up'],
    over: world => blank(world),
  },
  {
    name: 'the disk is there and does not answer',
    on: BOTH,
    trouble: (_world, disk) => {
      disk.alive = false
    },
    kind: 'unavailable',
    says: ['service domain is up'],
    over: (_world, disk) => {
      disk.alive = true
    },
  },
  {
    name: 'the disk is smaller than the volume',
    on: BOTH,
    trouble: () => {},
    request: () => ({ sizeBytes: 700 * MiB }),
    kind: 'failed-precondition',
    says: [
      'silver/v1',
      'DISK',
      `bytes, the volume ${700 * MiB}`,
      'another disk',
      'detach and attach',
    ],
    over: (world, disk) => {
      world.removeDisk(disk)
      world.addDisk(SLOT, 700 * MiB)
    },
  },
  {
    name: 'the blank disk is larger than the volume',
    on: BOTH,
    trouble: () => {},
    request: () => ({ sizeBytes: 500 * MiB }),
    kind: 'failed-precondition',
    says: [
      'silver/v1',
      'DISK',
      'is blank',
      `${600 * MiB} bytes`,
      'another disk',
      'does not format it',
      'has grown',
      'detach and attach',
    ],
    over: (world, disk) => {
      world.removeDisk(disk)
      world.addDisk(SLOT, 500 * MiB)
    },
  },
  {
    name: 'a whole disk without a label, for a volume that must hold data',
    on: SOLARIS,
    disk: world => world.addDisk(SLOT, 600 * MiB, { shape: 'full' }),
    trouble: () => {},
    request: written,
    kind: 'failed-precondition',
    says: ['silver/v1', 'DISK', 'has no label', 'counts data', 'by hand'],
    over: async (world, disk) => {
      await world.volumes.stage(world.stageRequest(disk))
      await world.volumes.unstage(world.stageRequest(disk))
    },
  },
  {
    name: 'the label tool does not know whether there is a label',
    on: SOLARIS,
    disk: world => world.addDisk(SLOT, 600 * MiB, { shape: 'full' }),
    trouble: world =>
      answers(world, 'prtvtoc', {
        exitStatus: 1,
        stderr: 'prtvtoc: /dev/rdsk/c0d100s2: Unable to read Disk geometry errno = 0x5\n',
      }),
    kind: 'unavailable',
    says: ['c0d100', 'Unable to read Disk geometry', 'service domain is up'],
    over: honestAgain,
  },
  {
    name: 'the account may not read labels',
    on: SOLARIS,
    trouble: world =>
      answers(world, 'prtvtoc', {
        exitStatus: 1,
        stderr: 'prtvtoc: /dev/rdsk/c0d100s2: failed to open device: Permission denied\n',
      }),
    kind: 'permission-denied',
    says: ['c0d100', 'Permission denied', 'pfexec or sudo'],
    over: honestAgain,
  },
  {
    name: 'the label is damaged',
    on: SOLARIS,
    trouble: world =>
      answers(world, 'prtvtoc', {
        exitStatus: 1,
        stderr: 'prtvtoc: /dev/rdsk/c0d100s2: Invalid VTOC\n',
      }),
    kind: 'failed-precondition',
    says: ['c0d100', 'Invalid VTOC', 'by hand'],
    over: honestAgain,
  },
  {
    name: 'bytes that no tool knows',
    on: BOTH,
    trouble: (_world, disk) => scribble(disk),
    kind: 'failed-precondition',
    says: ['silver/v1', 'DISK', 'data that no tool knows', 'by hand'],
    over: (_world, disk) => zero(disk),
  },
  {
    name: 'a file system of another type than asked for',
    on: LINUX,
    disk: used,
    trouble: () => {},
    request: () => ({
      written: true,
      format: { kind: 'filesystem', type: 'xfs', mountOptions: [] },
    }),
    kind: 'failed-precondition',
    says: ['silver/v1', 'DISK', 'holds ext4, not xfs', 'ask for ext4'],
    over: (world, disk) => {
      world.removeDisk(disk)
      blank(world)
      // The guest knows the volume, and would not make a file system for it again.
      world.host.programs.get('rmdir')?.(['/var/lib/ldom-csi/used/silver%2Fv1'], {
        input: '',
        host: world.host,
      })
    },
  },
  {
    name: 'a file system that only another system has',
    on: BOTH,
    disk: used,
    trouble: (_world, disk) => changeSuperblock(disk, { type: 'zfs' }),
    request: written,
    kind: 'unsupported',
    says: ['this guest cannot', 'zfs', '; use '],
    over: (world, disk) =>
      changeSuperblock(disk, { type: world.kind === 'linux' ? 'ext4' : 'ufs' }),
  },
  {
    name: 'blkid finds several signatures',
    on: LINUX,
    trouble: world =>
      answers(world, 'blkid', {
        exitStatus: 8,
        stderr: '/dev/vdiskcw: ambivalent result (probably more filesystems)\n',
      }),
    kind: 'failed-precondition',
    says: ['silver/v1', 'DISK', 'several signatures at once', 'by hand'],
    over: honestAgain,
  },
  {
    name: 'blkid calls a disk blank that cannot be read',
    on: LINUX,
    trouble: world => {
      answers(world, 'blkid', { exitStatus: 2 })
      answers(world, 'od', {
        exitStatus: 1,
        stdout: '0000000\n',
        stderr: 'od: /dev/vdiskcw: read error: Input/output error\n',
      })
    },
    kind: 'unavailable',
    says: ['DISK', 'read error', 'service domain is up'],
    over: honestAgain,
  },
  {
    name: 'blkid says nothing and the second opinion is cut short',
    on: LINUX,
    trouble: world => {
      answers(world, 'blkid', { exitStatus: 2 })
      answers(world, 'od', {
        stdout: '0000000 000000 000000 000000 000000 000000 000000 000000 000000\n',
      })
    },
    kind: 'unavailable',
    says: ['DISK', 'could not be read'],
    over: honestAgain,
  },
  {
    name: 'blkid says nothing and wipefs finds a signature',
    on: LINUX,
    trouble: world => {
      answers(world, 'wipefs', {
        stdout: 'DEVICE  OFFSET TYPE UUID LABEL\nvdiskcw 0x438  ext4 1234\n',
      })
    },
    kind: 'failed-precondition',
    says: ['silver/v1', 'DISK', 'a signature', 'by hand'],
    over: honestAgain,
  },
  {
    name: 'fstyp cannot look',
    on: SOLARIS,
    trouble: world =>
      answers(world, 'fstyp', {
        exitStatus: 1,
        stderr: 'fstyp: cannot open device /dev/rdsk/c0d100s0: I/O error\n',
      }),
    kind: 'unavailable',
    says: ['DISK', 'I/O error', 'service domain is up'],
    over: honestAgain,
  },
  {
    name: 'fstyp finds several file systems',
    on: SOLARIS,
    trouble: world =>
      answers(world, 'fstyp', { exitStatus: 2, stderr: 'unknown_fstyp (multiple matches)\n' }),
    kind: 'failed-precondition',
    says: ['silver/v1', 'DISK', 'several file systems at once', 'by hand'],
    over: honestAgain,
  },
  {
    name: 'a file system that its repair tool leaves to a person',
    on: BOTH,
    disk: used,
    trouble: (_world, disk) => changeSuperblock(disk, { clean: false, damaged: true }),
    request: written,
    kind: 'failed-precondition',
    says: ['DISK', 'by hand on the guest', 'restore a snapshot'],
    over: (_world, disk) => changeSuperblock(disk, { damaged: false }),
  },
  {
    name: 'the staging path is taken by another disk',
    on: BOTH,
    trouble: async world => {
      await world.volumes.stage(
        world.stageRequest(world.addDisk(101, 600 * MiB), { volumeId: 'silver/v2' }),
      )
    },
    kind: 'already-exists',
    says: ['silver/v1', '/staging/v1', 'is in use'],
    over: world => world.volumes.unstage({ volumeId: 'silver/v2', stagingPath: '/staging/v1' }),
  },
  {
    name: 'somebody has mounted the disk elsewhere',
    on: BOTH,
    disk: used,
    trouble: async (world, disk) => {
      await world.volumes.stage(
        world.stageRequest(disk, { stagingPath: '/mnt/hand', written: true }),
      )
    },
    request: written,
    kind: 'failed-precondition',
    says: ['silver/v1', 'DISK', 'is mounted at /mnt/hand', 'unmount it there'],
    over: world => world.volumes.unstage({ volumeId: 'silver/v1', stagingPath: '/mnt/hand' }),
  },
  {
    name: 'a process has the blank disk open',
    on: BOTH,
    trouble: world => {
      ends.set(
        world,
        world.guest.holdOpen(world.kind === 'linux' ? '/dev/vdiskcw' : '/dev/rdsk/c0d100s0'),
      )
    },
    kind: 'busy',
    says: ['silver/v1', 'DISK', 'in use by process'],
    over: world => ends.get(world)?.(),
  },
  {
    name: 'the guest cannot tell who holds the disk',
    on: LINUX,
    trouble: world =>
      answers(world, 'fuser', { exitStatus: 1, stderr: '/dev/vdiskcw: Permission denied\n' }),
    kind: 'unavailable',
    says: ['DISK', 'fuser could not find out'],
    over: honestAgain,
  },
  {
    name: 'a name that a former disk left behind, and an account that may not clean it away',
    on: SOLARIS,
    disk: world => new TestDisk(SLOT, world.addDisk(7, 600 * MiB).store),
    trouble: world => {
      world.solaris?.solarisDisks.strayNames.set(
        'c3d100s0',
        '../../devices/virtual-devices@100/channel-devices@200/disk@64:a',
      )
      answers(world, 'devfsadm', { exitStatus: 1, stderr: 'devfsadm: Permission denied\n' })
    },
    kind: 'permission-denied',
    says: ['device names', 'Permission denied'],
    over: async world => {
      honestAgain(world)
      await world.host.perform(['/usr/sbin/devfsadm', '-C', '-c', 'disk'], '')
      blank(world)
    },
  },
  {
    name: 'a volume that xfs finds too small',
    on: LINUX,
    disk: world => world.addDisk(SLOT, 200 * MiB),
    trouble: () => {},
    request: () => ({ format: { kind: 'filesystem', type: 'xfs', mountOptions: [] } }),
    kind: 'out-of-range',
    says: ['DISK', 'larger than 300MB', 'larger volume or for ext4'],
    over: (world, disk) => {
      world.removeDisk(disk)
      world.addDisk(SLOT, 1 * GiB)
    },
  },
]

const ends = new WeakMap<GuestWorld, () => void>()

const cases = ROWS.flatMap(row => row.on.map(kind => ({ ...row, kind: row.kind, platform: kind })))

test.each(cases)('in a $platform guest: $name', async row => {
  const world = guestWorld(row.platform)
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
})

/** What a refused request must not change: bytes, mounts, holders. */
function seen(world: GuestWorld): object {
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

describe('at a published target', () => {
  async function published(kind: PlatformKind) {
    const world = guestWorld(kind)
    const disk = await used(world)
    await world.volumes.stage(world.stageRequest(disk, { written: true }))
    return { world, disk }
  }

  test.each(BOTH)('in a %s guest: something else is mounted there', async kind => {
    const { world, disk } = await published(kind)
    const other = world.addDisk(101, 600 * MiB)
    await world.volumes.stage(
      world.stageRequest(other, { volumeId: 'silver/v2', stagingPath: '/pods/a/mount' }),
    )
    const publish = () => world.volumes.publish(world.publishRequest(disk))
    const before = seen(world)
    await expect(publish()).rejects.toMatchObject({
      kind: 'already-exists',
      message: expect.stringContaining('/pods/a/mount is in use'),
    })
    expect(seen(world)).toEqual(before)
    await world.volumes.unstage({ volumeId: 'silver/v2', stagingPath: '/pods/a/mount' })
    await publish()
    expect(world.guest.readFile('/pods/a/mount/data')).toBe(KEPT)
  })

  test.each(BOTH)('in a %s guest: a file that somebody made is not covered', async kind => {
    const { world, disk } = await published(kind)
    for (const path of ['/pods', '/pods/a']) world.guest.names.makeDirectory(path)
    await world.host.perform(['/bin/touch', '/pods/a/mount'], '')
    const before = seen(world)
    const publish = () => world.volumes.publish(world.publishRequest(disk))
    await expect(publish()).rejects.toMatchObject({
      kind: 'failed-precondition',
      message: expect.stringContaining('/pods/a/mount'),
    })
    expect(seen(world)).toEqual(before)
    await world.host.perform(['/bin/rm', '-f', '/pods/a/mount'], '')
    await publish()
    expect(world.guest.readFile('/pods/a/mount/data')).toBe(KEPT)
  })
})
