// Chooses the disk number under which a guest has a volume, and the LUN under which a machine sees
// its unit. Each number is computed. If another attachment has it, the next free one is used. Pure,
// no I/O; only choices that are not recorded yet are kept in memory.

import { StorageError } from '../../errors.ts'
import type { DiskUse, MachineView } from '../../hypervisors/hypervisor.ts'
import { formatGuestId } from '../../model/ids.ts'
import type { Attachment, AttachRequest, GuestId, Volume } from '../../model/volumes.ts'
import { attachmentName, leafOfAttachmentName, preferredSlot } from '../names.ts'
import { disksOf } from '../uses.ts'
import type { GuestRule } from './rules.ts'

/**
 * The attachment as it will be recorded, with computed numbers. A disk number that another disk of
 * the guest has is skipped.
 */
export function planAttachment(
  request: AttachRequest,
  seen: {
    volume: Volume
    records: readonly Attachment[]
    state: MachineView
    rule: GuestRule | undefined
    slots: SlotChoice
    /** The LUN that the design prefers for the volume. */
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
    written: volume.holdsData,
  }
}

// One view serves all guests of a machine, so they share its LUN.
function lunOnMachine(records: readonly Attachment[], machine: string): number | undefined {
  return records.find(record => record.guest.machine === machine)?.lun
}

/**
 * The slots of a machine. `others` holds the slots of the guest's other attachments by name,
 * recorded or just chosen.
 */
export interface SlotChoice {
  readonly first: number
  readonly count: number
  readonly others: ReadonlyMap<string, number>
}

/**
 * Another slot for a recorded attachment that is not live, if another disk of the guest has taken
 * the recorded slot. That happens after a power cycle, or when two attachments chose at the same
 * moment. Undefined when the recorded slot can stay.
 */
export function planNewSlot(
  attachment: Attachment,
  seen: { leaf: string; state: MachineView; slots: SlotChoice; asked: number | undefined },
): number | undefined {
  if (!isSlotLost(attachment, seen)) return undefined
  const { leaf, slots, asked } = seen
  const { guest } = attachment
  const disks = disksOf(guest, seen.state)
  return asked === undefined
    ? freeSlot({ leaf, guest }, disks, slots)
    : askedSlot({ slot: asked, guest }, disks, slots)
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

/** Disk numbers of one guest that concurrent attachments have chosen and not recorded yet. */
export class ChosenNumbers {
  readonly chosen = new Map<string, number>()
  /** One collection for each call that is reading the records now. */
  readonly readers = new Set<Map<string, number>>()

  choose(name: string, slot: number): void {
    this.chosen.set(name, slot)
    for (const others of this.readers) others.set(name, slot)
  }
}
