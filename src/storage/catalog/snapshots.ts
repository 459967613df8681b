// Reads the snapshots of volumes. A dataset counts as absent only if the same read shows the parent
// dataset.

import { isStorageError, StorageError } from '../../errors.ts'
import { isSnapshotLeaf, isVolumeLeaf } from '../../model/ids.ts'
import type { Snapshot } from '../../model/volumes.ts'
import type { Properties } from '../../zfs/zfs.ts'
import { isHiddenSnapshotLeaf } from '../names.ts'
import { placeOf } from '../places.ts'
import type { Pool, VolumePlace } from '../pool.ts'
import { findSnapshot, parseVolumeDataset, requireOwn } from './datasets.ts'
import {
  describeOwner,
  formatSnapshotProperties,
  ownerCluster,
  READ_PROPERTIES,
  SNAPSHOT_PROPERTIES,
} from './properties.ts'
import { readVolume, type VolumeOrTombstone, volumeOrTombstone } from './read.ts'
import { readInSight } from './sight.ts'

export interface SnapshotReading extends VolumeOrTombstone {
  readonly snapshot: Snapshot | undefined
}

/** One command: the snapshot with that leaf and its volume. */
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
 * One command: the snapshots with that leaf on volumes of one pool, and the volumes. The results
 * have the order of the places.
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
  const { parent, found } = await readInSight(pool, { names, datasets }, signal)
  return places.map(place => {
    const { dataset, volumeId } = place
    const volume = found.get(dataset)
    const name = `${dataset}@${leaf}`
    const snapshot = found.get(name)
    return {
      ...volumeOrTombstone(
        volume && requireOwn(parseVolumeDataset(volume, place, parent), dataset),
      ),
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
      // "Does not exist" counts only together with the parent dataset.
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
 * Called before a snapshot is destroyed by name. A snapshot of another owner under that name is
 * `failed-precondition` and is not touched.
 */
export async function hasOwnSnapshot(
  { pool, dataset }: VolumePlace,
  leaf: string,
  signal?: AbortSignal,
): Promise<boolean> {
  const snapshot = `${dataset}@${leaf}`
  const { found } = await readInSight(
    pool,
    { names: SNAPSHOT_PROPERTIES, datasets: [snapshot] },
    signal,
  )
  const properties = found.get(snapshot)
  if (properties === undefined) return false
  const owner = ownerCluster(properties, snapshot)
  if (owner === pool.cluster) return true
  throw new StorageError(
    'failed-precondition',
    `snapshot ${snapshot} ${describeOwner(owner)}; this driver does not touch it`,
  )
}

/**
 * Creates the snapshots at one moment, with the driver's properties. `datasets`: ZFS names of the
 * snapshots.
 */
export function cutSnapshots(
  { zfs, cluster }: Pool,
  cut: {
    readonly datasets: readonly string[]
    readonly name: string
    readonly groupId?: string | undefined
  },
  signal?: AbortSignal,
): Promise<void> {
  const properties = formatSnapshotProperties({ name: cut.name, groupId: cut.groupId }, cluster)
  return zfs.snapshot(cut.datasets, properties, signal)
}

/** Hidden snapshots of a volume that no clone will destroy; none if the volume is gone. */
export async function readHiddenLeft(
  { pool, dataset }: VolumePlace,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const snapshots = await pool.zfs
    .getSnapshots(SNAPSHOT_PROPERTIES, dataset, signal)
    .catch(error => {
      if (!isStorageError(error, 'not-found')) throw error
      return new Map<string, Properties>() // the volume is gone, and its snapshots with it
    })
  return hiddenLeft(snapshots, pool)
}

/**
 * Selects the hidden snapshots that no clone will destroy. Calls that were cut off left them
 * behind.
 */
export function hiddenLeft(
  snapshots: ReadonlyMap<string, Properties>,
  { cluster }: Pool,
): readonly string[] {
  return [...snapshots].flatMap(([name, properties]) => {
    const isLeft =
      ownerCluster(properties, name) === cluster && properties.get('defer_destroy')?.value !== 'on'
    return isHiddenSnapshotLeaf(name.slice(name.indexOf('@') + 1)) && isLeft ? [name] : []
  })
}
