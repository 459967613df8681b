// A `Shell` on a simulated host in the same process, for tests that need no SSH connection.

import {
  type Command,
  type CommandResult,
  type RunOptions,
  type Shell,
  ShellError,
} from '../src/shell/shell.ts'
import type { SimHost, SimOutcome } from './host.ts'

export class SimShell implements Shell {
  readonly #host: SimHost

  constructor(host: SimHost) {
    this.#host = host
  }

  get host(): string {
    return this.#host.name
  }

  async run(command: Command, options: RunOptions): Promise<CommandResult> {
    if (options.signal?.aborted) {
      throw new ShellError('not-started', `${this.#host.name}: the deadline has passed`)
    }
    const outcome = await this.#host.perform(command, options.input ?? '')
    return delivered(outcome, { host: this.#host.name, command })
  }
}

/** The outcome as the caller of a shell sees it: a result, or a thrown ShellError. */
export function delivered(
  outcome: SimOutcome,
  { host, command }: { readonly host: string; readonly command: Command },
): CommandResult {
  switch (outcome.kind) {
    case 'refused':
      throw new ShellError('not-started', `${host}: connection refused`, { fault: 'unreachable' })
    case 'not-sent':
      throw new ShellError('not-started', `${host}: 256 commands are already waiting; try again`)
    case 'cut':
      throw new ShellError('unknown', `${host}: connection lost while ${command[0]} ran`)
    case 'exit':
      return { ...outcome.answer, durationMs: 0 }
  }
}
