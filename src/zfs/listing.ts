// Reads what `zfs get -Hp -o name,property,value,source` prints. Text to values only: no command,
// no meaning of a property. Values may hold TABs and newlines (recorded), so a record is found by
// what was asked for, never by counting columns from the left.

import { StorageError } from '../errors.ts'

export type PropertySource = 'local' | 'default' | 'received' | 'temporary' | 'inherited' | 'none'

export interface PropertyValue {
  readonly value: string
  readonly source: PropertySource
}

export type Properties = ReadonlyMap<string, PropertyValue>

export const COLUMNS = 'name,property,value,source'

/**
 * The listed datasets by name. Every dataset must have all of `names`, in that order, as zfs prints
 * them. Lines before the first record are a login banner and skipped; a line after it that is no
 * record is part of a value.
 */
export function parseProperties(
  text: string,
  names: readonly string[],
  isDataset: (name: string) => boolean,
): ReadonlyMap<string, Properties> {
  const datasets = new Map<string, Map<string, PropertyValue>>()
  let record = ''
  let dataset = ''
  let at = 0
  const finish = () => {
    if (record === '') return
    const properties = datasets.get(dataset) ?? new Map<string, PropertyValue>()
    properties.set(...parseRecord(record))
    datasets.set(dataset, properties)
  }
  for (const line of linesOf(text)) {
    const firstTab = line.indexOf('\t')
    const name = line.slice(0, firstTab)
    // The next property that was asked for, of the same dataset or of the first of the next.
    if (
      line.startsWith(`${names[at]}\t`, firstTab + 1) &&
      (at === 0 ? isDataset(name) : name === dataset)
    ) {
      finish()
      record = line
      dataset = name
      at = (at + 1) % names.length
    } else if (record !== '') {
      record += `\n${line}`
    }
  }
  finish()
  for (const [listed, properties] of datasets) {
    const missing = names.find(name => !properties.has(name))
    if (missing !== undefined) {
      throw new StorageError(
        'internal',
        `zfs get listed dataset ${listed} without property ${missing}`,
      )
    }
  }
  return datasets
}

// One after the other: the lines of a whole listing at once are several times its text.
function* linesOf(text: string): Generator<string> {
  const end = text.endsWith('\n') ? text.length - 1 : text.length
  for (let at = 0; at <= end; ) {
    const next = text.indexOf('\n', at)
    const stop = next < 0 || next > end ? end : next
    yield text.slice(at, stop)
    at = stop + 1
  }
}

/**
 * The wanted names of those that `zfs list -H -o name` prints of `parent` and of what is below it,
 * sorted. Lines before the parent's own are a login banner; every line after it is a name below it.
 */
export function parseNames(
  text: string,
  parent: string,
  isWanted: (name: string) => boolean,
): readonly string[] {
  const names: string[] = []
  let isBelow = false
  for (const line of linesOf(text)) {
    if (!isBelow) {
      isBelow = line === parent
    } else if (!line.startsWith(`${parent}/`) && !line.startsWith(`${parent}@`)) {
      throw new StorageError(
        'internal',
        `zfs list printed a line that is no name below ${parent}: ` +
          `${JSON.stringify(line.slice(0, 80))}`,
      )
    } else if (isWanted(line)) {
      names.push(line)
    }
  }
  if (!isBelow) throw new StorageError('internal', `zfs list said nothing of dataset ${parent}`)
  return names.sort()
}

/**
 * Of `zfs list -H -o name,<properties>` below a parent, whose own line is the proof that there was
 * a listing.
 */
export function parseValues(
  text: string,
  parent: string,
  count: number,
): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>()
  for (const line of linesOf(text)) {
    const [name = '', ...values] = line.split('\t')
    const isBelow = name === parent || name.startsWith(`${parent}/`)
    // A login banner stands before the parent's line.
    if (!isBelow && found.size === 0) continue
    if (!isBelow || values.length !== count) {
      throw new StorageError(
        'internal',
        `zfs list printed a line that is not understood: ${JSON.stringify(line.slice(0, 80))}`,
      )
    }
    found.set(name, values)
  }
  if (!found.has(parent)) {
    throw new StorageError('internal', `zfs list said nothing of dataset ${parent}`)
  }
  return found
}

// A value may hold TABs itself.
function parseRecord(record: string): [property: string, value: PropertyValue] {
  const [, property = '', ...rest] = record.split('\t')
  const source = parseSource(rest.pop())
  if (rest.length === 0 || source === undefined) {
    throw new StorageError(
      'internal',
      'zfs get printed a record that is not name, property, value and source: ' +
        `${JSON.stringify(record)}`,
    )
  }
  return [property, { value: rest.join('\t'), source }]
}

function parseSource(text: string | undefined): PropertySource | undefined {
  switch (text) {
    case 'local':
    case 'default':
    case 'received':
    case 'temporary':
      return text
    case '-':
    case 'none': // libzfs has both; the tools print the dash (recorded)
      return 'none'
    default:
      return text?.startsWith('inherited from ') ? 'inherited' : undefined
  }
}
