// One machine split by the Logical Domains Manager, behind the hypervisor port: what `ldm` lists as
// a MachineState, and steps as `ldm` commands. It plans nothing and repeats nothing; vds, vdisk,
// mpgroup and delayed reconfiguration end here.

import type { Check } from '../../checks.ts'
import { type Clock, systemClock } from '../../clock.ts'
import type { Host } from '../../shell/host.ts'
import { ShellError } from '../../shell/shell.ts'
import {
  type AttachStep,
  type DetachStep,
  type Hypervisor,
  type MachineQuestions,
  type MachineState,
  refuseUnlessOff,
} from '../hypervisor.ts'
import { Turns } from '../turns.ts'
import { examineMachine } from './checks.ts'
import { Ldm } from './ldm.ts'
import { toMachineState } from './state.ts'

export interface LdomMachineOptions {
  readonly machine: string
  readonly host: Host
  readonly clock?: Clock
  /**
   * Called after every write that changed the machine or may have: it is not saved to the service
   * processor yet.
   */
  readonly onChanged?: () => void
  /** Prefix of the configurations that are saved for this machine; undefined where none is. */
  readonly savedPrefix?: string | undefined
}

export class LdomMachine implements Hypervisor {
  readonly machine: string
  // Low numbers are the administrators'; Linux guests cannot name a disk above 701 (`vdiskzz`).
  readonly slots = { first: 100, count: 601 } as const
  readonly #host: Host
  readonly #ldm: Ldm
  readonly #turns: Turns<MachineState>
  readonly #onChanged: () => void
  readonly #savedPrefix: string | undefined

  constructor(options: LdomMachineOptions) {
    const { machine, host, clock = systemClock, onChanged = () => {} } = options
    this.machine = machine
    this.#host = host
    this.#ldm = new Ldm(host.shell)
    this.#turns = new Turns({
      machine,
      clock,
      list: async () => toMachineState(await this.#ldm.listBindings()),
    })
    this.#onChanged = onChanged
    this.#savedPrefix = options.savedPrefix
  }

  observe(signal?: AbortSignal): Promise<MachineState> {
    return this.#turns.observe(signal)
  }

  attach(steps: readonly AttachStep[], signal?: AbortSignal): Promise<void> {
    return this.#runSteps(steps, step => this.#attachStep(step, signal), signal)
  }

  detach(steps: readonly DetachStep[], signal?: AbortSignal): Promise<void> {
    return this.#runSteps(steps, step => this.#detachStep(step, signal), signal)
  }

  settled(names: readonly string[], signal?: AbortSignal): Promise<void> {
    return this.#host.settled(names, signal)
  }

  examine(questions: MachineQuestions, signal?: AbortSignal): Promise<readonly Check[]> {
    const subject = { machine: this.machine, host: this.#host, savedPrefix: this.#savedPrefix }
    return examineMachine(subject, questions, signal)
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

  // Between the look and the removal the guest can still be started, but not its operating system:
  // that takes longer than a command.
  async #removeDisk(
    step: DetachStep & { readonly kind: 'remove-disk' },
    signal?: AbortSignal,
  ): Promise<unknown> {
    if (step.only === 'while-off') {
      const { guests } = toMachineState(await this.#ldm.listBindings({ signal }))
      refuseUnlessOff(
        `${this.machine}/${step.guest}`,
        guests.find(({ name }) => name === step.guest),
      )
    }
    return this.#ldm.removeVdisk(step, { signal })
  }
}
