// The types of a pool: the host where its volumes live, the paths by which machines reach them, and
// its design. The design is the layer between a zvol and its export by a service domain. The
// composition root builds pools from the configuration.

import type { Check } from '../checks.ts'
import type { Hypervisor } from '../hypervisors/hypervisor.ts'
import type { Attachment } from '../model/volumes.ts'
import type { Host } from '../shell/host.ts'
import type { Dialect } from '../zfs/dialect.ts'
import type { Zfs } from '../zfs/zfs.ts'

/** One path from a machine to the pool's bytes. */
export interface PoolPath {
  readonly serviceDomain: string
  readonly service: string // the service that exports disks; for ldoms a vds
  readonly host: Host // the host that shows the service domain's own devices
}

export interface PoolMachine {
  readonly hypervisor: Hypervisor
  readonly paths: readonly PoolPath[]
}

export interface Pool {
  readonly name: string
  readonly cluster: string
  readonly dataset: string // parent of all volumes and records
  readonly host: Host // where zfs runs
  readonly zfs: Zfs
  readonly design: Design
  readonly machines: ReadonlyMap<string, PoolMachine>
}

export type Pools = ReadonlyMap<string, Pool>

export interface VolumePlace {
  readonly pool: Pool
  readonly leaf: string
  readonly volumeId: string
  readonly dataset: string
  readonly record: string
}

/** A volume of a pool that the configuration does not name. */
export interface UnknownVolume {
  readonly volumeId: string
  readonly pool: string
  readonly leaf: string
}

/** An attachment with the dataset that records it. */
export interface Recorded extends Attachment {
  readonly dataset: string
}

/**
 * The LUN under which a machine's service domains see the unit. `replace` records another LUN
 * before it is used.
 */
export interface LunChoice {
  readonly number: number
  replace(number: number): Promise<void>
}

export interface DesignFinding {
  readonly kind: string
  readonly object: string
  readonly detail: string
}

/** The volumes of a pool, which audit passes to the design to check its own layer. */
export interface DesignInventory {
  readonly volumes: readonly {
    readonly place: VolumePlace
    readonly sizeBytes: number
    readonly attachedTo: readonly string[] /* machines */
  }[]
  /** Deleted volumes that still wait for a snapshot or a clone. */
  readonly deleted: readonly VolumePlace[]
}

/** What a machine's service domains should see of a volume. */
export interface ExposeRequest {
  readonly machine: PoolMachine
  readonly machineName: string
  readonly sizeBytes: number
  readonly lun: LunChoice | undefined
  /**
   * The machines of all recorded attachments. If any other machine can reach the bytes, the design
   * refuses.
   */
  readonly recordedOn: ReadonlySet<string>
}

/**
 * Every method of a design is safe to repeat. Code outside `designs/` does not distinguish between
 * designs.
 */
export interface Design {
  /** The name in the configuration; for messages only. */
  readonly kind: string
  /** Supported export shapes; the first is the default. */
  readonly shapes: readonly ('slice' | 'full')[]
  /** Whether it can block machines from the bytes, even if they still export the volume. */
  readonly canFence: boolean
  /** The LUN under which service domains see the volume; undefined if the design uses none. */
  preferredNumber(place: VolumePlace): number | undefined

  /** Words other than the leaf that identify commands about this volume in a process list. */
  names(place: VolumePlace): readonly string[]

  /** Completes the volume after its zvol exists. An already complete volume is success. */
  ensure(place: VolumePlace, sizeBytes: number, signal?: AbortSignal): Promise<void>

  /**
   * Called after the zvol has its new size. Every layer above gets that size too, including the
   * service domains of these paths.
   */
  resize(
    place: VolumePlace,
    request: { readonly sizeBytes: number; readonly paths: readonly PoolPath[] },
    signal?: AbortSignal,
  ): Promise<void>

  /**
   * Makes the volume's device present in every service domain of the machine, and proves that all
   * devices lead to the same bytes. Returns the device of each path.
   */
  expose(
    place: VolumePlace,
    request: ExposeRequest,
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<PoolPath, string>>

  /**
   * Whether the result of `expose` is still there for these machines. If not, the caller exposes
   * again. A design that creates nothing returns true.
   */
  isExposed(
    place: VolumePlace,
    machineNames: ReadonlySet<string>,
    signal?: AbortSignal,
  ): Promise<boolean>

  /**
   * After this call no service domain of the machine can reach the bytes, if the design has a
   * fence. Says whether there was anything to hide.
   */
  hide(place: VolumePlace, machineName: string, signal?: AbortSignal): Promise<'hidden' | 'absent'>

  /**
   * The service domains remove stale devices of hidden volumes. Failures of service domains are
   * ignored: nothing depends on this cleanup.
   */
  forget(machine: PoolMachine, signal?: AbortSignal): Promise<void>

  /**
   * True when no machine can reach the bytes, whatever the machines export. A design without a
   * fence returns false.
   */
  isFenced(place: VolumePlace, signal?: AbortSignal): Promise<boolean>

  /**
   * What offers the bytes already, in words, whoever made it. Undefined: nothing, or the design has
   * no such layer.
   */
  findUnit(place: VolumePlace, signal?: AbortSignal): Promise<string | undefined>

  /** True when the machine cannot reach the bytes, whatever it exports. */
  isFencedFrom(place: VolumePlace, machineName: string, signal?: AbortSignal): Promise<boolean>

  /**
   * Removes every layer above the zvol. Refuses (`in-use`) while the volume is exposed. Absence is
   * success.
   */
  remove(place: VolumePlace, signal?: AbortSignal): Promise<void>

  /** Whether an exported device is this volume, independent of the export's name. */
  isDeviceOf(place: VolumePlace, device: string): boolean

  /**
   * Proves every path of the pool by writing and reading the pool's canary, which is created first
   * if missing. A design whose pools have one path has nothing to prove and returns an empty list.
   */
  provePaths(pool: Pool, signal?: AbortSignal): Promise<readonly PathProof[]>

  /** Checks what the design needs from the hosts, for `doctor`. Reads only, and never throws. */
  examine(pool: Pool, examination: PoolExamination, signal?: AbortSignal): Promise<readonly Check[]>

  /** Compares the design's own layer with the volumes and reports every difference. */
  audit(
    pool: Pool,
    inventory: DesignInventory,
    signal?: AbortSignal,
  ): Promise<readonly DesignFinding[]>
}

/** What `doctor` passes to a design when it checks a pool. */
export interface PoolExamination {
  /** Checks are run only on hosts that answer. */
  readonly isUp: (host: Host) => boolean
  /**
   * The zfs dialect of the storage host. Undefined if it could not be read; `doctor` reports that
   * separately.
   */
  readonly dialect: Dialect | undefined
}

export interface PathProof {
  readonly path: string // <machine>, service domain <name>
  readonly proved: boolean
  readonly detail: string
}
