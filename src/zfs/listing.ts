// Reads what `zfs get -Hp -o name,property,value,source` prints. Text to values only: no command, no meaning of a property.
// Values may hold TABs and newlines (recorded), so a record is found by what was asked for, never by counting columns from the left.

import { StorageError } from '../errors.ts'

export type PropertySource = 'local' | 'default' | 'received' | 'temporary' | 'inherited' | 'none'

export interface PropertyValue {
  readonly value: string
  readonly source: PropertySource
}

export type Properties = ReadonlyMap<string, PropertyValue>

export const COLUMNS = 'name,property,value,source'

/**
 * The listed datasets by name. Every dataset must have all of `names`, in that order, as zfs prints them. Lines before the
 * first record are a login banner and skipped; a line after it that is no record is part of a value.
 */
export function parseProperties(
  text: string,
  names: readonly string[],
  isDataset: (name: string) => boolean,
): ReadonlyMap<string, Properties> {
  const datasets = new Map<string, Map<string, PropertyValue>>()
  for (const record of records(text, names, isDataset)) {
    const { dataset, property, value } = parseRecord(record)
    const properties = datasets.get(dataset) ?? new Map<string, PropertyValue>()
    properties.set(property, value)
    datasets.set(dataset, properties)
  }
  for (const [dataset, properties] of datasets) {
    const missing = names.find(name => !properties.has(name))
    if (missing !== undefined) throw new StorageError('internal', `zfs get listed dataset ${dataset} without property ${missing}`)
  }
  return datasets
}

/**
 * What `zfs list -H -o name` prints of `parent` and of what is below it, without the parent. Lines before the parent's own are a
 * login banner; every line after it is a name below it.
 */
export function parseNames(text: string, parent: string): readonly string[] {
  const lines = text.replace(/\n$/, '').split('\n')
  const start = lines.indexOf(parent)
  if (start < 0) throw new StorageError('internal', `zfs list said nothing of dataset ${parent}`)
  const names = lines.slice(start + 1)
  const other = names.find(name => !name.startsWith(`${parent}/`) && !name.startsWith(`${parent}@`))
  if (other !== undefined) {
    throw new StorageError('internal', `zfs list printed a line that is no name below ${parent}: ${JSON.stringify(other.slice(0, 80))}`)
  }
  return names
}

function records(text: string, names: readonly string[], isDataset: (name: string) => boolean): readonly string[] {
  const found: string[] = []
  let dataset = ''
  let at = 0
  for (const line of text.replace(/\n$/, '').split('\n')) {
    const [name = '', property] = line.split('\t')
    const starts = property === names[at] && (at === 0 ? isDataset(name) : name === dataset)
    if (starts) {
      found.push(line)
      dataset = name
      at = (at + 1) % names.length
    } else if (found.length > 0) {
      found.push(`${found.pop()}\n${line}`)
    }
  }
  return found
}

function parseRecord(record: string): { dataset: string; property: string; value: PropertyValue } {
  const fields = record.split('\t')
  const [dataset = '', property = '', ...rest] = fields
  const source = parseSource(rest.pop())
  if (rest.length === 0 || source === undefined) {
    throw new StorageError('internal', `zfs get printed a record that is not name, property, value and source: ${JSON.stringify(record)}`)
  }
  return { dataset, property, value: { value: rest.join('\t'), source } }
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
