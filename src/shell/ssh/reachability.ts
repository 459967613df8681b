// What is known of a host that cannot be reached: why, when the next attempt may be made, and for
// how long commands wait for it. It makes no attempt itself.

import { type Fault, ShellError } from '../shell.ts'
import { PassingFailure } from './connection.ts'

/**
 * How long commands wait for the next connection after one that had worked was lost (decision 024).
 */
export const RECONNECT_WAIT_MS = 5000
/** How long a command waits for a host that did not answer last time. */
const DOUBTFUL_WAIT_MS = 1500
const FIRST_BACKOFF_MS = 100
const LAST_BACKOFF_MS = 2000

interface Failure {
  readonly error: unknown
  readonly fault: Fault
  /** No attempt before this time. */
  readonly untilMs: number
}

export class Reachability {
  #failure: Failure | undefined
  #backoffMs = FIRST_BACKOFF_MS
  /** When a connection was lost last. */
  #lostAtMs = Number.NEGATIVE_INFINITY

  /** The last attempt failed: nothing has been heard of the host since. */
  get failure(): Failure | undefined {
    return this.#failure
  }

  get backoffLeftMs(): number {
    return Math.max(0, (this.#failure?.untilMs ?? 0) - performance.now())
  }

  /** Commands wait for another attempt: a connection was lost just now, and may come back. */
  get isAwaited(): boolean {
    return (
      (this.#failure === undefined || this.#failure.error instanceof PassingFailure) &&
      performance.now() < this.#lostAtMs + RECONNECT_WAIT_MS
    )
  }

  /** How long a command without any connection waits at most after a failed attempt. */
  get waitMs(): number {
    const awaitedMs = this.#lostAtMs + RECONNECT_WAIT_MS - performance.now()
    return this.isAwaited ? Math.max(DOUBTFUL_WAIT_MS, awaitedMs) : DOUBTFUL_WAIT_MS
  }

  connected(): void {
    this.#failure = undefined
  }

  /** `isAlive`: the host holds other connections, so it has not fallen silent. */
  failed(error: unknown, isAlive: boolean): void {
    const fault = !isAlive && error instanceof ShellError ? error.fault : 'local'
    this.#failure = { error, fault, untilMs: performance.now() + this.#backoffMs }
    this.#backoffMs = Math.min(LAST_BACKOFF_MS, this.#backoffMs * 2)
  }

  /**
   * A connection was lost. The next one is made at once, if a command had ended on this one.
   * Otherwise the next may end alike, so the host counts as one that refuses.
   */
  lost({ hasServed, isAlive }: { readonly hasServed: boolean; readonly isAlive: boolean }): void {
    this.#lostAtMs = performance.now()
    if (hasServed) {
      this.#failure = undefined
      this.#backoffMs = FIRST_BACKOFF_MS
    } else {
      const reason = 'the last connection was lost before a command had ended on it'
      this.failed(new PassingFailure('not-started', reason), isAlive)
    }
  }
}
