// Volumes: create, delete, find, and report capacity. Creates first, then reads and compares on
// "exists". The same request completes a creation that was cut off.

import type { Clock } from '../../clock.ts'
import { type ErrorKind, isStorageError, StorageError } from '../../errors.ts'
import type { KeyedLock } from '../../locks.ts'
import { volumeLeaf } from '../../model/ids.ts'
import type { Volume, VolumeSpec } from '../../model/volumes.ts'
import { readVolume, requireVolume } from '../catalog/read.ts'
import { findPlace, getPlace, placeOf } from '../places.ts'
import type { Pools, VolumePlace } from '../pool.ts'
import { createFromSource, findReplayed } from './creation.ts'
import { destroyVolume } from './deletion.ts'
import { VolumeNames } from './index-by-name.ts'
import type { Reaper } from './reaper.ts'
import { type Capacity, type CapacityQuery, readCapacity, selectPool } from './selection.ts'
import { findSource } from './sources.ts'
import { NameFreedError } from './tombstones.ts'
import type { Wish } from './wanted.ts'

/** Errors that may mean that nothing was created. */
const REFUSALS: readonly ErrorKind[] = ['not-found', 'out-of-range', 'invalid-argument', 'no-space']

export class Volumes {
  readonly #pools: Pools
  readonly #lock: KeyedLock
  readonly #reaper: Reaper
  readonly #names: VolumeNames

  constructor(options: { pools: Pools; lock: KeyedLock; reaper: Reaper; clock: Clock }) {
    this.#pools = options.pools
    this.#lock = options.lock
    this.#reaper = options.reaper
    this.#names = new VolumeNames(options.pools, options.clock)
  }

  /**
   * Idempotent by name. The same request gets the same volume. A different request for that name is
   * `already-exists`, in any pool. One command for an empty volume. A source is read first, because
   * its size and block size decide those of the volume.
   */
  async ensureVolume(spec: VolumeSpec, signal?: AbortSignal): Promise<Volume> {
    const source = findSource(this.#pools, spec)
    const pool = selectPool(this.#pools, spec, source)
    const place = placeOf(pool, volumeLeaf(pool.cluster, pool.name, spec.name))
    if (source?.place.volumeId === place.volumeId) {
      throw new StorageError(
        'invalid-argument',
        `volume ${JSON.stringify(spec.name)} cannot be its own source`,
      )
    }
    // The name is locked as well. Otherwise two requests for one name in two pools could both find
    // that the other pool has none.
    const own = [`the name ${JSON.stringify(spec.name)}`, place.volumeId]
    const keys = source === undefined ? own : [...own, source.place.volumeId]
    const create = () =>
      this.#lock.hold(keys, signal, () => this.#create({ place, spec, source }, signal))
    try {
      return await create()
    } catch (error) {
      if (!(error instanceof NameFreedError)) throw error
      await this.#reaper.reapOrigin(pool, error.origin)
      return create()
    }
  }

  // Without this check, a request for a known name in another pool would get a second, empty
  // volume. Its caller expects the data of the first.
  async #refuseOtherPool(place: VolumePlace, name: string, signal?: AbortSignal): Promise<void> {
    for (const other of await this.#names.elsewhere(name, place.pool, signal)) {
      await other.pool.host.settled([other.leaf], signal)
      const { volume } = await readVolume(other, signal)
      if (volume === undefined) {
        this.#names.remove(other)
        continue
      }
      // Earlier versions created both volumes: each is found by its own request.
      if ((await readVolume(place, signal)).volume !== undefined) return
      throw new StorageError(
        'already-exists',
        `volume ${JSON.stringify(name)} exists in pool ${other.pool.name} (${other.volumeId}), ` +
          `the request is for pool ${place.pool.name}`,
      )
    }
  }

  async #create(wish: Wish, signal?: AbortSignal): Promise<Volume> {
    const { place, spec, source } = wish
    const { pool } = place
    const names = [place.leaf, ...pool.design.names(place)]
    await pool.host.settled(source === undefined ? names : [...names, source.place.leaf], signal)
    await this.#refuseOtherPool(place, spec.name, signal)
    const forget = this.#names.add(place)
    try {
      return await createFromSource(wish, signal)
    } catch (error) {
      // The volume may exist already. Then a source that has grown or is gone, a full pool or a
      // newer rule must not refuse it.
      if (!isStorageError(error, ...REFUSALS)) throw error
      const replayed = await findReplayed(place, spec, signal)
      if (replayed !== undefined) return replayed
      forget()
      throw error
    }
  }

  /** Absence is success. Refuses (`in-use`) while the volume has a record, a view or an export. */
  async deleteVolume(id: string, signal?: AbortSignal): Promise<void> {
    const place = findPlace(this.#pools, id)
    if (place === undefined) return
    const gone = await this.#lock.hold(place.volumeId, signal, async () => {
      const deleted = await destroyVolume(place, this.#reaper, signal)
      this.#names.remove(place)
      return deleted
    })
    await this.#reaper.reapOrigin(place.pool, gone?.origin)
  }

  /**
   * Called at the start, so that a pool that fails later does not block creation in the other
   * pools.
   */
  async learnNames(): Promise<void> {
    await this.#names.learn()
  }

  async getVolume(id: string, signal?: AbortSignal): Promise<Volume> {
    const place = getPlace(this.#pools, id)
    return requireVolume(await readVolume(place, signal), place)
  }

  /** Space for new volumes: of the requested pool, else of all pools that the machine can reach. */
  capacity(query: CapacityQuery, signal?: AbortSignal): Promise<Capacity> {
    return readCapacity(this.#pools, query, signal)
  }
}
