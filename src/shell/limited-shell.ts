// At most so many writes at a time through one shell; reads pass. It bounds what one pool asks of
// its storage host. The bound is around single commands, so nobody who holds a turn ever waits for
// an object that another one holds.

import type { Semaphore } from '../locks.ts'
import type { Command, CommandResult, RunOptions, Shell } from './shell.ts'

export class LimitedShell implements Shell {
  readonly #shell: Shell
  readonly #writes: Semaphore

  constructor(shell: Shell, writes: Semaphore) {
    this.#shell = shell
    this.#writes = writes
  }

  run(command: Command, options: RunOptions): Promise<CommandResult> {
    const run = () => this.#shell.run(command, options)
    return options.effect === 'read' ? run() : this.#writes.take(options.signal, run)
  }
}
