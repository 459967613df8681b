// Sorts the uses that a machine shows: those of an attachment, and those that lead to the volume
// without a record. This is the only place that decides which uses belong to the driver. Pure, no
// I/O.

import type { DiskUse, MachineView, Use, WantedDisk } from '../hypervisors/hypervisor.ts'
import type { Attachment, GuestId, Volume } from '../model/volumes.ts'
import { attachmentName, leafOfAttachmentName } from './names.ts'
import type { PoolMachine, VolumePlace } from './pool.ts'

export function disksOf({ guest }: GuestId, { uses }: MachineView): readonly DiskUse[] {
  return uses.flatMap(use => (use.kind === 'disk' && use.guest === guest ? use : []))
}

/** The disk of an attachment, if its guest has it. */
export function findDisk(leaf: string, guest: GuestId, state: MachineView): DiskUse | undefined {
  const key = attachmentName(leaf, guest)
  return disksOf(guest, state).find(disk => disk.key === key)
}

/**
 * The disk of an attachment in any guest of the machine. A person can rename a disk as easily as a
 * domain. So the keys of the exports that serve the disk count too.
 */
export function findAnyDisk(leaf: string, guest: GuestId, state: MachineView): DiskUse | undefined {
  const key = attachmentName(leaf, guest)
  return state.uses.find(
    (use): use is DiskUse =>
      use.kind === 'disk' && (use.key === key || use.paths.some(path => path.key === key)),
  )
}

/** Everything that one attachment may have left on a machine, the disk first. */
export function usesOf(
  place: VolumePlace,
  guest: GuestId,
  { machine, state }: { machine: PoolMachine; state: MachineView },
): readonly Use[] {
  const key = attachmentName(place.leaf, guest)
  const order = (use: Use) => {
    const at = machine.paths.findIndex(path => path.service === use.paths[0]?.service)
    return at < 0 ? machine.paths.length : at
  }
  const disk = findDisk(place.leaf, guest, state)
  const exports = state.uses.filter(use => use.kind === 'export' && use.key === key)
  return [...(disk ? [disk] : []), ...exports.sort((a, b) => order(a) - order(b))]
}

/** The disk that the attachment's guest should have, with the paths of the pool to its machine. */
export function wantedDisk(
  place: VolumePlace,
  { volume, attachment }: { volume: Volume; attachment: Attachment },
  machine: PoolMachine,
): WantedDisk {
  return {
    about: `volume ${place.volumeId}`,
    key: attachmentName(place.leaf, attachment.guest),
    guest: attachment.guest.guest,
    slot: attachment.slot,
    mode: attachment.mode,
    shape: volume.parameters.export,
    timeoutSeconds: volume.parameters.vdiskTimeoutSeconds,
    paths: machine.paths.map(({ serviceDomain, service }) => ({ domain: serviceDomain, service })),
    isDevice: device => place.pool.design.isDeviceOf(place, device),
  }
}

/**
 * Whether an export with this key and device is this volume. Either the driver's name or the device
 * is enough.
 */
export function speaksOf(place: VolumePlace, key: string, device: string): boolean {
  return leafOfAttachmentName(key) === place.leaf || place.pool.design.isDeviceOf(place, device)
}

/** Whether the use leads to bytes of the volume. */
export function leadsTo(place: VolumePlace, use: Use): boolean {
  return use.paths.some(({ key, device }) => device !== undefined && speaksOf(place, key, device))
}

/** Uses of the volume without a record, disks first. `own`: the keys that have a record. */
export function findStrangers(
  place: VolumePlace,
  { uses }: MachineView,
  own: ReadonlySet<string>,
): readonly Use[] {
  const strange = uses.filter(
    use =>
      (use.kind === 'disk' && leafOfAttachmentName(use.key) === place.leaf && !own.has(use.key)) ||
      use.paths.some(
        ({ key, device }) => device !== undefined && speaksOf(place, key, device) && !own.has(key),
      ),
  )
  return [
    ...strange.filter(use => use.kind === 'disk'),
    ...strange.filter(use => use.kind === 'export'),
  ]
}

/** Describes the uses in words; undefined when there are none. */
export function describeUses(uses: readonly Use[]): string | undefined {
  const what = uses.map(use =>
    use.kind === 'disk'
      ? `disk ${use.label} of guest ${use.guest}`
      : `export ${use.label} of ${use.paths[0].device}`,
  )
  return what.length === 0 ? undefined : what.join(' and ')
}

/** The commands that a person would type to remove them. */
export function removalOf(uses: readonly Use[]): string {
  return uses.map(use => use.removal).join(', ')
}
