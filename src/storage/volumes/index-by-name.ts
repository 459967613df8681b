// Which pools may have a volume of which name, as names are unique over the driver and ZFS knows
// each pool by itself. Complete for a pool before it is used, it may only ever point: whoever acts
// on it reads first, as what it says may be gone.

import type { Clock } from '../../clock.ts'
import { StorageError } from '../../errors.ts'
import { shared } from '../../locks.ts'
import { isVolumeLeaf, volumeLeaf } from '../../model/ids.ts'
import { inSight } from '../catalog/sight.ts'
import { placeOf } from '../places.ts'
import type { Pool, Pools, VolumePlace } from '../pool.ts'

/**
 * So long a pool that cannot be listed keeps the others from making volumes: a machine may be off
 * for a week.
 */
const PATIENCE_MS = 10 * 60_000

interface Known {
  /** What was listed, and what this process has begun to make since. */
  readonly leaves: Set<string>
  /** Undefined until somebody asks, and again when the listing failed. */
  listing: Promise<void> | undefined
  isListing: boolean
  /** When somebody asked first. */
  askedMs: number | undefined
}

export class VolumeNames {
  readonly #pools: Pools
  readonly #clock: Clock
  readonly #known = new Map<string, Known>()

  constructor(pools: Pools, clock: Clock) {
    this.#pools = pools
    this.#clock = clock
  }

  /**
   * Places in the other pools where a volume of that name may be. One read of each other pool at
   * the first call after the start. A pool that was not listed yet and cannot be is `unavailable`,
   * as unknown is not absent, until it was waited for long enough.
   */
  async elsewhere(
    name: string,
    asked: Pool,
    signal?: AbortSignal,
  ): Promise<readonly VolumePlace[]> {
    const others = [...this.#pools.values()].filter(pool => pool !== asked)
    const found = await Promise.all(
      others.map(async pool => {
        await this.#listed(pool, signal)
        const place = placeOf(pool, volumeLeaf(pool.cluster, pool.name, name))
        return this.#of(pool).leaves.has(place.leaf) ? [place] : []
      }),
    )
    return found.flat()
  }

  /**
   * Lists what can be listed while nobody waits; a pool that cannot is asked again by who needs it.
   */
  async learn(): Promise<void> {
    if (this.#pools.size > 1) {
      await Promise.allSettled([...this.#pools.values()].map(pool => this.#listed(pool, undefined)))
    }
  }

  /**
   * To be called before the volume is made: its creation may end with an unknown fate. Answers how
   * to take it back when nothing was made.
   */
  add({ pool, leaf }: VolumePlace): () => void {
    const known = this.#of(pool)
    const isNew = !known.leaves.has(leaf)
    known.leaves.add(leaf)
    return () => {
      // What was known before is there, and a listing under way may just have said so.
      if (isNew && !known.isListing) known.leaves.delete(leaf)
    }
  }

  remove({ pool, leaf }: VolumePlace): void {
    this.#of(pool).leaves.delete(leaf)
  }

  #of({ name }: Pool): Known {
    const known = this.#known.get(name) ?? {
      leaves: new Set(),
      listing: undefined,
      isListing: false,
      askedMs: undefined,
    }
    this.#known.set(name, known)
    return known
  }

  async #listed(pool: Pool, signal?: AbortSignal): Promise<void> {
    const known = this.#of(pool)
    const unknown = (cause: unknown) =>
      new StorageError(
        'unavailable',
        `pool ${pool.name} could not be listed since this driver started, and may have a volume ` +
          `of the same name; bring host ${pool.host.name} back, or take the pool out of the ` +
          'configuration',
        { cause },
      )
    known.askedMs ??= this.#clock.nowMs()
    // It belongs to none of the callers, whose deadlines may be shorter than the listing of a large
    // pool.
    known.listing ??= this.#list(pool, known).catch(error => {
      known.listing = undefined
      throw unknown(error)
    })
    if (this.#clock.nowMs() - known.askedMs < PATIENCE_MS) {
      await shared(known.listing, signal, () => unknown(signal?.reason))
    }
    // It is listed as soon as it can be, for those who come later.
    else known.listing.catch(() => {})
  }

  async #list(pool: Pool, known: Known): Promise<void> {
    known.isListing = true
    try {
      for (const name of await inSight(pool, pool.zfs.listDescendants(pool.dataset))) {
        const leaf = name.slice(pool.dataset.length + 1)
        // A copy: V8 keeps a part of a string as a reference to the whole, here to the text of the
        // listing.
        if (isVolumeLeaf(leaf)) known.leaves.add(Buffer.from(leaf, 'latin1').toString('latin1'))
      }
    } finally {
      known.isListing = false
    }
  }
}
