// A host that remembers which of its commands have an unknown fate, and asks the process list before anything touches their
// objects again. Nothing is waited for: while such a command may still be at work the answer is `unavailable`.

import { type Clock, systemClock } from '../clock.ts'
import { StorageError } from '../errors.ts'
import type { Host } from './host.ts'
import { isChange, isTruncated, listProcesses, mayBeCommand } from './processes.ts'
import { type Command, formatCommand, type Shell, ShellError } from './shell.ts'

/** A change that may still be at work: one of this process, or one that was found when the host was first asked. */
type Suspect =
  | { readonly kind: 'own'; readonly command: Command; readonly sinceMs: number }
  | { readonly kind: 'found'; readonly line: string }

export interface HostOptions {
  readonly name: string
  readonly shell: Shell
  readonly clock?: Clock
  /**
   * How old a lost command must be before the process list is believed: what was sent before the connection broke
   * may be read and started after the next connection is made. 0 where commands arrive at once.
   */
  readonly graceMs?: number
}

export function createHost({ name, shell, clock = systemClock, graceMs = 0 }: HostOptions): Host {
  let suspects: readonly Suspect[] = []
  let wasAsked = false

  const remembering: Shell = {
    run: async (command, options) => {
      try {
        return await shell.run(command, options)
      } catch (error) {
        if (options.effect === 'write' && error instanceof ShellError && error.fate === 'unknown') {
          suspects = [...suspects, { kind: 'own', command, sinceMs: clock.nowMs() }]
        }
        throw error
      }
    },
  }

  async function settled(names: readonly string[], signal?: AbortSignal): Promise<void> {
    if (wasAsked && !suspects.some(suspect => touches(suspect, names))) return
    const youngestMs = Math.max(0, ...suspects.map(suspect => (suspect.kind === 'own' ? suspect.sinceMs : 0)))
    const waitMs = youngestMs + graceMs - clock.nowMs()
    if (waitMs > 0) await clock.sleep(waitMs, signal)

    const known = suspects
    const lines = await listProcesses(shell, name, signal)
    const found = wasAsked ? [] : lines.filter(isChange).map(line => ({ kind: 'found', line }) as const)
    wasAsked = true
    // A command that was lost while the list was being read is not in it for certain, and stays.
    const since = suspects.filter(suspect => !known.includes(suspect))
    suspects = [...known.filter(suspect => lines.some(line => isLineOf(line, suspect))), ...since, ...found]

    const open = suspects.find(suspect => touches(suspect, names))
    if (open === undefined) return
    const what = open.kind === 'own' ? formatCommand(open.command) : open.line
    throw new StorageError('unavailable', `host ${name}: an earlier command is still running; try again: ${what}`)
  }

  return { name, shell: remembering, settled }
}

function isLineOf(line: string, suspect: Suspect): boolean {
  return suspect.kind === 'own' ? mayBeCommand(line, suspect.command) : line === suspect.line
}

function touches(suspect: Suspect, names: readonly string[]): boolean {
  if (suspect.kind === 'own') return suspect.command.some(word => names.some(name => word.includes(name)))
  // The name may stand behind the end of what is shown.
  return isTruncated(suspect.line) || names.some(name => suspect.line.includes(name))
}
