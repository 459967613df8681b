// Reads volumes and attachment records from a pool. Absence is only ever concluded in the sight of the parent dataset:
// ZFS says "does not exist" of everything in a pool that is not imported, and omits suspended pools from recursive listings (recorded).

import { StorageError } from '../errors.ts'
import type { Properties } from '../zfs/zfs.ts'
import type { Attachment, Volume } from './model.ts'
import { isVolumeLeaf } from './names.ts'
import { type Pool, type Pools, placeOf, type VolumePlace } from './pool.ts'
import { ownerCluster, parseAttachment, parseBytes, parseVolume, READ_PROPERTIES } from './properties.ts'

export interface VolumeReading {
  readonly volume: Volume | undefined
  readonly record: Attachment | undefined
}

export interface PoolReading {
  readonly volumes: readonly Volume[]
  readonly records: readonly Attachment[]
}

/** One command. A dataset of that name which is not this cluster's is `failed-precondition`: it is never touched. */
export async function readVolume(place: VolumePlace, signal?: AbortSignal): Promise<VolumeReading> {
  const { pool } = place
  const found = await pool.zfs.getProperties(READ_PROPERTIES, [pool.dataset, place.dataset, place.record], signal)
  if (!found.has(pool.dataset)) throw parentMissing(pool)
  const volume = found.get(place.dataset)
  const record = found.get(place.record)
  return {
    volume: volume && parseOwnVolume(volume, place),
    record: record && parseOwnRecord(record, place),
  }
}

/** One command: all volumes and records of a pool. Datasets of other clusters and of nobody are left out; half a listing throws. */
export async function readPool(pool: Pool, signal?: AbortSignal): Promise<PoolReading> {
  const children = await pool.zfs.getChildren(READ_PROPERTIES, pool.dataset, signal)
  const volumes: Volume[] = []
  const records: Attachment[] = []
  for (const [dataset, properties] of children) {
    const leaf = dataset.slice(pool.dataset.length + 1)
    const ofRecord = leaf.startsWith('a-') ? leaf.slice(2) : undefined
    if (!isVolumeLeaf(ofRecord ?? leaf) || ownerCluster(properties, dataset) !== pool.cluster) continue
    const place = placeOf(pool, ofRecord ?? leaf)
    if (ofRecord !== undefined) records.push(parseAttachment(properties, { ...place, pool: pool.name, dataset }))
    else volumes.push(parseOwnVolume(properties, place))
  }
  return { volumes, records }
}

/** All pools, each list sorted by volume id. A pool that cannot be read fails the whole: half a list would be taken for all of it. */
export async function readPools(pools: Pools, signal?: AbortSignal): Promise<PoolReading> {
  const readings = await Promise.all([...pools.values()].map(pool => readPool(pool, signal)))
  return {
    volumes: readings.flatMap(reading => reading.volumes).sort((a, b) => (a.id < b.id ? -1 : 1)),
    records: readings.flatMap(reading => reading.records).sort((a, b) => (a.volumeId < b.volumeId ? -1 : 1)),
  }
}

/** Bytes that new volumes can take from the pool: net of reservations, quotas and parity, in every dialect. */
export async function readAvailableBytes(pool: Pool, signal?: AbortSignal): Promise<number> {
  const found = await pool.zfs.getProperties(['available'], [pool.dataset], signal)
  const available = found.get(pool.dataset)?.get('available')?.value
  if (available === undefined) throw parentMissing(pool)
  return parseBytes(available, `available of ${pool.dataset}`)
}

function parentMissing(pool: Pool): StorageError {
  return new StorageError(
    'unavailable',
    `pool ${pool.name}: dataset ${pool.dataset} is not there on host ${pool.host.name}; is the ZFS pool imported?`,
  )
}

function parseOwnVolume(properties: Properties, place: VolumePlace): Volume {
  requireOwner(properties, place.dataset, place.pool)
  if (properties.get('type')?.value !== 'volume')
    throw new StorageError('failed-precondition', `dataset ${place.dataset} is not a ZFS volume`)
  return parseVolume(properties, {
    pool: place.pool.name,
    leaf: place.leaf,
    dataset: place.dataset,
    machines: [...place.pool.machines.keys()],
  })
}

function parseOwnRecord(properties: Properties, place: VolumePlace): Attachment {
  requireOwner(properties, place.record, place.pool)
  return parseAttachment(properties, { pool: place.pool.name, leaf: place.leaf, dataset: place.record })
}

function requireOwner(properties: Properties, dataset: string, pool: Pool): void {
  const cluster = ownerCluster(properties, dataset)
  if (cluster === pool.cluster) return
  const whose = cluster === undefined ? 'was not made by this driver' : `belongs to cluster ${JSON.stringify(cluster)}`
  throw new StorageError('failed-precondition', `dataset ${dataset} ${whose}; it is left alone`)
}
