// Deleting one snapshot so that it always ends well: gone, or out of the way until its last clone
// goes.

import { isStorageError, StorageError } from '../../errors.ts'
import type { Volume } from '../../model/volumes.ts'
import { DependantsError } from '../../zfs/destruction.ts'
import { hasOwnSnapshot, readSnapshot } from '../catalog/snapshots.ts'
import { deletedSnapshotLeaf } from '../names.ts'
import type { VolumePlace } from '../pool.ts'
import type { Reaper } from '../volumes/reaper.ts'

/**
 * How often one snapshot name may be deleted and taken again while clones of every earlier one
 * live.
 */
const RENAME_TRIES = 100

/** What deleting a snapshot needs of the volumes that waited for it. */
export type Reaping = Pick<Reaper, 'reapKnown' | 'reapOrigin'>

interface OneSnapshot {
  readonly place: VolumePlace
  readonly leaf: string
  readonly reaper: Reaping
}

/**
 * Absence is success. The caller holds the volume's lock; answers a deleted volume that went along,
 * as Reaper.reap does.
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
      // zfs says so also of a pool that is not imported: the read, in the sight of the parent,
      // decides.
      const { snapshot: still } = await readSnapshot(place, leaf, signal)
      if (still !== undefined) {
        throw new StorageError('unavailable', `snapshot ${snapshot} is not gone yet; try again`)
      }
    }
  } catch (error) {
    if (!(error instanceof DependantsError)) throw error
    await zfs.destroySnapshotDeferred(await moveAside(place, leaf, signal), signal)
  }
  return reaper.reapKnown(place, signal)
}

// A deferred snapshot keeps its name until it goes; under another one it leaves its own free.
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
      'have clones; delete some of those',
  )
}
