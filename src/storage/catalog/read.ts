// Reads volumes and attachment records from a pool. Absence is only ever concluded in the sight of
// the parent dataset: ZFS says "does not exist" of everything in a pool that is not imported, and
// omits suspended pools from recursive listings (recorded).

import { isStorageError, StorageError } from '../../errors.ts'
import { isSnapshotLeaf, isVolumeLeaf, sameGuest } from '../../model/ids.ts'
import type { Attachment, GuestId, Sharing, Snapshot, Volume } from '../../model/volumes.ts'
import type { Properties } from '../../zfs/zfs.ts'
import { guestRecordLeaf, isGuestRecord, releasingRecordLeaf } from '../names.ts'
import { placeOf, zpoolOf } from '../places.ts'
import type { Pool, VolumePlace } from '../pool.ts'
import {
  describeOwner,
  findSnapshot,
  isDeleted,
  ownerCluster,
  parseAttachment,
  parseBytes,
  parseParentRecord,
  parseVolume,
  READ_PROPERTIES,
  SNAPSHOT_PROPERTIES,
} from './properties.ts'

/** An attachment with the dataset that records it. */
export interface Recorded extends Attachment {
  readonly dataset: string
}

export interface RecordReading {
  /** Every recorded attachment: at most one unless the volume is shared, or two controllers met. */
  readonly records: readonly Recorded[]
  /** Undefined when nothing is recorded. There may be no attachment for a moment. */
  readonly sharing: Sharing | undefined
  /**
   * The one guest that an exclusive volume is given to, by the record whose creation decided it.
   */
  readonly owner: GuestId | undefined
}

export interface VolumeReading extends Omit<RecordReading, 'records'> {
  readonly volume: Volume | undefined
  /**
   * A volume that was deleted and waits for its last snapshot or clone: for callers it does not
   * exist, but its name is taken.
   */
  readonly tombstone: Volume | undefined
}

/**
 * One command. A dataset of that name which is not this cluster's is `failed-precondition`: it is
 * never touched.
 */
export async function readVolume(place: VolumePlace, signal?: AbortSignal): Promise<VolumeReading> {
  const { volume, tombstone, record } = await readDatasets(place, [], signal)
  const { sharing, owner } =
    record === undefined ? NO_RECORDS : parseRecords(place, record, new Map())
  return { volume, tombstone, sharing, owner }
}

/**
 * As `readVolume`, and one command more for the guests below a record; not for the one that is
 * named, where the volume is its alone.
 */
export async function readAttached(
  place: VolumePlace,
  signal?: AbortSignal,
  guest?: GuestId,
): Promise<VolumeReading & RecordReading> {
  const own =
    guest === undefined
      ? []
      : [guestRecordLeaf(guest), releasingRecordLeaf(guest)].map(leaf => `${place.record}/${leaf}`)
  const { volume, tombstone, record, found } = await readDatasets(place, own, signal)
  const children = new Map([...found].filter(([name]) => own.includes(name)))
  const isWhole = ({ owner }: RecordReading) =>
    guest !== undefined && owner !== undefined && sameGuest(owner, guest)
  const short = record && children.size > 0 ? parseRecords(place, record, children) : undefined
  return {
    volume,
    tombstone,
    ...(short && isWhole(short) ? short : await readRecords(place, record, signal)),
  }
}

async function readDatasets(place: VolumePlace, own: readonly string[], signal?: AbortSignal) {
  const { pool } = place
  const found = await pool.zfs.getProperties(
    READ_PROPERTIES,
    [pool.dataset, place.dataset, place.record, ...own],
    signal,
  )
  if (!found.has(pool.dataset)) throw parentMissing(pool)
  const properties = found.get(place.dataset)
  const deleted = properties !== undefined && isDeleted(properties, place.dataset)
  const volume = properties && parseOwnVolume(properties, place, found.get(pool.dataset))
  return {
    volume: deleted ? undefined : volume,
    tombstone: deleted ? volume : undefined,
    record: found.get(place.record),
    found,
  }
}

const NO_RECORDS: RecordReading = { records: [], sharing: undefined, owner: undefined }

async function readRecords(
  place: VolumePlace,
  record: Properties | undefined,
  signal?: AbortSignal,
): Promise<RecordReading> {
  if (record === undefined) return NO_RECORDS
  requireOwner(record, place.record, place.pool)
  const children = await findGuestRecords(place, signal)
  return children === undefined ? NO_RECORDS : parseRecords(place, record, children)
}

/** `children`: all that stands below the record, or what was asked for of it. */
export function parseRecords(
  place: VolumePlace,
  record: Properties,
  children: ReadonlyMap<string, Properties>,
): RecordReading {
  requireOwner(record, place.record, place.pool)
  const parent = parseParentRecord(record, place.record)
  const below = [...children].filter(([dataset]) => isGuestRecord(dataset))
  const records = below.map(([dataset, properties]) => parseOwnRecord(properties, place, dataset))
  switch (parent.kind) {
    case 'shared':
      return { records, sharing: 'shared', owner: undefined }
    case 'exclusive':
      return { records, sharing: 'exclusive', owner: parent.owner }
    case 'flat':
      // Last, as ZFS refuses to destroy it before what stands below.
      return {
        records: [...records, parseOwnRecord(record, place, place.record)],
        sharing: 'exclusive',
        owner: parent.owner,
      }
  }
}

// Lists are read while volumes come and go: the record may be released after it was listed.
// Believed in the sight of the parent only.
async function findGuestRecords(
  { pool, record }: VolumePlace,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, Properties> | undefined> {
  try {
    return await pool.zfs.getChildren(READ_PROPERTIES, record, signal)
  } catch (error) {
    if (!isStorageError(error, 'not-found')) throw error
    const found = await pool.zfs.getProperties(['type'], [pool.dataset, record], signal)
    if (!found.has(pool.dataset)) throw parentMissing(pool)
    if (found.has(record)) {
      throw new StorageError(
        'unavailable',
        `record ${record} was released and made again meanwhile; try again`,
      )
    }
    return undefined
  }
}

export interface SnapshotReading {
  readonly snapshot: Snapshot | undefined
  readonly volume: Volume | undefined
  readonly tombstone: Volume | undefined
}

/** One command: the snapshot of that leaf and the volume it belongs to. */
export async function readSnapshot(
  place: VolumePlace,
  leaf: string,
  signal?: AbortSignal,
): Promise<SnapshotReading> {
  const [reading] = await readSnapshots([place], leaf, signal)
  if (reading === undefined) throw new Error('one place has one reading')
  return reading
}

/**
 * One command: the snapshots of that leaf on volumes of one pool, with the volumes, in the order of
 * the places.
 */
export async function readSnapshots(
  places: readonly VolumePlace[],
  leaf: string,
  signal?: AbortSignal,
): Promise<readonly SnapshotReading[]> {
  const [first] = places
  if (first === undefined) return []
  const { pool } = first
  const names = [...new Set([...READ_PROPERTIES, ...SNAPSHOT_PROPERTIES])]
  const datasets = places.flatMap(place => [place.dataset, `${place.dataset}@${leaf}`])
  const found = await pool.zfs.getProperties(names, [pool.dataset, ...datasets], signal)
  if (!found.has(pool.dataset)) throw parentMissing(pool)
  return places.map(place => {
    const properties = found.get(place.dataset)
    const volume = properties && parseOwnVolume(properties, place, found.get(pool.dataset))
    const deleted = properties !== undefined && isDeleted(properties, place.dataset)
    const name = `${place.dataset}@${leaf}`
    const snapshot = found.get(name)
    const { volumeId } = place
    return {
      volume: deleted ? undefined : volume,
      tombstone: deleted ? volume : undefined,
      snapshot:
        snapshot &&
        findSnapshot(snapshot, { volumeId, leaf, snapshot: name, cluster: pool.cluster }),
    }
  })
}

/** One command: the snapshots of one volume; empty for a volume that does not exist. */
export async function readVolumeSnapshots(
  place: VolumePlace,
  signal?: AbortSignal,
): Promise<readonly Snapshot[]> {
  const { pool } = place
  const found = await pool.zfs
    .getSnapshots(SNAPSHOT_PROPERTIES, place.dataset, signal)
    .catch(async error => {
      if (!isStorageError(error, 'not-found')) throw error
      // "Does not exist" is believed in the sight of the parent only.
      const { volume } = await readVolume(place, signal)
      if (volume !== undefined) throw error
      return new Map<string, Properties>()
    })
  return parseSnapshots(pool, found)
}

export function parseSnapshots(
  pool: Pool,
  found: ReadonlyMap<string, Properties>,
): readonly Snapshot[] {
  return [...found].flatMap(([name, properties]) => {
    const [dataset = '', leaf = ''] = name.split('@')
    const volumeLeaf = dataset.slice(pool.dataset.length + 1)
    if (!isVolumeLeaf(volumeLeaf) || !isSnapshotLeaf(leaf)) return []
    const { volumeId } = placeOf(pool, volumeLeaf)
    return findSnapshot(properties, { volumeId, leaf, snapshot: name, cluster: pool.cluster }) ?? []
  })
}

/**
 * Bytes that new volumes can take: net of reservations, quotas and parity, in every dialect.
 * `largestBytes` is what one pool has; pools below one ZFS pool share what that has, and are asked
 * together. One command a ZFS pool.
 */
export async function readAvailable(
  pools: readonly Pool[],
  signal?: AbortSignal,
): Promise<{ readonly totalBytes: number; readonly largestBytes: number }> {
  const groups = Map.groupBy(pools, pool => `${pool.host.name} ${zpoolOf(pool)}`)
  const readings = await Promise.all(
    [...groups.values()].map(group => readAvailableOfOne(group, signal)),
  )
  return {
    totalBytes: readings.reduce((sum, { totalBytes }) => sum + totalBytes, 0),
    largestBytes: Math.max(0, ...readings.map(({ largestBytes }) => largestBytes)),
  }
}

async function readAvailableOfOne(pools: readonly Pool[], signal?: AbortSignal) {
  const [first] = pools
  if (first === undefined) return { totalBytes: 0, largestBytes: 0 }
  const root = pools.length > 1 ? [zpoolOf(first)] : []
  const found = await first.zfs.getProperties(
    ['available'],
    [...pools.map(pool => pool.dataset), ...root],
    signal,
  )
  const bytesOf = (dataset: string, pool: Pool) => {
    const available = found.get(dataset)?.get('available')?.value
    if (available === undefined) throw parentMissing(pool)
    return parseBytes(available, `available of ${dataset}`)
  }
  const each = pools.map(pool => bytesOf(pool.dataset, pool))
  const largestBytes = Math.max(...each)
  const sum = each.reduce((total, bytes) => total + bytes, 0)
  // What one of them has reserved for itself is no longer the ZFS pool's.
  const totalBytes =
    pools.length > 1 ? Math.max(largestBytes, Math.min(sum, bytesOf(zpoolOf(first), first))) : sum
  return { totalBytes, largestBytes }
}

/**
 * The listing of a parent that is not there says "not found", which must not reach a caller who
 * asked for a volume.
 */
export async function inSight<T>(pool: Pool, listing: Promise<T>): Promise<T> {
  try {
    return await listing
  } catch (error) {
    throw isStorageError(error, 'not-found') ? parentMissing(pool) : error
  }
}

export function parentMissing(pool: Pool): StorageError {
  return new StorageError(
    'unavailable',
    `pool ${pool.name}: dataset ${pool.dataset} is not there on host ${pool.host.name}; is the ` +
      `ZFS pool imported?`,
  )
}

export function parseOwnVolume(
  properties: Properties,
  place: VolumePlace,
  parent?: Properties,
): Volume {
  requireOwner(properties, place.dataset, place.pool)
  if (properties.get('type')?.value !== 'volume') {
    throw new StorageError('failed-precondition', `dataset ${place.dataset} is not a ZFS volume`)
  }
  return parseVolume(properties, {
    pool: place.pool.name,
    leaf: place.leaf,
    dataset: place.dataset,
    machines: [...place.pool.machines.keys()],
    parent,
  })
}

function parseOwnRecord(properties: Properties, place: VolumePlace, dataset: string): Recorded {
  requireOwner(properties, dataset, place.pool)
  return {
    ...parseAttachment(properties, { pool: place.pool.name, leaf: place.leaf, dataset }),
    dataset,
  }
}

function requireOwner(properties: Properties, dataset: string, pool: Pool): void {
  const cluster = ownerCluster(properties, dataset)
  if (cluster === pool.cluster) return
  throw new StorageError(
    'failed-precondition',
    `dataset ${dataset} ${describeOwner(cluster)}; it is left alone`,
  )
}

/**
 * Asked before a snapshot is destroyed by its name: one that others made under it is
 * `failed-precondition`, and left alone.
 */
export async function hasOwnSnapshot(
  { pool, dataset }: VolumePlace,
  leaf: string,
  signal?: AbortSignal,
): Promise<boolean> {
  const snapshot = `${dataset}@${leaf}`
  const found = await pool.zfs.getProperties(SNAPSHOT_PROPERTIES, [pool.dataset, snapshot], signal)
  if (!found.has(pool.dataset)) throw parentMissing(pool)
  const properties = found.get(snapshot)
  if (properties === undefined) return false
  const owner = ownerCluster(properties, snapshot)
  if (owner === pool.cluster) return true
  throw new StorageError(
    'failed-precondition',
    `snapshot ${snapshot} ${describeOwner(owner)}; it is left alone`,
  )
}
