// The reaper's round while the controller runs: at start and then from time to time, so that what a
// cut left waiting goes too.

import { types } from 'node:util'
import type { Clock } from '../../clock.ts'
import { describeError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import type { FullnessWatch } from '../fullness.ts'
import type { Reaper } from './reaper.ts'

/**
 * A look costs a few reads a pool; what waits here is only what nobody's own deletion took along.
 */
const ROUND_MS = 10 * 60_000

/** Until the returned function is called, which resolves when the round under way has ended. */
export function keepSweeping(
  reaper: Reaper,
  {
    clock,
    log,
    fullness,
  }: { readonly clock: Clock; readonly log: Log; readonly fullness?: FullnessWatch },
): () => Promise<void> {
  const stopped = new AbortController()
  const rounds = async () => {
    while (!stopped.signal.aborted) {
      try {
        const volumes = await reaper.sweep(stopped.signal)
        if (volumes > 0) {
          log.info({ count: volumes }, 'deleted volumes went with their last dependant')
        }
      } catch (error) {
        // A pool that does not answer is looked at again in the next round.
        if (!types.isNativeError(error)) throw error
        log.warn({ error: describeError(error) }, 'deleted volumes could not be looked at')
      }
      await fullness?.look(stopped.signal)
      await clock.sleep(ROUND_MS, stopped.signal).catch(() => {})
    }
  }
  const running = rounds()
  return async () => {
    stopped.abort()
    await running
  }
}
