// Reads a volume and the records of its attachments. A dataset counts as absent only if the same
// read shows the parent dataset.

import { doesNotExist, isStorageError, StorageError } from '../../errors.ts'
import { sameGuest } from '../../model/ids.ts'
import type { GuestId, Sharing, Volume } from '../../model/volumes.ts'
import type { Properties } from '../../zfs/zfs.ts'
import { guestRecordLeaf, isGuestRecord, releasingRecordLeaf } from '../names.ts'
import type { Recorded, VolumePlace } from '../pool.ts'
import {
  parseGuestRecord,
  parseRecordDataset,
  parseVolumeDataset,
  type RecordDataset,
  requireOwn,
  type VolumeDataset,
} from './datasets.ts'
import { READ_PROPERTIES } from './properties.ts'
import { readInSight } from './sight.ts'

export interface RecordReading {
  /**
   * Every recorded attachment. At most one unless the volume is shared or two controllers attached
   * it at once.
   */
  readonly records: readonly Recorded[]
  /**
   * Undefined when nothing is recorded. For a moment there may be a record without an attachment.
   */
  readonly sharing: Sharing | undefined
  /**
   * The one guest that may have an exclusive volume. The call that created the record decided it.
   */
  readonly owner: GuestId | undefined
}

/** The dataset in the place of a volume: at most one of the two is defined. */
export interface VolumeOrTombstone {
  readonly volume: Volume | undefined
  readonly tombstone: Volume | undefined
}

export interface VolumeReading extends VolumeOrTombstone, Omit<RecordReading, 'records'> {}

/**
 * One command. A dataset of that name with another owner is `failed-precondition` and is never
 * touched.
 */
export async function readVolume(place: VolumePlace, signal?: AbortSignal): Promise<VolumeReading> {
  const { volume, tombstone, record } = await readDatasets(place, [], signal)
  const { sharing, owner } = gatherRecords(place, record, new Map())
  return { volume, tombstone, sharing, owner }
}

/** The volume of a reading. A missing or deleted volume is `not-found`. */
export function requireVolume(
  { volume }: VolumeOrTombstone,
  { volumeId }: VolumePlace,
  role: 'volume' | 'source volume' = 'volume',
): Volume {
  if (volume === undefined) throw doesNotExist(`${role} ${volumeId}`)
  return volume
}

/**
 * Like `readVolume`, plus one command for the guests' records. That command is saved when an
 * exclusive volume belongs to the named guest.
 */
export async function readAttached(
  place: VolumePlace,
  signal?: AbortSignal,
  guest?: GuestId,
): Promise<VolumeReading & RecordReading> {
  const own =
    guest === undefined
      ? []
      : [guestRecordLeaf(guest), releasingRecordLeaf(guest)].map(leaf => `${place.record}/${leaf}`)
  const { volume, tombstone, record, found } = await readDatasets(place, own, signal)
  const children = new Map([...found].filter(([name]) => own.includes(name)))
  const isWhole = ({ owner }: RecordReading) =>
    guest !== undefined && owner !== undefined && sameGuest(owner, guest)
  const short = record && children.size > 0 ? gatherRecords(place, record, children) : undefined
  return {
    volume,
    tombstone,
    ...(short && isWhole(short) ? short : await readRecords(place, record, signal)),
  }
}

async function readDatasets(place: VolumePlace, own: readonly string[], signal?: AbortSignal) {
  const datasets = [place.dataset, place.record, ...own]
  const { parent, found } = await readInSight(
    place.pool,
    { names: READ_PROPERTIES, datasets },
    signal,
  )
  const volume = found.get(place.dataset)
  const record = found.get(place.record)
  return {
    ...volumeOrTombstone(
      volume && requireOwn(parseVolumeDataset(volume, place, parent), place.dataset),
    ),
    record: record && requireOwn(parseRecordDataset(record, place), place.record),
    found,
  }
}

export function volumeOrTombstone(parsed: VolumeDataset | undefined): VolumeOrTombstone {
  return {
    volume: parsed?.kind === 'volume' ? parsed.volume : undefined,
    tombstone: parsed?.kind === 'tombstone' ? parsed.volume : undefined,
  }
}

const NO_RECORDS: RecordReading = { records: [], sharing: undefined, owner: undefined }

async function readRecords(
  place: VolumePlace,
  record: RecordDataset | undefined,
  signal?: AbortSignal,
): Promise<RecordReading> {
  if (record === undefined) return NO_RECORDS
  const children = await findGuestRecords(place, signal)
  return children === undefined ? NO_RECORDS : gatherRecords(place, record, children)
}

/** `children`: all datasets below the record, or those that were asked for. */
export function gatherRecords(
  place: VolumePlace,
  record: RecordDataset | undefined,
  children: ReadonlyMap<string, Properties>,
): RecordReading {
  if (record === undefined) return NO_RECORDS
  const records = [...children].flatMap(([dataset, properties]) =>
    isGuestRecord(dataset)
      ? [requireOwn(parseGuestRecord(properties, place, dataset), dataset).attachment]
      : [],
  )
  if (record.kind === 'shared-record') return { records, sharing: 'shared', owner: undefined }
  // The volume's own record comes last, because ZFS refuses to destroy it before its children.
  const all = record.attachment === undefined ? records : [...records, record.attachment]
  return { records: all, sharing: 'exclusive', owner: record.owner }
}

// The record may be released after it was listed. "Not found" counts only together with the parent
// dataset.
async function findGuestRecords(
  { pool, record }: VolumePlace,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, Properties> | undefined> {
  try {
    return await pool.zfs.getChildren(READ_PROPERTIES, record, signal)
  } catch (error) {
    if (!isStorageError(error, 'not-found')) throw error
    const { found } = await readInSight(pool, { names: ['type'], datasets: [record] }, signal)
    if (found.has(record)) {
      throw new StorageError(
        'unavailable',
        `record ${record} was deleted and created again while it was read; try again`,
      )
    }
    return undefined
  }
}
