// How much of a call's time was spent behind others: for a lock, a turn, a session of a connection,
// the end of a listing that runs. A call that was slow and one that had to wait look the same in
// the log without it.

import { AsyncLocalStorage } from 'node:async_hooks'
import { type Clock, systemClock } from './clock.ts'

const current = new AsyncLocalStorage<Queueing>()

/** Times that overlap, as work of one call may wait in several queues at once, count once. */
export class Queueing {
  readonly #clock: Clock
  #places = 0
  #sinceMs = 0
  #totalMs = 0

  constructor(clock: Clock = systemClock) {
    this.#clock = clock
  }

  get ms(): number {
    return this.#totalMs + (this.#places > 0 ? this.#clock.nowMs() - this.#sinceMs : 0)
  }

  /** Counts the queues that the work and all that it starts stand in. */
  during<T>(work: () => T): T {
    return current.run(this, work)
  }

  enter(): () => void {
    if (this.#places === 0) this.#sinceMs = this.#clock.nowMs()
    this.#places += 1
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      this.#places -= 1
      if (this.#places === 0) this.#totalMs += this.#clock.nowMs() - this.#sinceMs
    }
  }
}

/** From now on, until the returned function is called, the call at work waits for others. */
export function enterQueue(): () => void {
  return current.getStore()?.enter() ?? (() => {})
}
