// A recorded guest whose disk is found under another name: a domain that was made anew with another
// one, or moved to another machine. Nobody can say from here whether it is the same guest, so
// nothing is given, taken or released; every refusal names the way out.

import { StorageError } from '../../errors.ts'
import type { MachineView } from '../../hypervisors/hypervisor.ts'
import { formatGuestId } from '../../model/ids.ts'
import type { GuestId } from '../../model/volumes.ts'
import { observeMachines } from '../observation.ts'
import type { VolumePlace } from '../pool.ts'
import { findAnyDisk } from '../uses.ts'

/**
 * What is wrong and what to do, where the machine shows the attachment's disk in another of its
 * guests.
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
    `its disk ${holder.label} is in guest ${there}, and recorded is ` +
    `${formatGuestId(guest)}: the domain bears another name now; give it back its old one, or ` +
    `unmount the volume there, remove the disk (${holder.removal}) ` +
    `and detach it from ${formatGuestId(guest)}`
  )
}

export function refuseRenamed(place: VolumePlace, guest: GuestId, state: MachineView): void {
  const what = describeRenamed(place.leaf, guest, state)
  if (what !== undefined) {
    throw new StorageError('failed-precondition', `volume ${place.volumeId}: ${what}`)
  }
}

/**
 * The guest is not on its machine any more. Released only when every machine of the pool was listed
 * without its disk.
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
        `guest ${formatGuestId(guest)} is gone and machine ${machine} does not answer: it may ` +
          `have moved there with volume ${place.volumeId}`,
        { cause: state },
      )
    }
    const disk = findAnyDisk(place.leaf, guest, state)
    if (disk !== undefined) {
      throw new StorageError(
        'failed-precondition',
        `volume ${place.volumeId}: guest ${guest.guest} has moved from machine ${guest.machine} ` +
          `to ${machine} with its disk; migration with volumes is not supported, move it back ` +
          `or remove disk ${disk.label} there (${disk.removal}) and detach it again`,
      )
    }
  }
}
