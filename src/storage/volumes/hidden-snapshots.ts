// Hidden snapshots, from which one volume is cloned from another. ZFS destroys each with its clone.
// The driver deletes those that a cut-off call left behind.

import { isStorageError } from '../../errors.ts'
import { readInSight } from '../catalog/sight.ts'
import { cutSnapshots, hasOwnSnapshot, readHiddenLeft } from '../catalog/snapshots.ts'
import { cloneSourceLeaf } from '../names.ts'
import { withRoom } from '../places.ts'
import type { VolumePlace } from '../pool.ts'

/**
 * Creates the hidden snapshot of a source volume for a clone. If the clone exists already, returns
 * the snapshot from which it was cloned.
 */
export async function cutCloneSource(
  source: VolumePlace,
  target: VolumePlace,
  signal?: AbortSignal,
): Promise<string> {
  const { pool } = source
  const snapshot = `${source.dataset}@${cloneSourceLeaf(target.leaf)}`
  // The snapshot gets its own name property; otherwise it would show the source's name. It is never
  // listed, because its leaf is not that of a snapshot.
  const wanted = { datasets: [snapshot], name: target.leaf }
  const cut = () =>
    withRoom(
      target,
      `a copy of ${source.volumeId} and the room to overwrite the whole source`,
      () => cutSnapshots(pool, wanted, signal),
    )
  try {
    await cut()
  } catch (error) {
    if (!isStorageError(error, 'already-exists')) throw error
    await hasOwnSnapshot(source, cloneSourceLeaf(target.leaf), signal)
    // Whatever is there may be cloned from it, also what has no owner yet.
    const { found } = await readInSight(
      target.pool,
      { names: ['type'], datasets: [target.dataset] },
      signal,
    )
    if (!found.has(target.dataset)) {
      // An earlier request was cut off and perhaps abandoned. A new request wants the source as it
      // is now.
      await pool.zfs.destroySnapshotDeferred(snapshot, signal)
      await cut()
    }
  }
  return snapshot
}

/**
 * Deletes the leftover hidden snapshots and returns their number. ZFS destroys one with a clone
 * together with that clone. The caller holds the volume's lock, so no other call is using them.
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
