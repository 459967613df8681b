// Uses of a volume that no record explains: a stale saved configuration brought them back, or
// somebody made them by hand. Nothing is attached beside them.

import { StorageError } from '../../errors.ts'
import type { MachineView, Use } from '../../hypervisors/hypervisor.ts'
import type { Attachment } from '../../model/volumes.ts'
import { attachmentName } from '../names.ts'
import type { PoolMachine, VolumePlace } from '../pool.ts'
import { describeUses, findStrangers, removalOf } from '../uses.ts'
import { refuseFrozen } from './rules.ts'

/**
 * The state in which there are none: the one given, or the one after cleaning, which only a fence
 * allows.
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
  // Where nobody can reach the bytes, nobody loses anything by it.
  if (records.length === 0 && (await place.pool.design.isFenced(place, signal))) {
    await hypervisor.remove(strangers, {}, signal)
    const cleaned = await hypervisor.observe(signal)
    if (strangersOf(place, cleaned, records).length === 0) return cleaned
  }
  throw new StorageError(
    'failed-precondition',
    `volume ${place.volumeId}: ${what} on machine ${hypervisor.machine} without a record of this ` +
      `driver; nothing is attached until it is removed (${removalOf(strangers)}, or detach the ` +
      'volume from that guest)',
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
