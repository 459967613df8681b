// Parses the output of `zfs get -Hp -o name,property,value,source`. It runs no command and knows no
// meaning of a property. Values may contain TABs and newlines (recorded). So a record is found by
// what was requested, never by counting columns from the left.

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
 * them. Lines before the first record are a login banner and are skipped. Any later line that is no
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
    // A record starts with the next requested property: of the same dataset, or the first one of
    // the next dataset.
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

// Yields line by line: all lines at once take several times the memory of the text.
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
 * The wanted names, sorted, from the output of `zfs list -H -o name` for `parent` and everything
 * below it. Lines before the parent's own are a login banner. Every line after it must be a name
 * below it.
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
        `zfs list printed a line that is not a name below ${parent}: ` +
          `${JSON.stringify(line.slice(0, 80))}`,
      )
    } else if (isWanted(line)) {
      names.push(line)
    }
  }
  if (!isBelow) {
    throw new StorageError('internal', `zfs list printed nothing about dataset ${parent}`)
  }
  return names.sort()
}

/**
 * Parses `zfs list -H -o name,<properties>` for a parent and what is below it. The parent's own
 * line proves that zfs printed a listing.
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
    // A login banner precedes the parent's line.
    if (!isBelow && found.size === 0) continue
    if (!isBelow || values.length !== count) {
      throw new StorageError(
        'internal',
        `zfs list printed an unexpected line: ${JSON.stringify(line.slice(0, 80))}`,
      )
    }
    found.set(name, values)
  }
  if (!found.has(parent)) {
    throw new StorageError('internal', `zfs list printed nothing about dataset ${parent}`)
  }
  return found
}

// A value may itself contain TABs.
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
