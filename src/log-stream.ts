// What stands between the log and its stream. A full disk, a reader that has gone and one that does
// not read cost lines of the log and nothing else: a line is handed over and never waited for,
// lines that find no place are counted, and the count is told when one is taken again.

import type { Writable } from 'node:stream'

/** What may wait for a reader that is slow. A pipe takes 64 KiB more. */
const MAX_WAITING_CHARACTERS = 512 * 1024

export class LossyStream {
  readonly #stream: Writable
  #tell: (lostSinceStart: number) => void = () => {}
  #lost = 0
  #isTold = true

  constructor(stream: Writable) {
    this.#stream = stream
    // Every failed write says so itself; without a listener it would end the process.
    stream.on('error', () => {})
  }

  /** `tell` hears how many lines were lost since the start, when one is taken again. */
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
    // What is told may be lost as well; then it is told again.
    this.#isTold = false
  }

  /** Resolves when what was written has been taken or has failed, and after `ms` at the latest. */
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
