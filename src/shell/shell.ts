// The seam: the driver reaches the outside world only through Shell.run(argv). A command is a
// program and its arguments. There is no quoting here, and no shell syntax anywhere.

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
   * A read may be aborted at any time. A write that has started is awaited up to its time limit;
   * after that its fate is unknown.
   */
  readonly effect: 'read' | 'write'
  /** Aborts a read, or a write that has not started. */
  readonly signal?: AbortSignal | undefined
  /** Standard input; empty and closed if left out. */
  readonly input?: string
  /** Time limit; default 30 s for a read, 120 s for a write. */
  readonly timeoutMs?: number
}

export const READ_TIMEOUT_MS = 30_000
export const WRITE_TIMEOUT_MS = 120_000

export interface Shell {
  /**
   * Runs one command to its end. A command that exited with any status is a result. A program that
   * the host does not have is a result with status 127, as in a POSIX shell. Everything else
   * rejects with a ShellError.
   */
  run(command: Command, options: RunOptions): Promise<CommandResult>
}

/**
 * `not-started`: nothing happened. `unknown`: nobody knows; the command may have taken effect, or
 * may still do so.
 */
export type Fate = 'not-started' | 'unknown'

/**
 * Why a command was not started. `unreachable`: the remote side did not answer a connection
 * attempt. `local`: everything else. Our own queue, a deadline or a refused key say nothing about
 * whether the host is alive.
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

/** The command as a person would read it. For messages only, never to be run. */
export function formatCommand(command: Command): string {
  return command
    .map(word => (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word)))
    .join(' ')
}
