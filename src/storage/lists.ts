// Lists of volumes, records and snapshots: of whole pools, or a range of them. The names come first, and then the properties of those
// that are wanted, a few hundred at a time, so that neither the text nor the work of a page grows with what stands on other pages.

import type { Properties } from '../zfs/zfs.ts'
import { inSight, parentMissing, parseOwnVolume, parseSnapshots, readRecords } from './catalog.ts'
import type { Attachment, Snapshot, Volume } from './model.ts'
import { formatSnapshotId, formatVolumeId, isSnapshotLeaf, isVolumeLeaf } from './names.ts'
import { type Pool, type Pools, placeOf, type VolumePlace } from './pool.ts'
import { isDeleted, ownerCluster, READ_PROPERTIES, SNAPSHOT_PROPERTIES, STATE_PROPERTIES } from './properties.ts'

export interface PoolReading {
  readonly volumes: readonly Volume[]
  readonly tombstones: readonly Volume[]
  readonly records: readonly Attachment[]
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
        return parseSnapshots(pool, await readListedSnapshots(pool, names, signal))
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

/** What is known of snapshots that were listed a moment ago; those that are gone are left out. */
export function readListedSnapshots(
  pool: Pool,
  listed: readonly ListedSnapshot[],
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, Properties>> {
  return readProperties(pool, SNAPSHOT_PROPERTIES, { datasets: listed.map(({ name }) => name), signal })
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
