// The records of attachments. The record of the volume is the compare-and-set of every dialect:
// "exists" means that somebody else was faster, whatever a machine says. Below it every guest has a
// record of its own, named by the guest: ZFS refuses to destroy the volume's record while one is
// left, and nobody's late release can name another guest's.

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

/** `sharing`: what the volume's record was read to say, undefined where there was none. */
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
    // One that somebody else made since it was read may say something else than this attachment
    // needs.
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
 * The first step of a detachment: the record stays, under the name of one that is being released.
 * Whoever attaches by it meanwhile finds out before he answers. Records of version 0.1.0 have one
 * name only.
 */
export async function markReleasing(
  place: VolumePlace,
  record: Recorded,
  signal?: AbortSignal,
): Promise<Recorded> {
  if (!isGuestRecord(record.dataset) || isReleasingRecord(record.dataset)) return record
  return renamed(place, { record, leaf: releasingRecordLeaf(record.guest) }, signal)
}

/** The other way round: what comes of a detachment that was begun is no matter any more. */
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
  // Gone under this name: another request has released it, or has taken it back.
  if ((await zfs.destroy(record.dataset, signal)) === 'absent') throw meanwhile(place, undefined)
  await releaseParent(place, signal)
}

/** For a guest's own record that must not be where it is. Absence is success. */
export async function dropRecord(
  place: VolumePlace,
  guest: GuestId,
  signal?: AbortSignal,
): Promise<void> {
  await place.pool.zfs.destroy(heldRecord(place, guest), signal)
}

/** Takes away the volume's record, unless guests are still recorded below it. */
export async function releaseParent(place: VolumePlace, signal?: AbortSignal): Promise<void> {
  const { zfs } = place.pool
  try {
    await zfs.destroy(place.record, signal)
  } catch (error) {
    if (!(error instanceof DependantsError)) throw error
  }
}

/** The record as it is afterwards. Only for an attachment that is not live. */
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

// There already, not there any more, or without the record above it: what was read is not so any
// longer.
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
