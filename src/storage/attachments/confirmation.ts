// The last look of an attachment: whether the record still stands by which the disk was given, and
// whether anything else leads to the volume by now.

import { StorageError } from '../../errors.ts'
import type { MachineView } from '../../hypervisors/hypervisor.ts'
import { sameGuest } from '../../model/ids.ts'
import { readAttached } from '../catalog/read.ts'
import type { PoolMachine, Recorded, VolumePlace } from '../pool.ts'
import { describeUses, usesOf } from '../uses.ts'
import { dropRecord, meanwhile } from './records.ts'
import { strangersOf } from './strangers.ts'

/**
 * Looks again before anybody is told: a detachment, or another controller, may have had the record
 * meanwhile. Whoever has none any more takes its own disk away again.
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
    const own = usesOf(place, guest, { machine, state: after })
    await machine.hypervisor.remove(own, {}, signal)
    const others = [
      ...records.map(record => record.guest),
      ...(owner === undefined ? [] : [owner]),
    ].filter(other => !sameGuest(other, guest))
    if (!others.some(other => other.machine === guest.machine)) {
      await place.pool.design.hide(place, guest.machine, signal)
    }
    // Below the record of somebody else's attachment it would keep that from being released.
    if (!isOwner && isHeld) await dropRecord(place, guest, signal)
    throw meanwhile(place, undefined)
  }
  const what = describeUses(strangersOf(place, after, records))
  if (what === undefined) return
  throw new StorageError(
    'unavailable',
    `volume ${place.volumeId}: ${what} appeared on machine ${guest.machine} meanwhile; try again`,
  )
}
