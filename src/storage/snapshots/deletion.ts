// Deletes one snapshot. If clones depend on it, it is renamed and ZFS destroys it with its last
// clone.

import { isStorageError, StorageError } from '../../errors.ts'
import type { Volume } from '../../model/volumes.ts'
import { DependantsError } from '../../zfs/destruction.ts'
import { hasOwnSnapshot, readSnapshot } from '../catalog/snapshots.ts'
import { deletedSnapshotLeaf } from '../names.ts'
import type { VolumePlace } from '../pool.ts'
import type { Reaper } from '../volumes/reaper.ts'

/** How many deleted snapshots of one name may wait for their clones at the same time. */
const RENAME_TRIES = 100

/** The methods of the reaper that the deletion of a snapshot needs. */
export type Reaping = Pick<Reaper, 'reapKnown' | 'reapOrigin'>

interface OneSnapshot {
  readonly place: VolumePlace
  readonly leaf: string
  readonly reaper: Reaping
}

/**
 * Absence is success. The caller holds the volume's lock. Returns a deleted volume that was
 * destroyed along with the snapshot, like Reaper.reap.
 */
export async function deleteOneSnapshot(
  { place, leaf, reaper }: OneSnapshot,
  signal?: AbortSignal,
): Promise<Volume | undefined> {
  const { zfs } = place.pool
  const snapshot = `${place.dataset}@${leaf}`
  const isThere = await hasOwnSnapshot(place, leaf, signal)
  try {
    if (isThere && (await zfs.destroySnapshot(snapshot, signal)) === 'absent') {
      // zfs also answers "does not exist" for a pool that is not imported. This read includes the
      // parent dataset and decides.
      const { snapshot: still } = await readSnapshot(place, leaf, signal)
      if (still !== undefined) {
        throw new StorageError('unavailable', `snapshot ${snapshot} still exists; try again`)
      }
    }
  } catch (error) {
    if (!(error instanceof DependantsError)) throw error
    await zfs.destroySnapshotDeferred(await moveAside(place, leaf, signal), signal)
  }
  return reaper.reapKnown(place, signal)
}

// A snapshot with deferred destruction keeps its name until ZFS destroys it. Renaming it frees the
// name.
async function moveAside(place: VolumePlace, leaf: string, signal?: AbortSignal): Promise<string> {
  for (let attempt = 0; attempt < RENAME_TRIES; attempt++) {
    const aside = `${place.dataset}@${deletedSnapshotLeaf(leaf, attempt)}`
    try {
      await place.pool.zfs.rename(`${place.dataset}@${leaf}`, aside, signal)
      return aside
    } catch (error) {
      if (!isStorageError(error, 'already-exists')) throw error
    }
  }
  throw new StorageError(
    'busy',
    `snapshot ${place.dataset}@${leaf}: ${RENAME_TRIES} deleted snapshots of this name still ` +
      'have clones; delete some of those clones',
  )
}
