// Stands between the log and its stream. A full disk, or a reader that is gone or slow, costs log
// lines and nothing else. Lines are handed over and never waited for. Lost lines are counted, and
// the count is logged when a line is accepted again.

import type { Writable } from 'node:stream'

/** The most text that waits for a slow reader. A pipe holds 64 KiB more. */
const MAX_WAITING_CHARACTERS = 512 * 1024

export class LossyStream {
  readonly #stream: Writable
  #tell: (lostSinceStart: number) => void = () => {}
  #lost = 0
  #isTold = true

  constructor(stream: Writable) {
    this.#stream = stream
    // Each failed write reports its own error. Without a listener the error would end the process.
    stream.on('error', () => {})
  }

  /** `tell` gets the number of lines lost since the start, when a line is accepted again. */
  onRecovery(tell: (lostSinceStart: number) => void): void {
    this.#tell = tell
  }

  write(line: string): void {
    if (this.#stream.writableLength > MAX_WAITING_CHARACTERS) this.#lose()
    else this.#stream.write(line, error => (error ? this.#lose() : this.#recover()))
  }

  #recover(): void {
    if (this.#isTold) return
    this.#isTold = true
    this.#tell(this.#lost)
  }

  #lose(): void {
    this.#lost += 1
    // The line with the count may be lost too. Then it is logged again.
    this.#isTold = false
  }

  /** Resolves when all written lines were accepted or failed, and after `ms` at the latest. */
  async drain(ms: number): Promise<void> {
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, ms)
      this.#stream.write('', () => {
        clearTimeout(timer)
        resolve()
      })
    })
  }
}
