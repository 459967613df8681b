// Snapshots of volumes. ZFS keeps snapshot names per volume, but CSI wants them unique over the
// driver. The index finds other volumes with the same name.

import { doesNotExist, isStorageError, StorageError } from '../../errors.ts'
import type { KeyedLock } from '../../locks.ts'
import { findSnapshotId, snapshotLeaf } from '../../model/ids.ts'
import type { ListRange, Snapshot } from '../../model/volumes.ts'
import { NotOwnError } from '../catalog/datasets.ts'
import { readSnapshotList } from '../catalog/lists.ts'
import { cutSnapshots, readSnapshot, readVolumeSnapshots } from '../catalog/snapshots.ts'
import { findPlace, getPlace, withRoom } from '../places.ts'
import type { Pools, VolumePlace } from '../pool.ts'
import { deleteOneSnapshot, type Reaping } from './deletion.ts'
import type { SnapshotIndex } from './index-by-name.ts'

export interface SnapshotsOptions {
  readonly pools: Pools
  readonly lock: KeyedLock
  readonly reaper: Reaping
  readonly index: SnapshotIndex
}

export interface SnapshotFilter {
  /** Only for a list without the other filters. */
  readonly range?: ListRange
  readonly snapshotId?: string
  readonly volumeId?: string
}

interface WantedSnapshot {
  readonly place: VolumePlace
  readonly leaf: string
  readonly name: string
}

export class Snapshots {
  readonly #pools: Pools
  readonly #lock: KeyedLock
  readonly #reaper: Reaping
  readonly #index: SnapshotIndex

  constructor({ pools, lock, reaper, index }: SnapshotsOptions) {
    this.#pools = pools
    this.#lock = lock
    this.#reaper = reaper
    this.#index = index
  }

  /** Idempotent by name. If another volume has a snapshot of that name, it is `already-exists`. */
  async createSnapshot(
    request: { readonly name: string; readonly volumeId: string },
    signal?: AbortSignal,
  ): Promise<Snapshot> {
    const place = getPlace(this.#pools, request.volumeId)
    const leaf = snapshotLeaf(place.pool.cluster, request.name)
    return this.#lock.hold([`snapshot ${leaf}`, place.volumeId], signal, async () => {
      const wanted = { place, leaf, name: request.name }
      await this.#refuseOtherVolume(wanted, signal)
      return this.#create(wanted, signal)
    })
  }

  async #create({ place, leaf, name }: WantedSnapshot, signal?: AbortSignal): Promise<Snapshot> {
    const { pool } = place
    const dataset = `${place.dataset}@${leaf}`
    await pool.host.settled([place.leaf, leaf], signal)
    let made = true
    try {
      await withRoom(place, 'a snapshot and the room to overwrite the whole volume', () =>
        cutSnapshots(pool, { datasets: [dataset], name }, signal),
      )
    } catch (error) {
      if (!isStorageError(error, 'already-exists', 'not-found')) throw error
      made = false
    }
    const { snapshot, volume, tombstone } = await readSnapshot(place, leaf, signal).catch(
      async error => {
        // ZFS also creates snapshots of what is not the driver's.
        if (made && error instanceof NotOwnError) {
          await pool.zfs.destroySnapshotDeferred(dataset, signal)
        }
        throw error
      },
    )
    // ZFS also creates snapshots of a deleted volume that still waits. No caller asked for such a
    // snapshot.
    if (volume === undefined) {
      if (made && tombstone !== undefined) await pool.zfs.destroySnapshotDeferred(dataset, signal)
      throw doesNotExist(`source volume ${place.volumeId}`)
    }
    if (snapshot === undefined) {
      throw new StorageError(
        'unavailable',
        `snapshot ${dataset} does not exist, or this driver did not create it; try again`,
      )
    }
    if (snapshot.name !== name) {
      throw new StorageError(
        'already-exists',
        `snapshot ${snapshot.id} has the name ${JSON.stringify(snapshot.name)}, not ` +
          `${JSON.stringify(name)}`,
      )
    }
    await this.#index.add(leaf, place.volumeId)
    return snapshot
  }

  async #refuseOtherVolume(
    { place, leaf, name }: WantedSnapshot,
    signal?: AbortSignal,
  ): Promise<void> {
    for (const other of await this.#index.volumesOf(leaf, signal)) {
      if (other === place.volumeId) continue
      const { snapshot } = await readSnapshot(getPlace(this.#pools, other), leaf, signal)
      if (snapshot !== undefined) {
        throw new StorageError(
          'already-exists',
          `snapshot ${JSON.stringify(name)} exists already, but of volume ${other} instead of ` +
            `${place.volumeId}`,
        )
      }
      await this.#index.remove(leaf, other)
    }
  }

  /**
   * Absence is success. A snapshot with clones is renamed, and ZFS destroys it with its last clone.
   */
  async deleteSnapshot(id: string, signal?: AbortSignal): Promise<void> {
    const found = findSnapshotId(id)
    const place = found && findPlace(this.#pools, found.volumeId)
    if (found === undefined || place === undefined) return
    const { leaf } = found
    if (leaf.startsWith('g-')) {
      const { snapshot } = await readSnapshot(place, leaf, signal)
      if (snapshot === undefined) return
      throw new StorageError(
        'invalid-argument',
        `snapshot ${id} belongs to group ${snapshot.groupId}; delete the group`,
      )
    }
    const gone = await this.#lock.hold([`snapshot ${leaf}`, place.volumeId], signal, async () => {
      await place.pool.host.settled([place.leaf, leaf], signal)
      return deleteOneSnapshot({ place, leaf, reaper: this.#reaper }, signal)
    })
    await this.#index.remove(leaf, place.volumeId)
    await this.#reaper.reapOrigin(place.pool, gone?.origin)
  }

  async getSnapshot(id: string, signal?: AbortSignal): Promise<Snapshot> {
    const snapshot = await this.#find(id, signal)
    if (snapshot === undefined) {
      throw doesNotExist(`snapshot ${JSON.stringify(id)}`)
    }
    return snapshot
  }

  async #find(id: string, signal?: AbortSignal): Promise<Snapshot | undefined> {
    const found = findSnapshotId(id)
    const place = found && findPlace(this.#pools, found.volumeId)
    return found && place && (await readSnapshot(place, found.leaf, signal)).snapshot
  }

  /** Sorted by id. A filter that matches nothing or names something unknown gives an empty list. */
  async listSnapshots(filter: SnapshotFilter, signal?: AbortSignal): Promise<readonly Snapshot[]> {
    const all = await this.#read(filter, signal)
    return all.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  }

  async #read(
    { snapshotId, volumeId, range }: SnapshotFilter,
    signal?: AbortSignal,
  ): Promise<readonly Snapshot[]> {
    if (snapshotId !== undefined) {
      const snapshot = await this.#find(snapshotId, signal)
      return snapshot !== undefined && (volumeId === undefined || volumeId === snapshot.volumeId)
        ? [snapshot]
        : []
    }
    if (volumeId === undefined) return readSnapshotList(this.#pools, signal, range)
    const place = findPlace(this.#pools, volumeId)
    return place === undefined ? [] : readVolumeSnapshots(place, signal)
  }
}
