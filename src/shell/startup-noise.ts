// What a host prints before the output of every command: a login shell that cannot set its locale,
// sudo that cannot resolve the host's own name. On standard error it is cut, so that "said nothing"
// and a tool's first word mean what they mean elsewhere. It is learnt from a command that has
// nothing to say there itself, never from a list of known texts.

import type { Clock } from '../clock.ts'
import { isStorageError } from '../errors.ts'
import { isListing, LIST, LIST_HEADER } from './processes.ts'
import type { Command, CommandResult, RunOptions, Shell } from './shell.ts'

export interface StartupNoise {
  /** Lines on standard error; they are cut. */
  readonly stderr: readonly string[]
  /** Lines on standard output; they stay, as nothing tells them from an answer. */
  readonly stdout: readonly string[]
}

/**
 * sudo complains of a name service only while that is down: what is not known is learnt again, but
 * seldom.
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

  /** Undefined until a command of this host was looked at. */
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

  /** Never fails: what could not be learnt is not cut. Many that fail at once ask once. */
  #learn(): Promise<void> {
    this.#learning ??= this.#ask().finally(() => {
      this.#learning = undefined
    })
    return this.#learning
  }

  async #ask(): Promise<void> {
    try {
      // The one command that every account is allowed, on every host.
      this.#learnFrom(await this.#shell.run(LIST, { effect: 'read', timeoutMs: LEARN_TIMEOUT_MS }))
    } catch (error) {
      if (!isStorageError(error)) throw error
    }
  }

  #learnFrom({ exitStatus, stdout, stderr }: CommandResult): void {
    if (exitStatus !== 0) return
    const header = stdout.split('\n').findIndex(line => LIST_HEADER.test(line))
    // Its own complaints would be nobody else's.
    const own = /^(\S*\/)?ps: /
    this.#noise = {
      stderr: lines(stderr).filter(line => !own.test(line)),
      stdout: header < 0 ? [] : lines(stdout.split('\n').slice(0, header).join('\n')),
    }
    this.#learntAtMs = this.#clock.nowMs()
  }
}

/** Only from the beginning: what a tool says may look like it. */
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
