// Runs the reaper at the controller's start and then periodically. So volumes that a cut-off call
// left waiting are destroyed too.

import { types } from 'node:util'
import { type Clock, repeat } from '../../clock.ts'
import { describeError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import type { FullnessWatch } from '../fullness.ts'
import type { Reaper } from './reaper.ts'

/**
 * A round costs a few reads per pool. It finds only volumes that no deletion has destroyed already.
 */
const ROUND_MS = 10 * 60_000

/**
 * Runs until the returned function is called. That function resolves when the current round has
 * ended.
 */
export function keepSweeping(
  reaper: Reaper,
  {
    clock,
    log,
    fullness,
  }: { readonly clock: Clock; readonly log: Log; readonly fullness?: FullnessWatch },
): () => Promise<void> {
  return repeat({ clock, everyMs: ROUND_MS }, async signal => {
    try {
      const volumes = await reaper.sweep(signal)
      if (volumes > 0) {
        log.info({ count: volumes }, 'deleted volumes destroyed after their last dependant')
      }
    } catch (error) {
      // The next round tries a pool that does not answer again.
      if (!types.isNativeError(error)) throw error
      log.warn({ error: describeError(error) }, 'deleted volumes could not be looked at')
    }
    await fullness?.look(signal)
  })
}
