// A connection that is never left to the kernel: giving it up also drops what is not sent yet.
// After a plain close the kernel would go on sending for many minutes. A command lost in a network
// partition would then arrive when the partition heals.

import { Socket } from 'node:net'

export class ResettingSocket extends Socket {
  #isReset = false
  #cause: Error | undefined

  /** Ends with RST. Everyone who gives the connection up comes here, the ssh library included. */
  override destroy(error?: Error): this {
    // `resetAndDestroy` calls this method again, without a reason.
    if (this.#isReset) return super.destroy(error ?? this.#cause)
    // While an orderly end is under way, a reset is refused (EINVAL), and the socket would stay
    // open for ever.
    const isEnding = this.writableEnded && this.writableLength === 0
    if (isEnding || this.connecting || this.destroyed || this.pending) return super.destroy(error)
    this.#isReset = true
    this.#cause = error
    return this.resetAndDestroy()
  }
}
