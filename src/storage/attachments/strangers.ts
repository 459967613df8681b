// Uses of a volume that have no record. A stale saved configuration brought them back, or a person
// created them. Nothing is attached while they exist.

import { StorageError } from '../../errors.ts'
import type { MachineView, Use } from '../../hypervisors/hypervisor.ts'
import type { Attachment } from '../../model/volumes.ts'
import { attachmentName } from '../names.ts'
import type { PoolMachine, VolumePlace } from '../pool.ts'
import { describeUses, findStrangers, removalOf } from '../uses.ts'
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
  const strangers = strangersOf(place, state, records)
  const what = describeUses(strangers)
  if (what === undefined) return state
  refuseFrozen(hypervisor.machine, state)
  // The fence is closed: nobody can reach the bytes, so removing these uses harms nobody.
  if (records.length === 0 && (await place.pool.design.isFenced(place, signal))) {
    await hypervisor.remove(strangers, {}, signal)
    const cleaned = await hypervisor.observe(signal)
    if (strangersOf(place, cleaned, records).length === 0) return cleaned
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
  state: MachineView,
  records: readonly Attachment[],
): readonly Use[] {
  const own = new Set(records.map(record => attachmentName(place.leaf, record.guest)))
  return findStrangers(place, state, own)
}
