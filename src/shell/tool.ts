// A command line tool of one host: it runs the tool's commands, and reads their failures by the
// tool's own table. It knows no tool; each tool is a class around one of these.

import { classify, type FailureRow, refuseFailure } from './failures.ts'
import type { Command, CommandResult, RunOptions, Shell } from './shell.ts'

export interface Call {
  /** The object of the command, as a person would name it: its errors begin with it. */
  readonly about: string
  readonly signal?: AbortSignal | undefined
  readonly input?: string | undefined
  readonly timeoutMs?: number | undefined
}

type Asked = Omit<Call, 'about'> & Pick<RunOptions, 'effect'>

/** An answer of another status than 0, with the row of the tool's table that fits it. */
export interface Failure {
  readonly result: CommandResult
  readonly row: FailureRow | undefined
}

export interface Attempt extends Call {
  readonly effect: 'read' | 'write'
  /** Whether a failure is an answer: the object is not there. Every other failure is thrown. */
  readonly expected: (failure: Failure) => boolean
}

/** For a tool that says of nothing but the object of the command that it is not there. */
export function isNotFound({ row }: Failure): boolean {
  return row?.kind === 'not-found'
}

export class Tool {
  readonly #shell: Shell
  readonly #failures: readonly FailureRow[]

  constructor(shell: Shell, failures: readonly FailureRow[]) {
    this.#shell = shell
    this.#failures = failures
  }

  /** A command that changes nothing. Any status but 0 throws. */
  async read(command: Command, call: Call): Promise<CommandResult> {
    return this.accept(command, await this.ask(command, { ...call, effect: 'read' }), call)
  }

  /** A command that changes something. Any status but 0 throws. */
  async write(command: Command, call: Call): Promise<CommandResult> {
    return this.accept(command, await this.ask(command, { ...call, effect: 'write' }), call)
  }

  /** Undefined for a failure that is expected. Any other status but 0 throws. */
  async attempt(
    command: Command,
    { expected, ...call }: Attempt,
  ): Promise<CommandResult | undefined> {
    const result = await this.ask(command, call)
    const failed = result.exitStatus !== 0
    if (failed && expected({ result, row: this.rowOf(result) })) return undefined
    return this.accept(command, result, call)
  }

  /** The answer as it is, for who reads more from it than success; `accept` judges the rest. */
  ask(command: Command, { effect, signal, input, timeoutMs }: Asked): Promise<CommandResult> {
    return this.#shell.run(command, {
      effect,
      signal,
      ...(input === undefined ? {} : { input }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    })
  }

  /** Throws what the tool's table says of a failure; answers the result of a success. */
  accept(command: Command, result: CommandResult, { about }: Pick<Call, 'about'>): CommandResult {
    return refuseFailure(result, { command, failures: this.#failures, about })
  }

  /** The row of the table that fits a failure; undefined for a success, too. */
  rowOf(result: CommandResult): FailureRow | undefined {
    return classify(result, this.#failures)
  }
}
