// Reads the process list of a host, and decides whether a line may be a given command.

import { StorageError } from '../errors.ts'
import type { ChangingProgram } from './changes.ts'
import { refuseFailure } from './failures.ts'
import { type Command, formatCommand, type Shell } from './shell.ts'

export const LIST: Command = ['/usr/bin/ps', '-e', '-o', 'args']
/** The header line; anything before it is not part of the list. */
export const LIST_HEADER = /^\s*(COMMAND|ARGS)\s*$/

// Solaris keeps the first 80 bytes of a command line, the last of them a NUL (PRARGSZ in procfs.h,
// proc(4); recalled). A cut line may end with blanks, for example from an empty argument. Reading
// the list loses these.
const CUT_FROM = 77
const CUT_TO = 80

export function isListing(command: Command): boolean {
  return command.length === LIST.length && LIST.every((word, at) => word === command[at])
}

/**
 * Command lines of all processes. A failure to list is `unavailable`: an unknown list is not an
 * empty one.
 */
export async function listProcesses(
  shell: Shell,
  host: string,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const result = await shell.run(LIST, { effect: 'read', signal })
  const lines = result.stdout.split('\n').map(line => line.trim())
  try {
    refuseFailure(result, { command: LIST, failures: [], about: host })
  } catch (cause) {
    throw new StorageError('unavailable', `${host}: the process list cannot be read`, { cause })
  }
  const header = lines.findIndex(line => LIST_HEADER.test(line))
  if (header < 0) {
    throw new StorageError('unavailable', `${host}: ${formatCommand(LIST)} printed no process list`)
  }
  return lines.slice(header + 1).filter(line => line !== '')
}

/** Whether the line is as long as one whose end was cut off. A longer one was not cut. */
export function isTruncated(line: string): boolean {
  return line.length >= CUT_FROM && line.length <= CUT_TO
}

/** Whether this host cuts command lines at all: a longer line shows that it does not. */
export function cutsLines(lines: readonly string[]): boolean {
  return lines.every(line => line.length <= CUT_TO)
}

// Keeps only characters that no login shell quotes and no process list replaces (`?` stands for
// every byte that is not printable ASCII). So a command compares equal whether a shell is yet to
// run it or it already runs, and wherever blanks were lost.
function shape(text: string): string {
  return text.replace(/[^A-Za-z0-9_@%+:,./=-]/g, '')
}

export function namesObject(line: string, name: string): boolean {
  return shape(line).includes(shape(name))
}

// On Solaris these programs exec the one of the file system's type, with the same operands:
// /usr/lib/fs/ufs/mount (cmd/fs.d of illumos). On Debian `xl` execs that of the Xen that runs:
// /usr/lib/xen-4.17/bin/xl (seen on Debian 12 with Xen 4.17.7).
const REPLACED: readonly string[] = ['mount', 'umount', 'fsck', 'xl']

/**
 * Whether the line may be this command. It may appear by itself, under `sudo` and the like, or in
 * the line of the login shell that is about to run it. It may also appear as the program that the
 * command became, or with its end cut off.
 */
export function mayBeCommand(line: string, command: Command): boolean {
  const [program = '', ...words] = line.split(/\s+/)
  if (
    REPLACED.includes(baseName(program)) &&
    baseName(program) === baseName(command[0]) &&
    program !== command[0]
  ) {
    return isTruncated(line) || words.map(shape).includes(shape(command.at(-1) ?? ''))
  }
  const wanted = command.map(shape).join('')
  const shown = shape(line)
  const first = shape(command[0])
  for (let at = shown.indexOf(first); at >= 0; at = shown.indexOf(first, at + 1)) {
    const rest = shown.slice(at)
    if (rest === wanted || (isTruncated(line) && wanted.startsWith(rest))) return true
  }
  return isCutBeforeProgram(line)
}

const SHELL = /^-?(sh|ash|dash|bash|rbash|csh|tcsh|ksh\d*|zsh|pf(sh|csh|ksh\d*|bash|zsh))$/
// Programs and assignments that may precede a program, with words of their own.
const BEFORE = new RegExp(
  '^(sudo|doas|pfexec|env|nice|ionice|nohup|setsid|time|timeout|chrt|taskset|stdbuf|' +
    '[A-Za-z_][A-Za-z0-9_]*=.*)$',
)
// The beginning of every line that the driver sends. Earlier versions sent it without `env`.
const SENT = /^(\/usr\/bin\/env )?LC_ALL=C( |$)/

/** Whether the line shows a change by one of the driver's programs, whoever started it. */
export function isChange(line: string, changes: readonly ChangingProgram[]): boolean {
  return changeAt(line, changes) !== undefined || isCutBeforeProgram(line)
}

/**
 * Whether a line may show the same change as an earlier line. The shell of the earlier line may
 * have become the program, whose line shows more.
 */
export function mayBeSameChange(
  line: string,
  earlier: string,
  changes: readonly ChangingProgram[],
): boolean {
  if (!isChange(line, changes)) return false
  const [now, before] = [changeAt(line, changes) ?? '', changeAt(earlier, changes) ?? '']
  return now.startsWith(before) || before.startsWith(now)
}

/** The shape of the change, from its program on. */
function changeAt(line: string, changes: readonly ChangingProgram[]): string | undefined {
  const words = wordsToRun(line)
  const isCut = isTruncated(line)
  const at = words?.findIndex((_, index) => changesAt(words, index, { changes, isCut }))
  return words === undefined || at === undefined || at < 0
    ? undefined
    : words.slice(at).map(shape).join('')
}

/** Whether the word at this index is a program whose following words make it a change. */
function changesAt(
  words: readonly string[],
  at: number,
  { changes, isCut }: { readonly changes: readonly ChangingProgram[]; readonly isCut: boolean },
): boolean {
  const word = words[at] ?? ''
  const isPath = word.startsWith('/')
  // A word among the arguments of another program does not count. A word with a path may follow a
  // prefix of any name.
  if (at > 0 && !isPath && !BEFORE.test(baseName(words[0] ?? ''))) return false
  const name = baseName(word)
  const found = changes.filter(
    ({ program, onlyByPath }) => program.test(name) && (isPath || !onlyByPath),
  )
  if (found.length === 0) return false
  // The subcommand is the last word shown, or is cut off.
  if (isCut && at >= words.length - 2) return true
  const [first = '', ...rest] = words.slice(at + 1)
  return found.some(
    ({ change, atAnyWord }) =>
      change.test(first) || (atAnyWord && rest.some(word => change.test(word))),
  )
}

/** The words that a line runs; undefined for a shell that works for somebody else. */
function wordsToRun(line: string): readonly string[] | undefined {
  const words = line.split(/\s+/).map(word => word.replace(/^'|'$/g, ''))
  if (!SHELL.test(baseName(words[0] ?? ''))) return words
  const given = words.findIndex(word => /^-[a-z]*c$/.test(word))
  if (given > 0) {
    return SENT.test(words.slice(given + 1).join(' ')) ? words.slice(given + 1) : undefined
  }
  // The interpreter of a script (growfs is one).
  const script = words.findIndex((word, index) => index > 0 && !word.startsWith('-'))
  return script < 0 ? undefined : words.slice(script)
}

/** A line that the driver sent whose program is cut off. */
function isCutBeforeProgram(line: string): boolean {
  if (!isTruncated(line)) return false
  const words = wordsToRun(line)
  if (words === undefined || !SENT.test(words.join(' '))) return false
  return !words.slice(0, -1).some(word => word.startsWith('/') && !BEFORE.test(baseName(word)))
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
