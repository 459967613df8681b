// Under which number a guest has a volume, and a machine sees its unit. Numbers are computed, and
// move on only from those that others have. Pure, no I/O; what is chosen at this moment is kept.

import { StorageError } from '../../errors.ts'
import type { DiskUse, MachineView } from '../../hypervisors/hypervisor.ts'
import { formatGuestId } from '../../model/ids.ts'
import type { Attachment, AttachRequest, GuestId, Volume } from '../../model/volumes.ts'
import { attachmentName, leafOfAttachmentName, preferredSlot } from '../names.ts'
import { disksOf } from '../uses.ts'
import type { GuestRule } from './rules.ts'

/**
 * The attachment as it will be recorded: numbers are computed, and move on only from those that
 * others of the guest have.
 */
export function planAttachment(
  request: AttachRequest,
  seen: {
    volume: Volume
    records: readonly Attachment[]
    state: MachineView
    rule: GuestRule | undefined
    slots: SlotChoice
    /** What the design would number the volume. */
    number: number | undefined
  },
): Attachment {
  const { volume, state, rule, slots } = seen
  const disks = disksOf(request.guest, state)
  const listed = disks
    .map(disk => disk.key)
    .filter(name => leafOfAttachmentName(name) !== undefined)
  const ours = new Set([...listed, ...slots.others.keys()])
  ours.delete(attachmentName(volume.leaf, request.guest))
  if (rule?.attachLimit !== undefined && ours.size >= rule.attachLimit) {
    throw new StorageError(
      'no-space',
      `guest ${formatGuestId(request.guest)} has ${ours.size} disks of this driver, its limit ` +
        `is ${rule.attachLimit}; detach one, or raise attachLimit in the configuration`,
    )
  }
  return {
    volumeId: volume.id,
    guest: request.guest,
    sharing: request.sharing,
    mode: request.mode,
    slot:
      request.slot === undefined
        ? freeSlot({ leaf: volume.leaf, guest: request.guest }, disks, slots)
        : askedSlot({ slot: request.slot, guest: request.guest }, disks, slots),
    lun:
      seen.number === undefined
        ? undefined
        : (lunOnMachine(seen.records, request.guest.machine) ?? seen.number),
    sizeBytes: volume.sizeBytes,
    written: isWritten(volume),
  }
}

/** Whether anything was written to the volume, as ZFS counts it now. */
export function isWritten(volume: Volume): boolean {
  return volume.referencedBytes > volume.blankBytes
}

// One view serves all guests of a machine, so they share its number.
function lunOnMachine(records: readonly Attachment[], machine: string): number | undefined {
  return records.find(record => record.guest.machine === machine)?.lun
}

/**
 * The slots of a machine, and those of the guest that other attachments have: by their names,
 * recorded or chosen a moment ago.
 */
export interface SlotChoice {
  readonly first: number
  readonly count: number
  readonly others: ReadonlyMap<string, number>
}

/**
 * Another slot for a recorded attachment that is not live, where another disk of the guest has
 * taken the recorded one meanwhile (after a power cycle, or two attachments that chose at the same
 * moment); undefined where the recorded one can stay.
 */
export function planNewSlot(
  attachment: Attachment,
  seen: { leaf: string; state: MachineView; slots: SlotChoice },
): number | undefined {
  const disks = disksOf(attachment.guest, seen.state)
  return isSlotLost(attachment, seen)
    ? freeSlot({ leaf: seen.leaf, guest: attachment.guest }, disks, seen.slots)
    : undefined
}

/** Whether planNewSlot will choose one. */
export function isSlotLost(
  attachment: Attachment,
  { leaf, state }: { leaf: string; state: MachineView },
): boolean {
  const disks = disksOf(attachment.guest, state)
  const own = attachmentName(leaf, attachment.guest)
  const taken = disks.some(disk => disk.slot === attachment.slot && disk.key !== own)
  return taken && !disks.some(disk => disk.key === own)
}

function freeSlot(
  { leaf, guest }: { leaf: string; guest: GuestId },
  disks: readonly DiskUse[],
  slots: SlotChoice,
): number {
  const taken = new Set([...disks.map(disk => disk.slot), ...slots.others.values()])
  const start = preferredSlot(leaf, slots) - slots.first
  for (let step = 0; step < slots.count; step++) {
    const slot = slots.first + ((start + step) % slots.count)
    if (!taken.has(slot)) return slot
  }
  throw new StorageError(
    'no-space',
    `guest ${formatGuestId(guest)} has no free disk number between ${slots.first} and ` +
      `${slots.first + slots.count - 1}; detach one`,
  )
}

function askedSlot(
  { slot, guest }: { slot: number; guest: GuestId },
  disks: readonly DiskUse[],
  slots: SlotChoice,
): number {
  const other =
    disks.find(disk => disk.slot === slot)?.key ??
    [...slots.others].find(([, number]) => number === slot)?.[0]
  if (other !== undefined) {
    throw new StorageError(
      'in-use',
      `guest ${formatGuestId(guest)} has ${other} as disk ${slot} already; ask for another number`,
    )
  }
  return slot
}

/** Numbers of one guest that attachments side by side have chosen and not recorded yet. */
export class ChosenNumbers {
  readonly chosen = new Map<string, number>()
  /** Collections of those who read the records at the moment. */
  readonly readers = new Set<Map<string, number>>()

  choose(name: string, slot: number): void {
    this.chosen.set(name, slot)
    for (const others of this.readers) others.set(name, slot)
  }
}
