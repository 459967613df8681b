// Maps an exit status and a text to an error kind. Every tool keeps its own table of rows; this
// file only reads tables. It knows no tool, except what the shell or sudo says before a tool runs.

import { type ErrorKind, StorageError } from '../errors.ts'
import { type Command, type CommandResult, formatCommand } from './shell.ts'

export interface FailureRow {
  readonly text: RegExp
  /** If left out, any status but 0. */
  readonly status?: number
  readonly kind: ErrorKind
  readonly evidence: 'recorded' | 'documented' | 'recalled'
  /** Transcript, manual page or source file that shows the text. */
  readonly source: string
  /** What a person can do; a function where that depends on the command. */
  readonly hint?: string | ((command: Command) => string)
}

// With these statuses the tool did not run, so they are checked before its own rows. What env and
// shells say of a missing program ("No such file or directory"), many tools say of a missing
// object.
const NOT_RUN: readonly FailureRow[] = [
  {
    text: /permission denied|cannot execute/i,
    status: 126,
    kind: 'permission-denied',
    evidence: 'documented',
    source: 'POSIX sh, 2.8.2 Exit Status for Commands',
  },
  {
    text: /(?:)/,
    status: 127,
    kind: 'failed-precondition',
    evidence: 'documented',
    source: 'POSIX sh, 2.8.2 Exit Status for Commands',
    hint: 'the host does not have the program; install it',
  },
]

// Checked after the tool's own rows.
const BEFORE_THE_TOOL: readonly FailureRow[] = [
  {
    text: /^sudo: .*(password is required|not allowed to execute|not in the sudoers file)/m,
    kind: 'permission-denied',
    evidence: 'recalled',
    source: 'sudo(8)',
    hint: 'allow the account to run the command without a password',
  },
]

/** The first matching row; undefined for a success and for an answer that no row matches. */
export function classify(
  result: CommandResult,
  rows: readonly FailureRow[],
): FailureRow | undefined {
  if (result.exitStatus === 0) return undefined
  const text = failureText(result)
  const fits = (row: FailureRow) =>
    (row.status === undefined || row.status === result.exitStatus) && text.search(row.text) >= 0
  return NOT_RUN.find(fits) ?? rows.find(fits) ?? BEFORE_THE_TOOL.find(fits)
}

/**
 * Returns a result of status 0. Any other status throws a StorageError of the kind that the table
 * says, or `internal`.
 */
export function refuseFailure(
  result: CommandResult,
  told: {
    readonly command: Command
    readonly failures: readonly FailureRow[]
    /** The object of the command; the message begins with it. */
    readonly about: string
  },
): CommandResult {
  if (result.exitStatus === 0) return result
  const { command, failures, about } = told
  const text = failureText(result)
  const row = classify(result, failures)
  if (row === undefined) {
    const said = lineAt(text, 0)
    throw new StorageError(
      'internal',
      `${about}: ${formatCommand(command)} ended with status ` +
        `${result.exitStatus}${said === '' ? '' : `: ${said}`}`,
    )
  }
  const said =
    lineAt(text, text.search(row.text)) || `${command[0]} ended with status ${result.exitStatus}`
  const hint = typeof row.hint === 'function' ? row.hint(command) : row.hint
  throw new StorageError(row.kind, `${about}: ${said}${hint === undefined ? '' : ` (${hint})`}`)
}

// Some tools complain on standard output. It counts only if standard error is empty, because it may
// also hold names of other objects.
function failureText(result: CommandResult): string {
  return result.stderr.trim() === '' ? result.stdout : result.stderr
}

/** The first line that is not blank, from the line at `offset` on. */
function lineAt(text: string, offset: number): string {
  const start = text.lastIndexOf('\n', Math.max(offset - 1, 0)) + 1
  return (
    text
      .slice(offset === 0 ? 0 : start)
      .split('\n')
      .map(line => line.trim())
      .find(line => line !== '') ?? ''
  )
}
