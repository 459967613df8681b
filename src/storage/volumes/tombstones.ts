// Destroying what nothing needs: a volume, or one that was deleted and waited. Only ever tries what
// zfs itself refuses while anything depends on it; never recursive, never forced, never a promote.

import { isStorageError, StorageError } from '../../errors.ts'
import { DependantsError } from '../../zfs/destruction.ts'
import type { Properties } from '../../zfs/zfs.ts'
import { ownerCluster, SNAPSHOT_PROPERTIES } from '../catalog/properties.ts'
import { isHiddenSnapshotLeaf } from '../names.ts'
import type { VolumePlace } from '../pool.ts'

/**
 * A deleted volume that only kept its name is gone now; the same request makes a new one. What it
 * was made from may go as well.
 */
export class NameFreedError extends StorageError {
  readonly origin: string | undefined

  constructor(volumeId: string, origin: string | undefined) {
    super('unavailable', `volume ${volumeId} was deleted and is gone only now; try again`)
    this.name = 'NameFreedError'
    this.origin = origin
  }
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

/** False while something depends on the volume. The caller holds the volume's lock. */
export async function destroyIfFree(place: VolumePlace, signal?: AbortSignal): Promise<boolean> {
  const { zfs } = place.pool
  for (;;) {
    try {
      await zfs.destroy(place.dataset, signal)
      return true
    } catch (error) {
      if (!(error instanceof DependantsError)) throw error
      if ((await dropHiddenSnapshots(place, signal)) === 0) return false
    }
  }
}

/**
 * As destroyIfFree, of a volume that is deleted and recorded nowhere. Its logical unit goes too,
 * where another controller made it anew meanwhile; refused where somebody sees that unit, or it
 * offers something else.
 */
export async function destroyTombstone(place: VolumePlace, signal?: AbortSignal): Promise<boolean> {
  try {
    return await destroyIfFree(place, signal)
  } catch (error) {
    if (!isStorageError(error, 'busy')) throw error
  }
  await place.pool.design.remove(place, signal)
  return destroyIfFree(place, signal)
}
