// A pool as it works, as types: the host where its volumes live, the paths by which machines reach
// them, and the design, which is what it adds between a zvol and its export by a service domain.
// Put together by the composition root from the configuration.

import type { Check } from '../checks.ts'
import type { Hypervisor } from '../hypervisors/hypervisor.ts'
import type { Attachment } from '../model/volumes.ts'
import type { Host } from '../shell/host.ts'
import type { Dialect } from '../zfs/dialect.ts'
import type { Zfs } from '../zfs/zfs.ts'

/** One way from a machine to the pool's bytes. */
export interface PoolPath {
  readonly serviceDomain: string
  readonly service: string // what serves disks in it; for ldoms a vds
  readonly host: Host // where the service domain's own devices are seen
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

/** An attachment with the dataset that records it. */
export interface Recorded extends Attachment {
  readonly dataset: string
}

/**
 * The number under which a machine's service domains see the unit; `replace` writes another one to
 * the record first.
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

/** What audit knows of a pool's volumes when it asks the design about its own layer. */
export interface DesignInventory {
  readonly volumes: readonly {
    readonly place: VolumePlace
    readonly sizeBytes: number
    readonly attachedTo: readonly string[] /* machines */
  }[]
  /** Those that wait. */
  readonly deleted: readonly VolumePlace[]
}

/** What a machine's service domains are to see of a volume. */
export interface ExposeRequest {
  readonly machine: PoolMachine
  readonly machineName: string
  readonly sizeBytes: number
  readonly lun: LunChoice | undefined
  /** Of every recorded attachment. Who else can reach the bytes is refused. */
  readonly recordedOn: ReadonlySet<string>
}

/**
 * Everything a design does is safe to repeat; nothing outside `designs/` knows the difference
 * between two of them.
 */
export interface Design {
  /** As the configuration names it; for messages only. */
  readonly kind: string
  /** Export shapes that make sense; the first is the default. */
  readonly shapes: readonly ('slice' | 'full')[]
  /** Whether it can keep machines from the bytes, whatever they export. */
  readonly canFence: boolean
  /** The number under which service domains see the volume; undefined where they need none. */
  preferredNumber(place: VolumePlace): number | undefined

  /**
   * Words other than the leaf by which commands about this volume can be known in a process list.
   */
  names(place: VolumePlace): readonly string[]

  /** Completes the volume after its zvol exists. Already complete is success. */
  ensure(place: VolumePlace, sizeBytes: number, signal?: AbortSignal): Promise<void>

  /**
   * After the zvol has its new size: everything above it has it too, in the service domains of
   * these paths as well.
   */
  resize(
    place: VolumePlace,
    request: { readonly sizeBytes: number; readonly paths: readonly PoolPath[] },
    signal?: AbortSignal,
  ): Promise<void>

  /**
   * Makes the volume's device present in every service domain of the machine and proves that all
   * are the same bytes. Answers the device of each path.
   */
  expose(
    place: VolumePlace,
    request: ExposeRequest,
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<PoolPath, string>>

  /**
   * Whether what `expose` made for these machines is still there; false: expose again. A design
   * that makes nothing says true.
   */
  isExposed(
    place: VolumePlace,
    machineNames: ReadonlySet<string>,
    signal?: AbortSignal,
  ): Promise<boolean>

  /**
   * After it no service domain of the machine can reach the bytes, where the design has such a
   * fence. Says whether there was something to do.
   */
  hide(place: VolumePlace, machineName: string, signal?: AbortSignal): Promise<'hidden' | 'absent'>

  /**
   * The service domains let go of what they saw of hidden volumes. Never fails for them: nothing
   * depends on it.
   */
  forget(machine: PoolMachine, signal?: AbortSignal): Promise<void>

  /**
   * True when nobody can reach the bytes, whatever a machine exports. A design without a fence says
   * false.
   */
  isFenced(place: VolumePlace, signal?: AbortSignal): Promise<boolean>

  /** True when the machine cannot reach the bytes, whatever it exports. */
  isFencedFrom(place: VolumePlace, machineName: string, signal?: AbortSignal): Promise<boolean>

  /**
   * Takes the volume apart down to its zvol. Refuses (`in-use`) while it is exposed. Already gone
   * is success.
   */
  remove(place: VolumePlace, signal?: AbortSignal): Promise<void>

  /** Whether an exported device is this volume, whatever the export is called. */
  isDeviceOf(place: VolumePlace, device: string): boolean

  /**
   * Proves every path of the pool by writing and reading the pool's canary, which is made first
   * where it is missing. A design whose pools have one path each has nothing to prove and answers
   * nothing.
   */
  provePaths(pool: Pool, signal?: AbortSignal): Promise<readonly PathProof[]>

  /** Looks at what the design needs of the hosts, for `doctor`. Reads only, and never throws. */
  examine(pool: Pool, examination: PoolExamination, signal?: AbortSignal): Promise<readonly Check[]>

  /** What the design's own layer holds that the volumes do not explain, and the other way round. */
  audit(
    pool: Pool,
    inventory: DesignInventory,
    signal?: AbortSignal,
  ): Promise<readonly DesignFinding[]>
}

/** What `doctor` knows when it asks a design about its pool. */
export interface PoolExamination {
  /** Of a host that does not answer nothing is asked. */
  readonly isUp: (host: Host) => boolean
  /** Of the storage host; undefined where it was not learnt, which `doctor` says by itself. */
  readonly dialect: Dialect | undefined
}

export interface PathProof {
  readonly path: string // <machine>, service domain <name>
  readonly proved: boolean
  readonly detail: string
}
