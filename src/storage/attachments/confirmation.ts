// The last check of an attachment: is the record still there, and does anything else lead to the
// volume?

import { StorageError } from '../../errors.ts'
import type { MachineView } from '../../hypervisors/hypervisor.ts'
import { sameGuest } from '../../model/ids.ts'
import { readAttached } from '../catalog/read.ts'
import type { PoolMachine, Recorded, VolumePlace } from '../pool.ts'
import { describeUses, usesOf } from '../uses.ts'
import { dropRecord, meanwhile } from './records.ts'
import { strangersOf } from './strangers.ts'

/**
 * Checks once more before the caller gets an answer. A detachment or another controller may have
 * taken over the record. Without its record, this attachment removes its own disk.
 */
export async function confirm(
  place: VolumePlace,
  seen: { attachment: Recorded; machine: PoolMachine; after: MachineView },
  signal?: AbortSignal,
): Promise<void> {
  const { attachment, machine, after } = seen
  const { guest } = attachment
  const { volume, records, sharing, owner } = await readAttached(place, signal, guest)
  const isOwner = sharing === 'shared' || (owner !== undefined && sameGuest(owner, guest))
  const isHeld = records.some(record => record.dataset === attachment.dataset)
  if (volume === undefined || sharing !== attachment.sharing || !isOwner || !isHeld) {
    const own = usesOf(place, guest, { machine, state: after, record: attachment })
    await machine.hypervisor.remove(own, {}, signal)
    const others = [
      ...records.map(record => record.guest),
      ...(owner === undefined ? [] : [owner]),
    ].filter(other => !sameGuest(other, guest))
    if (!others.some(other => other.machine === guest.machine)) {
      await place.pool.design.hide(place, guest.machine, signal)
    }
    // This record is now below the volume record of another attachment. Left there, it would
    // prevent the deletion of that volume record.
    if (!isOwner && isHeld) await dropRecord(place, guest, signal)
    throw meanwhile(place, undefined)
  }
  const what = describeUses(strangersOf(place, { machine, state: after, records }))
  if (what === undefined) return
  throw new StorageError(
    'unavailable',
    `volume ${place.volumeId}: ${what} appeared on machine ${guest.machine} while it was ` +
      'attached; try again',
  )
}
