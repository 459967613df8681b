// One machine with the Logical Domains Manager, behind the hypervisor port. No code outside this
// folder knows vds, vdisk, mpgroup or delayed reconfiguration.

import type { Check } from '../../checks.ts'
import { isStorageError, StorageError } from '../../errors.ts'
import type { Host } from '../../shell/host.ts'
import type { ExposedDisk, Hypervisor, MachineQuestions, MachineView, Use } from '../hypervisor.ts'
import { examineMachine } from './checks.ts'
import { LdomObjects, type LdomObjectsOptions } from './objects.ts'
import { planExport, planRemoval } from './plan.ts'
import type { LdomState } from './state.ts'
import { LDOM_TRAITS, LDOM_WORDS } from './traits.ts'
import { viewOf } from './view.ts'

export interface LdomMachineOptions extends LdomObjectsOptions {
  /**
   * Prefix of the configurations that the driver saves for this machine; undefined when it saves
   * none.
   */
  readonly savedPrefix?: string | undefined
}

export class LdomMachine implements Hypervisor {
  readonly machine: string
  readonly traits = LDOM_TRAITS
  readonly words = LDOM_WORDS
  readonly #host: Host
  readonly #savedPrefix: string | undefined
  readonly #objects: LdomObjects
  // Callers that share a listing share its view. A plan looks up the state from which the view was
  // built.
  readonly #views = new WeakMap<LdomState, MachineView>()
  readonly #states = new WeakMap<MachineView, LdomState>()

  constructor(options: LdomMachineOptions) {
    this.machine = options.machine
    this.#host = options.host
    this.#savedPrefix = options.savedPrefix
    this.#objects = new LdomObjects(options)
  }

  async observe(signal?: AbortSignal): Promise<MachineView> {
    const state = await this.#objects.observe(signal)
    const view = this.#views.get(state) ?? viewOf(this.machine, state)
    this.#views.set(state, view)
    this.#states.set(view, state)
    return view
  }

  async attach(wanted: ExposedDisk, view: MachineView, signal?: AbortSignal): Promise<MachineView> {
    const state = this.#states.get(view)
    if (state === undefined) throw new Error(`machine ${this.machine} has not given this view`)
    const plan = planExport(wanted, this.machine, state)
    let failure: unknown
    try {
      if (plan.withdraw.length > 0) await this.#objects.detach(plan.withdraw, signal)
      await this.#objects.attach(plan.attach, signal)
    } catch (error) {
      // ldm's error texts are no stable interface, so after a failure the listing decides. A lost
      // connection is not a failure: its outcome is unknown.
      if (isStorageError(error, 'unavailable')) throw error
      failure = isStorageError(error, 'not-found') ? this.#missingService(wanted, error) : error
    }
    const after = await this.observe(signal)
    const missing = after.missing(wanted)
    if (missing === undefined) return after
    if (failure !== undefined) throw failure
    throw new StorageError(
      'unavailable',
      `${wanted.about}: ${missing} after the commands succeeded; try again`,
    )
  }

  // The guest was listed a moment ago, so "not found" refers to a service. The caller must not see
  // `not-found`, which would mean the volume or the guest.
  #missingService({ about, paths }: ExposedDisk, cause: StorageError): StorageError {
    const services = paths.map(path => `${path.service} in ${path.domain}`).join(', ')
    return new StorageError(
      'failed-precondition',
      `${about}: machine ${this.machine} does not have every service that its disk needs there ` +
        `(${services}); add what is missing (ldm add-vds) or correct the pool's paths`,
      { cause },
    )
  }

  remove(
    uses: readonly Use[],
    { only }: { readonly only?: 'while-off' | undefined } = {},
    signal?: AbortSignal,
  ): Promise<void> {
    return this.#objects.detach(planRemoval(uses, only), signal)
  }

  settled(names: readonly string[], signal?: AbortSignal): Promise<void> {
    return this.#objects.settled(names, signal)
  }

  examine(questions: MachineQuestions, signal?: AbortSignal): Promise<readonly Check[]> {
    const subject = { machine: this.machine, host: this.#host, savedPrefix: this.#savedPrefix }
    return examineMachine(subject, questions, signal)
  }

  /** Runs work in a turn of the machine. The signal ends the wait, never the work. */
  serialised<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#objects.serialised(work, signal)
  }
}
