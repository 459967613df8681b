// Deleted volumes that waited for a snapshot or a clone: destroyed when the last dependant has
// gone. Only ever tries what zfs itself refuses while anything depends on it; never recursive,
// never forced, never a promote.

import { isStorageError, StorageError } from '../../errors.ts'
import { type KeyedLock, shared } from '../../locks.ts'
import { isVolumeLeaf } from '../../model/ids.ts'
import type { Volume } from '../../model/volumes.ts'
import { listHiddenLeft, readTombstones } from '../catalog/lists.ts'
import { readVolume } from '../catalog/read.ts'
import { placeOf } from '../places.ts'
import type { Pool, Pools, VolumePlace } from '../pool.ts'
import { dropHiddenSnapshots } from './hidden-snapshots.ts'
import { destroyTombstone } from './tombstones.ts'

export class Reaper {
  readonly #pools: Pools
  readonly #lock: KeyedLock
  #waiting: Promise<Set<string>> | undefined

  constructor(options: { pools: Pools; lock: KeyedLock }) {
    this.#pools = options.pools
    this.#lock = options.lock
  }

  /** Two looks at every pool. Returns how many volumes went. */
  async sweep(signal?: AbortSignal): Promise<number> {
    for (const pool of this.#pools.values()) await this.#dropHiddenSnapshots(pool, signal)
    let gone = 0
    for (const volume of await readTombstones(this.#pools, signal)) {
      const pool = this.#pools.get(volume.pool)
      if (pool !== undefined) gone += await this.#reapLocked(placeOf(pool, volume.leaf), signal)
    }
    return gone
  }

  async #dropHiddenSnapshots(pool: Pool, signal?: AbortSignal): Promise<void> {
    const left = await listHiddenLeft(pool, signal)
    const places = left.flatMap(name => placeOfSnapshot(pool, name) ?? [])
    for (const place of places) {
      await this.#lock.hold(place.volumeId, signal, () => dropHiddenSnapshots(place, signal))
    }
  }

  /**
   * After what was made from `origin` went: its volume goes too if it only waited for that, and so
   * on. The caller holds no lock, and his deadline ends nothing: when he calls again nobody knows
   * what the volume that went was made from.
   */
  async reapOrigin(pool: Pool, origin: string | undefined): Promise<void> {
    const place = origin === undefined ? undefined : placeOfSnapshot(pool, origin)
    if (place !== undefined) await this.#reapLocked(place, undefined)
  }

  // One lock after the other: whoever holds the origin may be waiting for what was made from it.
  async #reapLocked(place: VolumePlace, signal?: AbortSignal): Promise<number> {
    let count = 0
    for (let next: VolumePlace | undefined = place; next !== undefined; count++) {
      const at: VolumePlace = next
      const gone = await this.#lock.hold(at.volumeId, signal, () => this.reap(at, signal))
      if (gone === undefined) break
      next = gone.origin === undefined ? undefined : placeOfSnapshot(at.pool, gone.origin)
    }
    return count
  }

  /**
   * As reap, but costs no command for a volume that is not known to wait. What is known is complete
   * before it is used (one read a pool, once), and what waits is read again before it is destroyed.
   */
  async reapKnown(place: VolumePlace, signal?: AbortSignal): Promise<Volume | undefined> {
    this.#waiting ??= this.#readWaiting().catch(error => {
      this.#waiting = undefined
      throw error
    })
    const late = () =>
      new StorageError('unavailable', 'the deadline passed while deleted volumes were listed', {
        cause: signal?.reason,
      })
    return (await shared(this.#waiting, signal, late)).has(place.volumeId)
      ? this.reap(place, signal)
      : undefined
  }

  // Belongs to no caller: the deadline of the first would end it for all.
  async #readWaiting(): Promise<Set<string>> {
    return new Set((await readTombstones(this.#pools)).map(volume => volume.id))
  }

  /** To be told of every volume that begins to wait. */
  async noteWaiting(volumeId: string): Promise<void> {
    // What could not be read is read again, and then has this one.
    ;(await this.#waiting?.catch(() => undefined))?.add(volumeId)
  }

  /**
   * Answers what went, whose origin may go next (reapOrigin). The caller holds the volume's lock,
   * and gives it up before that.
   */
  async reap(place: VolumePlace, signal?: AbortSignal): Promise<Volume | undefined> {
    try {
      return await this.bury(place, signal)
    } catch (error) {
      // Somebody sees it, or holds it: then it waits on, and the audit says for what.
      if (isStorageError(error, 'busy', 'in-use', 'failed-precondition')) return undefined
      throw error
    }
  }

  /** As reap, but says who sees the volume. */
  async bury(place: VolumePlace, signal?: AbortSignal): Promise<Volume | undefined> {
    const { tombstone, sharing } = await readVolume(place, signal)
    // Recorded as attached by another controller while this one deleted it: its detachment comes
    // first.
    if (tombstone === undefined || sharing !== undefined) return undefined
    if (await destroyTombstone(place, signal)) return tombstone
    // Its deletion may have been cut off before it gave back what it reserved.
    if (tombstone.reservedBytes > 0) {
      await place.pool.zfs.setProperty(place.dataset, ['refreservation', 'none'], signal)
    }
    return undefined
  }
}

function placeOfSnapshot(pool: Pool, snapshot: string): VolumePlace | undefined {
  const [dataset = ''] = snapshot.split('@')
  const leaf = dataset.startsWith(`${pool.dataset}/`) ? dataset.slice(pool.dataset.length + 1) : ''
  return isVolumeLeaf(leaf) ? placeOf(pool, leaf) : undefined
}
