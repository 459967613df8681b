// A recorded guest whose disk is found in another guest: the domain was renamed, or it moved to
// another machine. The driver cannot tell whether it is the same guest. So it attaches, detaches
// and releases nothing, and every refusal names the way out.

import { StorageError } from '../../errors.ts'
import type { MachineView } from '../../hypervisors/hypervisor.ts'
import { formatGuestId } from '../../model/ids.ts'
import type { GuestId } from '../../model/volumes.ts'
import { observeMachines } from '../observation.ts'
import type { VolumePlace } from '../pool.ts'
import { findAnyDisk } from '../uses.ts'

/**
 * Describes the problem and the way out if the machine shows the attachment's disk in another of
 * its guests.
 */
export function describeRenamed(
  leaf: string,
  guest: GuestId,
  state: MachineView,
): string | undefined {
  const holder = findAnyDisk(leaf, guest, state)
  if (holder === undefined || holder.guest === guest.guest) return undefined
  const there = formatGuestId({ machine: guest.machine, guest: holder.guest })
  return (
    `its disk ${holder.label} is in guest ${there}, but the record says ` +
    `${formatGuestId(guest)}: the domain was renamed; give it its old name again, or ` +
    `unmount the volume there, remove the disk (${holder.removal}) ` +
    `and detach the volume from ${formatGuestId(guest)}`
  )
}

export function refuseRenamed(place: VolumePlace, guest: GuestId, state: MachineView): void {
  const what = describeRenamed(place.leaf, guest, state)
  if (what !== undefined) {
    throw new StorageError('failed-precondition', `volume ${place.volumeId}: ${what}`)
  }
}

/**
 * For a guest that is no longer on its machine. The volume is released only after every machine of
 * the pool was listed without the guest's disk.
 */
export async function refuseIfElsewhere(
  place: VolumePlace,
  guest: GuestId,
  signal?: AbortSignal,
): Promise<void> {
  for (const [machine, state] of await observeMachines(place.pool, signal)) {
    if (state instanceof StorageError) {
      throw new StorageError(
        'unavailable',
        `guest ${formatGuestId(guest)} is not listed on its machine and machine ${machine} does ` +
          `not answer: it may have moved there with volume ${place.volumeId}; try again when ` +
          'that machine answers',
        { cause: state },
      )
    }
    const disk = findAnyDisk(place.leaf, guest, state)
    if (disk !== undefined) {
      throw new StorageError(
        'failed-precondition',
        `volume ${place.volumeId}: guest ${guest.guest} has moved from machine ${guest.machine} ` +
          `to ${machine} with its disk; this driver does not support migration with volumes: ` +
          `move the guest back, or remove disk ${disk.label} there (${disk.removal}) and ` +
          'detach the volume again',
      )
    }
  }
}
