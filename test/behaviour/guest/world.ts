// A guest with simulated disks for tests: real bytes, a clock that moves only when somebody waits,
// and the product's view of it.

import { DeviceError, type GuestDisks, type VirtualDisk } from '../../../sim/devices.ts'
import { VIO as SIM_VIO, XEN as SIM_XEN } from '../../../sim/guest/bus.ts'
import { SimLinuxGuest } from '../../../sim/guest/linux-guest.ts'
import { SimSolarisGuest } from '../../../sim/guest/solaris-guest.ts'
import { SimHost, Timeline } from '../../../sim/host.ts'
import { SimShell } from '../../../sim/sim-shell.ts'
import { MemoryStore, type Store } from '../../../sim/store.ts'
import { ALL_CHANGES } from '../../../src/bin/compose/changes.ts'
import type { Clock } from '../../../src/clock.ts'
import { GuestHealth } from '../../../src/guest/guest-health.ts'
import { GuestVolumes } from '../../../src/guest/guest-volumes.ts'
import { VIO, XEN } from '../../../src/guest/linux/bus.ts'
import { LinuxPlatform } from '../../../src/guest/linux/linux.ts'
import type { GuestFormat, PublishRequest, StageRequest } from '../../../src/guest/requests.ts'
import { SolarisPlatform } from '../../../src/guest/solaris/solaris.ts'
import { createHost } from '../../../src/shell/late-effects.ts'

export const MiB = 1024 ** 2
export const GiB = 1024 ** 3
export const TiB = 1024 ** 4

export class TestDisk implements VirtualDisk {
  readonly id: number
  readonly name: string
  readonly mode: 'rw' | 'ro'
  readonly shape: 'full' | 'slice'
  readonly store: Store
  readonly holders: VirtualDisk['holders'] = new Map()
  /** Its service domains answer. */
  alive = true
  /** The guest still has it. */
  present = true

  constructor(
    id: number,
    store: Store,
    options: { mode?: 'rw' | 'ro'; shape?: 'full' | 'slice' } = {},
  ) {
    this.id = id
    this.name = `disk-${id}`
    this.store = store
    this.mode = options.mode ?? 'rw'
    this.shape = options.shape ?? 'slice'
  }

  sizeBytes(): number {
    this.#answer()
    return this.store.sizeBytes
  }

  read(offset: number, length: number): Buffer {
    this.#answer()
    return this.store.read(offset, length)
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#answer()
    if (this.mode === 'ro') throw new DeviceError('EROFS', 'read-only')
    this.store.write(offset, bytes)
  }

  file(): string | undefined {
    return this.store.file
  }

  activeServiceDomain(): string | undefined {
    return this.alive ? 'primary' : undefined
  }

  #answer(): void {
    if (!this.present) throw new DeviceError('ENXIO', 'gone')
    if (!this.alive) throw new DeviceError('EIO', 'no service domain answers')
  }
}

export class TestDisks implements GuestDisks {
  readonly disks: TestDisk[] = []
  readonly #listeners: ((event: 'disks' | 'boot') => void)[] = []

  list(): readonly VirtualDisk[] {
    return this.disks.toSorted((a, b) => a.id - b.id)
  }

  onChange(listener: (event: 'disks' | 'boot') => void): void {
    this.#listeners.push(listener)
  }

  tell(event: 'disks' | 'boot'): void {
    for (const listener of this.#listeners) listener(event)
  }
}

class TestClock implements Clock {
  now = 0
  /** Called after every wait: what the world does meanwhile. */
  afterWait: () => void = () => {}

  nowMs(): number {
    return this.now
  }

  async sleep(ms: number): Promise<void> {
    this.now += ms
    this.afterWait()
  }
}

export type PlatformKind = 'linux' | 'solaris'
export const PLATFORMS: readonly PlatformKind[] = ['linux', 'solaris']

/** Of most disks: xfs asks for 300 MiB at least. */
export const DISK_BYTES = 600 * MiB

export const BLOCK: GuestFormat = { kind: 'block' }
/** Staging and target of the requests below. */
export const STAGED = { volumeId: 'silver/v1', stagingPath: '/staging/v1' }
export const TARGET = { volumeId: 'silver/v1', targetPath: '/pods/a/mount' }

/** Without a type: the platform's default. */
export function files(type = '', ...mountOptions: string[]): GuestFormat {
  return { kind: 'filesystem', type, mountOptions }
}

/** Where a Linux guest has its disks. */
const BUSES = {
  vio: { simulated: SIM_VIO, driver: VIO },
  xen: { simulated: SIM_XEN, driver: XEN },
}

export function guestWorld(
  kind: PlatformKind,
  options: { controller?: number; physicalSectorBytes?: number; bus?: keyof typeof BUSES } = {},
) {
  const bus = BUSES[options.bus ?? 'vio']
  const timeline = new Timeline()
  const host = new SimHost('m1/ldg1', timeline)
  const disks = new TestDisks()
  const clock = new TestClock()
  const linux =
    kind === 'linux'
      ? new SimLinuxGuest(host, {
          disks,
          nowMs: () => clock.now,
          physicalSectorBytes: options.physicalSectorBytes ?? 512,
          bus: bus.simulated,
        })
      : undefined
  const solaris =
    kind === 'solaris'
      ? new SimSolarisGuest(host, {
          disks,
          controller: options.controller ?? 0,
          nowMs: () => clock.now,
        })
      : undefined
  const guest = linux ?? solaris
  if (!guest) throw new Error('no such platform')
  const product = () => {
    const reached = createHost({
      changes: ALL_CHANGES,
      name: host.name,
      shell: new SimShell(host),
      clock,
    })
    const platform =
      kind === 'linux'
        ? new LinuxPlatform({ shell: reached.shell, bus: bus.driver })
        : new SolarisPlatform(reached.shell)
    return { platform, host: reached, clock }
  }
  const fresh = () => new GuestVolumes(product())
  return {
    kind,
    bus: options.bus ?? 'vio',
    timeline,
    host,
    clock,
    disks,
    guest,
    linux,
    solaris,
    volumes: fresh(),
    health: new GuestHealth(product()),
    /** A plugin that was started anew and remembers nothing. */
    fresh,
    addDisk(
      id: number,
      bytes: number | Store,
      shape: { mode?: 'rw' | 'ro'; shape?: 'full' | 'slice' } = {},
    ): TestDisk {
      const disk = new TestDisk(
        id,
        typeof bytes === 'number' ? new MemoryStore(bytes) : bytes,
        shape,
      )
      disks.disks.push(disk)
      disks.tell('disks')
      return disk
    },
    removeDisk(disk: TestDisk): void {
      disk.present = false
      disks.disks.splice(disks.disks.indexOf(disk), 1)
      disks.tell('disks')
    },
    restart(): void {
      for (const disk of disks.disks) disk.holders.clear()
      disks.tell('boot')
    },
    stageRequest(disk: TestDisk, other: Partial<StageRequest> = {}): StageRequest {
      return {
        ...STAGED,
        slot: disk.id,
        sizeBytes: disk.store.sizeBytes,
        format: files(),
        createdEmpty: true,
        written: false,
        mode: 'rw',
        ...other,
      }
    },
    publishRequest(disk: TestDisk, other: Partial<PublishRequest> = {}): PublishRequest {
      return {
        ...STAGED,
        ...TARGET,
        slot: disk.id,
        sizeBytes: disk.store.sizeBytes,
        format: files(),
        readonly: false,
        mode: 'rw',
        exclusive: false,
        ...other,
      }
    },
  }
}

export type GuestWorld = ReturnType<typeof guestWorld>

/** A guest with a volume that is staged, and a file in it where it has a file system. */
export async function stagedWorld(
  kind: PlatformKind,
  {
    format = files(),
    mode = 'rw',
    shape = 'slice',
  }: {
    readonly format?: GuestFormat
    readonly mode?: 'rw' | 'ro'
    readonly shape?: 'full' | 'slice'
  } = {},
): Promise<{ world: GuestWorld; disk: TestDisk }> {
  const world = guestWorld(kind)
  const disk = world.addDisk(100, DISK_BYTES, { mode, shape })
  await world.volumes.stage(world.stageRequest(disk, { format, mode }))
  if (format.kind === 'filesystem') world.guest.writeFile(`${STAGED.stagingPath}/data`, 'kept')
  return { world, disk }
}

/** Text that no tool recognises, at the start of a disk. */
export function scribble(disk: TestDisk): void {
  disk.store.write(0, Buffer.from('somebody else wrote here'))
}

/** A disk that somebody used before: with a file system and a file. */
export async function usedDisk(world: GuestWorld, id = 100): Promise<TestDisk> {
  const disk = world.addDisk(id, DISK_BYTES)
  const request = world.stageRequest(disk, { stagingPath: `/staging/used-${id}` })
  await world.volumes.stage(request)
  world.guest.writeFile(`/staging/used-${id}/data`, 'kept')
  await world.volumes.unstage(request)
  return disk
}

/** Marks the file system as one that its repair tool gives up on. */
export function damage(disk: TestDisk): void {
  const text = disk.store.read(0, 4096).toString('latin1')
  disk.store.write(
    0,
    Buffer.from(
      text.replace('"damaged":false', '"damaged":true ').replace('"clean":true ', '"clean":false'),
      'latin1',
    ),
  )
}

export const NOTES = '/var/lib/ldom-csi/volumes'

export async function published(kind: PlatformKind, format?: GuestFormat) {
  const world = guestWorld(kind)
  const disk = world.addDisk(100, DISK_BYTES)
  const other = format ? { format } : {}
  await world.volumes.stage(world.stageRequest(disk, other))
  await world.volumes.publish(world.publishRequest(disk, other))
  return { world, disk }
}

export const inspect = (
  world: GuestWorld,
  path = '/staging/v1',
  mode: 'rw' | 'ro' | 'unknown' = 'rw',
) => world.health.inspect({ volumeId: 'silver/v1', path, mode })
