// Group snapshots: snapshots of several volumes, created at the same moment. The members are
// ordinary snapshots with the same leaf. A group is only its members, so it exists as long as one
// of them does.

import { doesNotExist, StorageError } from '../../errors.ts'
import type { KeyedLock } from '../../locks.ts'
import { findGroupId, findSnapshotId, groupLeaf } from '../../model/ids.ts'
import type { Snapshot } from '../../model/volumes.ts'
import { readDialect } from '../../zfs/dialect.ts'
import { cutSnapshots, readSnapshots } from '../catalog/snapshots.ts'
import { findPlace, getPlace } from '../places.ts'
import type { Pool, Pools, VolumePlace } from '../pool.ts'
import { deleteOneSnapshot, type Reaping } from './deletion.ts'
import type { SnapshotIndex } from './index-by-name.ts'
import type { SnapshotsOptions } from './snapshots.ts'

export interface Group {
  readonly id: string
  readonly snapshots: readonly Snapshot[]
}

interface WantedGroup {
  readonly name: string
  readonly leaf: string
  readonly places: readonly VolumePlace[]
}

export class GroupSnapshots {
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

  /**
   * Idempotent by name. Volumes in several pools are `failed-precondition`. So are several volumes
   * on a zfs that creates one snapshot at a time.
   */
  async createGroup(
    request: { readonly name: string; readonly volumeIds: readonly string[] },
    signal?: AbortSignal,
  ): Promise<Group> {
    const places = [...new Set(request.volumeIds)].sort().map(id => getPlace(this.#pools, id))
    const pool = onePool(places)
    const leaf = groupLeaf(pool.cluster, request.name)
    const keys = [`group ${leaf}`, ...places.map(place => place.volumeId)]
    return this.#lock.hold(keys, signal, () =>
      this.#cut(pool, { places, leaf, name: request.name }, signal),
    )
  }

  async #cut(pool: Pool, wanted: WantedGroup, signal?: AbortSignal): Promise<Group> {
    const { places, leaf, name } = wanted
    const id = `${pool.name}/${leaf}`
    await pool.host.settled([leaf, ...places.map(place => place.leaf)], signal)
    await this.#refuseOthers(wanted, signal)
    const readings = await readSnapshots(places, leaf, signal)
    const missing = places.find((_, at) => readings[at]?.volume === undefined)
    if (missing !== undefined) {
      throw doesNotExist(`source volume ${missing.volumeId}`)
    }
    const existing = readings.flatMap(({ snapshot }) => snapshot ?? [])
    if (existing.length > 0) return sameGroup({ id, snapshots: existing }, name, places)
    if (places.length > 1 && !(await readDialect(pool.host.shell, signal)).multipleSnapshots) {
      throw new StorageError(
        'failed-precondition',
        `group ${JSON.stringify(name)}: the zfs of host ${pool.host.name} cannot create ` +
          'snapshots of several volumes at one moment',
      )
    }
    const datasets = places.map(place => `${place.dataset}@${leaf}`)
    await cutSnapshots(pool, { datasets, name, groupId: id }, signal)
    const made = await readSnapshots(places, leaf, signal)
    const group = sameGroup(
      { id, snapshots: made.flatMap(({ snapshot }) => snapshot ?? []) },
      name,
      places,
    )
    for (const { volumeId } of places) await this.#index.add(leaf, volumeId)
    return group
  }

  async #refuseOthers({ name, leaf, places }: WantedGroup, signal?: AbortSignal): Promise<void> {
    const asked = new Set(places.map(place => place.volumeId))
    const others = (await this.#index.volumesOf(leaf, signal)).filter(
      volumeId => !asked.has(volumeId),
    )
    for (const { volumeId, snapshot } of await this.#verified(others, leaf, signal)) {
      if (snapshot === undefined) await this.#index.remove(leaf, volumeId)
      else {
        throw new StorageError(
          'already-exists',
          `group snapshot ${JSON.stringify(name)} exists with volume ${volumeId}, which the ` +
            'request does not name',
        )
      }
    }
  }

  /**
   * `not-found` when no member is left. `invalid-argument` when the given members are not the
   * group's members.
   */
  async getGroup(id: string, memberIds: readonly string[], signal?: AbortSignal): Promise<Group> {
    const leaf = findGroupId(id)?.leaf ?? ''
    const snapshots = await this.#members(
      await this.#candidates(id, memberIds, signal),
      leaf,
      signal,
    )
    if (snapshots.length === 0) {
      throw doesNotExist(`group snapshot ${JSON.stringify(id)}`)
    }
    checkMembers(id, snapshots, memberIds)
    return { id, snapshots }
  }

  /**
   * Absence is success. The members are deleted one after the other. If the call is cut off, the
   * remaining members are still the group.
   */
  async deleteGroup(id: string, memberIds: readonly string[], signal?: AbortSignal): Promise<void> {
    const found = this.#find(id)
    if (found === undefined) return
    const { pool } = found
    const held = await this.#candidates(id, memberIds, signal)
    const origins = await this.#lock.hold([`group ${found.leaf}`, ...held], signal, async () => {
      await pool.host.settled([found.leaf], signal)
      const candidates = await this.#candidates(id, memberIds, signal)
      // Another call created members while this one waited for the locks. Their volumes are not
      // locked, and this call must not wait for more locks while it holds some.
      if (candidates.some(volumeId => !held.includes(volumeId))) {
        throw new StorageError('busy', `group snapshot ${id} was being created; try again`)
      }
      const snapshots = await this.#members(candidates, found.leaf, signal)
      // Named members that are already gone are not a mismatch: an earlier call may have been cut
      // off.
      if (snapshots.some(snapshot => !memberIds.includes(snapshot.id))) {
        checkMembers(id, snapshots, memberIds)
      }
      const freed: (string | undefined)[] = []
      for (const { volumeId } of snapshots) {
        const place = getPlace(this.#pools, volumeId)
        const { leaf } = found
        const gone = await deleteOneSnapshot({ place, leaf, reaper: this.#reaper }, signal)
        freed.push(gone?.origin)
        await this.#index.remove(found.leaf, volumeId)
      }
      return freed
    })
    for (const origin of origins) await this.#reaper.reapOrigin(pool, origin)
  }

  // A group in a pool that is not configured here may exist.
  #find(id: string): { readonly pool: Pool; readonly leaf: string } | undefined {
    const found = findGroupId(id)
    if (found === undefined) return undefined
    const pool = this.#pools.get(found.pool)
    if (pool !== undefined) return { pool, leaf: found.leaf }
    throw new StorageError(
      'unavailable',
      `group snapshot ${id} is in pool ${found.pool}, which is not in this driver's ` +
        'configuration; add the pool to reach it',
    )
  }

  // The index may lack members that another process created, and the caller may not name all
  // members. So the driver reads both sets.
  async #candidates(
    id: string,
    memberIds: readonly string[],
    signal?: AbortSignal,
  ): Promise<readonly string[]> {
    const found = this.#find(id)
    if (found === undefined) return []
    const named = memberIds.flatMap(member => findSnapshotId(member)?.volumeId ?? [])
    const candidates = new Set([...(await this.#index.volumesOf(found.leaf, signal)), ...named])
    return [...candidates].filter(volumeId => volumeId.startsWith(`${found.pool.name}/`)).sort()
  }

  async #members(
    candidates: readonly string[],
    leaf: string,
    signal?: AbortSignal,
  ): Promise<readonly Snapshot[]> {
    return (await this.#verified(candidates, leaf, signal)).flatMap(
      ({ snapshot }) => snapshot ?? [],
    )
  }

  async #verified(volumeIds: readonly string[], leaf: string, signal?: AbortSignal) {
    const places = volumeIds.flatMap(volumeId => findPlace(this.#pools, volumeId) ?? [])
    const byPool = Map.groupBy(places, place => place.pool)
    const read = await Promise.all(
      [...byPool.values()].map(async group => {
        const readings = await readSnapshots(group, leaf, signal)
        return group.map((place, at) => ({
          volumeId: place.volumeId,
          snapshot: readings[at]?.snapshot,
        }))
      }),
    )
    return read.flat()
  }
}

function onePool(places: readonly VolumePlace[]): Pool {
  const pools = [...new Set(places.map(place => place.pool))]
  const [pool] = pools
  if (pool === undefined) {
    throw new StorageError('invalid-argument', 'a group snapshot needs at least one volume')
  }
  if (pools.length > 1) {
    throw new StorageError(
      'failed-precondition',
      'a group snapshot cannot contain volumes of several pools (' +
        `${pools.map(each => each.name).join(' and ')}); create one group per pool`,
    )
  }
  return pool
}

function sameGroup(group: Group, name: string, places: readonly VolumePlace[]): Group {
  const has = group.snapshots.map(snapshot => snapshot.volumeId)
  const wants = places.map(place => place.volumeId)
  if (group.snapshots.some(snapshot => snapshot.name !== name) || has.join() !== wants.join()) {
    throw new StorageError(
      'already-exists',
      `group snapshot ${JSON.stringify(name)} exists with volumes ${has.join(', ')}, the ` +
        `request wants ${wants.join(', ')}`,
    )
  }
  return group
}

function checkMembers(
  id: string,
  snapshots: readonly Snapshot[],
  memberIds: readonly string[],
): void {
  const has = snapshots.map(snapshot => snapshot.id).join(', ')
  const wants = [...memberIds].sort().join(', ')
  if (has !== wants) {
    throw new StorageError(
      'invalid-argument',
      `group snapshot ${id} has the members ${has || 'none'}, the request names ${wants || 'none'}`,
    )
  }
}
