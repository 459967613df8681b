// Deleting a volume. The caller holds its lock.

import { StorageError } from '../../errors.ts'
import { formatGuestId } from '../../model/ids.ts'
import type { Volume } from '../../model/volumes.ts'
import { formatDeletedProperty } from '../catalog/properties.ts'
import { readAttached } from '../catalog/read.ts'
import { isSilence, observeMachines, settleHost, settleMachine } from '../observation.ts'
import type { VolumePlace } from '../pool.ts'
import { leadsTo, removalOf } from '../uses.ts'
import type { Reaper } from './reaper.ts'
import { destroyIfFree } from './tombstones.ts'

/**
 * Answers what went; undefined when it was not there, or is hidden. Refuses (`in-use`) while a
 * record, a view or an export speaks for the volume.
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
  for (const [machine, state] of states) {
    if (state instanceof StorageError) {
      // Where the design can fence, no view means that no machine reaches the bytes, answering or
      // not.
      if (!isSilence(state) || !(await pool.design.isFenced(place, signal))) {
        throw new StorageError(
          'unavailable',
          `volume ${place.volumeId} is not deleted while machine ${machine} does not answer: ` +
            'it may export the volume',
          { cause: state },
        )
      }
      continue
    }
    const uses = state.uses.filter(use => leadsTo(place, use))
    const exported = uses.find(use => use.kind === 'export') ?? uses[0]
    if (exported !== undefined) {
      throw new StorageError(
        'in-use',
        `volume ${place.volumeId} is exported on machine ${machine} as ${exported.label} ` +
          `without a record; remove it there (${removalOf(uses)}), then delete again`,
      )
    }
  }
  if (reading.tombstone !== undefined) return reaper.bury(place, signal)
  if (reading.volume === undefined) return undefined
  await pool.design.remove(place, signal)
  return destroyOrHide({ place, reaper, volume: reading.volume }, signal)
}

// Deleting ends well for the caller: a volume that snapshots or clones depend on is hidden and
// gives its reservation back; the last dependant takes it along.
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

// A silent machine does not keep a volume from being deleted where a fence can be looked at
// instead.
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
