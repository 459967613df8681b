// Deleting a volume. The caller holds its lock.

import { StorageError } from '../../errors.ts'
import { formatGuestId } from '../../model/ids.ts'
import type { Volume } from '../../model/volumes.ts'
import { formatDeletedProperty } from '../catalog/properties.ts'
import { readAttached } from '../catalog/read.ts'
import { isSilence, observeMachines, settleHost, settleMachine } from '../observation.ts'
import type { VolumePlace } from '../pool.ts'
import { findExport } from './exports.ts'
import type { Reaper } from './reaper.ts'
import { destroyIfFree } from './tombstones.ts'

/**
 * Returns the destroyed volume; undefined when it did not exist or is now hidden. Refuses
 * (`in-use`) while the volume has a record, a view or an export.
 */
export async function destroyVolume(
  place: VolumePlace,
  reaper: Reaper,
  signal?: AbortSignal,
): Promise<Volume | undefined> {
  const { pool } = place
  await settled(place, signal)
  const [reading, states] = await Promise.all([
    readAttached(place, signal),
    observeMachines(pool, signal),
  ])
  if (reading.sharing !== undefined) {
    const guests =
      reading.records.map(record => formatGuestId(record.guest)).join(', ') || '(in transition)'
    throw new StorageError(
      'in-use',
      `volume ${place.volumeId} is attached to guest ${guests}; detach it first`,
    )
  }
  const found = await findExport(place, states, signal)
  if (found?.kind === 'unseen') {
    throw new StorageError(
      'unavailable',
      `volume ${place.volumeId} cannot be deleted while machine ${found.machine} does not ` +
        'answer: the machine may export it',
      { cause: found.error },
    )
  }
  if (found !== undefined) {
    throw new StorageError(
      'in-use',
      `volume ${place.volumeId} is exported on machine ${found.machine} as ${found.label} ` +
        `without a record; remove it there (${found.removal}), then delete again`,
    )
  }
  if (reading.tombstone !== undefined) return reaper.bury(place, signal)
  if (reading.volume === undefined) return undefined
  await pool.design.remove(place, signal)
  return destroyOrHide({ place, reaper, volume: reading.volume }, signal)
}

// A volume with snapshots or clones is hidden and loses its reservation. The driver destroys it
// with its last dependant. For the caller the deletion succeeds either way.
async function destroyOrHide(
  {
    place,
    reaper,
    volume,
  }: { readonly place: VolumePlace; readonly reaper: Reaper; readonly volume: Volume },
  signal?: AbortSignal,
): Promise<Volume | undefined> {
  const { zfs } = place.pool
  if (await destroyIfFree(place, signal)) return volume
  await zfs.setProperty(place.dataset, formatDeletedProperty(), signal)
  await reaper.noteWaiting(place.volumeId)
  if (volume.reservedBytes > 0) {
    await zfs.setProperty(place.dataset, ['refreservation', 'none'], signal)
  }
  return undefined
}

// A silent machine does not block the deletion if the design has a fence, which is checked instead.
async function settled(place: VolumePlace, signal?: AbortSignal): Promise<void> {
  await settleHost(place, signal)
  for (const machine of place.pool.machines.values()) {
    try {
      await settleMachine(place, machine, signal)
    } catch (error) {
      if (!isSilence(error) || !place.pool.design.canFence) throw error
    }
  }
}
