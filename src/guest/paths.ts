// Directories, empty files and links of a guest, through its shell: the only ways in which the node
// plugin touches names. It removes only what the driver can have created: an empty directory, an
// empty file, a link. Nothing here recurses.

import { StorageError } from '../errors.ts'
import type { FailureRow } from '../shell/failures.ts'
import type { Command, CommandResult, Shell } from '../shell/shell.ts'
import { type Failure, Tool } from '../shell/tool.ts'
import { MEASURE_MS } from './platform.ts'

// /bin is a link to /usr/bin on Solaris and on current Linux, and the real place on older Linux.
const LS = '/bin/ls'
const MKDIR = '/bin/mkdir'
const RMDIR = '/bin/rmdir'
const RM = '/bin/rm'
const LN = '/bin/ln'
const TOUCH = '/bin/touch'
const CAT = '/bin/cat'

export type Entry =
  | { readonly kind: 'absent' }
  | { readonly kind: 'directory' }
  | { readonly kind: 'file'; readonly sizeBytes: number }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'device'; readonly numbers: string } // major:minor
  | { readonly kind: 'other' }

const ABSENT: FailureRow = {
  text: /No such file or directory|Not a directory|Directory does not exist/,
  kind: 'not-found',
  evidence: 'recorded',
  source:
    'linux-guest-tools-2.txt; the Solaris tools print the same words of errno, rmdir its own ' +
    '(recalled)',
}

/** An entry, or a name whose file system answers with an error, or not at all. */
export type Glance = Entry | { readonly kind: 'failed'; readonly reason: string }

const FAILURES: readonly FailureRow[] = [
  ABSENT,
  {
    text: /Directory not empty|File exists|Device (or resource )?busy|mount point or in use/,
    kind: 'failed-precondition',
    evidence: 'documented',
    source: 'errno words of POSIX strerror(3); rmdir of Solaris (recalled)',
    hint: 'the driver did not create what is there; look at it and move it away',
  },
  {
    text: /Read-only file system/,
    kind: 'failed-precondition',
    evidence: 'documented',
    source: 'errno words of POSIX strerror(3)',
  },
  {
    text: /Permission denied|Not owner/,
    kind: 'permission-denied',
    evidence: 'documented',
    source: 'errno words; "Not owner" is EPERM on Solaris',
  },
  {
    text: /Input\/output error|I\/O error/,
    kind: 'unavailable',
    evidence: 'documented',
    source: 'errno words of EIO, Linux and Solaris',
  },
]

// Recorded from file systems that were shut down. "I/O error" is the text of EIO on Solaris.
const DISK_ERROR = /Input\/output error|I\/O error/

const IO_ERROR = 'answers with an I/O error'

// The name is the rest of the line: with blanks, as it was asked for.
const GLANCE_LINE = /^[-dlbcps]\S{9}\S* +\d+ +\S+ +\S+ +\d+,? *\d* +\S+ +\S+ +\S+ (\/.*)$/
const GLANCE_ERROR = /^(?:\S*ls: )?(?:cannot access )?["']?(\/.*?)["']?: (.*)$/

const LINK_LINE = /^l[-rwxsStTlL]{9}/
const ENTRY_LINE = /^[-dlbcpsD][-rwxsStTlL]{9}/

export class Paths {
  readonly #tool: Tool

  constructor(shell: Shell) {
    this.#tool = new Tool(shell, FAILURES)
  }

  async readEntry(path: string, signal?: AbortSignal): Promise<Entry> {
    const result = await this.#look([LS, '-ld', path], path, signal)
    return result === undefined ? { kind: 'absent' } : parseEntry(result.stdout, path)
  }

  /**
   * Why a mounted directory cannot be read, if its disk is the reason. Throws when the guest does
   * not answer in time.
   */
  async findFailure(path: string, signal?: AbortSignal): Promise<string | undefined> {
    const command: Command = [LS, '-ld', path]
    const result = await this.#tool.ask(command, { effect: 'read', signal, timeoutMs: MEASURE_MS })
    // ext4 still shows the cached directory with status 0, and fails on one of its attributes
    // (recorded).
    if (DISK_ERROR.test(result.stderr)) return IO_ERROR
    this.#tool.accept(command, result, { about: path })
    return undefined
  }

  /**
   * Many names at once; one that this listing does not tell is not in the map. The command has a
   * short limit: a single name that does not answer would hold up all others.
   */
  async glance(
    names: readonly string[],
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<string, Glance>> {
    const command: Command = [LS, '-ld', ...names]
    const result = await this.#tool.ask(command, { effect: 'read', signal, timeoutMs: MEASURE_MS })
    return parseGlance(result, new Set(names))
  }

  /** Names in a directory; undefined if the directory does not exist. */
  async list(directory: string, signal?: AbortSignal): Promise<readonly string[] | undefined> {
    const result = await this.#look([LS, '-1', directory], directory, signal)
    return result?.stdout.split('\n').filter(name => name !== '')
  }

  /**
   * Links in a directory by name, with their targets; empty if the directory does not exist. Other
   * lines come from a login script.
   */
  async listLinks(directory: string, signal?: AbortSignal): Promise<ReadonlyMap<string, string>> {
    const result = await this.#look([LS, '-l', directory], directory, signal)
    const links = new Map<string, string>()
    for (const line of (result?.stdout ?? '').split('\n').filter(at => LINK_LINE.test(at))) {
      const [, name, target] = line.match(/ (\S+) -> (.+)$/) ?? []
      if (name === undefined || target === undefined) {
        throw new StorageError('internal', `${directory}: ls printed ${JSON.stringify(line)}`)
      }
      links.set(name, target)
    }
    return links
  }

  /** Name of one entry of the directory, hidden ones included; undefined if it is empty. */
  async findEntry(directory: string, signal?: AbortSignal): Promise<string | undefined> {
    const result = await this.#look([LS, '-lA', directory], directory, signal)
    const line = (result?.stdout ?? '').split('\n').find(each => ENTRY_LINE.test(each))
    // Before the name: mode, links, owner, group, size and three words of the time.
    return line?.replace(/^(\S+\s+){4}\d+\s+(\S+\s+){3}/, '')
  }

  /** Text of a small kernel file; undefined if it does not exist. */
  async readText(path: string, signal?: AbortSignal): Promise<string | undefined> {
    return (await this.#look([CAT, path], path, signal))?.stdout
  }

  async ensureDirectory(path: string, signal?: AbortSignal): Promise<void> {
    await this.#change([MKDIR, '-p', path], path, signal)
  }

  async ensureFile(path: string, signal?: AbortSignal): Promise<void> {
    await this.#change([TOUCH, path], path, signal)
  }

  /** Fails if the name exists. */
  async createLink(path: string, target: string, signal?: AbortSignal): Promise<void> {
    await this.#change([LN, '-s', target, path], path, signal)
  }

  /** Removes an empty directory, an empty file or a link; absence is success. */
  async remove(path: string, signal?: AbortSignal): Promise<void> {
    const entry = await this.readEntry(path, signal)
    switch (entry.kind) {
      case 'absent':
        return
      case 'directory':
        await this.#tool.attempt([RMDIR, path], {
          about: path,
          effect: 'write',
          expected: isAbsent,
          signal,
        })
        return
      case 'link':
        await this.#change([RM, '-f', path], path, signal)
        return
      case 'file':
        if (entry.sizeBytes > 0) {
          throw new StorageError(
            'failed-precondition',
            `${path} is a file with contents; the driver did not create it: move it away`,
          )
        }
        await this.#change([RM, '-f', path], path, signal)
        return
      case 'device':
        throw new StorageError(
          'failed-precondition',
          `${path} is a device node; the driver did not create it: move it away`,
        )
      case 'other':
        throw new StorageError(
          'failed-precondition',
          `${path} is not a directory, file or link; the driver did not create it: move it away`,
        )
    }
  }

  /**
   * Removes what the driver created, unless somebody has put something there since. Anything else
   * stays as it is.
   */
  async removeIfUnused(path: string, signal?: AbortSignal): Promise<void> {
    const entry = await this.readEntry(path, signal)
    const isOwn = entry.kind === 'link' || (entry.kind === 'file' && entry.sizeBytes === 0)
    if (
      isOwn ||
      (entry.kind === 'directory' && (await this.findEntry(path, signal)) === undefined)
    ) {
      await this.remove(path, signal)
    }
  }

  async #change(command: Command, about: string, signal?: AbortSignal): Promise<void> {
    await this.#tool.write(command, { about, signal })
  }

  /** Undefined if the name does not exist. */
  #look(command: Command, about: string, signal?: AbortSignal): Promise<CommandResult | undefined> {
    return this.#tool.attempt(command, { about, effect: 'read', expected: isAbsent, signal })
  }
}

function isAbsent({ row }: Failure): boolean {
  return row === ABSENT
}

/**
 * `ls -ld` of several names: a line for each that it can read, an error for each other one
 * (linux-guest-tools-5.txt). Both for one that is still remembered (linux-guest-tools-3.txt).
 */
function parseGlance(
  { stdout, stderr, exitStatus }: CommandResult,
  asked: ReadonlySet<string>,
): ReadonlyMap<string, Glance> {
  const seen = new Map<string, Glance>()
  for (const line of stdout.split('\n')) {
    const shown = line.match(GLANCE_LINE)?.[1] ?? ''
    const name = line.startsWith('l') ? shown.slice(0, shown.indexOf(' -> ')) : shown
    if (asked.has(name)) seen.set(name, parseEntry(line, name))
  }
  for (const line of stderr.split('\n')) {
    const [, named = '', words = ''] = line.match(GLANCE_ERROR) ?? []
    // A tool escapes a name that its locale cannot print. Of a single name the error is its own.
    const isOnly = asked.size === 1 && exitStatus !== 0 && named !== ''
    const name = asked.has(named) || !isOnly ? named : ([...asked][0] ?? '')
    if (!asked.has(name)) continue
    if (ABSENT.text.test(words)) seen.set(name, { kind: 'absent' })
    if (DISK_ERROR.test(words)) seen.set(name, { kind: 'failed', reason: IO_ERROR })
  }
  return seen
}

/**
 * One line of `ls -ld`: mode, links, owner, group, size, date, name (POSIX). Text before it is
 * ignored.
 */
export function parseEntry(text: string, path: string): Entry {
  const line = text.split('\n').find(at => at.endsWith(path) || at.includes(`${path} -> `))
  const match = line?.match(/^([-dlbcps])\S{9}\S* +\d+ +\S+ +\S+ +(\d+,? *\d*) .*$/)
  if (line === undefined || !match) {
    throw new StorageError('internal', `${path}: ls printed ${JSON.stringify(text.slice(0, 200))}`)
  }
  switch (match[1]) {
    case 'd':
      return { kind: 'directory' }
    case 'l':
      return { kind: 'link', target: line.slice(line.indexOf(' -> ') + 4) }
    case '-':
      return { kind: 'file', sizeBytes: Number(match[2]) }
    case 'b':
    case 'c':
      return { kind: 'device', numbers: (match[2] ?? '').replace(/, */, ':') }
    default:
      return { kind: 'other' }
  }
}
