// Checks and sets the properties that simulated commands get: what libzfs refuses, with its texts,
// and the effects of a new value.

import { Refusal } from './answers.ts'
import { automaticReservation, type SimDialect } from './dialects.ts'
import type { SimDataset } from './model.ts'
import { formatSize, parseSize } from './numbers.ts'
import { type Target, typeOf } from './properties.ts'
import { isUserProperty, type PropertyDefinition, propertiesOf } from './property-definitions.ts'
import { room, usedByReservation } from './space.ts'

/** Recorded: OpenZFS accepts values of user properties with 8191 bytes, but not with 8192. */
const LONGEST_VALUE = 8191
const SIZES = ['reservation', 'refreservation', 'quota', 'refquota']

export interface Given {
  readonly name: string
  readonly value: string
}

/** Splits `name=value` at the first `=`. Undefined without `=` or without a name. */
export function parseAssignment(text: string): Given | undefined {
  const at = text.indexOf('=')
  return at < 1 ? undefined : { name: text.slice(0, at), value: text.slice(at + 1) }
}

export interface CheckContext {
  readonly dialect: SimDialect
  readonly type: 'filesystem' | 'volume' | 'snapshot'
  readonly moment: 'create' | 'clone' | 'set'
  /** Size of the volume that is set, or of the snapshot that is cloned. */
  readonly volumeBytes?: number | undefined
  /** The beginning of a complaint: `cannot create 'tank/v1'`. */
  readonly complaint: string
  readonly status: number
}

/** Returns the property with the value that ZFS stores, or throws the complaint. */
export function checkProperty({ name, value }: Given, context: CheckContext): Given {
  const refuse = (text: string) => new Refusal(`${context.complaint}: ${text}`, context.status)
  if (isUserProperty(name)) {
    if (name.length >= 256) throw refuse(`property name '${name}' is too long`)
    if (value.length > LONGEST_VALUE) throw refuse('property value too long')
    return { name, value }
  }
  const definition = propertiesOf(context.dialect).get(name)
  if (definition === undefined) throw refuse(`invalid property '${name}'`)
  if (context.type === 'snapshot') {
    throw refuse('this property can not be modified for snapshots')
  }
  if (!definition.types.includes(context.type.charAt(0))) {
    throw refuse(`'${name}' does not apply to datasets of this type`)
  }
  const setOnce = name === 'volblocksize' && context.moment === 'create'
  if (!definition.editable && !setOnce) throw refuse(`'${name}' is readonly`)
  const checked = checkValue(definition, value, context.dialect, refuse)
  // Source: zfs_valid_proplist in libzfs. A volume that is being created has no size to compare
  // with yet.
  const { volumeBytes } = context
  if (
    /^(ref)?reservation$/.test(name) &&
    context.dialect.capsReservations &&
    volumeBytes !== undefined &&
    Number(checked) > volumeBytes
  ) {
    throw refuse(`'${name}' is greater than current volume size`)
  }
  return { name, value: checked }
}

function checkValue(
  definition: PropertyDefinition,
  value: string,
  dialect: SimDialect,
  refuse: (text: string) => Refusal,
): string {
  const { name } = definition
  if (name === 'volblocksize') {
    const size = parseSize(value)
    const bytes = 'bytes' in size ? size.bytes : 0
    if (bytes < 512 || bytes > dialect.largestBlockSize || !Number.isInteger(Math.log2(bytes))) {
      throw refuse(`'volblocksize' must be ${dialect.blockSizeRule}`)
    }
    return String(bytes)
  }
  if (name === 'volsize' || SIZES.includes(name)) {
    if (SIZES.includes(name) && value === 'none') return '0'
    if (name === 'refreservation' && value === 'auto' && dialect.line === 'openzfs') return value
    const size = parseSize(value)
    if ('complaint' in size) throw refuse(size.complaint)
    return String(size.bytes)
  }
  if (!isAmong(value, definition.values)) {
    throw refuse(`'${name}' must be one of '${definition.values}'`)
  }
  return value
}

// `values` is like `on | gzip-[1-9] | zstd-fast-[1-10,20]`. A description in angle brackets, or
// with a space, accepts any value.
function isAmong(value: string, values: string): boolean {
  return values.split(' | ').some(choice => {
    if (choice.startsWith('<') || choice.includes(' ')) return true
    const [, stem, ranges] = /^(.+-)\[(.+)\]$/.exec(choice) ?? []
    if (stem === undefined || ranges === undefined) return choice.replace(/\[.*\]$/, '') === value
    const number = value.startsWith(stem) ? Number(value.slice(stem.length)) : Number.NaN
    return ranges.split(',').some(range => {
      const [low = Number.NaN, high = low] = range.split('-').map(Number)
      return number >= low && number <= high
    })
  })
}

/**
 * Sets a checked value on a dataset or snapshot. Throws if the pool or the volume does not allow
 * it.
 */
export function setProperty(target: Target, given: Given, refuse: (text: string) => Refusal): void {
  const { name, value } = given
  target.received.delete(name)
  if (typeOf(target) === 'snapshot' || isUserProperty(name)) {
    target.local.set(name, value)
    return
  }
  const dataset = target as SimDataset
  if (name === 'volsize') setVolumeSize(dataset, Number(value), refuse)
  else if (name === 'refreservation') setReservation(dataset, value, refuse)
  else if (
    name === 'reservation' &&
    Number(value) > room(dataset) + Number(dataset.local.get(name) ?? 0)
  ) {
    throw refuse(TOO_LARGE)
  } else dataset.local.set(name, value)
}

const TOO_LARGE = 'size is greater than available space'

/** libzfs checks a new size before it asks the kernel for anything. */
export function checkVolumeSize(
  sizeBytes: number,
  blockSize: number,
  { dialect, refuse }: { dialect: SimDialect; refuse: (text: string) => Refusal },
): void {
  if (sizeBytes === 0) throw refuse("'volsize' cannot be zero")
  if (sizeBytes % blockSize === 0) return
  // Recorded: OpenZFS writes the unit of bytes here, too.
  const unit = dialect.line === 'openzfs' && blockSize < 1024 ? 'B' : ''
  throw refuse(
    `'volsize' must be a multiple of volume block size (${formatSize(blockSize)}${unit})`,
  )
}

function setVolumeSize(
  dataset: SimDataset,
  sizeBytes: number,
  refuse: (text: string) => Refusal,
): void {
  const { volume, pool } = dataset
  if (volume === undefined) throw refuse("'volsize' does not apply to datasets of this type")
  checkVolumeSize(sizeBytes, volume.blockSize, { dialect: pool.dialect, refuse })
  // Source: the reservation follows the size only if it is exactly the automatic one.
  const before = automaticReservation(pool.dialect, volume.store.sizeBytes, volume.blockSize)
  if (dataset.local.get('refreservation') === String(before)) {
    setReservation(
      dataset,
      String(automaticReservation(pool.dialect, sizeBytes, volume.blockSize)),
      refuse,
    )
  }
  volume.store.resize(sizeBytes)
  dataset.truncate(sizeBytes)
  // Recorded: the size is in an object of the volume, which its last snapshot then has for itself.
  dataset.renewMetadata()
}

function setReservation(
  dataset: SimDataset,
  value: string,
  refuse: (text: string) => Refusal,
): void {
  const { volume, pool } = dataset
  const bytes =
    value === 'auto' && volume
      ? automaticReservation(pool.dialect, volume.store.sizeBytes, volume.blockSize)
      : Number(value)
  if (usedByReservation(dataset, bytes) - usedByReservation(dataset) > room(dataset)) {
    throw refuse(TOO_LARGE)
  }
  dataset.local.set('refreservation', String(bytes))
}
