// The seam: everything the driver knows of the outside world it learns through Shell.run(argv).
// No quoting here, no shell syntax anywhere: a command is a program and its arguments.

import { StorageError } from '../errors.ts'

export type Command = readonly [program: string, ...args: string[]]

export interface CommandResult {
  readonly exitStatus: number
  readonly stdout: string
  readonly stderr: string
  readonly durationMs: number
}

export interface RunOptions {
  /**
   * A read may be aborted at any time; a write that has started is awaited up to its cap, then its
   * fate is unknown.
   */
  readonly effect: 'read' | 'write'
  /** Aborts a read, and a write that has not started. */
  readonly signal?: AbortSignal | undefined
  /** Standard input; without it standard input is empty and closed. */
  readonly input?: string
  /** Cap on the run time; default 30 s for a read, 120 s for a write. */
  readonly timeoutMs?: number
}

export const READ_TIMEOUT_MS = 30_000
export const WRITE_TIMEOUT_MS = 120_000

export interface Shell {
  /**
   * Runs one command to its end. A command that exited, with whatever status, is a result; a
   * program that the host does not have is a result with status 127, as a POSIX shell would say.
   * Everything else is a ShellError.
   */
  run(command: Command, options: RunOptions): Promise<CommandResult>
}

/**
 * `not-started`: nothing happened. `unknown`: nobody knows; the command may have taken effect, or
 * still may.
 */
export type Fate = 'not-started' | 'unknown'

/**
 * Why a command was not started. `unreachable`: no connection could be made, and it was the far
 * side that did not answer. `local`: everything else; our own queue, a deadline, a refused key say
 * nothing of whether the host is alive.
 */
export type Fault = 'unreachable' | 'local'

export class ShellError extends StorageError {
  readonly fate: Fate
  readonly fault: Fault

  constructor(
    fate: Fate,
    message: string,
    options: { readonly cause?: unknown; readonly fault?: Fault } = {},
  ) {
    super('unavailable', message, { cause: options.cause })
    this.name = 'ShellError'
    this.fate = fate
    this.fault = options.fault ?? 'local'
  }
}

/** The command as a person would read it; for messages only, never to be run. */
export function formatCommand(command: Command): string {
  return command
    .map(word => (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word)))
    .join(' ')
}
