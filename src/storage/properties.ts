// What the driver writes on datasets, and how it reads it back. Values are base64url so that any text survives every
// ZFS dialect; a value counts only where its source is `local`, as snapshots and children show their parent's.

import { StorageError } from '../errors.ts'
import type { Properties } from '../zfs/zfs.ts'
import type { Attachment, GuestId, Volume, VolumeFormat, VolumeParameters, VolumeSource } from './model.ts'
import { attachmentName, formatGuestId, formatVolumeId } from './names.ts'

const PREFIX = 'ldom-csi:'
const VOLUME_KEYS = ['cluster', 'name', 'format', 'size', 'source', 'parameters', 'state'] as const
const RECORD_KEYS = ['cluster', 'machine', 'guest', 'vdisk', 'lun', 'mode', 'size', 'written'] as const

/** One list serves volumes and records: both are read by the same command. */
export const READ_PROPERTIES: readonly string[] = [
  'type',
  'volsize',
  'referenced',
  'refreservation',
  ...new Set([...VOLUME_KEYS, ...RECORD_KEYS].map(key => PREFIX + key)),
]

function encode(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64url')
}

function decode(text: string, key: string, dataset: string): string {
  const decoded = Buffer.from(text, 'base64url')
  if (text === '' || decoded.toString('base64url') !== text) {
    throw new StorageError('failed-precondition', `dataset ${dataset} has a property ${PREFIX}${key} that this driver did not write`)
  }
  return decoded.toString('utf8')
}

function findLocal(properties: Properties, key: string, dataset: string): string | undefined {
  const value = properties.get(PREFIX + key)
  return value?.source === 'local' ? decode(value.value, key, dataset) : undefined
}

function getLocal(properties: Properties, key: string, dataset: string): string {
  const value = findLocal(properties, key, dataset)
  if (value === undefined) throw new StorageError('failed-precondition', `dataset ${dataset} has no property ${PREFIX}${key} of its own`)
  return value
}

export function parseBytes(text: string | undefined, what: string): number {
  const value = Number(text)
  if (text === undefined || !/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw new StorageError('internal', `${what} should be a number of bytes and is ${JSON.stringify(text)}`)
  }
  return value
}

export function formatVolumeProperties(volume: Omit<Volume, 'referencedBytes' | 'machines'>, cluster: string): Record<string, string> {
  return prefixed({
    cluster,
    name: volume.name,
    format: JSON.stringify(volume.format),
    size: String(volume.sizeBytes),
    source: JSON.stringify(volume.source),
    parameters: JSON.stringify(volume.parameters),
    state: 'live',
  })
}

export function formatRecordProperties(attachment: Attachment, cluster: string): Record<string, string> {
  return prefixed({
    cluster,
    machine: attachment.guest.machine,
    guest: attachment.guest.guest,
    vdisk: String(attachment.slot),
    ...(attachment.lun === undefined ? {} : { lun: String(attachment.lun) }),
    mode: attachment.mode,
    size: String(attachment.sizeBytes),
    written: String(attachment.written),
  })
}

/** The one property of a record that changes: the LUN number, when another unit of the host group has the first one. */
export function formatLunProperty(lun: number): readonly [name: string, value: string] {
  return [`${PREFIX}lun`, encode(String(lun))]
}

function prefixed(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [PREFIX + key, encode(value)]))
}

/** Which cluster's the dataset is; undefined for a dataset that is none of this driver's. */
export function ownerCluster(properties: Properties, dataset: string): string | undefined {
  return findLocal(properties, 'cluster', dataset)
}

export interface DatasetPlace {
  readonly pool: string
  readonly leaf: string
  readonly dataset: string
  readonly machines: readonly string[]
}

export function parseVolume(properties: Properties, place: DatasetPlace): Volume {
  const { dataset } = place
  return {
    id: formatVolumeId(place.pool, place.leaf),
    name: getLocal(properties, 'name', dataset),
    pool: place.pool,
    leaf: place.leaf,
    sizeBytes: parseBytes(properties.get('volsize')?.value, `volsize of ${dataset}`),
    format: JSON.parse(getLocal(properties, 'format', dataset)) as VolumeFormat,
    parameters: JSON.parse(getLocal(properties, 'parameters', dataset)) as VolumeParameters,
    source: JSON.parse(getLocal(properties, 'source', dataset)) as VolumeSource,
    machines: place.machines,
    referencedBytes: parseBytes(properties.get('referenced')?.value, `referenced of ${dataset}`),
  }
}

export function parseAttachment(properties: Properties, place: Pick<DatasetPlace, 'pool' | 'leaf' | 'dataset'>): Attachment {
  const { dataset } = place
  const guest: GuestId = { machine: getLocal(properties, 'machine', dataset), guest: getLocal(properties, 'guest', dataset) }
  const lun = findLocal(properties, 'lun', dataset)
  const mode = getLocal(properties, 'mode', dataset)
  if (mode !== 'rw' && mode !== 'ro') {
    throw new StorageError(
      'failed-precondition',
      `record ${dataset} of guest ${formatGuestId(guest)} has the unknown mode ${JSON.stringify(mode)}`,
    )
  }
  return {
    volumeId: formatVolumeId(place.pool, place.leaf),
    guest,
    mode,
    slot: parseBytes(getLocal(properties, 'vdisk', dataset), `disk number in ${dataset} (${attachmentName(place.leaf, guest)})`),
    lun: lun === undefined ? undefined : parseBytes(lun, `LUN number in ${dataset}`),
    sizeBytes: parseBytes(getLocal(properties, 'size', dataset), `size in ${dataset}`),
    written: getLocal(properties, 'written', dataset) === 'true',
  }
}
