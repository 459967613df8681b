// The search for a shorter sequence that still differs, for a limited time.

/**
 * A check for fast-check whose first run has all the time that its test has. Once it has failed,
 * shorter cases are tried for `limitMs`; later ones count as passed and end the search.
 */
export function shrinkingFor<T>(
  limitMs: number,
  check: (value: T) => Promise<void>,
): (value: T) => Promise<void> {
  let endMs = Number.POSITIVE_INFINITY
  return async value => {
    if (Date.now() > endMs) return
    try {
      await check(value)
    } catch (error) {
      endMs = Math.min(endMs, Date.now() + limitMs)
      throw error
    }
  }
}
