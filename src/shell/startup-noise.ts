// What a host prints before the output of every command. A login shell may fail to set its locale,
// or sudo to resolve the host's own name. It is cut from standard error, so that "said nothing" and
// a tool's first word mean the same as elsewhere. It is learnt from a command that prints nothing
// there itself, never from a list of known texts.

import type { Clock } from '../clock.ts'
import { isStorageError } from '../errors.ts'
import { isListing, LIST, LIST_HEADER } from './processes.ts'
import type { Command, CommandResult, RunOptions, Shell } from './shell.ts'

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

export class NoiseCuttingShell implements Shell {
  readonly #shell: Shell
  readonly #clock: Clock
  #noise: StartupNoise | undefined
  #learntAtMs = 0
  #learning: Promise<void> | undefined

  constructor(shell: Shell, clock: Clock) {
    this.#shell = shell
    this.#clock = clock
  }

  get noise(): StartupNoise | undefined {
    return this.#noise
  }

  async run(command: Command, options: RunOptions): Promise<CommandResult> {
    const result = await this.#shell.run(command, options)
    if (isListing(command)) this.#learnFrom(result)
    if (result.stderr === '') return result
    if (!isListing(command) && !this.#isKnown(result.stderr)) await this.#learn()
    return { ...result, stderr: cut(result.stderr, this.#noise?.stderr ?? []) }
  }

  #isKnown(stderr: string): boolean {
    if (this.#noise === undefined) return false
    const first = this.#noise.stderr[0]
    if (first !== undefined && stderr.startsWith(`${first}\n`)) return true
    return this.#clock.nowMs() < this.#learntAtMs + LEARN_AGAIN_AFTER_MS
  }

  /** Never fails: what cannot be learnt is not cut. Concurrent callers share one question. */
  #learn(): Promise<void> {
    this.#learning ??= this.#ask().finally(() => {
      this.#learning = undefined
    })
    return this.#learning
  }

  async #ask(): Promise<void> {
    try {
      // The one command that every account may run on every host.
      this.#learnFrom(await this.#shell.run(LIST, { effect: 'read', timeoutMs: LEARN_TIMEOUT_MS }))
    } catch (error) {
      if (!isStorageError(error)) throw error
    }
  }

  #learnFrom({ exitStatus, stdout, stderr }: CommandResult): void {
    if (exitStatus !== 0) return
    const header = stdout.split('\n').findIndex(line => LIST_HEADER.test(line))
    // Complaints of ps itself precede no other command.
    const own = /^(\S*\/)?ps: /
    this.#noise = {
      stderr: lines(stderr).filter(line => !own.test(line)),
      stdout: header < 0 ? [] : lines(stdout.split('\n').slice(0, header).join('\n')),
    }
    this.#learntAtMs = this.#clock.nowMs()
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
