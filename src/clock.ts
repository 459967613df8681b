// Time as a dependency: the only loops of the driver are bounded waits, and tests must not sleep.

export interface Clock {
  /** For differences only: it never goes back, whatever happens to the time of day. */
  nowMs(): number
  /** Resolves after `ms`; rejects with the signal's reason when it is aborted first. */
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
 * Looks until something is there, and answers it; undefined when the limit has passed without. It
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
