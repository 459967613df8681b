// The hypervisor port: what attachments need to know of a machine, whatever hypervisor splits it.
// Volume, pool, dataset and logical unit are unknown here; vds, vdisk and mpgroup exist only in the
// implementation.

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

/**
 * One exported backend of one service domain. Names are computed by the caller: the same name means
 * the same attachment.
 */
export interface ExportedBackend {
  readonly name: string
  readonly service: string // the service instance, e.g. the vds
  readonly serviceDomain: string // the domain that runs it
  readonly device: string // path of the backend in that domain
  readonly mode: 'rw' | 'ro'
  readonly shape: 'full' | 'slice'
  readonly group: string | undefined // the path group (mpgroup) it belongs to
}

/**
 * A disk that a guest has. `slot` is the number both sides agree on; undefined while the hypervisor
 * has not assigned one.
 */
export interface GuestDisk {
  readonly name: string
  readonly guest: string
  readonly slot: number | undefined
  readonly timeoutSeconds: number
  /**
   * The backends it is served by, the configured one first: `name@service`. More than one with a
   * path group. What serves it and is not known is one under a name that no export has.
   */
  readonly backends: readonly {
    readonly name: string
    readonly service: string
    readonly serviceDomain: string
    readonly state: PathState
  }[]
}

export interface MachineState {
  readonly guests: readonly GuestState[]
  readonly backends: readonly ExportedBackend[]
  readonly disks: readonly GuestDisk[]
  /**
   * A reason why nothing on this machine may be changed now (e.g. delayed reconfiguration), else
   * undefined.
   */
  readonly frozen: string | undefined
}

export type AttachStep =
  | { readonly kind: 'export-backend'; readonly backend: ExportedBackend; readonly shared: boolean }
  | {
      readonly kind: 'add-disk'
      readonly name: string
      readonly guest: string
      readonly slot: number
      readonly timeoutSeconds: number
      readonly backend: { readonly name: string; readonly service: string }
    }

export type DetachStep =
  /**
   * `only`: the guest is looked at in the same turn, and one that is not off keeps its disk:
   * `failed-precondition`.
   */
  | {
      readonly kind: 'remove-disk'
      readonly name: string
      readonly guest: string
      readonly only?: 'while-off'
    }
  | { readonly kind: 'withdraw-backend'; readonly name: string; readonly service: string }

/**
 * One machine. Every method throws `unavailable` when the machine does not answer: silence is never
 * an empty state.
 */
export interface Hypervisor {
  readonly machine: string
  /** Largest and smallest slot the driver may choose for this hypervisor. */
  readonly slots: { readonly first: number; readonly count: number }
  /**
   * The state as of a moment after the call began; callers that wait for the same machine share one
   * listing.
   */
  observe(signal?: AbortSignal): Promise<MachineState>
  /**
   * Runs the steps in order, one write at a time per machine; stops at the first failure. "Already
   * so" is a failure here: the caller re-observes.
   */
  attach(steps: readonly AttachStep[], signal?: AbortSignal): Promise<void>
  /**
   * Like attach; a step whose object is already gone succeeds. A guest that refuses is `busy` with
   * the guest's own reason.
   */
  detach(steps: readonly DetachStep[], signal?: AbortSignal): Promise<void>
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
