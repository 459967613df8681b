// Every name the driver gives is computed here from what it is for, never allocated: a retry,
// another process and the operator all arrive at the same one. No names are remembered anywhere.

import { createHash } from 'node:crypto'
import { StorageError } from '../errors.ts'
import type { GuestId } from '../model/volumes.ts'

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'
const LEAF = /^v-[a-z2-7]{20}$/
const POOL_NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

/**
 * Vdisk numbers of the driver. Below 100 belongs to administrators; above 701 Linux has no letters
 * for the disk (sunvdc, source).
 */
const FIRST_LUN = 1
const LAST_LUN = 16_383 // stmfadm refuses more; 0 is left to targets that need it (stmfadm, source)

function digest(parts: readonly string[]): Buffer {
  return createHash('sha256').update(JSON.stringify(parts)).digest()
}

function base32(parts: readonly string[], length: number): string {
  const bytes = digest(parts)
  let text = ''
  // A byte each gives 5 of its bits: 20 characters are 100 bits, no collision handling beyond the
  // comparison of names.
  for (let at = 0; at < length; at++) text += BASE32[(bytes[at] ?? 0) & 31]
  return text
}

function number(parts: readonly string[], count: number): number {
  return digest(parts).readUInt32BE(0) % count
}

/** Last component of a volume's dataset. */
export function volumeLeaf(cluster: string, pool: string, name: string): string {
  return `v-${base32([cluster, pool, name], 20)}`
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
 * Name of the VdsDevice, the Vdisk and the MpGroup of one attachment: 31 characters, the longest
 * that ldm takes without a warning.
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

/**
 * Snapshot names are unique over the driver, so the name alone decides: the same name on another
 * volume is found by its leaf.
 */
export function snapshotLeaf(cluster: string, name: string): string {
  return `s-${base32([cluster, 'snapshot', name], 20)}`
}

/** All members of a group snapshot have this name, each on its own volume. */
export function groupLeaf(cluster: string, name: string): string {
  return `g-${base32([cluster, 'group', name], 20)}`
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

export function isSnapshotLeaf(leaf: string): boolean {
  return /^[sg]-[a-z2-7]{20}$/.test(leaf)
}

export function formatSnapshotId(volumeId: string, leaf: string): string {
  return `${volumeId}@${leaf}`
}

/** Undefined for text that this driver cannot have given as a snapshot id. */
export function findSnapshotId(
  id: string,
): { readonly volumeId: string; readonly leaf: string } | undefined {
  const at = id.indexOf('@')
  const volumeId = id.slice(0, at)
  const leaf = id.slice(at + 1)
  return at > 0 && findVolumeId(volumeId) !== undefined && isSnapshotLeaf(leaf)
    ? { volumeId, leaf }
    : undefined
}

/** `<pool>/<leaf of the group>`; undefined for text that cannot be a group id of this driver. */
export function findGroupId(
  id: string,
): { readonly pool: string; readonly leaf: string } | undefined {
  const match = /^(.+)\/(g-[a-z2-7]{20})$/.exec(id)
  return match?.[1] !== undefined && match[2] !== undefined && POOL_NAME.test(match[1])
    ? { pool: match[1], leaf: match[2] }
    : undefined
}

export function isVolumeLeaf(leaf: string): boolean {
  return LEAF.test(leaf)
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

export function formatVolumeId(pool: string, leaf: string): string {
  return `${pool}/${leaf}`
}

/** Undefined for text that this driver cannot have given as a volume id. */
export function findVolumeId(
  id: string,
): { readonly pool: string; readonly leaf: string } | undefined {
  const slash = id.indexOf('/')
  const pool = id.slice(0, slash)
  const leaf = id.slice(slash + 1)
  return slash > 0 && POOL_NAME.test(pool) && LEAF.test(leaf) ? { pool, leaf } : undefined
}

export function sameGuest(a: GuestId, b: GuestId): boolean {
  return a.machine === b.machine && a.guest === b.guest
}

export function formatGuestId(guest: GuestId): string {
  return `${guest.machine}/${guest.guest}`
}

export function parseGuestId(text: string): GuestId {
  const [machine = '', guest = '', ...rest] = text.split('/')
  if (machine === '' || guest === '' || rest.length > 0) {
    throw new StorageError(
      'not-found',
      `guest ${JSON.stringify(text)} is not known: a guest is named <machine>/<guest>`,
    )
  }
  return { machine, guest }
}
