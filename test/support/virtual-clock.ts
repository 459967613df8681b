// Time that passes only when a test says so. Who sleeps wakes in the order of time, and everything
// that can go on by itself does so before the next one wakes.

import type { Clock } from '../../src/clock.ts'

interface Sleeper {
  readonly atMs: number
  readonly wake: () => void
}

export class VirtualTime {
  #nowMs = 0
  #sleepers: Sleeper[] = []

  get nowMs(): number {
    return this.#nowMs
  }

  /** A clock of one host: it began to count elsewhere, and runs faster or slower than the time. */
  clock({ offsetMs = 0, rate = 1 } = {}): Clock {
    return {
      nowMs: () => offsetMs + this.#nowMs * rate,
      sleep: (ms, signal) =>
        new Promise((resolve, reject) => {
          if (signal?.aborted) return reject(signal.reason)
          const sleeper = { atMs: this.#nowMs + ms / rate, wake: () => resolve() }
          this.#sleepers.push(sleeper)
          signal?.addEventListener(
            'abort',
            () => {
              this.#sleepers = this.#sleepers.filter(each => each !== sleeper)
              reject(signal.reason)
            },
            { once: true },
          )
        }),
    }
  }

  /** `seen` is called at every moment at which something happened. */
  async pass(ms: number, seen: () => void = () => {}): Promise<void> {
    const untilMs = this.#nowMs + ms
    for (;;) {
      await settled()
      seen()
      const next = this.#sleepers.reduce<Sleeper | undefined>(
        (first, each) => (first === undefined || each.atMs < first.atMs ? each : first),
        undefined,
      )
      if (next === undefined || next.atMs > untilMs) break
      this.#sleepers = this.#sleepers.filter(each => each !== next)
      this.#nowMs = Math.max(this.#nowMs, next.atMs)
      next.wake()
    }
    this.#nowMs = untilMs
    seen()
  }
}

async function settled(): Promise<void> {
  await new Promise(resolve => setImmediate(resolve))
}
