// Measures how long a call waits for others: for a lock, a turn, a session of a connection, or a
// listing in flight. Without it the log could not tell a slow call from a waiting one.

import { AsyncLocalStorage } from 'node:async_hooks'
import { type Clock, systemClock } from './clock.ts'

const current = new AsyncLocalStorage<Queueing>()

/** Work of one call may wait in several queues at once. Overlapping times count once. */
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

  /** Measures the waits of the work and of everything it starts. */
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

/** The current call waits from now until the returned function is called. */
export function enterQueue(): () => void {
  return current.getStore()?.enter() ?? (() => {})
}
