// Finds where a volume lives from its id, and explains errors of a full pool.

import { doesNotExist, isStorageError, StorageError } from '../errors.ts'
import { findVolumeId } from '../model/ids.ts'
import { recordLeaf } from './names.ts'
import type { Pool, PoolMachine, Pools, UnknownVolume, VolumePlace } from './pool.ts'

/**
 * Where a volume lives. Undefined for text that cannot be an id of this driver. An id of a pool
 * that is not configured here is `unavailable`: the volume may exist.
 */
export function findPlace(pools: Pools, volumeId: string): VolumePlace | undefined {
  const id = findVolumeId(volumeId)
  if (id === undefined) return undefined
  const pool = pools.get(id.pool)
  if (pool === undefined) {
    throw new StorageError(
      'unavailable',
      `volume ${volumeId} is in pool ${id.pool}, which is not in this driver's configuration; ` +
        'add the pool to reach it',
    )
  }
  return placeOf(pool, id.leaf)
}

/** The parts of an id that this driver may have given, of a pool that is not configured here. */
export function findUnknown(pools: Pools, volumeId: string): UnknownVolume | undefined {
  const id = findVolumeId(volumeId)
  return id === undefined || pools.has(id.pool) ? undefined : { volumeId, ...id }
}

export function getPlace(pools: Pools, volumeId: string): VolumePlace {
  const place = findPlace(pools, volumeId)
  if (place === undefined) {
    throw doesNotExist(`volume ${JSON.stringify(volumeId)}`)
  }
  return place
}

export function placeOf(pool: Pool, leaf: string): VolumePlace {
  return {
    pool,
    leaf,
    volumeId: `${pool.name}/${leaf}`,
    dataset: `${pool.dataset}/${leaf}`,
    record: `${pool.dataset}/${recordLeaf(leaf)}`,
  }
}

/** The name of the ZFS pool, which may contain several pools of the driver. */
export function zpoolOf({ dataset }: Pick<Pool, 'dataset'>): string {
  return dataset.split('/')[0] ?? dataset
}

/**
 * Runs work that needs space in the pool. If there is none, the error says for what and names a way
 * out. The error of zfs names only a dataset.
 */
export async function withRoom<T>(
  place: VolumePlace,
  what: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isStorageError(error, 'no-space')) throw error
    const { name, dataset, host } = place.pool
    throw new StorageError(
      'no-space',
      `volume ${place.volumeId}: pool ${name} has no room for ${what}; free space in ${dataset} ` +
        `on host ${host.name}, or ask for less (reservation: thin reserves nothing)`,
      { cause: error },
    )
  }
}

export function getMachine(pool: Pool, machine: string): PoolMachine {
  const found = pool.machines.get(machine)
  if (found === undefined) {
    const known = [...pool.machines.keys()].join(', ')
    throw new StorageError(
      'failed-precondition',
      `pool ${pool.name} has no path on machine ${machine}, only on ${known}; add the machine to ` +
        'the pool or use a guest of another machine',
    )
  }
  return found
}
