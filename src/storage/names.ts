// Names of datasets, exports and units. Each name is computed from its purpose and never allocated.
// So a retry, another process and the operator all get the same name. The driver remembers no
// names. Callers see ids instead (model/ids.ts).

import { base32, digest } from '../model/hashes.ts'
import type { GuestId } from '../model/volumes.ts'

const FIRST_LUN = 1
// stmfadm rejects higher numbers; 0 is left to targets that need it (stmfadm, source)
const LAST_LUN = 16_383

function number(parts: readonly string[], count: number): number {
  return digest(parts).readUInt32BE(0) % count
}

/** Last component of the name of a volume's record. */
export function recordLeaf(leaf: string): string {
  return `a-${leaf}`
}

/**
 * Name of a guest's own record below the volume's record. It is computed from the guest, so no call
 * can release the record of another guest.
 */
export function guestRecordLeaf(guest: GuestId): string {
  return `g-${base32([guest.machine, guest.guest], 8)}`
}

/** Name of the same record during a detachment. A concurrent attachment renames it back. */
export function releasingRecordLeaf(guest: GuestId): string {
  return `r-${base32([guest.machine, guest.guest], 8)}`
}

export function isReleasingRecord(dataset: string): boolean {
  return /\/r-[a-z2-7]{8}$/.test(dataset)
}

/** Whether the dataset is a guest's record, below the record of its volume. */
export function isGuestRecord(dataset: string): boolean {
  return /\/[gr]-[a-z2-7]{8}$/.test(dataset)
}

/**
 * The key of one attachment: the name of its disk and its exports on a machine. It has 31
 * characters, the longest name that no hypervisor warns about.
 */
export function attachmentName(leaf: string, guest: GuestId): string {
  return `${leaf}-${base32([guest.machine, guest.guest], 8)}`
}

/**
 * The leaf of the volume in an attachment's name; undefined for a name that is not the driver's.
 */
export function leafOfAttachmentName(name: string): string | undefined {
  const match = /^(v-[a-z2-7]{20})-[a-z2-7]{8}$/.exec(name)
  return match?.[1]
}

/**
 * The leaf of the volume whose device this is, where a whole part of the path names it; undefined
 * for another device.
 */
export function leafInDevice(device: string): string | undefined {
  return device.split('/').findLast(part => /^v-[a-z2-7]{20}$/.test(part))
}

/**
 * The hidden snapshot from which one volume is cloned from another. ZFS destroys it together with
 * the clone.
 */
export function cloneSourceLeaf(targetLeaf: string): string {
  return `c-${targetLeaf.slice(2)}`
}

/**
 * Name of a deleted snapshot that waits for its last clone, so that its own name is free again.
 * `attempt` counts earlier deleted snapshots of that name.
 */
export function deletedSnapshotLeaf(leaf: string, attempt: number): string {
  return `d-${base32([leaf, String(attempt)], 20)}`
}

/** Whether it is one of the two kinds above, which callers never see. */
export function isHiddenSnapshotLeaf(leaf: string): boolean {
  return /^[cd]-[a-z2-7]{20}$/.test(leaf)
}

/**
 * SCSI name of the logical unit: NAA type 6, COMSTAR's company id, 100 bits of hash. Upper case, as
 * initiators spell it in device names.
 */
export function logicalUnitGuid(cluster: string, volumeId: string): string {
  return `600144F${digest([cluster, volumeId]).toString('hex').slice(0, 25).toUpperCase()}`
}

/**
 * Where the search for a free slot starts. A volume gets the same slot again after a power cycle.
 * It rarely gets the slot of a disk that was just removed.
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
