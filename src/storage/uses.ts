// Sorts the uses that a machine shows: those of an attachment, and those that lead to the volume
// without a record. This is the only place that decides which uses belong to the driver. Pure, no
// I/O.

import type {
  DiskUse,
  ExpectedDisk,
  MachineView,
  Traits,
  Use,
  WantedDisk,
} from '../hypervisors/hypervisor.ts'
import type { Attachment, GuestId, Volume } from '../model/volumes.ts'
import { attachmentName, leafOfAttachmentName } from './names.ts'
import type { PoolMachine, VolumePlace } from './pool.ts'

export function disksOf({ guest }: GuestId, { uses }: MachineView): readonly DiskUse[] {
  return uses.flatMap(use => (use.kind === 'disk' && use.guest === guest ? use : []))
}

/**
 * The disk of an attachment, if its guest has it. `slot`: of several that may be it, the one with
 * the recorded number.
 */
export function findDisk(
  leaf: string,
  { guest, slot }: { readonly guest: GuestId; readonly slot: number | undefined },
  state: MachineView,
): DiskUse | undefined {
  const key = attachmentName(leaf, guest)
  const disks = disksOf(guest, state).filter(disk => disk.key === key)
  return disks.find(disk => disk.slot === slot) ?? disks[0]
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

/** Whether the records of a volume explain a use, by one of its keys. */
export type Explains = (use: Use, key: string) => boolean

/** Where keys are only computed, a record explains the disk with its number, and no other. */
export function explainedBy(
  leaf: string,
  records: readonly Pick<Attachment, 'guest' | 'slot'>[],
  { keepsKeys }: Pick<Traits, 'keepsKeys'>,
): Explains {
  const slots = new Map(records.map(({ guest, slot }) => [attachmentName(leaf, guest), slot]))
  return (use, key) =>
    slots.has(key) && (keepsKeys || use.kind === 'export' || use.slot === slots.get(key))
}

/**
 * Everything that one attachment may have left on a machine, the disk first. `record`: undefined
 * when nothing is recorded. Then only a machine that keeps keys shows what is left.
 */
export function usesOf(
  place: VolumePlace,
  guest: GuestId,
  seen: {
    readonly machine: PoolMachine
    readonly state: MachineView
    readonly record: Pick<Attachment, 'guest' | 'slot'> | undefined
  },
): readonly Use[] {
  const { machine, state, record } = seen
  const key = attachmentName(place.leaf, guest)
  const order = (use: Use) => {
    const at = machine.paths.findIndex(path => path.service === use.paths[0]?.service)
    return at < 0 ? machine.paths.length : at
  }
  const found = findDisk(place.leaf, { guest, slot: record?.slot }, state)
  const disk = found && isOurs(place, found, seen) ? found : undefined
  const exports = state.uses.filter(use => use.kind === 'export' && use.key === key)
  return [...(disk ? [disk] : []), ...exports.sort((a, b) => order(a) - order(b))]
}

function isOurs(
  place: VolumePlace,
  use: Use,
  { machine, record }: { machine: PoolMachine; record: Parameters<typeof usesOf>[2]['record'] },
): boolean {
  const { traits } = machine.hypervisor
  if (traits.keepsKeys) return true
  const explains = explainedBy(place.leaf, record === undefined ? [] : [record], traits)
  return explains(use, use.key) && leadsTo(place, use)
}

/** The disk that the attachment's guest should have, with the paths of the pool to its machine. */
export function wantedDisk(
  place: VolumePlace,
  { volume, attachment }: { volume: Volume; attachment: Attachment },
  machine: PoolMachine,
): WantedDisk {
  return {
    ...expectedDisk(place, attachment, machine),
    about: `volume ${place.volumeId}`,
    shape: volume.parameters.export,
    timeoutSeconds: volume.parameters.vdiskTimeoutSeconds,
  }
}

/** The same disk for a look at the machine, from the attachment alone. */
export function expectedDisk(
  place: VolumePlace,
  { guest, slot, mode }: Pick<Attachment, 'guest' | 'slot' | 'mode'>,
  machine: PoolMachine,
): ExpectedDisk {
  return {
    key: attachmentName(place.leaf, guest),
    guest: guest.guest,
    slot,
    mode,
    shape: undefined,
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

/** Uses of the volume without a record, disks first. */
export function findStrangers(
  place: VolumePlace,
  { uses }: MachineView,
  isExplained: Explains,
): readonly Use[] {
  const strange = uses.filter(
    use =>
      (use.kind === 'disk' &&
        leafOfAttachmentName(use.key) === place.leaf &&
        !isExplained(use, use.key)) ||
      use.paths.some(
        ({ key, device }) =>
          device !== undefined && speaksOf(place, key, device) && !isExplained(use, key),
      ),
  )
  return disksFirst(strange)
}

/**
 * The machine's view reduced to the uses of one attachment, by its key: its disk and exports, and
 * any disk that they serve. The uses are grouped once, because a pool has about as many records as
 * its machines have uses.
 */
export function viewsByKey(view: MachineView): (key: string) => MachineView {
  const uses = new Map<string, Use[]>()
  for (const use of view.uses) {
    for (const key of new Set([use.key, ...use.paths.map(path => path.key)])) {
      const known = uses.get(key)
      if (known === undefined) uses.set(key, [use])
      else known.push(use)
    }
  }
  return key => ({ ...view, uses: uses.get(key) ?? [] })
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

/** The commands that a person would type to remove them: disks before what serves them. */
export function removalOf(uses: readonly Use[]): string {
  return disksFirst(uses)
    .map(use => use.removal)
    .join(', ')
}

function disksFirst(uses: readonly Use[]): readonly Use[] {
  return [...uses.filter(use => use.kind === 'disk'), ...uses.filter(use => use.kind === 'export')]
}
