// The objects of one machine as `ldm` knows them: lists them, and runs steps as `ldm` commands. It
// plans nothing and repeats nothing.

import { type Clock, systemClock } from '../../clock.ts'
import type { Host } from '../../shell/host.ts'
import { ShellError } from '../../shell/shell.ts'
import { refuseUnlessOff } from '../hypervisor.ts'
import { Turns } from '../turns.ts'
import { Ldm } from './ldm.ts'
import { type ExportedBackend, type LdomState, toLdomState } from './state.ts'

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
   * `only`: the machine checks the guest in the same turn. A guest that is not off keeps its disk:
   * `failed-precondition`.
   */
  | {
      readonly kind: 'remove-disk'
      readonly name: string
      readonly guest: string
      readonly only?: 'while-off'
    }
  | { readonly kind: 'withdraw-backend'; readonly name: string; readonly service: string }

export interface LdomObjectsOptions {
  readonly machine: string
  readonly host: Host
  readonly clock?: Clock
  /**
   * Called after every write that changed the machine or may have changed it. The change is not yet
   * saved to the service processor.
   */
  readonly onChanged?: () => void
}

export class LdomObjects {
  readonly machine: string
  readonly #host: Host
  readonly #ldm: Ldm
  readonly #turns: Turns<LdomState>
  readonly #onChanged: () => void

  constructor({ machine, host, clock = systemClock, onChanged = () => {} }: LdomObjectsOptions) {
    this.machine = machine
    this.#host = host
    this.#ldm = new Ldm(host.shell)
    this.#turns = new Turns({
      machine,
      clock,
      list: async () => toLdomState(await this.#ldm.listBindings()),
    })
    this.#onChanged = onChanged
  }

  observe(signal?: AbortSignal): Promise<LdomState> {
    return this.#turns.observe(signal)
  }

  /**
   * Runs the steps in order, one write at a time, and stops at the first failure. "Already exists"
   * is a failure here: the caller lists again.
   */
  attach(steps: readonly AttachStep[], signal?: AbortSignal): Promise<void> {
    return this.#runSteps(steps, step => this.#attachStep(step, signal), signal)
  }

  /** Like attach, but a step whose object is already gone succeeds. */
  detach(steps: readonly DetachStep[], signal?: AbortSignal): Promise<void> {
    return this.#runSteps(steps, step => this.#detachStep(step, signal), signal)
  }

  settled(names: readonly string[], signal?: AbortSignal): Promise<void> {
    return this.#host.settled(names, signal)
  }

  /** Runs work in a turn of the machine. The signal ends the wait, never the work. */
  serialised<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#turns.serialised(work, signal)
  }

  #runSteps<S>(
    steps: readonly S[],
    run: (step: S) => Promise<unknown>,
    signal?: AbortSignal,
  ): Promise<void> {
    return this.#turns.change(async () => {
      for (const step of steps) {
        if (signal?.aborted) throw this.#turns.deadline('there were steps to do', signal)
        try {
          await run(step)
          this.#onChanged()
        } catch (error) {
          if (error instanceof ShellError && error.fate === 'unknown') this.#onChanged()
          throw error
        }
      }
    }, signal)
  }

  #attachStep(step: AttachStep, signal?: AbortSignal): Promise<unknown> {
    switch (step.kind) {
      case 'export-backend': {
        const { name, service, device, mode, shape, group } = step.backend
        return this.#ldm.addVdsDevice(
          { name, vds: service, device, mode, shape, mpgroup: group, alreadyExported: step.shared },
          { signal },
        )
      }
      case 'add-disk': {
        const { name, guest, slot, timeoutSeconds, backend } = step
        return this.#ldm.addVdisk(
          {
            name,
            guest,
            volume: { name: backend.name, vds: backend.service },
            id: slot,
            timeoutSeconds,
          },
          { signal },
        )
      }
    }
  }

  #detachStep(step: DetachStep, signal?: AbortSignal): Promise<unknown> {
    switch (step.kind) {
      case 'remove-disk':
        return this.#removeDisk(step, signal)
      case 'withdraw-backend':
        return this.#ldm.removeVdsDevice({ name: step.name, vds: step.service }, { signal })
    }
  }

  // The guest can still be started between the check and the removal. But its operating system
  // cannot: that takes longer than one command.
  async #removeDisk(
    step: DetachStep & { readonly kind: 'remove-disk' },
    signal?: AbortSignal,
  ): Promise<unknown> {
    if (step.only === 'while-off') {
      const { guests } = toLdomState(await this.#ldm.listBindings({ signal }))
      refuseUnlessOff(
        `${this.machine}/${step.guest}`,
        guests.find(({ name }) => name === step.guest),
      )
    }
    return this.#ldm.removeVdisk(step, { signal })
  }
}
