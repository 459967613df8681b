// Reads a property of a simulated dataset or snapshot: value and source. property-definitions.ts
// says which properties there are; property-values.ts sets values.

import type { SimDialect } from './dialects.ts'
import { compareDatasets, SimDataset, type SimSnapshot } from './model.ts'
import { formatDate, formatSize } from './numbers.ts'
import { isUserProperty, propertiesOf } from './property-definitions.ts'
import * as space from './space.ts'

export interface SimPropertyValue {
  readonly value: string
  readonly source: string
}

export type Target = SimDataset | SimSnapshot

function dialectOfTarget(target: Target): SimDialect {
  return datasetOf(target).pool.dialect
}

export function datasetOf(target: Target): SimDataset {
  return target instanceof SimDataset ? target : target.dataset
}

export function typeOf(target: Target): 'filesystem' | 'volume' | 'snapshot' {
  return target instanceof SimDataset ? target.kind : 'snapshot'
}

/** `parsable` is `-p`. A property that this type of dataset does not have reads as a dash. */
export function readProperty(target: Target, name: string, parsable: boolean): SimPropertyValue {
  if (isUserProperty(name)) return inherited(target, name) ?? NOTHING
  if (/^written[@#]./.test(name)) return readWrittenSince(target, name, parsable)
  const definition = propertiesOf(dialectOfTarget(target)).get(name)
  if (!definition?.types.includes(typeOf(target).charAt(0))) return NOTHING
  const computed =
    target instanceof SimDataset
      ? readOfDataset(target, name, parsable)
      : readOfSnapshot(target, name, parsable)
  if (computed !== undefined) return computed
  const set = definition.inherited ? inherited(target, name) : localOf(target, name)
  if (set !== undefined) return { ...set, value: display(set.value, name, parsable) }
  const fixed =
    FIXED.includes(name) || (name === 'mlslabel' && dialectOfTarget(target).line === 'old')
  return {
    value: display(definition.defaultValue, name, parsable),
    source: fixed ? '-' : 'default',
  }
}

const NOTHING: SimPropertyValue = { value: '-', source: '-' }
/** Properties that are fixed when a filesystem is created. */
const FIXED = ['version', 'utf8only', 'normalization', 'casesensitivity']
const RESERVATIONS = ['reservation', 'refreservation', 'quota', 'refquota']

function display(value: string, name: string, parsable: boolean): string {
  if (parsable) return value
  if (RESERVATIONS.includes(name)) return value === '0' ? 'none' : formatSize(Number(value))
  return name === 'recordsize' ? formatSize(Number(value)) : value
}

function localOf(target: Target, name: string): SimPropertyValue | undefined {
  const value = target.local.get(name)
  // A property that came with a stream has its own source until it is set again (documented: zfs
  // man page; source: ZPROP_SRC_RECEIVED in libzfs).
  return value === undefined
    ? undefined
    : { value, source: target.received.has(name) ? 'received' : 'local' }
}

// Recorded: snapshots and children inherit from their dataset.
function inherited(target: Target, name: string): SimPropertyValue | undefined {
  const own = localOf(target, name)
  if (own !== undefined) return own
  for (
    let at = target instanceof SimDataset ? target.parent : target.dataset;
    at !== undefined;
    at = at.parent
  ) {
    const value = at.local.get(name)
    if (value !== undefined) return { value, source: `inherited from ${at.name}` }
  }
  return undefined
}

function readOfDataset(
  dataset: SimDataset,
  name: string,
  parsable: boolean,
): SimPropertyValue | undefined {
  const { volume } = dataset
  const bytes = (value: number): SimPropertyValue => ({
    value: parsable ? formatExact(value) : formatSize(value),
    source: '-',
  })
  switch (name) {
    case 'used':
      return bytes(space.used(dataset))
    case 'available':
      return bytes(space.available(dataset))
    case 'referenced':
      return bytes(dataset.content.bytes)
    case 'usedbydataset':
      return bytes(space.usedByDataset(dataset))
    case 'usedbysnapshots':
      return bytes(space.usedBySnapshots(dataset))
    case 'usedbychildren':
      return bytes(space.usedByChildren(dataset))
    case 'usedbyrefreservation':
      return bytes(space.usedByReservation(dataset))
    case 'written':
      return bytes(space.uniqueBytes(dataset))
    case 'logicalused':
      return bytes(space.logicalUsed(dataset))
    case 'logicalreferenced':
      return bytes(dataset.content.logicalBytes)
    case 'volsize':
      return (
        volume && {
          value: parsable
            ? formatExact(volume.store.sizeBytes)
            : formatSize(volume.store.sizeBytes),
          source: 'local',
        }
      )
    case 'volblocksize':
      return (
        volume && {
          ...bytes(volume.blockSize),
          source: volume.blockSize === dataset.pool.dialect.defaultBlockSize ? 'default' : '-',
        }
      )
    case 'origin':
      return { value: dataset.origin?.name ?? '-', source: '-' }
    case 'mountpoint':
      return readMountpoint(dataset)
    case 'mounted':
      return { value: readMountpoint(dataset).value.startsWith('/') ? 'yes' : 'no', source: '-' }
    case 'compressratio':
    case 'refcompressratio':
      return ratio(dataset.pool.dialect, parsable)
    default:
      return readIdentity(dataset, name, parsable, dataset.objectSet)
  }
}

function readOfSnapshot(
  snapshot: SimSnapshot,
  name: string,
  parsable: boolean,
): SimPropertyValue | undefined {
  const bytes = (value: number): SimPropertyValue => ({
    value: parsable ? formatExact(value) : formatSize(value),
    source: '-',
  })
  switch (name) {
    case 'used':
      return bytes(space.usedBySnapshot(snapshot))
    case 'referenced':
      return bytes(snapshot.content.bytes)
    case 'written':
      return bytes(space.writtenBySnapshot(snapshot))
    case 'logicalreferenced':
      return bytes(snapshot.content.logicalBytes)
    case 'volsize':
      return snapshot.store === undefined || snapshot.dataset.pool.sizelessSnapshots
        ? NOTHING
        : {
            ...bytes(snapshot.store.sizeBytes),
            // Recorded, although nobody can set it there.
            source: dialectOfTarget(snapshot).line === 'openzfs' ? 'local' : '-',
          }
    case 'clones': {
      const names = [...snapshot.clones].sort(compareDatasets).map(clone => clone.name)
      return names.length === 0 ? NOTHING : { value: names.join(','), source: '-' }
    }
    case 'defer_destroy':
      return { value: snapshot.deferred ? 'on' : 'off', source: '-' }
    case 'userrefs':
      return { value: String(snapshot.holds.size), source: '-' }
    case 'compressratio':
    case 'refcompressratio':
      return ratio(snapshot.dataset.pool.dialect, parsable)
    default:
      return readIdentity(snapshot, name, parsable, snapshot.dataset.objectSet)
  }
}

function readIdentity(
  target: Target,
  name: string,
  parsable: boolean,
  objectSet: number,
): SimPropertyValue | undefined {
  switch (name) {
    case 'type':
      return { value: typeOf(target), source: '-' }
    case 'creation':
      return {
        value: parsable
          ? String(Math.floor(target.createdMs / 1000))
          : formatDate(target.createdMs),
        source: '-',
      }
    case 'guid':
      return { value: target.guid, source: '-' }
    case 'createtxg':
      return { value: String(target.createTransactionGroup), source: '-' }
    case 'objsetid':
      return { value: String(objectSet), source: '-' }
    case 'encryptionroot':
    case 'keystatus':
    case 'receive_resume_token':
    case 'redact_snaps':
    case 'snapshots_changed':
      return NOTHING
    default:
      return undefined
  }
}

function readMountpoint(dataset: SimDataset): SimPropertyValue {
  let below = ''
  for (let at: SimDataset | undefined = dataset; at !== undefined; at = at.parent) {
    const value = at.local.get('mountpoint')
    if (value !== undefined) {
      const source = at === dataset ? 'local' : `inherited from ${at.name}`
      return {
        value: value.startsWith('/') ? `${value === '/' ? '' : value}${below}` : value,
        source,
      }
    }
    below = `${at.name.slice(at.name.lastIndexOf('/'))}${below}`
  }
  return { value: `/${dataset.name}`, source: 'default' }
}

function readWrittenSince(target: Target, name: string, parsable: boolean): SimPropertyValue {
  const since = datasetOf(target).snapshotNamed(name.slice(name.search(/[@#]/) + 1))
  if (since === undefined) return NOTHING
  const bytes = target.content.bytesNotIn([since.content])
  return { value: parsable ? formatExact(bytes) : formatSize(bytes), source: '-' }
}

function ratio(dialect: SimDialect, parsable: boolean): SimPropertyValue {
  return { value: parsable && dialect.line === 'openzfs' ? '1.00' : '1.00x', source: '-' }
}

// String() does not print all digits of a size in exbibytes.
export function formatExact(bytes: number): string {
  return BigInt(bytes).toString()
}
