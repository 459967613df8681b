// How full a pool is. A thin volume can outgrow its pool: the guest's writes then fail in the
// middle of its file system. Thick volumes keep the space that they reserve.

import { isStorageError } from '../errors.ts'
import type { Log } from '../log.ts'
import { parseBytes } from '../zfs/bytes.ts'
import type { Properties } from '../zfs/zfs.ts'
import { parentMissing } from './catalog/sight.ts'
import type { Pool, Pools } from './pool.ts'

export const FULLNESS_PROPERTIES: readonly string[] = ['available', 'used']

/** The driver warns from this level on. ZFS itself becomes slow at about the same level. */
const NEARLY_FULL_PERCENT = 80
/** One warning per step. A line every ten minutes would be ignored. */
const STEP_PERCENT = 5

export interface Fullness {
  readonly percent: number
  readonly availableBytes: number
  readonly isNearlyFull: boolean
}

/**
 * Computed from the pool's parent dataset. Reservations count as used, and a quota counts as the
 * pool's size.
 */
export function fullnessOf(properties: Properties, dataset: string): Fullness {
  const [availableBytes = 0, usedBytes = 0] = FULLNESS_PROPERTIES.map(name =>
    parseBytes(properties.get(name)?.value, `${name} of ${dataset}`),
  )
  const bytes = availableBytes + usedBytes
  const percent = bytes === 0 ? 100 : Math.floor((usedBytes / bytes) * 100)
  return { percent, availableBytes, isNearlyFull: percent >= NEARLY_FULL_PERCENT }
}

/**
 * Warns about every pool that is nearly full, and again when it is a step fuller. One read per
 * pool.
 */
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
      // Calls that need the pool report that it does not answer. The next round looks at it again.
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
