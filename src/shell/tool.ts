// A command line tool of one host. It runs the tool's commands and classifies their failures by the
// tool's own table. It knows no tool; each tool is a class around one of these.

import { classify, type FailureRow, refuseFailure } from './failures.ts'
import type { Command, CommandResult, RunOptions, Shell } from './shell.ts'

export interface Call {
  /** The object of the command, as a person would name it. Error messages begin with it. */
  readonly about: string
  readonly signal?: AbortSignal | undefined
  readonly input?: string | undefined
  readonly timeoutMs?: number | undefined
}

type Asked = Omit<Call, 'about'> & Pick<RunOptions, 'effect'>

/** An answer with a status other than 0, with the matching row of the tool's table. */
export interface Failure {
  readonly result: CommandResult
  readonly row: FailureRow | undefined
}

export interface Attempt extends Call {
  readonly effect: 'read' | 'write'
  /** Whether a failure is an answer: the object is not there. Any other failure is thrown. */
  readonly expected: (failure: Failure) => boolean
}

/** For a tool that says "not found" only about the object of the command. */
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

  /** Runs a command that changes nothing. Any status other than 0 throws. */
  async read(command: Command, call: Call): Promise<CommandResult> {
    return this.accept(command, await this.ask(command, { ...call, effect: 'read' }), call)
  }

  /** Runs a command that changes something. Any status other than 0 throws. */
  async write(command: Command, call: Call): Promise<CommandResult> {
    return this.accept(command, await this.ask(command, { ...call, effect: 'write' }), call)
  }

  /** Returns undefined for an expected failure. Any other status than 0 throws. */
  async attempt(
    command: Command,
    { expected, ...call }: Attempt,
  ): Promise<CommandResult | undefined> {
    const result = await this.ask(command, call)
    const failed = result.exitStatus !== 0
    if (failed && expected({ result, row: this.rowOf(result) })) return undefined
    return this.accept(command, result, call)
  }

  /**
   * Returns the answer unjudged, for callers that read more from it than success. `accept` judges
   * it later.
   */
  ask(command: Command, { effect, signal, input, timeoutMs }: Asked): Promise<CommandResult> {
    return this.#shell.run(command, {
      effect,
      signal,
      ...(input === undefined ? {} : { input }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    })
  }

  /** Throws the error of the tool's table for a failure; returns the result of a success. */
  accept(command: Command, result: CommandResult, { about }: Pick<Call, 'about'>): CommandResult {
    return refuseFailure(result, { command, failures: this.#failures, about })
  }

  /** The matching row of the table; undefined for a success or an unknown failure. */
  rowOf(result: CommandResult): FailureRow | undefined {
    return classify(result, this.#failures)
  }
}
