// How full a pool is. A thin volume promises its guest bytes that the pool may no longer have: the
// guest's writes then fail, in the middle of its file system. Thick volumes keep what they reserve.

import { isStorageError } from '../errors.ts'
import type { Log } from '../log.ts'
import { parseBytes } from '../zfs/bytes.ts'
import type { Properties } from '../zfs/zfs.ts'
import { parentMissing } from './catalog/sight.ts'
import type { Pool, Pools } from './pool.ts'

export const FULLNESS_PROPERTIES: readonly string[] = ['available', 'used']

/** From here a pool is worth a warning; ZFS itself becomes slow from about there, too. */
const NEARLY_FULL_PERCENT = 80
/** A warning for each of them: a line every ten minutes would be read by nobody. */
const STEP_PERCENT = 5

export interface Fullness {
  readonly percent: number
  readonly availableBytes: number
  readonly isNearlyFull: boolean
}

/** Of a pool's parent dataset: reservations count as used, and a quota as the end. */
export function fullnessOf(properties: Properties, dataset: string): Fullness {
  const [availableBytes = 0, usedBytes = 0] = FULLNESS_PROPERTIES.map(name =>
    parseBytes(properties.get(name)?.value, `${name} of ${dataset}`),
  )
  const bytes = availableBytes + usedBytes
  const percent = bytes === 0 ? 100 : Math.floor((usedBytes / bytes) * 100)
  return { percent, availableBytes, isNearlyFull: percent >= NEARLY_FULL_PERCENT }
}

/** Warns of every pool that is nearly full, and again when it is a step fuller. One read a pool. */
export class FullnessWatch {
  readonly #pools: Pools
  readonly #log: Log
  readonly #warned = new Map<string, number>()

  constructor({ pools, log }: { readonly pools: Pools; readonly log: Log }) {
    this.#pools = pools
    this.#log = log
  }

  async look(signal?: AbortSignal): Promise<void> {
    for (const pool of this.#pools.values()) await this.#lookAt(pool, signal)
  }

  async #lookAt(pool: Pool, signal?: AbortSignal): Promise<void> {
    let fullness: Fullness
    try {
      const found = await pool.zfs.getProperties(FULLNESS_PROPERTIES, [pool.dataset], signal)
      const properties = found.get(pool.dataset)
      if (properties === undefined) throw parentMissing(pool)
      fullness = fullnessOf(properties, pool.dataset)
    } catch (error) {
      // That it does not answer is told by whoever needs it; it is looked at again in the next
      // round.
      if (!isStorageError(error)) throw error
      return
    }
    const { percent, availableBytes, isNearlyFull } = fullness
    const step = isNearlyFull ? Math.floor(percent / STEP_PERCENT) : 0
    if (step > (this.#warned.get(pool.name) ?? 0)) {
      const fields = { pool: pool.name, host: pool.host.name, percent, availableBytes }
      this.#log.warn(fields, 'pool nearly full: writes to thin volumes fail when it is')
    }
    this.#warned.set(pool.name, step)
  }
}
