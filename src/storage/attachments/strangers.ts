// Uses of a volume that have no record. A stale saved configuration brought them back, or a person
// created them. Nothing is attached while they exist.

import { StorageError } from '../../errors.ts'
import type { MachineView, Use } from '../../hypervisors/hypervisor.ts'
import type { Attachment, GuestId } from '../../model/volumes.ts'
import type { PoolMachine, VolumePlace } from '../pool.ts'
import { describeUses, explainedBy, findStrangers, removalOf } from '../uses.ts'
import { refuseFrozen } from './rules.ts'

/**
 * Returns a view without such uses: the given one, or a new one after they were removed. They are
 * removed only behind a closed fence.
 */
export async function withoutStrangers(
  place: VolumePlace,
  seen: { machine: PoolMachine; state: MachineView; records: readonly Attachment[] },
  signal?: AbortSignal,
): Promise<MachineView> {
  const { state, records } = seen
  const { hypervisor } = seen.machine
  const strangers = strangersOf(place, { ...seen, state })
  const what = describeUses(strangers)
  if (what === undefined) return state
  refuseFrozen(hypervisor.machine, state)
  // The fence is closed: nobody can reach the bytes, so removing these uses harms nobody.
  if (records.length === 0 && (await place.pool.design.isFenced(place, signal))) {
    await hypervisor.remove(strangers, {}, signal)
    const cleaned = await hypervisor.observe(signal)
    if (strangersOf(place, { ...seen, state: cleaned }).length === 0) return cleaned
  }
  throw new StorageError(
    'failed-precondition',
    `volume ${place.volumeId}: machine ${hypervisor.machine} has ${what} without a record of ` +
      `this driver; nothing is attached until that is removed (${removalOf(strangers)}, or ` +
      'detach the volume from that guest)',
  )
}

export function strangersOf(
  place: VolumePlace,
  {
    machine,
    state,
    records,
  }: { machine: PoolMachine; state: MachineView; records: readonly Attachment[] },
): readonly Use[] {
  const { traits } = machine.hypervisor
  return findStrangers(place, state, explainedBy(place.leaf, records, traits))
}

/**
 * For a detachment from a machine that keeps no keys. A disk of the volume that no record explains
 * is somebody's, and its guest may have it mounted: it stays, and so does the record. It counts if
 * it is in the same guest, or if nothing of the attachment is there: then the guest may have been
 * renamed.
 */
export function refuseUnexplained(
  place: VolumePlace,
  seen: {
    guest: GuestId
    machine: PoolMachine
    state: MachineView
    records: readonly Attachment[]
    own: readonly Use[]
  },
): void {
  const { guest, machine, own } = seen
  if (machine.hypervisor.traits.keepsKeys) return
  const strangers = strangersOf(place, seen).filter(
    use => own.length === 0 || use.kind === 'export' || use.guest === guest.guest,
  )
  const what = describeUses(strangers)
  if (what === undefined) return
  throw new StorageError(
    'failed-precondition',
    `volume ${place.volumeId}: machine ${guest.machine} has ${what}, which no record of this ` +
      `driver explains; unmount it there, remove it (${removalOf(strangers)}), then detach the ` +
      'volume again',
  )
}
