// Destroys a volume, or a deleted volume that waited. It only tries commands that zfs refuses while
// anything depends on the volume. It is never recursive, never forced, and never promotes a clone.

import { isStorageError, StorageError } from '../../errors.ts'
import { DependantsError } from '../../zfs/destruction.ts'
import type { VolumePlace } from '../pool.ts'
import { dropHiddenSnapshots } from './hidden-snapshots.ts'

/**
 * A deleted volume that still occupied the name has been destroyed. The same request will now
 * create a new one. The origin of the deleted volume may be destroyed as well.
 */
export class NameFreedError extends StorageError {
  readonly origin: string | undefined

  constructor(volumeId: string, origin: string | undefined) {
    super('unavailable', `volume ${volumeId} was deleted but destroyed only now; try again`)
    this.name = 'NameFreedError'
    this.origin = origin
  }
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
 * Like `destroyIfFree`, for a deleted volume without a record. Also removes its logical unit, which
 * another controller may have created again. Refuses if a machine sees that unit or the unit offers
 * other data.
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
