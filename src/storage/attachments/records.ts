// The records of attachments. Creating the volume's record is the compare-and-set: "exists" means
// that another call was faster. Below it, every guest has a record of its own, named after the
// guest. ZFS refuses to destroy the volume's record while a guest record is left. A late release
// cannot name another guest's record.

import { isStorageError, StorageError } from '../../errors.ts'
import type { Attachment, GuestId, Sharing } from '../../model/volumes.ts'
import { DependantsError } from '../../zfs/destruction.ts'
import {
  formatNumberProperty,
  formatParentProperties,
  formatRecordProperties,
} from '../catalog/properties.ts'
import { guestRecordLeaf, isGuestRecord, isReleasingRecord, releasingRecordLeaf } from '../names.ts'
import { withRoom } from '../places.ts'
import type { Recorded, VolumePlace } from '../pool.ts'

/** `sharing`: what the volume's record said when it was read; undefined if there was none. */
export async function createRecord(
  place: VolumePlace,
  { attachment, sharing }: { attachment: Attachment; sharing: Sharing | undefined },
  signal?: AbortSignal,
): Promise<Recorded> {
  const { pool } = place
  const create = (dataset: string, properties: Readonly<Record<string, string>>) =>
    withRoom(place, 'the record of its attachment', () =>
      pool.zfs.createFilesystem({ dataset, properties }, signal),
    )
  const dataset = heldRecord(place, attachment.guest)
  try {
    // Another call may have created the volume's record since the read, with other properties.
    if (sharing === undefined) {
      await create(place.record, formatParentProperties(attachment, pool.cluster))
    }
    await create(dataset, formatRecordProperties(attachment, pool.cluster))
    return { ...attachment, dataset }
  } catch (error) {
    throw orMeanwhile(place, error)
  }
}

/**
 * The first step of a detachment: renames the record to its releasing name. A concurrent attachment
 * that uses the record notices before it answers. Records of version 0.1.0 have one name only and
 * are not renamed.
 */
export async function markReleasing(
  place: VolumePlace,
  record: Recorded,
  signal?: AbortSignal,
): Promise<Recorded> {
  if (!isGuestRecord(record.dataset) || isReleasingRecord(record.dataset)) return record
  return renamed(place, { record, leaf: releasingRecordLeaf(record.guest) }, signal)
}

/** Undoes `markReleasing`, for a call that attaches the volume again. */
export async function takeBack(
  place: VolumePlace,
  record: Recorded,
  signal?: AbortSignal,
): Promise<Recorded> {
  return isReleasingRecord(record.dataset)
    ? renamed(place, { record, leaf: guestRecordLeaf(record.guest) }, signal)
    : record
}

async function renamed(
  place: VolumePlace,
  { record, leaf }: { record: Recorded; leaf: string },
  signal?: AbortSignal,
): Promise<Recorded> {
  const dataset = `${place.record}/${leaf}`
  try {
    await place.pool.zfs.rename(record.dataset, dataset, signal)
  } catch (error) {
    throw orMeanwhile(place, error)
  }
  return { ...record, dataset }
}

export async function releaseRecord(
  place: VolumePlace,
  record: Recorded,
  signal?: AbortSignal,
): Promise<void> {
  const { zfs } = place.pool
  if (!isGuestRecord(record.dataset)) {
    await zfs.destroy(record.dataset, signal)
    return
  }
  // Absent under this name: another call has deleted the record or renamed it back.
  if ((await zfs.destroy(record.dataset, signal)) === 'absent') throw meanwhile(place, undefined)
  await releaseParent(place, signal)
}

/** Deletes a guest's record that must not be there. Absence is success. */
export async function dropRecord(
  place: VolumePlace,
  guest: GuestId,
  signal?: AbortSignal,
): Promise<void> {
  await place.pool.zfs.destroy(heldRecord(place, guest), signal)
}

/** Deletes the volume's record unless guests are still recorded below it. */
export async function releaseParent(place: VolumePlace, signal?: AbortSignal): Promise<void> {
  const { zfs } = place.pool
  try {
    await zfs.destroy(place.record, signal)
  } catch (error) {
    if (!(error instanceof DependantsError)) throw error
  }
}

/** Changes a number and returns the new record. Only for an attachment that is not live. */
export async function changeRecord(
  place: VolumePlace,
  { record, change }: { record: Recorded; change: { lun: number } | { slot: number } },
  signal?: AbortSignal,
): Promise<Recorded> {
  const property =
    'lun' in change
      ? formatNumberProperty('lun', change.lun)
      : formatNumberProperty('vdisk', change.slot)
  try {
    await place.pool.zfs.setProperty(record.dataset, property, signal)
  } catch (error) {
    throw orMeanwhile(place, error)
  }
  return { ...record, ...change }
}

function heldRecord(place: VolumePlace, guest: GuestId): string {
  return `${place.record}/${guestRecordLeaf(guest)}`
}

// The record exists already, is gone, or has no parent: the earlier read is out of date.
function orMeanwhile(place: VolumePlace, error: unknown): unknown {
  return isStorageError(error, 'already-exists', 'failed-precondition', 'not-found')
    ? meanwhile(place, error)
    : error
}

export function meanwhile(place: VolumePlace, cause: unknown): StorageError {
  return new StorageError(
    'unavailable',
    `volume ${place.volumeId} was recorded or released by another request meanwhile; try again`,
    {
      cause,
    },
  )
}
