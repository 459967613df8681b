// The seam on a simulated host in the same process: what tests use where no connection is wanted.

import { type Command, type CommandResult, type RunOptions, type Shell, ShellError } from '../shell/shell.ts'
import type { SimHost } from './host.ts'

export class SimShell implements Shell {
  readonly #host: SimHost

  constructor(host: SimHost) {
    this.#host = host
  }

  /** Name of the host. */
  get host(): string {
    return this.#host.name
  }

  async run(command: Command, options: RunOptions): Promise<CommandResult> {
    if (options.signal?.aborted) throw new ShellError('not-started', `${this.#host.name}: the deadline has passed`)
    const outcome = await this.#host.perform(command, options.input ?? '')
    switch (outcome.kind) {
      case 'refused':
        throw new ShellError('not-started', `${this.#host.name}: connection refused`, { fault: 'unreachable' })
      case 'not-sent':
        throw new ShellError('not-started', `${this.#host.name}: 256 commands are waiting already`)
      case 'cut':
        throw new ShellError('unknown', `${this.#host.name}: connection lost while ${command[0]} ran`)
      case 'exit':
        return { ...outcome.answer, durationMs: 0 }
    }
  }
}
