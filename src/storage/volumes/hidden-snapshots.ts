// Snapshots that callers never see: a volume is made from another through one. It goes with the
// clone; those that requests left behind when they were cut off are dropped.

import { isStorageError } from '../../errors.ts'
import type { Properties } from '../../zfs/zfs.ts'
import {
  formatSnapshotProperties,
  ownerCluster,
  SNAPSHOT_PROPERTIES,
} from '../catalog/properties.ts'
import { readVolume } from '../catalog/read.ts'
import { hasOwnSnapshot } from '../catalog/snapshots.ts'
import { cloneSourceLeaf, isHiddenSnapshotLeaf } from '../names.ts'
import { withRoom } from '../places.ts'
import type { VolumePlace } from '../pool.ts'

/**
 * The hidden snapshot of a source volume, through which it is cloned. Where the clone exists it is
 * the one it was made from.
 */
export async function cutCloneSource(
  source: VolumePlace,
  target: VolumePlace,
  signal?: AbortSignal,
): Promise<string> {
  const { zfs, cluster } = source.pool
  const snapshot = `${source.dataset}@${cloneSourceLeaf(target.leaf)}`
  // A name of its own, or the source's would show through; never listed, as its leaf is not that of
  // a snapshot.
  const properties = formatSnapshotProperties({ name: target.leaf, groupId: undefined }, cluster)
  const cut = () =>
    withRoom(
      target,
      `a copy of ${source.volumeId}, with which the whole source may be overwritten`,
      () => zfs.snapshot([snapshot], properties, signal),
    )
  try {
    await cut()
  } catch (error) {
    if (!isStorageError(error, 'already-exists')) throw error
    await hasOwnSnapshot(source, cloneSourceLeaf(target.leaf), signal)
    const { volume, tombstone } = await readVolume(target, signal)
    if (volume === undefined && tombstone === undefined) {
      // An earlier request was cut off and perhaps given up: nobody wants the source as it was
      // then.
      await zfs.destroySnapshotDeferred(snapshot, signal)
      await cut()
    }
  }
  return snapshot
}

/**
 * Of these snapshots the hidden ones that go with nothing: requests that were cut off left them
 * behind.
 */
export function leftHiddenSnapshots(
  snapshots: ReadonlyMap<string, Properties>,
  cluster: string,
): readonly string[] {
  return [...snapshots].flatMap(([name, properties]) => {
    const isLeft =
      ownerCluster(properties, name) === cluster && properties.get('defer_destroy')?.value !== 'on'
    return isHiddenSnapshotLeaf(name.slice(name.indexOf('@') + 1)) && isLeft ? [name] : []
  })
}

/**
 * How many there were. One that a clone was made from goes with the clone. The caller holds the
 * volume's lock, so that no request is at work with them.
 */
export async function dropHiddenSnapshots(
  source: VolumePlace,
  signal?: AbortSignal,
): Promise<number> {
  const { zfs, cluster } = source.pool
  const snapshots = await zfs
    .getSnapshots(SNAPSHOT_PROPERTIES, source.dataset, signal)
    .catch(error => {
      if (!isStorageError(error, 'not-found')) throw error
      return new Map<string, Properties>() // the volume is gone, and they with it
    })
  const left = leftHiddenSnapshots(snapshots, cluster)
  for (const snapshot of left) await zfs.destroySnapshotDeferred(snapshot, signal)
  return left.length
}
