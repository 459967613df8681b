// Time as a dependency. The driver's only loops are bounded waits, and tests must not sleep.

export interface Clock {
  /** For differences only. It never goes back, even if the time of day is changed. */
  nowMs(): number
  /** Resolves after `ms`. Rejects with the signal's reason if the signal is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  nowMs: () => performance.timeOrigin + performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const onAbort = () => {
        clearTimeout(timer)
        reject(signal?.reason)
      }
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }, ms)
      signal?.addEventListener('abort', onAbort, { once: true })
    }),
}

export interface Wait {
  readonly clock: Clock
  readonly limitMs: number
  readonly pollMs: number
}

/**
 * Calls `look` until it returns a value, and returns that. Undefined: the limit has passed. It
 * looks at least once, and once more at the end.
 */
export async function until<T>(
  { clock, limitMs, pollMs }: Wait,
  look: () => Promise<T | undefined>,
  signal?: AbortSignal,
): Promise<T | undefined> {
  const deadlineMs = clock.nowMs() + limitMs
  for (;;) {
    const found = await look()
    if (found !== undefined || clock.nowMs() >= deadlineMs) return found
    await clock.sleep(pollMs, signal)
  }
}
