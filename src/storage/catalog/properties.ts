// The properties that the driver writes on datasets and reads back. Values are base64url, so any
// text survives every ZFS dialect. A value counts only if it is set or received on the dataset
// itself: snapshots and children show their parent's values.

import { StorageError } from '../../errors.ts'
import type { AttachMode, Attachment, GuestId, Volume } from '../../model/volumes.ts'
import type { Properties } from '../../zfs/zfs.ts'
import { FORMAT_VERSION, type Origin } from './persisted.ts'

const PREFIX = 'ldom-csi:'
const VOLUME_KEYS = [
  'cluster',
  'name',
  'format',
  'size',
  'source',
  'root',
  'parameters',
  'state',
  'format-version',
] as const
const RECORD_KEYS = [
  'cluster',
  'sharing',
  'machine',
  'guest',
  'vdisk',
  'lun',
  'mode',
  'size',
  'written',
] as const

export type VolumeKey = (typeof VOLUME_KEYS)[number]
export type RecordKey = (typeof RECORD_KEYS)[number]

/** One list for volumes and records: the same command reads both. */
export const READ_PROPERTIES: readonly string[] = [
  'type',
  'volsize',
  'referenced',
  'creation',
  'refreservation',
  'origin',
  ...new Set([...VOLUME_KEYS, ...RECORD_KEYS].map(key => PREFIX + key)),
]

export const SNAPSHOT_PROPERTIES: readonly string[] = [
  'creation',
  'volsize',
  'defer_destroy',
  'cluster',
  'name',
  'group',
  'state',
].map(key => (['creation', 'volsize', 'defer_destroy'].includes(key) ? key : PREFIX + key))

/** Enough to find deleted volumes that still wait. */
export const STATE_PROPERTIES: readonly string[] = ['cluster', 'state'].map(key => PREFIX + key)

/** The properties that give a record's disk number and guest. */
export const NUMBER_PROPERTIES: readonly string[] = ['machine', 'guest', 'vdisk'].map(
  key => PREFIX + key,
)

/** The disk number of a record of this guest, from values in the order of NUMBER_PROPERTIES. */
export function findNumber(
  [machine, guest, vdisk]: readonly string[],
  of: GuestId,
): number | undefined {
  if (machine !== encode(of.machine) || guest !== encode(of.guest) || vdisk === undefined) {
    return undefined
  }
  return findSlot(vdisk)
}

function findSlot(value: string): number | undefined {
  const text = textOf(value)
  return /^\d{1,4}$/.test(text) ? Number(text) : undefined
}

/** What tells whose an attachment is, and that it is recorded whole. */
export const HOLDER_PROPERTIES: readonly string[] = [
  'cluster',
  'machine',
  'guest',
  'vdisk',
  'mode',
].map(key => PREFIX + key)

/** A guest that has a volume by its record, as far as one listing of the pool shows it. */
export interface Holder {
  readonly guest: GuestId
  /** Undefined: not as this driver writes it. */
  readonly slot: number | undefined
  readonly mode: AttachMode | undefined
}

/** From values in the order of HOLDER_PROPERTIES, where they are of this cluster. */
export function findHolder(values: readonly string[], of: string): Holder | undefined {
  const [cluster, machine, guest, vdisk, mode = '-'] = values
  if (cluster !== encode(of)) return undefined
  if (machine === undefined || guest === undefined || vdisk === undefined) return undefined
  if ([machine, guest, vdisk].includes('-')) return undefined
  return {
    guest: { machine: textOf(machine), guest: textOf(guest) },
    slot: findSlot(vdisk),
    mode: (['rw', 'ro'] as const).find(word => encode(word) === mode),
  }
}

function textOf(value: string): string {
  return Buffer.from(value, 'base64url').toString('utf8')
}

function encode(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64url')
}

function decode(text: string, key: string, dataset: string): string {
  const decoded = Buffer.from(text, 'base64url')
  if (text === '' || decoded.toString('base64url') !== text) {
    throw new StorageError(
      'failed-precondition',
      `dataset ${dataset} has a property ${PREFIX}${key} that this driver did not write`,
    )
  }
  return decoded.toString('utf8')
}

export function findOwn(properties: Properties, key: string, dataset: string): string | undefined {
  const value = properties.get(PREFIX + key)
  return value && isOwn(value) ? decode(value.value, key, dataset) : undefined
}

// `received`: the pool was moved or restored by zfs send and receive. Its datasets still belong to
// this driver.
function isOwn({ source }: { readonly source: string }): boolean {
  return source === 'local' || source === 'received'
}

export function getOwn(properties: Properties, key: string, dataset: string): string {
  const value = findOwn(properties, key, dataset)
  if (value === undefined) {
    throw new StorageError(
      'failed-precondition',
      `dataset ${dataset} has no property ${PREFIX}${key} of its own`,
    )
  }
  return value
}

/** Where a value is stored, for error messages. */
export function originOf(dataset: string, key: VolumeKey | RecordKey): Origin {
  return { dataset, property: PREFIX + key }
}

export function formatVolumeProperties(
  volume: Pick<Volume, 'name' | 'format' | 'createdSizeBytes' | 'source' | 'rootId' | 'parameters'>,
  cluster: string,
): Record<string, string> {
  return prefixed({
    cluster,
    name: volume.name,
    format: JSON.stringify(volume.format),
    size: String(volume.createdSizeBytes),
    source: JSON.stringify(volume.source),
    ...(volume.rootId === undefined ? {} : { root: volume.rootId }),
    parameters: JSON.stringify(volume.parameters),
    state: 'live',
    'format-version': String(FORMAT_VERSION),
  })
}

export function formatRecordProperties(
  attachment: Attachment,
  cluster: string,
): Record<string, string> {
  return prefixed({
    cluster,
    sharing: attachment.sharing,
    machine: attachment.guest.machine,
    guest: attachment.guest.guest,
    vdisk: String(attachment.slot),
    ...(attachment.lun === undefined ? {} : { lun: String(attachment.lun) }),
    mode: attachment.mode,
    size: String(attachment.sizeBytes),
    written: String(attachment.written),
  })
}

/**
 * Properties of the volume's record, the parent of the guests' records. They say whether the volume
 * is shared, and name the guest of an exclusive one.
 */
export function formatParentProperties(
  { sharing, guest }: Pick<Attachment, 'sharing' | 'guest'>,
  cluster: string,
): Record<string, string> {
  return prefixed({
    cluster,
    sharing,
    ...(sharing === 'shared' ? {} : { machine: guest.machine, guest: guest.guest }),
  })
}

/**
 * The property for a number that may change before the first export, if something else has that
 * number.
 */
export function formatNumberProperty(
  key: 'lun' | 'vdisk',
  value: number,
): readonly [name: string, value: string] {
  return [`${PREFIX}${key}`, encode(String(value))]
}

export function formatSnapshotProperties(
  snapshot: { readonly name: string; readonly groupId: string | undefined },
  cluster: string,
): Record<string, string> {
  return prefixed({
    cluster,
    name: snapshot.name,
    ...(snapshot.groupId === undefined ? {} : { group: snapshot.groupId }),
  })
}

/**
 * Marks a deleted volume that waits for its last dependant. It is hidden, but its name is still
 * taken.
 */
export function formatDeletedProperty(): readonly [name: string, value: string] {
  return [`${PREFIX}state`, encode('deleted')]
}

export function isDeleted(properties: Properties, dataset: string): boolean {
  return findOwn(properties, 'state', dataset) === 'deleted'
}

function prefixed(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [PREFIX + key, encode(value)]),
  )
}

/** Properties of a dataset that belongs to the driver and holds no user data. */
export function formatOwnerProperties(cluster: string): Record<string, string> {
  return prefixed({ cluster })
}

/** The cluster that owns the dataset; undefined if this driver did not create it. */
export function ownerCluster(properties: Properties, dataset: string): string | undefined {
  return findOwn(properties, 'cluster', dataset)
}

/** Describes the owner of a dataset of another cluster, for messages. */
export function describeOwner(cluster: string | undefined): string {
  return cluster === undefined
    ? 'was not created by this driver'
    : `belongs to cluster ${JSON.stringify(cluster)}`
}
