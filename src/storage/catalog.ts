// Reads volumes and attachment records from a pool. Absence is only ever concluded in the sight of the parent dataset:
// ZFS says "does not exist" of everything in a pool that is not imported, and omits suspended pools from recursive listings (recorded).

import { isStorageError, StorageError } from '../errors.ts'
import type { Properties } from '../zfs/zfs.ts'
import type { Attachment, Sharing, Snapshot, Volume } from './model.ts'
import { formatSnapshotId, formatVolumeId, isSnapshotLeaf, isVolumeLeaf } from './names.ts'
import { type Pool, type Pools, placeOf, type VolumePlace } from './pool.ts'
import {
  findSnapshot,
  isDeleted,
  isSharedRecord,
  ownerCluster,
  parseAttachment,
  parseBytes,
  parseVolume,
  READ_PROPERTIES,
  SNAPSHOT_PROPERTIES,
  STATE_PROPERTIES,
} from './properties.ts'

export interface VolumeReading {
  readonly volume: Volume | undefined
  /** Every recorded attachment: at most one unless the volume is shared. */
  readonly records: readonly Attachment[]
  /** Undefined when nothing is recorded. A shared volume may have no attachment for a moment. */
  readonly sharing: Sharing | undefined
  /** A volume that was deleted and waits for its last snapshot or clone: for callers it does not exist, but its name is taken. */
  readonly tombstone: Volume | undefined
}

export interface PoolReading {
  readonly volumes: readonly Volume[]
  readonly tombstones: readonly Volume[]
  readonly records: readonly Attachment[]
}

/** One command, and one more for a shared volume. A dataset of that name which is not this cluster's is `failed-precondition`: it is never touched. */
export async function readVolume(place: VolumePlace, signal?: AbortSignal): Promise<VolumeReading> {
  const { pool } = place
  const found = await pool.zfs.getProperties(READ_PROPERTIES, [pool.dataset, place.dataset, place.record], signal)
  if (!found.has(pool.dataset)) throw parentMissing(pool)
  const volume = found.get(place.dataset)
  const record = found.get(place.record)
  const deleted = volume !== undefined && isDeleted(volume, place.dataset)
  const parsed = volume && parseOwnVolume(volume, place)
  return {
    volume: deleted ? undefined : parsed,
    tombstone: deleted ? parsed : undefined,
    ...(await readRecords(place, record, signal)),
  }
}

async function readRecords(
  place: VolumePlace,
  record: Properties | undefined,
  signal: AbortSignal | undefined,
): Promise<Pick<VolumeReading, 'records' | 'sharing'>> {
  if (record === undefined) return { records: [], sharing: undefined }
  if (!isSharedRecord(record, place.record)) return { records: [parseOwnRecord(record, place, place.record)], sharing: 'exclusive' }
  requireOwner(record, place.record, place.pool)
  const children = await findSharedRecords(place, signal)
  if (children === undefined) return { records: [], sharing: undefined }
  return { records: [...children].map(([dataset, properties]) => parseOwnRecord(properties, place, dataset)), sharing: 'shared' }
}

// Lists are read while volumes come and go: the record may be released after it was listed. Believed in the sight of the parent only.
async function findSharedRecords(
  { pool, record }: VolumePlace,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, Properties> | undefined> {
  try {
    return await pool.zfs.getChildren(READ_PROPERTIES, record, signal)
  } catch (error) {
    if (!isStorageError(error, 'not-found')) throw error
    const found = await pool.zfs.getProperties(['type'], [pool.dataset, record], signal)
    if (!found.has(pool.dataset)) throw parentMissing(pool)
    if (found.has(record)) throw new StorageError('unavailable', `record ${record} was released and made again meanwhile; try again`)
    return undefined
  }
}

/** A part of a list: what stands after an id, as many as the limit and, where there are more, at least one of those. */
export interface ListRange {
  readonly after: string | undefined
  readonly limit: number
}

const EVERYTHING: ListRange = { after: undefined, limit: Number.POSITIVE_INFINITY }

/** All volumes and records of a pool. Datasets of other clusters and of nobody are left out; half a listing throws. */
export function readPool(pool: Pool, signal?: AbortSignal): Promise<PoolReading> {
  return readPools(new Map([[pool.name, pool]]), signal)
}

/**
 * All pools, each list sorted by volume id. A pool that cannot be read fails the whole: half a list would be taken for all of it.
 * One command a pool for the names, one for every few hundred datasets in the range, and one for every shared volume.
 */
export async function readPools(pools: Pools, signal?: AbortSignal, range = EVERYTHING): Promise<PoolReading> {
  const listed = await Promise.all([...pools.values()].map(pool => listVolumes(pool, range.after, signal)))
  const places = sortedById(listed.flat(), ({ place }) => place.volumeId)
  const reading = { volumes: [] as Volume[], tombstones: [] as Volume[], records: [] as Attachment[] }
  // Deleted volumes and those of other clusters are among the names, so that a range may take several turns.
  for (let at = 0; at < places.length && reading.volumes.length <= range.limit; ) {
    const turn = places.slice(at, at + Math.min(PLACES_A_TURN, range.limit + 1 - reading.volumes.length))
    await readTurn(turn, reading, signal)
    at += turn.length
  }
  return reading
}

/** What is read, parsed and let go before the next is asked for: the text of ten thousand volumes would fill the memory. */
const PLACES_A_TURN = 500

interface ListedVolume {
  readonly place: VolumePlace
  /** Its own dataset, its record's, or both. */
  readonly datasets: readonly string[]
}

async function listVolumes(pool: Pool, after: string | undefined, signal: AbortSignal | undefined): Promise<readonly ListedVolume[]> {
  const datasets = new Map<string, string[]>()
  for (const dataset of await inSight(pool, pool.zfs.listChildren(pool.dataset, signal))) {
    const name = dataset.slice(pool.dataset.length + 1)
    const leaf = name.startsWith('a-') ? name.slice(2) : name
    if (!isVolumeLeaf(leaf) || isListed(formatVolumeId(pool.name, leaf), after)) continue
    const known = datasets.get(leaf)
    if (known === undefined) datasets.set(leaf, [dataset])
    else known.push(dataset)
  }
  return [...datasets].map(([leaf, names]) => ({ place: placeOf(pool, leaf), datasets: names }))
}

async function readTurn(
  turn: readonly ListedVolume[],
  reading: { readonly volumes: Volume[]; readonly tombstones: Volume[]; readonly records: Attachment[] },
  signal: AbortSignal | undefined,
): Promise<void> {
  const pools = Map.groupBy(turn, ({ place }) => place.pool)
  const read = ([pool, listed]: [Pool, ListedVolume[]]) =>
    readProperties(pool, READ_PROPERTIES, { datasets: listed.flatMap(({ datasets }) => datasets), signal })
  const found = new Map((await Promise.all([...pools].map(read))).flatMap(properties => [...properties]))
  for (const { place, datasets } of turn) {
    for (const dataset of datasets) {
      const properties = found.get(dataset)
      // Gone since the names were listed, or another cluster's.
      if (properties === undefined || ownerCluster(properties, dataset) !== place.pool.cluster) continue
      if (dataset === place.record) reading.records.push(...(await readRecords(place, properties, signal)).records)
      else (isDeleted(properties, dataset) ? reading.tombstones : reading.volumes).push(parseOwnVolume(properties, place))
    }
  }
}

/** One command a pool, and one for every few hundred deleted volumes. */
export async function readTombstones(pools: Pools, signal?: AbortSignal): Promise<readonly Volume[]> {
  const readings = await Promise.all(
    [...pools.values()].map(async pool => {
      const states = await inSight(pool, pool.zfs.getChildren(STATE_PROPERTIES, pool.dataset, signal))
      const listed = [...states].flatMap(([dataset, properties]) => {
        const leaf = dataset.slice(pool.dataset.length + 1)
        const isWaiting = isVolumeLeaf(leaf) && ownerCluster(properties, dataset) === pool.cluster && isDeleted(properties, dataset)
        return isWaiting ? [{ place: placeOf(pool, leaf), datasets: [dataset] }] : []
      })
      const reading = { volumes: [], tombstones: [] as Volume[], records: [] }
      await readTurn(listed, reading, signal)
      return reading.tombstones
    }),
  )
  return readings.flat()
}

// Every server reads ssh packets of 35,000 bytes (RFC 4253, 6.1), and a command line is one packet.
const COMMAND_BYTES = 28_000

/** Of datasets that were listed a moment ago; those that are gone are left out. */
async function readProperties(
  pool: Pool,
  names: readonly string[],
  { datasets, signal }: { readonly datasets: readonly string[]; readonly signal: AbortSignal | undefined },
): Promise<ReadonlyMap<string, Properties>> {
  const all = new Map<string, Properties>()
  for (let at = 0; at < datasets.length; ) {
    const asked = [pool.dataset]
    for (let bytes = 0; at < datasets.length && bytes < COMMAND_BYTES; at++) {
      const dataset = datasets[at] ?? ''
      asked.push(dataset)
      bytes += Buffer.byteLength(dataset) + 1
    }
    const found = await pool.zfs.getProperties(names, asked, signal)
    if (!found.has(pool.dataset)) throw parentMissing(pool)
    for (const [dataset, properties] of found) all.set(dataset, properties)
  }
  return all
}

function isListed(id: string, after: string | undefined): boolean {
  return after !== undefined && id <= after
}

function sortedById<T>(items: readonly T[], idOf: (item: T) => string): readonly T[] {
  return items.toSorted((a, b) => (idOf(a) < idOf(b) ? -1 : 1))
}

export interface SnapshotReading {
  readonly snapshot: Snapshot | undefined
  readonly volume: Volume | undefined
  readonly tombstone: Volume | undefined
}

/** One command: the snapshot of that leaf and the volume it belongs to. */
export async function readSnapshot(place: VolumePlace, leaf: string, signal?: AbortSignal): Promise<SnapshotReading> {
  const [reading] = await readSnapshots([place], leaf, signal)
  if (reading === undefined) throw new Error('one place has one reading')
  return reading
}

/** One command: the snapshots of that leaf on volumes of one pool, with the volumes, in the order of the places. */
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
    const volume = properties && parseOwnVolume(properties, place)
    const deleted = properties !== undefined && isDeleted(properties, place.dataset)
    const name = `${place.dataset}@${leaf}`
    const snapshot = found.get(name)
    const { volumeId } = place
    const volumeBytes = volume?.sizeBytes ?? 0
    return {
      volume: deleted ? undefined : volume,
      tombstone: deleted ? volume : undefined,
      snapshot: snapshot && findSnapshot(snapshot, { volumeId, leaf, snapshot: name, cluster: pool.cluster, volumeBytes }),
    }
  })
}

/**
 * All snapshots of the pools' volumes in the range, sorted by id; those of deleted volumes too: they outlive them. One command a
 * pool for the names, and one for every few hundred snapshots in the range.
 */
export async function readSnapshotList(pools: Pools, signal?: AbortSignal, range = EVERYTHING): Promise<readonly Snapshot[]> {
  const listed = await Promise.all([...pools.values()].map(pool => listSnapshotNames(pool, signal)))
  const wanted = sortedById(
    listed.flat().filter(({ leaf, id }) => isSnapshotLeaf(leaf) && !isListed(id, range.after)),
    ({ id }) => id,
  )
  const snapshots: Snapshot[] = []
  for (let at = 0; at < wanted.length && snapshots.length <= range.limit; ) {
    const turn = wanted.slice(at, at + Math.min(PLACES_A_TURN, range.limit + 1 - snapshots.length))
    const pools = Map.groupBy(turn, ({ pool }) => pool)
    const parts = await Promise.all(
      [...pools].map(async ([pool, names]) => {
        const found = await readProperties(pool, SNAPSHOT_PROPERTIES, { datasets: names.map(({ name }) => name), signal })
        return parseSnapshots(pool, found)
      }),
    )
    snapshots.push(...sortedById(parts.flat(), ({ id }) => id))
    at += turn.length
  }
  return snapshots
}

export interface ListedSnapshot {
  readonly pool: Pool
  readonly name: string // of ZFS
  readonly volumeId: string
  readonly leaf: string
  readonly id: string
}

/** One command: what snapshots there are below a pool's volumes, whoever made them. */
export async function listSnapshotNames(pool: Pool, signal?: AbortSignal): Promise<readonly ListedSnapshot[]> {
  const names = await inSight(pool, pool.zfs.listGrandchildren(pool.dataset, signal))
  return names.flatMap(name => {
    const at = name.indexOf('@')
    const volumeLeaf = name.slice(pool.dataset.length + 1, at)
    if (!isVolumeLeaf(volumeLeaf)) return []
    const volumeId = formatVolumeId(pool.name, volumeLeaf)
    const leaf = name.slice(at + 1)
    return [{ pool, name, volumeId, leaf, id: formatSnapshotId(volumeId, leaf) }]
  })
}

/** One command: the snapshots of one volume; empty for a volume that does not exist. */
export async function readVolumeSnapshots(place: VolumePlace, signal?: AbortSignal): Promise<readonly Snapshot[]> {
  const { pool } = place
  const found = await pool.zfs.getSnapshots(SNAPSHOT_PROPERTIES, place.dataset, signal).catch(async error => {
    if (!isStorageError(error, 'not-found')) throw error
    // "Does not exist" is believed in the sight of the parent only.
    const { volume } = await readVolume(place, signal)
    if (volume !== undefined) throw error
    return new Map<string, Properties>()
  })
  return parseSnapshots(pool, found)
}

function parseSnapshots(pool: Pool, found: ReadonlyMap<string, Properties>): readonly Snapshot[] {
  return [...found].flatMap(([name, properties]) => {
    const [dataset = '', leaf = ''] = name.split('@')
    const volumeLeaf = dataset.slice(pool.dataset.length + 1)
    if (!isVolumeLeaf(volumeLeaf) || !isSnapshotLeaf(leaf)) return []
    const { volumeId } = placeOf(pool, volumeLeaf)
    return findSnapshot(properties, { volumeId, leaf, snapshot: name, cluster: pool.cluster, volumeBytes: 0 }) ?? []
  })
}

/** Bytes that new volumes can take from the pool: net of reservations, quotas and parity, in every dialect. */
export async function readAvailableBytes(pool: Pool, signal?: AbortSignal): Promise<number> {
  const found = await pool.zfs.getProperties(['available'], [pool.dataset], signal)
  const available = found.get(pool.dataset)?.get('available')?.value
  if (available === undefined) throw parentMissing(pool)
  return parseBytes(available, `available of ${pool.dataset}`)
}

/** The listing of a parent that is not there says "not found", which must not reach a caller who asked for a volume. */
async function inSight<T>(pool: Pool, listing: Promise<T>): Promise<T> {
  try {
    return await listing
  } catch (error) {
    throw isStorageError(error, 'not-found') ? parentMissing(pool) : error
  }
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

function parseOwnRecord(properties: Properties, place: VolumePlace, dataset: string): Attachment {
  requireOwner(properties, dataset, place.pool)
  return parseAttachment(properties, { pool: place.pool.name, leaf: place.leaf, dataset })
}

function requireOwner(properties: Properties, dataset: string, pool: Pool): void {
  const cluster = ownerCluster(properties, dataset)
  if (cluster === pool.cluster) return
  const whose = cluster === undefined ? 'was not made by this driver' : `belongs to cluster ${JSON.stringify(cluster)}`
  throw new StorageError('failed-precondition', `dataset ${dataset} ${whose}; it is left alone`)
}
