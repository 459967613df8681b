// Destroys deleted volumes after their last snapshot or clone is gone. It only tries commands that
// zfs refuses while anything depends on the volume. It is never recursive, never forced, and never
// promotes a clone.

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

  /**
   * Reads the hidden snapshots and the deleted volumes of every pool. Returns the number of
   * destroyed volumes.
   */
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
   * Called after a clone of `origin` was destroyed. If the origin's volume only waited for that
   * clone, it is destroyed too, and so on. The caller holds no lock. The caller's deadline does not
   * end this work: a later call could not find the origin any more.
   */
  async reapOrigin(pool: Pool, origin: string | undefined): Promise<void> {
    const place = origin === undefined ? undefined : placeOfSnapshot(pool, origin)
    if (place !== undefined) await this.#reapLocked(place, undefined)
  }

  // Takes one lock at a time: a call that holds the origin may be waiting for its clone.
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
   * Like `reap`, but runs no command for a volume that does not wait. The set of waiting volumes is
   * complete before it is used (one read per pool, once). A waiting volume is read again before it
   * is destroyed.
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

  // This read belongs to no caller: the deadline of the first one would end it for all.
  async #readWaiting(): Promise<Set<string>> {
    return new Set((await readTombstones(this.#pools)).map(volume => volume.id))
  }

  /** Must be called for every volume that starts to wait. */
  async noteWaiting(volumeId: string): Promise<void> {
    // If the read failed, the next read includes this volume.
    ;(await this.#waiting?.catch(() => undefined))?.add(volumeId)
  }

  /**
   * Returns the destroyed volume, whose origin may be destroyed next (`reapOrigin`). The caller
   * holds the volume's lock and releases it before that.
   */
  async reap(place: VolumePlace, signal?: AbortSignal): Promise<Volume | undefined> {
    try {
      return await this.bury(place, signal)
    } catch (error) {
      // A machine still sees the volume, or something holds it. It keeps waiting, and the audit
      // reports the reason.
      if (isStorageError(error, 'busy', 'in-use', 'failed-precondition')) return undefined
      throw error
    }
  }

  /** Like `reap`, but throws an error that names who still sees the volume. */
  async bury(place: VolumePlace, signal?: AbortSignal): Promise<Volume | undefined> {
    const { tombstone, sharing } = await readVolume(place, signal)
    // Another controller recorded an attachment while this one deleted the volume. It must be
    // detached first.
    if (tombstone === undefined || sharing !== undefined) return undefined
    if (await destroyTombstone(place, signal)) return tombstone
    // Its deletion may have been cut off before the reservation was released.
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
