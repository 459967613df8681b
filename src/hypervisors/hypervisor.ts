// The hypervisor port: what attachments need to know of a machine, whatever hypervisor splits it.
// They say which disk a guest is to have, and see every use that is made of a device. Volume, pool,
// dataset and logical unit are unknown here; how a disk comes about is the implementation's.

import type { Check } from '../checks.ts'
import { StorageError } from '../errors.ts'

/** Readiness of a guest for a change of its disks. */
export type GuestReadiness =
  | { readonly kind: 'running' }
  // exists, holds no resources or is not started: a change is recorded and takes effect at start
  | { readonly kind: 'off' }
  // started, but no operating system answers (firmware prompt, booting, halted)
  | { readonly kind: 'no-os' }
  | { readonly kind: 'changing'; readonly reason: string } // in transition, migrating, …: not now
  // what the machine lists of it cannot be relied on
  | { readonly kind: 'unclear'; readonly reason: string }

export interface GuestState {
  readonly name: string
  readonly readiness: GuestReadiness
  /**
   * Whether it is the domain from which the machine itself is controlled: never a guest of ours.
   */
  readonly isControl: boolean
}

/**
 * For what is done without asking the guest, which could not answer. A guest that the machine does
 * not list is not off.
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
        `whether guest ${guest} is off is not clear: ${state.readiness.reason}`,
      )
    case 'running':
      throw new StorageError(
        'failed-precondition',
        `guest ${guest} is not off: its machine shows that it runs`,
      )
    case 'no-os':
      throw new StorageError(
        'failed-precondition',
        `guest ${guest} is not off: its machine shows it started, with no system yet`,
      )
    case undefined:
      throw new StorageError(
        'failed-precondition',
        `guest ${guest} is not off: its machine does not list it`,
      )
  }
}

export type PathState = 'active' | 'standby' | 'unknown'

/** One way by which a disk reaches its guest. */
export interface DiskPath {
  readonly domain: string // the domain that serves the disk
  readonly service: string // the service in it
}

/** One disk that a guest is to have. */
export interface WantedDisk {
  /** What messages begin with. */
  readonly about: string
  /** Computed by the caller: the same key means the same attachment. */
  readonly key: string
  readonly guest: string
  /** The number both sides agree on. */
  readonly slot: number
  readonly mode: 'rw' | 'ro'
  readonly shape: 'full' | 'slice'
  readonly timeoutSeconds: number
  readonly paths: readonly DiskPath[]
  /** Whether a device that is served holds the bytes of this disk. */
  isDevice(device: string): boolean
}

/** A wanted disk whose device is present, and proved, in the domain of every path. */
export interface ExposedDisk extends WantedDisk {
  readonly paths: readonly (DiskPath & { readonly device: string })[]
}

export interface UsePath extends DiskPath {
  /** The key under which the service has it. */
  readonly key: string
  /** Undefined where the service has no such thing, or is not known. */
  readonly device: string | undefined
  readonly state: PathState
}

interface AnyUse {
  readonly key: string
  /** What the machine's own listing calls it. */
  readonly label: string
  /** What a person would type to take it away. */
  readonly removal: string
}

export interface DiskUse extends AnyUse {
  readonly kind: 'disk'
  readonly guest: string
  /** Undefined while the hypervisor has not assigned one. */
  readonly slot: number | undefined
  /**
   * All that the disk is served by, the configured path first. What serves it and is not known is a
   * path under a key that nothing else has.
   */
  readonly paths: readonly UsePath[]
}

/** An export of a device: guests may have disks of it or not. */
export interface ExportUse extends AnyUse {
  readonly kind: 'export'
  readonly paths: readonly [UsePath & { readonly device: string }]
}

/** Whatever on a machine leads to a device, whoever made it. Each is removed by itself. */
export type Use = DiskUse | ExportUse

export interface MachineView {
  readonly guests: readonly GuestState[]
  readonly uses: readonly Use[]
  /**
   * A reason why nothing on this machine may be changed now (e.g. delayed reconfiguration), else
   * undefined.
   */
  readonly frozen: string | undefined
  /** Undefined where the guest has this disk on all of its paths; else what is missing. */
  missing(wanted: WantedDisk): string | undefined
}

export type Platform = 'solaris' | 'linux'

/** What is so of every machine of a hypervisor, and of the bus on which its guests see disks. */
export interface Traits {
  /** The numbers that the driver may choose. Those below are the administrators'. */
  readonly slots: { readonly first: number; readonly count: number }
  /** The largest disk that such a guest sees as it is, and what it makes of a larger one. */
  largestDisk(platform: Platform): SizeLimit | undefined
  /** Whether such a guest refuses to lose a disk that it uses. */
  refusesRemoval(platform: Platform): boolean
}

export interface SizeLimit {
  readonly bytes: number
  /** Follows on the name of the guest in a message. */
  readonly beyond: string
}

/** What a person would type on the machine. */
export interface Words {
  readonly start: string
  readonly stop: string
  /** To see why what is listed of a guest is unclear. */
  readonly inspect: string
}

/**
 * One machine. Every method throws `unavailable` when the machine does not answer: silence is never
 * an empty view.
 */
export interface Hypervisor {
  readonly machine: string
  readonly traits: Traits
  readonly words: Words
  /**
   * The machine as of a moment after the call began; callers that wait for the same machine share
   * one listing.
   */
  observe(signal?: AbortSignal): Promise<MachineView>
  /**
   * Completes what is there of the disk, one write at a time per machine. Answers a view in which
   * nothing of it is missing; what a command said counts for nothing beside it. `view`: one that
   * this machine gave. A disk that cannot be completed while its guest has it is
   * `failed-precondition`, before anything is changed.
   */
  attach(wanted: ExposedDisk, view: MachineView, signal?: AbortSignal): Promise<MachineView>
  /**
   * Takes uses away, disks before exports, and stops at the first failure. One that is already gone
   * succeeds. A guest that refuses is `busy` with the guest's own reason. `only`: each guest is
   * looked at in the turn of its disk, and keeps the disk unless it is off: `failed-precondition`.
   */
  remove(
    uses: readonly Use[],
    options?: { readonly only?: 'while-off' | undefined },
    signal?: AbortSignal,
  ): Promise<void>
  /** As Host.settled, for the host that changes this machine. */
  settled(names: readonly string[], signal?: AbortSignal): Promise<void>
  /** Looks at the machine for `doctor`. Reads only, and never throws. */
  examine(questions: MachineQuestions, signal?: AbortSignal): Promise<readonly Check[]>
}

/** What the configuration expects of a machine. */
export interface MachineQuestions {
  /** Services by which pools reach the machine. */
  readonly services: readonly { readonly serviceDomain: string; readonly service: string }[]
  /** Domains that serve disks: no guests. */
  readonly serviceDomains: ReadonlySet<string>
  /** Undefined for a guest that the configuration does not know. */
  readonly platformOf: (guest: string) => string | undefined
  /** Names of the pools that reach the machine by more than one path. */
  readonly multipathPools: readonly string[]
}
