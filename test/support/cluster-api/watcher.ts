// One watch of the cluster: the changes that belong to it, in order, until it is ended or cut.

import { StorageError } from '../../../src/errors.ts'

export type Ending = 'ended' | 'cut'

export class Watcher {
  /** It hears of later changes only. */
  readonly from: number
  readonly #matches: (path: string) => boolean
  readonly #lines: string[] = []
  #ending: Ending | undefined
  #wake = () => {}

  constructor(from: number, matches: (path: string) => boolean) {
    this.from = from
    this.#matches = matches
  }

  matches(path: string): boolean {
    return this.#matches(path)
  }

  /** A copy, as over a wire. */
  push(event: object): void {
    this.#lines.push(JSON.stringify(event))
    this.#wake()
  }

  close(ending: Ending): void {
    this.#ending ??= ending
    this.#wake()
  }

  /** A watch that is cut loses what has not arrived yet. */
  async *lines(signal: AbortSignal): AsyncGenerator<string, void, undefined> {
    const wake = () => this.#wake()
    signal.addEventListener('abort', wake)
    try {
      for (;;) {
        if (signal.aborted || this.#ending === 'cut') {
          throw new StorageError('unavailable', 'the watch was cut', { cause: signal.reason })
        }
        const line = this.#lines.shift()
        if (line !== undefined) yield line
        else if (this.#ending === 'ended') return
        else await new Promise<void>(resolve => (this.#wake = resolve))
      }
    } finally {
      signal.removeEventListener('abort', wake)
    }
  }
}
