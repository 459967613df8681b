// Remembers which pools may have a volume of a given name. Names are unique over the driver, but
// ZFS knows each pool separately. The index of a pool is complete before it is used. Callers read a
// volume that it names before they act, because it may be gone.

import type { Clock } from '../../clock.ts'
import { StorageError } from '../../errors.ts'
import { shared } from '../../locks.ts'
import { isVolumeLeaf, volumeLeaf } from '../../model/ids.ts'
import { inSight } from '../catalog/sight.ts'
import { placeOf } from '../places.ts'
import type { Pool, Pools, VolumePlace } from '../pool.ts'

/**
 * For this long, a pool that cannot be listed blocks the creation of volumes in other pools. A
 * machine may be off for a week.
 */
const PATIENCE_MS = 10 * 60_000

interface Known {
  /** The leaves that were listed, and those that this process has started to create since. */
  readonly leaves: Set<string>
  /** Undefined before the first call, and again after a failed listing. */
  listing: Promise<void> | undefined
  isListing: boolean
  /** The time of the first call. */
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
   * Places in the other pools where a volume of that name may be. The first call after the start
   * lists each other pool once. A pool that has never been listed and cannot be listed is
   * `unavailable`, because unknown is not absent. After PATIENCE_MS such a pool is ignored.
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
   * Lists the pools in the background. A pool that fails is listed again by the next call that
   * needs it.
   */
  async learn(): Promise<void> {
    if (this.#pools.size > 1) {
      await Promise.allSettled([...this.#pools.values()].map(pool => this.#listed(pool, undefined)))
    }
  }

  /**
   * Call this before the volume is created, because its creation may end with an unknown fate.
   * Returns a function that removes the entry when nothing was created.
   */
  add({ pool, leaf }: VolumePlace): () => void {
    const known = this.#of(pool)
    const isNew = !known.leaves.has(leaf)
    known.leaves.add(leaf)
    return () => {
      // An entry from before stays. A listing in progress may just have found the volume.
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
          `of the same name; bring host ${pool.host.name} back, or remove the pool from the ` +
          'configuration',
        { cause },
      )
    known.askedMs ??= this.#clock.nowMs()
    // The listing belongs to no caller, because a caller's deadline may be shorter than the listing
    // of a large pool.
    known.listing ??= this.#list(pool, known).catch(error => {
      known.listing = undefined
      throw unknown(error)
    })
    if (this.#clock.nowMs() - known.askedMs < PATIENCE_MS) {
      await shared(known.listing, signal, () => unknown(signal?.reason))
    }
    // The listing goes on in the background for later callers.
    else known.listing.catch(() => {})
  }

  async #list(pool: Pool, known: Known): Promise<void> {
    known.isListing = true
    try {
      for (const name of await inSight(pool, pool.zfs.listDescendants(pool.dataset))) {
        const leaf = name.slice(pool.dataset.length + 1)
        // Copies the text. V8 keeps a part of a string as a reference to the whole, here to the
        // text of the listing.
        if (isVolumeLeaf(leaf)) known.leaves.add(Buffer.from(leaf, 'latin1').toString('latin1'))
      }
    } finally {
      known.isListing = false
    }
  }
}
