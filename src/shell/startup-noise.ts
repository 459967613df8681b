// What a host prints before the output of every command. A login shell may fail to set its locale,
// or sudo to resolve the host's own name. It is cut from standard error, so that "said nothing" and
// a tool's first word mean the same as elsewhere. It is learnt from a command that prints nothing
// there itself, never from a list of known texts.

import type { Clock } from '../clock.ts'
import { isStorageError } from '../errors.ts'
import { isListing, LIST, LIST_HEADER } from './processes.ts'
import type { CommandResult, Shell } from './shell.ts'

export interface StartupNoise {
  /** Lines on standard error, which are cut. */
  readonly stderr: readonly string[]
  /** Lines on standard output, which stay: nothing tells them from an answer. */
  readonly stdout: readonly string[]
}

/**
 * sudo complains about a name service only while that is down. So unknown text makes the shell
 * learn again, but not often.
 */
const LEARN_AGAIN_AFTER_MS = 300_000
const LEARN_TIMEOUT_MS = 10_000

/** A shell whose results are free of the noise, and which tells what the noise is. */
export interface QuietShell extends Shell {
  /** Undefined until the host has shown it. */
  noise(): StartupNoise | undefined
}

export function quieted(shell: Shell, clock: Clock): QuietShell {
  let noise: StartupNoise | undefined
  let learntAtMs = 0
  let learning: Promise<void> | undefined

  function learnFrom(listing: CommandResult): void {
    if (listing.exitStatus !== 0) return
    noise = noiseOf(listing)
    learntAtMs = clock.nowMs()
  }

  async function ask(): Promise<void> {
    try {
      // The one command that every account may run on every host.
      learnFrom(await shell.run(LIST, { effect: 'read', timeoutMs: LEARN_TIMEOUT_MS }))
    } catch (error) {
      if (!isStorageError(error)) throw error
    }
  }

  /** Never fails: what cannot be learnt is not cut. Concurrent callers share one question. */
  function learn(): Promise<void> {
    learning ??= ask().finally(() => {
      learning = undefined
    })
    return learning
  }

  function isKnown(stderr: string): boolean {
    if (noise === undefined) return false
    const first = noise.stderr[0]
    if (first !== undefined && stderr.startsWith(`${first}\n`)) return true
    return clock.nowMs() < learntAtMs + LEARN_AGAIN_AFTER_MS
  }

  return {
    noise: () => noise,
    run: async (command, options) => {
      const result = await shell.run(command, options)
      if (isListing(command)) learnFrom(result)
      if (result.stderr === '') return result
      if (!isListing(command) && !isKnown(result.stderr)) await learn()
      return { ...result, stderr: cut(result.stderr, noise?.stderr ?? []) }
    },
  }
}

function noiseOf({ stdout, stderr }: CommandResult): StartupNoise {
  const header = stdout.split('\n').findIndex(line => LIST_HEADER.test(line))
  // Complaints of ps itself precede no other command.
  const own = /^(\S*\/)?ps: /
  return {
    stderr: lines(stderr).filter(line => !own.test(line)),
    stdout: header < 0 ? [] : lines(stdout.split('\n').slice(0, header).join('\n')),
  }
}

/** Cuts only at the beginning: later lines of a tool may look the same. */
function cut(text: string, noise: readonly string[]): string {
  let rest = text
  for (;;) {
    const end = rest.indexOf('\n')
    const line = end < 0 ? rest : rest.slice(0, end)
    if (rest === '' || !noise.includes(line)) return rest
    rest = end < 0 ? '' : rest.slice(end + 1)
  }
}

function lines(text: string): readonly string[] {
  return text.split('\n').filter(line => line.trim() !== '')
}
