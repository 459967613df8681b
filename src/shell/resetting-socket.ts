// A connection that is never left to the kernel: when it is given up, what was not sent yet is dropped with it. A plain close
// would have the kernel go on sending, for many minutes: a command that was lost in a partition would arrive when that heals.

import { Socket } from 'node:net'

export class ResettingSocket extends Socket {
  #isReset = false

  /** Ends with RST. Whoever gives the connection up comes here, the ssh library included. */
  override destroy(error?: Error): this {
    if (this.#isReset || this.connecting || this.destroyed || this.pending) return super.destroy(error)
    this.#isReset = true
    return this.resetAndDestroy()
  }
}
