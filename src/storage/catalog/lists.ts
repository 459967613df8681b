// Lists volumes, records and snapshots of whole pools or of a range. The driver lists the names
// first. Then it reads the properties of the wanted datasets, a few hundred at a time. So the cost
// of a page does not grow with the other pages.

import { formatVolumeId, isSnapshotLeaf, isVolumeLeaf } from '../../model/ids.ts'
import type { ListRange, Snapshot, Volume } from '../../model/volumes.ts'
import type { Properties } from '../../zfs/zfs.ts'
import { isGuestRecord, isHiddenSnapshotLeaf } from '../names.ts'
import { placeOf } from '../places.ts'
import type { Pool, Pools, Recorded, VolumePlace } from '../pool.ts'
import { parseRecordDataset, parseVolumeDataset } from './datasets.ts'
import {
  isDeleted,
  ownerCluster,
  READ_PROPERTIES,
  SNAPSHOT_PROPERTIES,
  STATE_PROPERTIES,
} from './properties.ts'
import { gatherRecords, type RecordReading } from './read.ts'
import { inSight, readInSight } from './sight.ts'
import { hiddenLeft, parseSnapshots } from './snapshots.ts'

export interface PoolReading {
  readonly volumes: readonly Volume[]
  readonly tombstones: readonly Volume[]
  readonly records: readonly Recorded[]
  /**
   * The sharing and the owner from every volume's record. The guests' records are in `records`;
   * there may be none.
   */
  readonly given: ReadonlyMap<string, Pick<RecordReading, 'sharing' | 'owner'>>
  /** Datasets in the place of a volume or of its record that have no owner. */
  readonly unowned: readonly string[]
}

const EVERYTHING: ListRange = { after: undefined, limit: Number.POSITIVE_INFINITY }

/**
 * How many names are read and parsed at once. The text of ten thousand volumes would fill the
 * memory.
 */
const NAMES_A_TURN = 500

/**
 * Reads all pools; each list is sorted by volume id. If one pool cannot be read, the call fails:
 * callers would take a partial list for the whole. One command per pool for the names, and one for
 * every few hundred datasets in the range.
 */
export async function readPools(
  pools: Pools,
  signal?: AbortSignal,
  range = EVERYTHING,
): Promise<PoolReading> {
  const readings = await readEach(pools, range, {
    read: (pool, part) => readRange(pool, part, signal),
    lengthOf: reading => reading.volumes.length,
  })
  return {
    volumes: readings.flatMap(reading => reading.volumes),
    tombstones: readings.flatMap(reading => reading.tombstones),
    records: readings.flatMap(reading => reading.records),
    given: new Map(readings.flatMap(reading => [...reading.given])),
    unowned: readings.flatMap(reading => reading.unowned),
  }
}

/**
 * All volumes and records of a pool, without datasets of other owners. An incomplete listing
 * throws.
 */
export function readPool(pool: Pool, signal?: AbortSignal): Promise<PoolReading> {
  return readRange(pool, EVERYTHING, signal)
}

// An id begins with the name of its pool, so the ids of one pool are all before or after those of
// another. A range stops before the pools that it does not reach. Without a limit the pools are
// read in parallel.
async function readEach<Part>(
  pools: Pools,
  { after, limit }: ListRange,
  list: {
    readonly read: (pool: Pool, range: ListRange) => Promise<Part>
    readonly lengthOf: (part: Part) => number
  },
): Promise<readonly Part[]> {
  const prefix = ({ name }: Pool) => `${name}/`
  const ordered = [...pools.values()]
    .filter(pool => after === undefined || after.startsWith(prefix(pool)) || prefix(pool) > after)
    .sort((a, b) => (prefix(a) < prefix(b) ? -1 : 1))
  if (limit === Number.POSITIVE_INFINITY) {
    return Promise.all(ordered.map(pool => list.read(pool, { after, limit })))
  }
  const parts: Part[] = []
  let missing = limit
  for (const pool of ordered) {
    if (missing < 0) break
    const part = await list.read(pool, { after, limit: missing })
    parts.push(part)
    missing -= list.lengthOf(part)
  }
  return parts
}

async function readRange(
  pool: Pool,
  { after, limit }: ListRange,
  signal?: AbortSignal,
): Promise<PoolReading> {
  const names = await inSight(pool, pool.zfs.listDescendants(pool.dataset, signal))
  const paths = names.map(name => name.slice(pool.dataset.length + 1))
  const leaves = paths.filter(path => !path.includes('/'))
  const below = Map.groupBy(
    names.filter(name => isGuestRecord(name)),
    name => name.slice(0, name.lastIndexOf('/')),
  )
  const recorded = new Set(leaves.flatMap(leaf => (leaf.startsWith('a-') ? [leaf.slice(2)] : [])))
  // A record whose volume is gone is read as well.
  const wanted = [...new Set([...leaves, ...recorded])]
    .filter(
      leaf =>
        isVolumeLeaf(leaf) && (after === undefined || formatVolumeId(pool.name, leaf) > after),
    )
    .sort()
  const reading = emptyReading()
  // The names include deleted volumes and those of other clusters, so a range may take several
  // turns.
  for (let at = 0; at < wanted.length && reading.volumes.length <= limit; ) {
    const turn = wanted
      .slice(at, at + Math.min(NAMES_A_TURN, limit + 1 - reading.volumes.length))
      .map(leaf => placeOf(pool, leaf))
    const datasets = turn.flatMap(({ dataset, record, leaf }) =>
      recorded.has(leaf) ? [dataset, record, ...(below.get(record) ?? [])] : [dataset],
    )
    const { found } = await readInSight(pool, { names: READ_PROPERTIES, datasets }, signal)
    sortTurn(turn, found, reading)
    at += turn.length
  }
  return reading
}

type Growing = {
  volumes: Volume[]
  tombstones: Volume[]
  records: Recorded[]
  given: Map<string, Pick<RecordReading, 'sharing' | 'owner'>>
  unowned: string[]
}

function emptyReading(): Growing {
  return { volumes: [], tombstones: [], records: [], given: new Map(), unowned: [] }
}

function sortTurn(
  turn: readonly VolumePlace[],
  found: ReadonlyMap<string, Properties>,
  reading: Growing,
): void {
  const below = Map.groupBy(found, ([dataset]) => dataset.slice(0, dataset.lastIndexOf('/')))
  for (const place of turn) {
    const properties = found.get(place.dataset)
    const volume = properties && parseVolumeDataset(properties, place)
    if (volume?.kind === 'volume') reading.volumes.push(volume.volume)
    if (volume?.kind === 'tombstone') reading.tombstones.push(volume.volume)
    const above = found.get(place.record)
    const record = above && parseRecordDataset(above, place)
    for (const [parsed, dataset] of [
      [volume, place.dataset] as const,
      [record, place.record] as const,
    ]) {
      if (parsed?.kind === 'foreign' && parsed.cluster === undefined) reading.unowned.push(dataset)
    }
    if (record !== undefined && record.kind !== 'foreign') {
      const children = new Map(below.get(place.record))
      const { records, sharing, owner } = gatherRecords(place, record, children)
      reading.records.push(...records)
      reading.given.set(place.volumeId, { sharing, owner })
    }
  }
}

/** One command per pool, and one for every few hundred deleted volumes. */
export async function readTombstones(
  pools: Pools,
  signal?: AbortSignal,
): Promise<readonly Volume[]> {
  const readings = await Promise.all(
    [...pools.values()].map(async pool => {
      const states = await inSight(
        pool,
        pool.zfs.getChildren(STATE_PROPERTIES, pool.dataset, signal),
      )
      const waiting = [...states].flatMap(([dataset, properties]) => {
        const leaf = dataset.slice(pool.dataset.length + 1)
        const isOwn = isVolumeLeaf(leaf) && ownerCluster(properties, dataset) === pool.cluster
        return isOwn && isDeleted(properties, dataset) ? [placeOf(pool, leaf)] : []
      })
      const datasets = waiting.map(({ dataset }) => dataset)
      const { found } = await readInSight(pool, { names: READ_PROPERTIES, datasets }, signal)
      const reading = emptyReading()
      sortTurn(waiting, found, reading)
      return reading.tombstones
    }),
  )
  return readings.flat()
}

/**
 * All snapshots of the pools' volumes in the range, sorted by id. Snapshots of deleted volumes are
 * included, because they outlive them. One command per pool for the names, and one for every few
 * hundred snapshots in the range.
 */
export async function readSnapshotList(
  pools: Pools,
  signal?: AbortSignal,
  range = EVERYTHING,
): Promise<readonly Snapshot[]> {
  const parts = await readEach(pools, range, {
    read: (pool, part) => readSnapshotRange(pool, part, signal),
    lengthOf: snapshots => snapshots.length,
  })
  return parts.flat()
}

async function readSnapshotRange(
  pool: Pool,
  { after, limit }: ListRange,
  signal?: AbortSignal,
): Promise<readonly Snapshot[]> {
  // Ids and ZFS names differ only in their beginning.
  const afterName = after?.startsWith(`${pool.name}/`)
    ? `${pool.dataset}${after.slice(pool.name.length)}`
    : undefined
  const names = await listSnapshotNames(pool, { after: afterName, signal })
  const snapshots: Snapshot[] = []
  for (let at = 0; at < names.length && snapshots.length <= limit; ) {
    const turn = names.slice(at, at + Math.min(NAMES_A_TURN, limit + 1 - snapshots.length))
    const wanted = turn.filter(name => isSnapshotLeaf(name.slice(name.indexOf('@') + 1)))
    snapshots.push(...parseSnapshots(pool, await readListedSnapshots(pool, wanted, signal)))
    at += turn.length
  }
  return snapshots
}

/** One command: the ZFS names of all snapshots below a pool's volumes, from any owner, sorted. */
export function listSnapshotNames(
  pool: Pool,
  options: { readonly after?: string | undefined; readonly signal?: AbortSignal | undefined } = {},
): Promise<readonly string[]> {
  return inSight(pool, pool.zfs.listGrandchildren(pool.dataset, options))
}

/** The properties of snapshots that were just listed. Snapshots that are gone are left out. */
export async function readListedSnapshots(
  pool: Pool,
  datasets: readonly string[],
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, Properties>> {
  const { found } = await readInSight(pool, { names: SNAPSHOT_PROPERTIES, datasets }, signal)
  return found
}

/** Hidden snapshots of a whole pool that no clone will destroy. Two reads. */
export async function listHiddenLeft(pool: Pool, signal?: AbortSignal): Promise<readonly string[]> {
  const hidden = (await listSnapshotNames(pool, { signal })).filter(name =>
    isHiddenSnapshotLeaf(name.slice(name.indexOf('@') + 1)),
  )
  return hiddenLeft(await readListedSnapshots(pool, hidden, signal), pool)
}
