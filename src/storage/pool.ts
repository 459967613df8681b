// A pool as it works: the host where its volumes live, and the paths by which machines reach them. Put together by the
// composition root from the configuration; nothing here is looked up or remembered.

import { isStorageError, StorageError } from '../errors.ts'
import type { Hypervisor } from '../hypervisors/hypervisor.ts'
import type { Host } from '../shell/host.ts'
import type { Zfs } from '../zfs/zfs.ts'
import type { Design } from './designs/design.ts'
import { findVolumeId, recordLeaf } from './names.ts'

/** One way from a machine to the pool's bytes. */
export interface PoolPath {
  readonly serviceDomain: string
  readonly service: string // the vds
  readonly host: Host // where the service domain's own devices are seen
}

export interface PoolMachine {
  readonly hypervisor: Hypervisor
  readonly paths: readonly PoolPath[]
}

export interface Pool {
  readonly name: string
  readonly cluster: string
  readonly dataset: string // parent of all volumes and records
  readonly host: Host // where zfs runs
  readonly zfs: Zfs
  readonly design: Design
  readonly machines: ReadonlyMap<string, PoolMachine>
}

export type Pools = ReadonlyMap<string, Pool>

export interface VolumePlace {
  readonly pool: Pool
  readonly leaf: string
  readonly volumeId: string
  readonly dataset: string
  readonly record: string
}

/**
 * Where a volume lives. Undefined for text that cannot be an id of this driver; an id of a pool that is not configured
 * here is `unavailable`: the volume may well exist.
 */
export function findPlace(pools: Pools, volumeId: string): VolumePlace | undefined {
  const id = findVolumeId(volumeId)
  if (id === undefined) return undefined
  const pool = pools.get(id.pool)
  if (pool === undefined) {
    throw new StorageError(
      'unavailable',
      `volume ${volumeId} is in pool ${id.pool}, which is not in this driver's configuration; add the pool to reach it`,
    )
  }
  return placeOf(pool, id.leaf)
}

export function getPlace(pools: Pools, volumeId: string): VolumePlace {
  const place = findPlace(pools, volumeId)
  if (place === undefined) throw new StorageError('not-found', `volume ${JSON.stringify(volumeId)} does not exist`)
  return place
}

export function placeOf(pool: Pool, leaf: string): VolumePlace {
  return { pool, leaf, volumeId: `${pool.name}/${leaf}`, dataset: `${pool.dataset}/${leaf}`, record: `${pool.dataset}/${recordLeaf(leaf)}` }
}

/** The ZFS pool, which may have other pools of the driver below it. */
export function zpoolOf({ dataset }: Pick<Pool, 'dataset'>): string {
  return dataset.split('/')[0] ?? dataset
}

/** Runs what takes room in the pool. Where there is none, says for what and what helps: zfs names a dataset and no way out. */
export async function withRoom<T>(place: VolumePlace, what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isStorageError(error, 'no-space')) throw error
    const { name, dataset, host } = place.pool
    throw new StorageError(
      'no-space',
      `volume ${place.volumeId}: pool ${name} has no room for ${what}; free space in ${dataset} on host ${host.name}, or ask for less (reservation: thin reserves nothing)`,
      { cause: error },
    )
  }
}

export function getMachine(pool: Pool, machine: string): PoolMachine {
  const found = pool.machines.get(machine)
  if (found === undefined) {
    const known = [...pool.machines.keys()].join(', ')
    throw new StorageError('failed-precondition', `pool ${pool.name} has no path on machine ${machine}, only on ${known}`)
  }
  return found
}
