// Parses one dataset: a volume, a record of an attachment, a snapshot, or a dataset of another
// owner. The driver never touches datasets of other owners.

import { StorageError } from '../../errors.ts'
import { formatSnapshotId, formatVolumeId, isVolumeLeaf } from '../../model/ids.ts'
import type { GuestId, Snapshot, Volume } from '../../model/volumes.ts'
import { parseBytes } from '../../zfs/bytes.ts'
import type { Properties } from '../../zfs/zfs.ts'
import type { Recorded, VolumePlace } from '../pool.ts'
import { holdsData } from './blank.ts'
import {
  checkVersion,
  parseFormat,
  parseNumber,
  parseParameters,
  parseSource,
  parseWord,
} from './persisted.ts'
import {
  describeOwner,
  findOwn,
  getOwn,
  isDeleted,
  originOf,
  ownerCluster,
  type RecordKey,
  type VolumeKey,
} from './properties.ts'

/** A dataset of another cluster, or one that this driver did not create. */
export interface Foreign {
  readonly kind: 'foreign'
  readonly cluster: string | undefined
}

/**
 * A dataset in the place of a volume. A tombstone is a deleted volume that waits for its last
 * snapshot or clone. For callers it does not exist, but its name is taken.
 */
export interface VolumeDataset {
  readonly kind: 'volume' | 'tombstone'
  readonly volume: Volume
}

/**
 * The record of a volume, which is the parent of its guests' records. `record`: an exclusive
 * volume; the call that created the record decided which guest owns it.
 */
export type RecordDataset =
  | {
      readonly kind: 'record'
      readonly owner: GuestId
      /**
       * Version 0.1.0 wrote all properties of an exclusive attachment here, without a child. The
       * driver still reads and releases such records.
       */
      readonly attachment: Recorded | undefined
    }
  | { readonly kind: 'shared-record' }

/** The record of one guest, a child of the volume's record. */
export interface GuestRecord {
  readonly kind: 'guest-record'
  readonly attachment: Recorded
}

/**
 * A dataset of another owner: the driver does nothing with it. One without an owner is
 * `unavailable`, any other `failed-precondition`. ZFS makes a dataset or a clone in one transaction
 * and sets its properties in the next (zfs_ioc_create, zfs_ioc_clone). So a creation that has not
 * ended, and one that a power failure cut off, look like a dataset of nobody. `unfinished.ts`
 * completes such a volume. A record stays so: its creation decides who has the volume.
 */
export class NotOwnError extends StorageError {
  readonly dataset: string

  constructor(dataset: string, { cluster }: Foreign) {
    const [kind, text] =
      cluster === undefined
        ? (['unavailable', describeUnowned(dataset)] as const)
        : ([
            'failed-precondition',
            `${describeOwner(cluster)}; this driver does not touch it`,
          ] as const)
    super(kind, `dataset ${dataset} ${text}`)
    this.name = 'NotOwnError'
    this.dataset = dataset
  }
}

/** Why a dataset under a name of the driver may have no owner, and what to do, for messages. */
export function describeUnowned(dataset: string): string {
  const why =
    'has no owner: the command that creates it has not ended or was cut off, or its properties ' +
    'were lost; try again'
  // A volume, not a record of who has it.
  return isVolumeLeaf(dataset.slice(dataset.lastIndexOf('/') + 1))
    ? `${why}: the same CreateVolume completes a volume to which nothing was written. If it ` +
        'stays so, look whether it holds data and whether a machine has a disk of it, before you ' +
        `remove it (zfs destroy ${dataset})`
    : `${why}. If it stays so, and no machine has a disk of its volume, remove it (zfs destroy ` +
        `${dataset})`
}

/** Throws NotOwnError for a dataset of another owner, or of none. */
export function requireOwn<T extends { readonly kind: string }>(
  parsed: T | Foreign,
  dataset: string,
): T {
  if (isForeign(parsed)) throw new NotOwnError(dataset, parsed)
  return parsed
}

function isForeign(parsed: { readonly kind: string }): parsed is Foreign {
  return parsed.kind === 'foreign'
}

function findForeign(
  properties: Properties,
  { pool }: VolumePlace,
  dataset: string,
): Foreign | undefined {
  const cluster = ownerCluster(properties, dataset)
  return cluster === pool.cluster ? undefined : { kind: 'foreign', cluster }
}

/** `parent`: the properties of the pool's parent dataset, if it was read as well. */
export function parseVolumeDataset(
  properties: Properties,
  place: VolumePlace,
  parent?: Properties,
): VolumeDataset | Foreign {
  const { dataset, leaf, pool } = place
  const foreign = findForeign(properties, place, dataset)
  if (foreign !== undefined) return foreign
  if (properties.get('type')?.value !== 'volume') {
    throw new StorageError('failed-precondition', `dataset ${dataset} is not a ZFS volume`)
  }
  const machines = [...pool.machines.keys()]
  return {
    kind: isDeleted(properties, dataset) ? 'tombstone' : 'volume',
    volume: parseVolume(properties, { pool: pool.name, leaf, dataset, machines, parent }),
  }
}

export function parseRecordDataset(
  properties: Properties,
  place: VolumePlace,
): RecordDataset | Foreign {
  const { record: dataset, leaf, pool } = place
  return (
    findForeign(properties, place, dataset) ??
    parseRecord(properties, { pool: pool.name, leaf, dataset })
  )
}

export function parseGuestRecord(
  properties: Properties,
  place: VolumePlace,
  dataset: string,
): GuestRecord | Foreign {
  const { leaf, pool } = place
  return (
    findForeign(properties, place, dataset) ?? {
      kind: 'guest-record',
      attachment: parseAttachment(properties, { pool: pool.name, leaf, dataset }),
    }
  )
}

interface LeafPlace {
  readonly pool: string
  readonly leaf: string
  readonly dataset: string
}

export interface DatasetPlace extends LeafPlace {
  readonly machines: readonly string[]
  readonly parent: Properties | undefined
}

export function parseRecord(properties: Properties, place: LeafPlace): RecordDataset {
  const { dataset } = place
  if (getOwn(properties, 'sharing', dataset) === 'shared') return { kind: 'shared-record' }
  const owner = parseGuest(properties, dataset)
  const isWhole = findOwn(properties, 'vdisk', dataset) !== undefined
  return {
    kind: 'record',
    owner,
    attachment: isWhole ? parseAttachment(properties, place) : undefined,
  }
}

function parseGuest(properties: Properties, dataset: string): GuestId {
  return {
    machine: getOwn(properties, 'machine', dataset),
    guest: getOwn(properties, 'guest', dataset),
  }
}

export function parseVolume(properties: Properties, place: DatasetPlace): Volume {
  const { dataset } = place
  const at = (key: VolumeKey) => originOf(dataset, key)
  checkVersion(findOwn(properties, 'format-version', dataset), at('format-version'))
  return {
    id: formatVolumeId(place.pool, place.leaf),
    name: getOwn(properties, 'name', dataset),
    pool: place.pool,
    leaf: place.leaf,
    sizeBytes: parseBytes(properties.get('volsize')?.value, `volsize of ${dataset}`),
    format: parseFormat(getOwn(properties, 'format', dataset), at('format')),
    parameters: parseParameters(getOwn(properties, 'parameters', dataset), at('parameters')),
    source: parseSource(getOwn(properties, 'source', dataset), at('source')),
    machines: place.machines,
    rootId: findOwn(properties, 'root', dataset),
    bornSeconds: parseBytes(properties.get('creation')?.value, `creation of ${dataset}`),
    createdSizeBytes: parseNumber(getOwn(properties, 'size', dataset), at('size')),
    reservedBytes: parseBytes(
      properties.get('refreservation')?.value,
      `refreservation of ${dataset}`,
    ),
    origin: properties.get('origin')?.value === '-' ? undefined : properties.get('origin')?.value,
    holdsData: holdsData(properties, place.parent, dataset),
  }
}

export function parseAttachment(properties: Properties, place: LeafPlace): Recorded {
  const { dataset } = place
  const lun = findOwn(properties, 'lun', dataset)
  const at = (key: RecordKey) => originOf(dataset, key)
  const number = (key: 'vdisk' | 'size') => parseNumber(getOwn(properties, key, dataset), at(key))
  return {
    volumeId: formatVolumeId(place.pool, place.leaf),
    guest: parseGuest(properties, dataset),
    sharing: parseWord(
      ['exclusive', 'shared'],
      getOwn(properties, 'sharing', dataset),
      at('sharing'),
    ),
    mode: parseWord(['rw', 'ro'], getOwn(properties, 'mode', dataset), at('mode')),
    slot: number('vdisk'),
    lun: lun === undefined ? undefined : parseNumber(lun, at('lun')),
    sizeBytes: number('size'),
    written:
      parseWord(['true', 'false'], getOwn(properties, 'written', dataset), at('written')) ===
      'true',
    dataset,
  }
}

/**
 * A snapshot of the driver, or undefined for one of another owner or one that only waits for its
 * last clone. The name counts only if it is set on the snapshot itself, because every snapshot
 * shows its volume's name. The same holds for the size. In dialects that keep no size on snapshots
 * it is unknown: the volume may have grown since.
 */
export function findSnapshot(
  properties: Properties,
  place: {
    readonly volumeId: string
    readonly leaf: string
    readonly snapshot: string
    readonly cluster: string
  },
): Snapshot | undefined {
  const { snapshot } = place
  const name = findOwn(properties, 'name', snapshot)
  if (
    name === undefined ||
    findOwn(properties, 'cluster', snapshot) !== place.cluster ||
    properties.get('defer_destroy')?.value === 'on'
  ) {
    return undefined
  }
  const volsize = properties.get('volsize')?.value
  return {
    id: formatSnapshotId(place.volumeId, place.leaf),
    name,
    volumeId: place.volumeId,
    sizeBytes:
      volsize === undefined || volsize === '-' ? 0 : parseBytes(volsize, `volsize of ${snapshot}`),
    createdAtSeconds: parseBytes(properties.get('creation')?.value, `creation of ${snapshot}`),
    groupId: findOwn(properties, 'group', snapshot),
  }
}
