// Detaches a volume of a pool that the configuration does not name. Its record cannot be read, so
// that only the guest's machine can prove something: a guest that is listed there, on a machine
// that shows nothing of the volume, has no disk of it. Nothing is changed.

import { StorageError } from '../../errors.ts'
import type { Hypervisor, Use } from '../../hypervisors/hypervisor.ts'
import { formatGuestId } from '../../model/ids.ts'
import type { GuestId } from '../../model/volumes.ts'
import { leafOfAttachmentName } from '../names.ts'
import type { Pools, UnknownVolume } from '../pool.ts'
import { describeUses } from '../uses.ts'
import { unclearGuest } from './rules.ts'

/** Returns if the guest has no disk of the volume. Throws if it has one, or nothing proves it. */
export async function proveDetached(
  volume: UnknownVolume,
  guest: GuestId | undefined,
  { pools, signal }: { readonly pools: Pools; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  if (guest === undefined) {
    throw notProved(volume, 'without it nobody knows every machine that may have the volume')
  }
  const machine = findMachine(pools, guest.machine)
  if (machine === undefined) {
    throw notProved(volume, `no other pool is on machine ${guest.machine}, which may have a disk`)
  }
  await machine.settled([volume.leaf], signal)
  const { guests, uses } = await machine.observe(signal)
  const found = describeUses(uses.filter(use => isOf(volume, use)))
  if (found !== undefined) throw notProved(volume, `machine ${guest.machine} shows ${found}`)
  const state = guests.find(({ name }) => name === guest.guest)
  switch (state?.readiness.kind) {
    case undefined:
      throw notProved(
        volume,
        `machine ${guest.machine} does not list guest ${guest.guest}, which may have moved`,
      )
    case 'unclear':
      throw unclearGuest(guest, state.readiness.reason, machine.words)
    case 'changing':
      throw new StorageError(
        'unavailable',
        `guest ${formatGuestId(guest)} is in transition: ${state.readiness.reason}`,
      )
    case 'running':
    case 'off':
    case 'no-os':
      return
  }
}

function findMachine(pools: Pools, name: string): Hypervisor | undefined {
  return [...pools.values()].map(pool => pool.machines.get(name)).find(found => found)?.hypervisor
}

// A device cannot be compared: only the pool's design knows which are the volume's. The driver
// exports a volume under no other names.
function isOf({ leaf }: UnknownVolume, { key, paths }: Use): boolean {
  return [key, ...paths.map(path => path.key)].some(name => leafOfAttachmentName(name) === leaf)
}

function notProved({ volumeId, pool }: UnknownVolume, why: string): StorageError {
  return new StorageError(
    'failed-precondition',
    `volume ${volumeId} is in pool ${pool}, which is not in this driver's configuration, and ` +
      `${why}; add the pool and its machines to the configuration, then detach again`,
  )
}
