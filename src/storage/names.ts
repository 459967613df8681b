// Names of datasets, exports and units, computed from what they are for and never allocated: a
// retry, another process and the operator all arrive at the same one. No names are remembered
// anywhere. The names that callers see are ids (model/ids.ts).

import { base32, digest } from '../model/hashes.ts'
import type { GuestId } from '../model/volumes.ts'

const FIRST_LUN = 1
const LAST_LUN = 16_383 // stmfadm refuses more; 0 is left to targets that need it (stmfadm, source)

function number(parts: readonly string[], count: number): number {
  return digest(parts).readUInt32BE(0) % count
}

/** Last component of the record of an attachment. */
export function recordLeaf(leaf: string): string {
  return `a-${leaf}`
}

/**
 * Below it every guest that has the volume has a record of its own: the name is the guest's, so
 * nobody releases another's.
 */
export function guestRecordLeaf(guest: GuestId): string {
  return `g-${base32([guest.machine, guest.guest], 8)}`
}

/**
 * The same record while a detachment is at work: whoever attaches meanwhile takes it back by its
 * former name.
 */
export function releasingRecordLeaf(guest: GuestId): string {
  return `r-${base32([guest.machine, guest.guest], 8)}`
}

export function isReleasingRecord(dataset: string): boolean {
  return /\/r-[a-z2-7]{8}$/.test(dataset)
}

/** Whether it is a guest's record below the one of its volume. */
export function isGuestRecord(dataset: string): boolean {
  return /\/[gr]-[a-z2-7]{8}$/.test(dataset)
}

/**
 * The key of one attachment, under which a machine has its disk and its exports: 31 characters, the
 * longest name that none of the hypervisors warns about.
 */
export function attachmentName(leaf: string, guest: GuestId): string {
  return `${leaf}-${base32([guest.machine, guest.guest], 8)}`
}

/**
 * The volume that an attachment's name speaks of, or undefined for a name that is not the driver's.
 */
export function leafOfAttachmentName(name: string): string | undefined {
  const match = /^(v-[a-z2-7]{20})-[a-z2-7]{8}$/.exec(name)
  return match?.[1]
}

/** The hidden snapshot through which one volume is made from another; it goes with the clone. */
export function cloneSourceLeaf(targetLeaf: string): string {
  return `c-${targetLeaf.slice(2)}`
}

/**
 * Where a deleted snapshot waits for its last clone, so that its own name is free again. `attempt`
 * counts earlier ones of that name.
 */
export function deletedSnapshotLeaf(leaf: string, attempt: number): string {
  return `d-${base32([leaf, String(attempt)], 20)}`
}

/** Of the two kinds above, which callers never see. */
export function isHiddenSnapshotLeaf(leaf: string): boolean {
  return /^[cd]-[a-z2-7]{20}$/.test(leaf)
}

/**
 * SCSI name of the logical unit: NAA type 6, COMSTAR's company id, 100 bits of hash; upper case as
 * initiators spell it in device names.
 */
export function logicalUnitGuid(cluster: string, volumeId: string): string {
  return `600144F${digest([cluster, volumeId]).toString('hex').slice(0, 25).toUpperCase()}`
}

/**
 * Where the search for a free slot starts: the same for a volume after a power cycle, and rarely
 * that of a disk just removed.
 */
export function preferredSlot(
  leaf: string,
  slots: { readonly first: number; readonly count: number },
): number {
  return slots.first + number(['slot', leaf], slots.count)
}

export function preferredLun(leaf: string): number {
  return FIRST_LUN + number(['lun', leaf], LAST_LUN - FIRST_LUN + 1)
}

export function nextLun(lun: number): number {
  return lun >= LAST_LUN ? FIRST_LUN : lun + 1
}
