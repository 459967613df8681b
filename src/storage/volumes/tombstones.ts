// Destroying what nothing needs: a volume, or one that was deleted and waited. Only ever tries what
// zfs itself refuses while anything depends on it; never recursive, never forced, never a promote.

import { isStorageError, StorageError } from '../../errors.ts'
import { DependantsError } from '../../zfs/destruction.ts'
import type { VolumePlace } from '../pool.ts'
import { dropHiddenSnapshots } from './hidden-snapshots.ts'

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
