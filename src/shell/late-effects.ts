// A host that remembers which of its commands have an unknown fate. Before anything touches their
// objects again, it reads the process list. It does not wait for such a command: while one may
// still be running, it rejects with `unavailable`.

import { type Clock, systemClock } from '../clock.ts'
import { StorageError } from '../errors.ts'
import type { ChangingProgram } from './changes.ts'
import type { Host } from './host.ts'
import {
  cutsLines,
  isChange,
  isTruncated,
  listProcesses,
  mayBeCommand,
  mayBeSameChange,
  namesObject,
} from './processes.ts'
import {
  type Command,
  type CommandResult,
  formatCommand,
  type RunOptions,
  type Shell,
  ShellError,
} from './shell.ts'
import { quieted } from './startup-noise.ts'

/**
 * A change that may still be running. `own`: this process sent it. `found`: the first process list
 * showed it.
 */
type Suspect =
  | { readonly kind: 'own'; readonly command: Command; readonly sinceMs: number }
  | { readonly kind: 'found'; readonly line: string; readonly isCut: boolean }

export interface HostOptions {
  readonly name: string
  readonly shell: Shell
  /**
   * The changing programs of every tool that may run there. Anything else in a process list is no
   * change of the driver.
   */
  readonly changes: readonly ChangingProgram[]
  readonly clock?: Clock
  /**
   * How old a lost command must be before the process list is trusted: 0 where commands arrive at
   * once. Data sent before the connection broke may be read and started after the next connection
   * opens. An earlier process may have lost a command at its very end. So the first list is not
   * trusted before this process is that old.
   */
  readonly graceMs?: number
  /**
   * A connection of an earlier process that may still deliver a command. Asked at once, and again
   * while it names one.
   */
  readonly leftBehind?: () => string | undefined
}

export function createHost({
  name,
  shell,
  changes,
  clock = systemClock,
  graceMs = 0,
  leftBehind = () => undefined,
}: HostOptions): Host {
  const quiet = quieted(shell, clock)
  const late = new LateEffects({ name, shell: quiet, changes, clock, graceMs, leftBehind })
  return {
    name,
    shell: { run: (command, options) => late.run(command, options) },
    noise: () => quiet.noise(),
    settled: (names, signal) => late.settled(names, signal),
  }
}

class LateEffects {
  readonly #host: Required<HostOptions>
  #suspects: readonly Suspect[] = []
  #wasAsked = false
  /** By this time everything that an earlier process sent has arrived. */
  #arrivedAtMs: number
  #mayArrive: boolean

  constructor(host: Required<HostOptions>) {
    this.#host = host
    this.#arrivedAtMs = host.clock.nowMs()
    this.#mayArrive = host.leftBehind() !== undefined
  }

  async run(command: Command, options: RunOptions): Promise<CommandResult> {
    try {
      return await this.#host.shell.run(command, options)
    } catch (error) {
      if (options.effect === 'write' && error instanceof ShellError && error.fate === 'unknown') {
        const sinceMs = this.#host.clock.nowMs()
        this.#suspects = [...this.#suspects, { kind: 'own', command, sinceMs }]
      }
      throw error
    }
  }

  async settled(names: readonly string[], signal?: AbortSignal): Promise<void> {
    this.#refuseWhileItMayArrive()
    if (this.#wasAsked && !this.#suspects.some(suspect => touches(suspect, names))) return
    await this.#waitUntilListIsTrusted(signal)
    await this.#updateSuspects(signal)
    const open = this.#suspects.find(suspect => touches(suspect, names))
    if (open === undefined) return
    const what = open.kind === 'own' ? formatCommand(open.command) : open.line
    throw new StorageError(
      'unavailable',
      `host ${this.#host.name}: an earlier command is still running; try again: ${what}`,
    )
  }

  #refuseWhileItMayArrive(): void {
    if (!this.#mayArrive) return
    const connection = this.#host.leftBehind()
    if (connection !== undefined) {
      throw new StorageError(
        'unavailable',
        `host ${this.#host.name}: a killed process left data to it on this machine that is not ` +
          `delivered yet (${connection}); try again`,
      )
    }
    this.#mayArrive = false
    this.#arrivedAtMs = this.#host.clock.nowMs()
  }

  async #waitUntilListIsTrusted(signal?: AbortSignal): Promise<void> {
    const { clock, graceMs } = this.#host
    const youngestMs = Math.max(
      this.#arrivedAtMs,
      ...this.#suspects.map(suspect => (suspect.kind === 'own' ? suspect.sinceMs : 0)),
    )
    const waitMs = youngestMs + graceMs - clock.nowMs()
    if (waitMs > 0) await clock.sleep(waitMs, signal)
  }

  /** Reads the process list. Keeps the suspects that it shows, and drops the others. */
  async #updateSuspects(signal?: AbortSignal): Promise<void> {
    const known = this.#suspects
    const { shell, name } = this.#host
    const lines = await listProcesses(shell, name, signal)
    const found = this.#findChanges(lines, known)
    this.#wasAsked = true
    // A command that was lost while the list was being read may be missing from it, so it stays a
    // suspect.
    const since = this.#suspects.filter(suspect => !known.includes(suspect))
    const own = known.filter(
      suspect => suspect.kind === 'own' && lines.some(line => mayBeCommand(line, suspect.command)),
    )
    this.#suspects = [...own, ...since, ...found]
  }

  /** The first list shows changes of an earlier process; later lists only confirm those. */
  #findChanges(lines: readonly string[], known: readonly Suspect[]): readonly Suspect[] {
    const { changes } = this.#host
    const isCutting = cutsLines(lines)
    const mayBeKnown = (line: string) =>
      known.some(
        suspect => suspect.kind === 'found' && mayBeSameChange(line, suspect.line, changes),
      )
    return lines
      .filter(line => (this.#wasAsked ? mayBeKnown(line) : isChange(line, changes)))
      .map(line => ({ kind: 'found', line, isCut: isCutting && isTruncated(line) }))
  }
}

function touches(suspect: Suspect, names: readonly string[]): boolean {
  if (suspect.kind === 'own') {
    return suspect.command.some(word => names.some(name => word.includes(name)))
  }
  // A cut line may have lost the name.
  return suspect.isCut || names.some(name => namesObject(suspect.line, name))
}
