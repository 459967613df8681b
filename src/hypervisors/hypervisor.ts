// The hypervisor port: what attachments need from a machine, with any hypervisor. The caller says
// which disk a guest should have, and sees every use of a device. The port knows no volume, pool,
// dataset or logical unit. The implementation decides how to create a disk.

import { type Check, warn } from '../checks.ts'
import { StorageError } from '../errors.ts'

/** Readiness of a guest for a change of its disks. */
export type GuestReadiness =
  | { readonly kind: 'running' }
  // exists, but is not started or holds no resources: a change is recorded and takes effect at
  // start
  | { readonly kind: 'off' }
  // started, but no operating system answers (firmware prompt, booting, halted)
  | { readonly kind: 'no-os' }
  | { readonly kind: 'changing'; readonly reason: string } // in transition, migrating, …: not now
  // the machine's listing of it is not reliable
  | { readonly kind: 'unclear'; readonly reason: string }

export interface GuestState {
  readonly name: string
  readonly readiness: GuestReadiness
  /** Whether this is the control domain of the machine, which never is a guest of the driver. */
  readonly isControl: boolean
}

/**
 * For operations that do not ask the guest, which could not answer. A guest that the machine does
 * not list does not count as off.
 */
export function refuseUnlessOff(guest: string, state: GuestState | undefined): void {
  switch (state?.readiness.kind) {
    case 'off':
      return
    case 'changing':
      throw new StorageError(
        'unavailable',
        `guest ${guest} is not off but in transition: ${state.readiness.reason}`,
      )
    case 'unclear':
      throw new StorageError(
        'failed-precondition',
        `it is unclear whether guest ${guest} is off: ${state.readiness.reason}`,
      )
    case 'running':
      throw new StorageError(
        'failed-precondition',
        `guest ${guest} is not off: its machine shows that it runs`,
      )
    case 'no-os':
      throw new StorageError(
        'failed-precondition',
        `guest ${guest} is not off: its machine shows it started, without an operating system yet`,
      )
    case undefined:
      throw new StorageError(
        'failed-precondition',
        `guest ${guest} is not known to be off: its machine does not list it`,
      )
  }
}

/** `down`: the machine says that the guest does not reach its disk by this path. */
export type PathState = 'active' | 'standby' | 'down' | 'unknown'

/** One path by which a disk reaches its guest. */
export interface DiskPath {
  readonly domain: string // the domain that serves the disk
  readonly service: string // the service in it
}

/** A disk that a guest should have, as far as somebody knows who only looks for it. */
export interface ExpectedDisk {
  /** Computed by the caller: the same key means the same attachment. */
  readonly key: string
  readonly guest: string
  /** The disk number, which the machine and the guest share. */
  readonly slot: number
  readonly mode: 'rw' | 'ro'
  /** Undefined: any. */
  readonly shape: 'full' | 'slice' | undefined
  readonly paths: readonly DiskPath[]
  /** Whether an exported device holds the bytes of this disk. */
  isDevice(device: string): boolean
}

/** One disk that a guest should have. */
export interface WantedDisk extends ExpectedDisk {
  /** The beginning of messages about it. */
  readonly about: string
  readonly shape: 'full' | 'slice'
  readonly timeoutSeconds: number
}

/** A wanted disk whose device is present and proved in the domain of every path. */
export interface ExposedDisk extends WantedDisk {
  readonly paths: readonly (DiskPath & { readonly device: string })[]
}

export interface UsePath extends DiskPath {
  /** The key of the export in the service. */
  readonly key: string
  /** Undefined when the service has no such export or is not known. */
  readonly device: string | undefined
  readonly state: PathState
}

interface AnyUse {
  readonly key: string
  /** Its name in the machine's own listing. */
  readonly label: string
  /** The command that a person would type to remove it. */
  readonly removal: string
}

export interface DiskUse extends AnyUse {
  readonly kind: 'disk'
  readonly guest: string
  /** Undefined while the hypervisor has not assigned one. */
  readonly slot: number | undefined
  /**
   * All exports that serve the disk, the configured path first. An unknown export appears as a path
   * under a key that no other export has.
   */
  readonly paths: readonly UsePath[]
}

/** An export of a device. Guests may or may not have disks of it. */
export interface ExportUse extends AnyUse {
  readonly kind: 'export'
  readonly paths: readonly [UsePath & { readonly device: string }]
}

/**
 * Any disk or export on a machine that leads to a device, whoever created it. Each is removed
 * separately.
 */
export type Use = DiskUse | ExportUse

export interface MachineView {
  readonly guests: readonly GuestState[]
  readonly uses: readonly Use[]
  /**
   * The reason why nothing on this machine may be changed now (e.g. delayed reconfiguration);
   * undefined when there is none.
   */
  readonly frozen: string | undefined
  /** Undefined when the guest has this disk on all of its paths; otherwise says what is missing. */
  missing(expected: ExpectedDisk): string | undefined
}

export type Platform = 'solaris' | 'linux'

/** Properties of every machine of a hypervisor, and of the bus on which its guests see disks. */
export interface Traits {
  /** The disk numbers that the driver may choose. Lower numbers belong to the administrators. */
  readonly slots: { readonly first: number; readonly count: number }
  /**
   * The largest disk that a guest of this platform sees correctly, and what it makes of a larger
   * one.
   */
  largestDisk(platform: Platform): SizeLimit | undefined
  /** Whether a guest of this platform refuses the removal of a disk that it uses. */
  refusesRemoval(platform: Platform): boolean
  /**
   * Whether the machine keeps the key of a disk. If not, a use has the key that its guest and its
   * device would have. Then a disk is the driver's only if a record names its number, too.
   */
  readonly keepsKeys: boolean
  /** Whether a guest in transition may have disks that are listed only when it runs again. */
  readonly transitionHidesDisks: boolean
  /** Whether a guest can start from a disk that it was given while it was off. */
  readonly startsFromDisks: boolean
  /** How a machine can show a device to a guest. */
  readonly shapes: readonly WantedDisk['shape'][]
  /** Whether a disk can have a limit for how long its guest waits for it. */
  readonly timeouts: boolean
}

export interface SizeLimit {
  readonly bytes: number
  /** Follows the name of the guest in a message. */
  readonly beyond: string
}

/** Commands that a person would type on the machine. */
export interface Words {
  readonly start: string
  readonly stop: string
  /** Shows why the listing of a guest is unclear. */
  readonly inspect: string
  /** Follows "lists no such domain" in a message: why that may be. Empty for nothing to add. */
  readonly unlisted: string
}

/**
 * One machine. Every method throws `unavailable` when the machine does not answer. Silence is never
 * an empty view.
 */
export interface Hypervisor {
  readonly machine: string
  readonly traits: Traits
  readonly words: Words
  /**
   * The state of the machine at a moment after the call began. Callers that wait for the same
   * machine share one listing.
   */
  observe(signal?: AbortSignal): Promise<MachineView>
  /**
   * Completes the parts of the disk that exist already, with one write at a time per machine.
   * Returns a view in which nothing of the disk is missing; the answers of commands do not count.
   * `view`: a view from this machine. A disk that cannot be completed while its guest has it is
   * `failed-precondition`, before anything is changed.
   */
  attach(wanted: ExposedDisk, view: MachineView, signal?: AbortSignal): Promise<MachineView>
  /**
   * Removes uses, disks before exports, and stops at the first failure. A use that is already gone
   * is success. A guest that refuses is `busy`, with the guest's own reason. `only`: the machine
   * checks each guest just before it removes the disk. A guest that is not off keeps the disk:
   * `failed-precondition`.
   */
  remove(
    uses: readonly Use[],
    options?: { readonly only?: 'while-off' | undefined },
    signal?: AbortSignal,
  ): Promise<void>
  /** Like Host.settled, for the host that changes this machine. */
  settled(names: readonly string[], signal?: AbortSignal): Promise<void>
  /** Checks the machine for `doctor`. Reads only, and never throws. */
  examine(questions: MachineQuestions, signal?: AbortSignal): Promise<readonly Check[]>
}

/** What the configuration expects of a machine. */
export interface MachineQuestions {
  /** The services through which pools reach the machine. */
  readonly services: readonly { readonly serviceDomain: string; readonly service: string }[]
  /** Domains that serve disks and are no guests. */
  readonly serviceDomains: ReadonlySet<string>
  /** Undefined for a guest that no rule in the configuration matches. */
  readonly platformOf: (guest: string) => Platform | undefined
  /** Names of the pools that have more than one path to the machine. */
  readonly multipathPools: readonly string[]
}

/** For `doctor`: no rule matches the guest. */
export function warnWithoutRule(object: string): Check {
  return warn(
    object,
    'no rule under guests: matches it, so it gets no disks',
    'add a rule with its platform',
  )
}
