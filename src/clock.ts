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
  /** The first pause, if it is shorter; each is twice as long as the one before, up to `pollMs`. */
  readonly firstPollMs?: number
}

/**
 * Calls `look` until it returns a value, and returns that. Undefined: the limit has passed. It
 * looks at least once, and once more at the end.
 */
export async function until<T>(
  { clock, limitMs, pollMs, firstPollMs = pollMs }: Wait,
  look: () => Promise<T | undefined>,
  signal?: AbortSignal,
): Promise<T | undefined> {
  const deadlineMs = clock.nowMs() + limitMs
  for (let looks = 1; ; looks++) {
    const found = await look()
    if (found !== undefined || clock.nowMs() >= deadlineMs) return found
    const pauseMs = pauseAfter(looks, { firstMs: firstPollMs, longestMs: pollMs })
    await clock.sleep(pauseMs, signal)
  }
}

/**
 * Does the work now and then every so often, until the returned function is called. That one
 * resolves when the work in progress has ended. The work handles its own failures.
 */
export function repeat(
  { clock, everyMs }: { readonly clock: Clock; readonly everyMs: number },
  work: (signal: AbortSignal) => Promise<void>,
): () => Promise<void> {
  return keepAt(async signal => {
    while (!signal.aborted) {
      await work(signal)
      await clock.sleep(everyMs, signal).catch(() => {})
    }
  })
}

/** Begins work, until the returned function is called. That one resolves when it has ended. */
export function keepAt(work: (signal: AbortSignal) => Promise<void>): () => Promise<void> {
  const stopped = new AbortController()
  const running = work(stopped.signal)
  return async () => {
    stopped.abort()
    await running
  }
}

/** How long to wait after so many failures in a row: twice as long after each, up to a limit. */
export function pauseAfter(
  failures: number,
  { firstMs, longestMs }: { readonly firstMs: number; readonly longestMs: number },
): number {
  return Math.min(firstMs * 2 ** (failures - 1), longestMs)
}
