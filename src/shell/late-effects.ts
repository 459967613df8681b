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
import { type Command, formatCommand, type Shell, ShellError } from './shell.ts'
import { NoiseCuttingShell } from './startup-noise.ts'

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
  let suspects: readonly Suspect[] = []
  let wasAsked = false
  /** By this time everything that an earlier process sent has arrived. */
  let arrivedAtMs = clock.nowMs()
  let mayArrive = leftBehind() !== undefined
  const quiet = new NoiseCuttingShell(shell, clock)

  const remembering: Shell = {
    run: async (command, options) => {
      try {
        return await quiet.run(command, options)
      } catch (error) {
        if (options.effect === 'write' && error instanceof ShellError && error.fate === 'unknown') {
          suspects = [...suspects, { kind: 'own', command, sinceMs: clock.nowMs() }]
        }
        throw error
      }
    },
  }

  function refuseWhileItMayArrive(): void {
    if (!mayArrive) return
    const connection = leftBehind()
    if (connection !== undefined) {
      const what =
        'a killed process left data to it on this machine that is not delivered yet ' +
        `(${connection})`
      throw new StorageError('unavailable', `host ${name}: ${what}; try again`)
    }
    mayArrive = false
    arrivedAtMs = clock.nowMs()
  }

  async function settled(names: readonly string[], signal?: AbortSignal): Promise<void> {
    refuseWhileItMayArrive()
    if (wasAsked && !suspects.some(suspect => touches(suspect, names))) return
    const youngestMs = Math.max(
      arrivedAtMs,
      ...suspects.map(suspect => (suspect.kind === 'own' ? suspect.sinceMs : 0)),
    )
    const waitMs = youngestMs + graceMs - clock.nowMs()
    if (waitMs > 0) await clock.sleep(waitMs, signal)

    const known = suspects
    const lines = await listProcesses(quiet, name, signal)
    const isCutting = cutsLines(lines)
    const found = lines
      .filter(line =>
        wasAsked
          ? known.some(
              suspect => suspect.kind === 'found' && mayBeSameChange(line, suspect.line, changes),
            )
          : isChange(line, changes),
      )
      .map(line => ({ kind: 'found', line, isCut: isCutting && isTruncated(line) }) as const)
    wasAsked = true
    // A command that was lost while the list was being read may be missing from it, so it stays a
    // suspect.
    const since = suspects.filter(suspect => !known.includes(suspect))
    const own = known.filter(
      suspect => suspect.kind === 'own' && lines.some(line => mayBeCommand(line, suspect.command)),
    )
    suspects = [...own, ...since, ...found]

    const open = suspects.find(suspect => touches(suspect, names))
    if (open === undefined) return
    const what = open.kind === 'own' ? formatCommand(open.command) : open.line
    throw new StorageError(
      'unavailable',
      `host ${name}: an earlier command is still running; try again: ${what}`,
    )
  }

  return { name, shell: remembering, noise: () => quiet.noise, settled }
}

function touches(suspect: Suspect, names: readonly string[]): boolean {
  if (suspect.kind === 'own') {
    return suspect.command.some(word => names.some(name => word.includes(name)))
  }
  // A cut line may have lost the name.
  return suspect.isCut || names.some(name => namesObject(suspect.line, name))
}
