// Snapshots and group snapshots of volumes. A snapshot's name is unique over the driver though ZFS keeps names per volume:
// the index remembers which volume has which name, may only ever refuse, and what it says is verified by a read.

import { isStorageError, StorageError } from '../errors.ts'
import type { KeyedLock } from '../locks.ts'
import { readDialect } from '../zfs/dialect.ts'
import { DependantsError } from '../zfs/zfs.ts'
import { readPoolSnapshots, readSnapshot, readVolumeSnapshots } from './catalog.ts'
import type { Snapshot } from './model.ts'
import { deletedSnapshotLeaf, findGroupId, findSnapshotId, groupLeaf, snapshotLeaf } from './names.ts'
import { findPlace, getPlace, type Pool, type Pools, type VolumePlace } from './pool.ts'
import { formatSnapshotProperties } from './properties.ts'
import type { Reaper } from './reaper.ts'

/** How often one snapshot name may be deleted and taken again while clones of every earlier one live. */
const RENAME_TRIES = 100

export interface Group {
  readonly id: string
  readonly snapshots: readonly Snapshot[]
}

export class Snapshots {
  readonly #pools: Pools
  readonly #lock: KeyedLock
  readonly #reaper: Reaper
  #index: Promise<Map<string, string>> | undefined

  constructor(options: { pools: Pools; lock: KeyedLock; reaper: Reaper }) {
    this.#pools = options.pools
    this.#lock = options.lock
    this.#reaper = options.reaper
  }

  /** Idempotent by name; the name on another volume is `already-exists`. */
  async createSnapshot(request: { readonly name: string; readonly volumeId: string }, signal?: AbortSignal): Promise<Snapshot> {
    const place = getPlace(this.#pools, request.volumeId)
    const leaf = snapshotLeaf(place.pool.cluster, request.name)
    return this.#lock.run(`snapshot ${leaf}`, signal, async () => {
      await this.#refuseOtherVolume(request.name, leaf, place, signal)
      return this.#locked(place, signal, () => this.#create(place, leaf, request.name, signal))
    })
  }

  async #create(place: VolumePlace, leaf: string, name: string, signal: AbortSignal | undefined): Promise<Snapshot> {
    const { pool } = place
    const dataset = `${place.dataset}@${leaf}`
    await pool.host.settled([place.leaf, leaf], signal)
    let made = true
    try {
      await pool.zfs.snapshot([dataset], formatSnapshotProperties({ name, groupId: undefined }, pool.cluster), signal)
    } catch (error) {
      if (!isStorageError(error, 'already-exists', 'not-found')) throw error
      made = false
    }
    const { snapshot, volume, tombstone } = await readSnapshot(place, leaf, signal)
    // A deleted volume still takes snapshots; nobody asked for one of it.
    if (volume === undefined) {
      if (made && tombstone !== undefined) await pool.zfs.destroySnapshotDeferred(dataset, signal)
      throw new StorageError('not-found', `source volume ${place.volumeId} does not exist`)
    }
    if (snapshot === undefined)
      throw new StorageError('unavailable', `snapshot ${dataset} is not there, or not as this driver makes it; try again`)
    if (snapshot.name !== name)
      throw new StorageError(
        'already-exists',
        `snapshot ${snapshot.id} has the name ${JSON.stringify(snapshot.name)}, not ${JSON.stringify(name)}`,
      )
    ;(await this.#loadIndex(signal)).set(leaf, place.volumeId)
    return snapshot
  }

  async #refuseOtherVolume(name: string, leaf: string, place: VolumePlace, signal: AbortSignal | undefined): Promise<void> {
    const index = await this.#loadIndex(signal)
    const other = index.get(leaf)
    if (other === undefined || other === place.volumeId) return
    const { snapshot } = await readSnapshot(getPlace(this.#pools, other), leaf, signal)
    if (snapshot !== undefined)
      throw new StorageError(
        'already-exists',
        `snapshot ${JSON.stringify(name)} exists already, of volume ${other} instead of ${place.volumeId}`,
      )
    index.delete(leaf)
  }

  // Complete before it is used: one read a pool, when the first snapshot is made after start.
  #loadIndex(signal: AbortSignal | undefined): Promise<Map<string, string>> {
    this.#index ??= this.#readIndex(signal).catch(error => {
      this.#index = undefined
      throw error
    })
    return this.#index
  }

  async #readIndex(signal: AbortSignal | undefined): Promise<Map<string, string>> {
    const snapshots = await this.#readAll(signal)
    return new Map(snapshots.filter(snapshot => snapshot.groupId === undefined).map(snapshot => [leafOf(snapshot), snapshot.volumeId]))
  }

  async #readAll(signal: AbortSignal | undefined): Promise<readonly Snapshot[]> {
    return (await Promise.all([...this.#pools.values()].map(pool => readPoolSnapshots(pool, signal)))).flat()
  }

  /** Absence is success. With clones the snapshot gives up its name and goes with the last of them. */
  async deleteSnapshot(id: string, signal?: AbortSignal): Promise<void> {
    const found = findSnapshotId(id)
    const place = found && findPlace(this.#pools, found.volumeId)
    if (found === undefined || place === undefined) return
    if (found.leaf.startsWith('g-')) {
      const { snapshot } = await readSnapshot(place, found.leaf, signal)
      if (snapshot === undefined) return
      throw new StorageError('invalid-argument', `snapshot ${id} belongs to group ${snapshot.groupId}; delete the group`)
    }
    await this.#lock.run(`snapshot ${found.leaf}`, signal, () =>
      this.#locked(place, signal, async () => {
        await place.pool.host.settled([place.leaf, found.leaf], signal)
        await this.#delete(place, found.leaf, signal)
      }),
    )
    ;(await this.#index)?.delete(found.leaf)
  }

  async #delete(place: VolumePlace, leaf: string, signal: AbortSignal | undefined): Promise<void> {
    const { zfs } = place.pool
    const snapshot = `${place.dataset}@${leaf}`
    try {
      if ((await zfs.destroySnapshot(snapshot, signal)) === 'absent') {
        // zfs says so also of a pool that is not imported: the read, in the sight of the parent, decides.
        const { snapshot: still } = await readSnapshot(place, leaf, signal)
        if (still !== undefined) throw new StorageError('unavailable', `snapshot ${snapshot} is not gone yet; try again`)
      }
    } catch (error) {
      if (!(error instanceof DependantsError)) throw error
      await zfs.destroySnapshotDeferred(await this.#moveAside(place, leaf, signal), signal)
    }
    await this.#reaper.reapKnown(place, signal)
  }

  async #moveAside(place: VolumePlace, leaf: string, signal: AbortSignal | undefined): Promise<string> {
    for (let attempt = 0; attempt < RENAME_TRIES; attempt++) {
      const aside = `${place.dataset}@${deletedSnapshotLeaf(leaf, attempt)}`
      try {
        await place.pool.zfs.rename(`${place.dataset}@${leaf}`, aside, signal)
        return aside
      } catch (error) {
        if (!isStorageError(error, 'already-exists')) throw error
      }
    }
    throw new StorageError(
      'busy',
      `snapshot ${place.dataset}@${leaf}: ${RENAME_TRIES} deleted snapshots of this name still have clones; delete some of those`,
    )
  }

  async getSnapshot(id: string, signal?: AbortSignal): Promise<Snapshot> {
    const snapshot = await this.#find(id, signal)
    if (snapshot === undefined) throw new StorageError('not-found', `snapshot ${JSON.stringify(id)} does not exist`)
    return snapshot
  }

  async #find(id: string, signal: AbortSignal | undefined): Promise<Snapshot | undefined> {
    const found = findSnapshotId(id)
    const place = found && findPlace(this.#pools, found.volumeId)
    return found && place && (await readSnapshot(place, found.leaf, signal)).snapshot
  }

  /** Sorted by id. A filter that matches nothing, or names something unknown, gives an empty list. */
  async listSnapshots(
    filter: { readonly snapshotId?: string; readonly volumeId?: string },
    signal?: AbortSignal,
  ): Promise<readonly Snapshot[]> {
    const all = await this.#read(filter, signal)
    return all.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  }

  async #read(
    filter: { readonly snapshotId?: string; readonly volumeId?: string },
    signal: AbortSignal | undefined,
  ): Promise<readonly Snapshot[]> {
    if (filter.snapshotId !== undefined) {
      const snapshot = await this.#find(filter.snapshotId, signal)
      return snapshot !== undefined && (filter.volumeId === undefined || filter.volumeId === snapshot.volumeId) ? [snapshot] : []
    }
    if (filter.volumeId === undefined) return this.#readAll(signal)
    const place = findPlace(this.#pools, filter.volumeId)
    return place === undefined ? [] : readVolumeSnapshots(place, signal)
  }

  /** One cut through all volumes, at one moment and in one pool; where that cannot be had, `failed-precondition`. */
  async createGroup(request: { readonly name: string; readonly volumeIds: readonly string[] }, signal?: AbortSignal): Promise<Group> {
    const places = [...new Set(request.volumeIds)].sort().map(id => getPlace(this.#pools, id))
    const pool = onePool(places)
    const leaf = groupLeaf(pool.cluster, request.name)
    return this.#lock.run(`group ${leaf}`, signal, () =>
      this.#lockAll(places, signal, () => this.#cutGroup(pool, places, request.name, leaf, signal)),
    )
  }

  async #cutGroup(pool: Pool, places: readonly VolumePlace[], name: string, leaf: string, signal: AbortSignal | undefined): Promise<Group> {
    const id = `${pool.name}/${leaf}`
    await pool.host.settled([leaf, ...places.map(place => place.leaf)], signal)
    const before = await this.#members(pool, leaf, signal)
    if (before.length > 0) return sameGroup(id, name, before, places)
    for (const place of places) {
      const { volume } = await readSnapshot(place, leaf, signal)
      if (volume === undefined) throw new StorageError('not-found', `source volume ${place.volumeId} does not exist`)
    }
    if (places.length > 1 && !(await readDialect(pool.host.shell, signal)).multipleSnapshots) {
      throw new StorageError(
        'failed-precondition',
        `group ${JSON.stringify(name)}: the zfs of host ${pool.host.name} cannot cut several volumes at one moment`,
      )
    }
    const names = places.map(place => `${place.dataset}@${leaf}`)
    await pool.zfs.snapshot(names, formatSnapshotProperties({ name, groupId: id }, pool.cluster), signal)
    return sameGroup(id, name, await this.#members(pool, leaf, signal), places)
  }

  async #members(pool: Pool, leaf: string, signal: AbortSignal | undefined): Promise<readonly Snapshot[]> {
    return (await readPoolSnapshots(pool, signal)).filter(snapshot => leafOf(snapshot) === leaf).sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  async #lockAll<T>(places: readonly VolumePlace[], signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    const [first, ...rest] = places
    if (first === undefined) return work()
    return this.#lock.run(first.volumeId, signal, () => this.#lockAll(rest, signal, work))
  }

  /** `not-found` when no member is left; `invalid-argument` when the given members are not the group's. */
  async getGroup(id: string, memberIds: readonly string[], signal?: AbortSignal): Promise<Group> {
    const found = findGroupId(id)
    const pool = found && this.#pools.get(found.pool)
    const snapshots = found && pool ? await this.#members(pool, found.leaf, signal) : []
    if (snapshots.length === 0) throw new StorageError('not-found', `group snapshot ${JSON.stringify(id)} does not exist`)
    checkMembers(id, snapshots, memberIds)
    return { id, snapshots }
  }

  /** Absence is success; the members go with it. */
  async deleteGroup(id: string, memberIds: readonly string[], signal?: AbortSignal): Promise<void> {
    const found = findGroupId(id)
    const pool = found && this.#pools.get(found.pool)
    if (found === undefined || pool === undefined) return
    await this.#lock.run(`group ${found.leaf}`, signal, async () => {
      await pool.host.settled([found.leaf], signal)
      const snapshots = await this.#members(pool, found.leaf, signal)
      const known = snapshots.filter(snapshot => memberIds.includes(snapshot.id))
      // After a cut only some members are left; those that are gone are no mismatch.
      if (known.length < snapshots.length) checkMembers(id, snapshots, memberIds)
      for (const snapshot of snapshots) {
        const place = getPlace(this.#pools, snapshot.volumeId)
        await this.#locked(place, signal, () => this.#delete(place, found.leaf, signal))
      }
    })
  }

  #locked<T>(place: VolumePlace, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    return this.#lock.run(place.volumeId, signal, work)
  }
}

function leafOf(snapshot: Snapshot): string {
  return snapshot.id.slice(snapshot.id.indexOf('@') + 1)
}

function onePool(places: readonly VolumePlace[]): Pool {
  const pools = [...new Set(places.map(place => place.pool))]
  const [pool] = pools
  if (pool === undefined) throw new StorageError('invalid-argument', 'a group snapshot needs at least one volume')
  if (pools.length > 1) {
    throw new StorageError(
      'failed-precondition',
      `volumes of pools ${pools.map(each => each.name).join(' and ')} cannot be cut at one moment; make a group per pool`,
    )
  }
  return pool
}

function sameGroup(id: string, name: string, snapshots: readonly Snapshot[], places: readonly VolumePlace[]): Group {
  const has = snapshots.map(snapshot => snapshot.volumeId)
  const wants = places.map(place => place.volumeId)
  if (snapshots.some(snapshot => snapshot.name !== name) || has.join() !== wants.join()) {
    throw new StorageError(
      'already-exists',
      `group snapshot ${JSON.stringify(name)} exists with volumes ${has.join(', ')}, the request wants ${wants.join(', ')}`,
    )
  }
  return { id, snapshots }
}

function checkMembers(id: string, snapshots: readonly Snapshot[], memberIds: readonly string[]): void {
  const has = snapshots.map(snapshot => snapshot.id).join(', ')
  if (has !== [...memberIds].sort().join(', ')) {
    throw new StorageError(
      'invalid-argument',
      `group snapshot ${id} has the members ${has || 'none'}, the request names ${[...memberIds].sort().join(', ') || 'none'}`,
    )
  }
}
