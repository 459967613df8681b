// The records of attachments. One `zfs create` is the compare-and-set of every dialect: "exists" means that somebody else was faster,
// whatever a machine says. A shared volume has a record that says so, and below it one for every guest.

import { isStorageError, StorageError } from '../errors.ts'
import { DependantsError } from '../zfs/zfs.ts'
import type { Attachment } from './model.ts'
import { sharedRecordLeaf } from './names.ts'
import { type VolumePlace, withRoom } from './pool.ts'
import { formatNumberProperty, formatRecordProperties, formatSharedProperties } from './properties.ts'

export async function createRecord(place: VolumePlace, attachment: Attachment, signal?: AbortSignal): Promise<void> {
  const { pool } = place
  const create = (dataset: string, properties: Readonly<Record<string, string>>) =>
    withRoom(place, 'the record of its attachment', () => pool.zfs.createFilesystem({ dataset, properties }, signal))
  try {
    if (attachment.sharing === 'shared') {
      await create(place.record, formatSharedProperties(pool.cluster)).catch(error => {
        // It says `shared`, as was read a moment ago; if not, the record below it cannot be made.
        if (!isStorageError(error, 'already-exists')) throw error
      })
    }
    await create(recordOf(place, attachment), formatRecordProperties(attachment, pool.cluster))
  } catch (error) {
    const parentGone = attachment.sharing === 'shared' && isStorageError(error, 'failed-precondition')
    if (!isStorageError(error, 'already-exists') && !parentGone) throw error
    throw new StorageError('unavailable', `volume ${place.volumeId} was recorded or released by another request meanwhile; try again`, {
      cause: error,
    })
  }
}

/** Absence is success. */
export async function releaseRecord(place: VolumePlace, attachment: Attachment, signal?: AbortSignal): Promise<void> {
  const { zfs } = place.pool
  await zfs.destroy(recordOf(place, attachment), signal)
  if (attachment.sharing === 'shared') await releaseShared(place, signal)
}

/** Takes away the record that says `shared`, unless guests are still recorded below it. */
export async function releaseShared(place: VolumePlace, signal?: AbortSignal): Promise<void> {
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
  attachment: Attachment,
  change: { readonly lun: number } | { readonly slot: number },
  signal?: AbortSignal,
): Promise<Attachment> {
  const property = 'lun' in change ? formatNumberProperty('lun', change.lun) : formatNumberProperty('vdisk', change.slot)
  await place.pool.zfs.setProperty(recordOf(place, attachment), ...property, signal)
  return { ...attachment, ...change }
}

function recordOf(place: VolumePlace, attachment: Attachment): string {
  return attachment.sharing === 'shared' ? `${place.record}/${sharedRecordLeaf(attachment.guest)}` : place.record
}
