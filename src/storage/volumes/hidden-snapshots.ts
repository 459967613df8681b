// Snapshots that callers never see: a volume is made from another through one. It goes with the
// clone; those that requests left behind when they were cut off are dropped.

import { isStorageError } from '../../errors.ts'
import { readVolume } from '../catalog/read.ts'
import { cutSnapshots, hasOwnSnapshot, readHiddenLeft } from '../catalog/snapshots.ts'
import { cloneSourceLeaf } from '../names.ts'
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
  const { pool } = source
  const snapshot = `${source.dataset}@${cloneSourceLeaf(target.leaf)}`
  // A name of its own, or the source's would show through; never listed, as its leaf is not that of
  // a snapshot.
  const wanted = { datasets: [snapshot], name: target.leaf }
  const cut = () =>
    withRoom(
      target,
      `a copy of ${source.volumeId}, with which the whole source may be overwritten`,
      () => cutSnapshots(pool, wanted, signal),
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
      await pool.zfs.destroySnapshotDeferred(snapshot, signal)
      await cut()
    }
  }
  return snapshot
}

/**
 * How many there were. One that a clone was made from goes with the clone. The caller holds the
 * volume's lock, so that no request is at work with them.
 */
export async function dropHiddenSnapshots(
  source: VolumePlace,
  signal?: AbortSignal,
): Promise<number> {
  const left = await readHiddenLeft(source, signal)
  const { zfs } = source.pool
  for (const snapshot of left) await zfs.destroySnapshotDeferred(snapshot, signal)
  return left.length
}
