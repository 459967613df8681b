// A connection that is never left to the kernel: when it is given up, what was not sent yet is
// dropped with it. A plain close would have the kernel go on sending, for many minutes: a command
// that was lost in a partition would arrive when that heals.

import { Socket } from 'node:net'

export class ResettingSocket extends Socket {
  #isReset = false
  #cause: Error | undefined

  /** Ends with RST. Whoever gives the connection up comes here, the ssh library included. */
  override destroy(error?: Error): this {
    // `resetAndDestroy` calls this method itself, and knows no reason.
    if (this.#isReset) return super.destroy(error ?? this.#cause)
    // While a polite end is on its way a reset is refused (EINVAL), and the socket would stay open
    // for ever.
    const isEnding = this.writableEnded && this.writableLength === 0
    if (isEnding || this.connecting || this.destroyed || this.pending) return super.destroy(error)
    this.#isReset = true
    this.#cause = error
    return this.resetAndDestroy()
  }
}
