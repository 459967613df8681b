// Which properties the datasets of a simulated host have, by version of zfs. property-table.ts has
// the names as zfs lists them.

import type { SimDialect } from './dialects.ts'
import { OLD_PROPERTIES, OPENZFS_PROPERTIES } from './property-table.ts'

export interface PropertyDefinition {
  readonly name: string
  readonly editable: boolean
  readonly inherited: boolean
  readonly types: string // letters f, v, s
  readonly defaultValue: string
  readonly values: string
}

// OpenZFS properties that illumos does not have (documented).
const NOT_ILLUMOS = [
  'objsetid',
  'snapdev',
  'volmode',
  'relatime',
  'overlay',
  'acltype',
  'context',
  'fscontext',
  'defcontext',
  'rootcontext',
]

const definitions = new Map<string, ReadonlyMap<string, PropertyDefinition>>()

export function propertiesOf(dialect: SimDialect): ReadonlyMap<string, PropertyDefinition> {
  const known =
    definitions.get(dialect.name) ??
    new Map(parseTable(dialect).map(definition => [definition.name, definition]))
  definitions.set(dialect.name, known)
  return known
}

function parseTable(dialect: SimDialect): readonly PropertyDefinition[] {
  const table = dialect.line === 'openzfs' ? OPENZFS_PROPERTIES : OLD_PROPERTIES
  const version = dialect.version === undefined ? '2.1' : dialect.version.slice(0, 3)
  return table
    .trim()
    .split('\n')
    .map(line => line.split('|'))
    .filter(
      ([name = '', , , , , since = '']) =>
        since <= version && !(dialect.name === 'illumos' && NOT_ILLUMOS.includes(name)),
    )
    .filter(([name]) => name !== 'sync' || dialect.name !== 'solaris-10')
    .map(([name = '', editable, inherited, types = '', defaultValue = '', , values = '']) => ({
      name,
      editable: editable === 'YES',
      inherited: inherited === 'YES',
      types,
      defaultValue:
        name === 'compression'
          ? dialect.compression
          : name === 'snapshot_limit' || name === 'snapshot_count'
            ? dialect.unlimited
            : defaultValue,
      values: (version === '2.1' ? values.replace(/ \/ blake3\S*/, '') : values).replaceAll(
        ' / ',
        ' | ',
      ),
    }))
}

export function isUserProperty(name: string): boolean {
  return name.includes(':') && /^[a-z0-9:._-]+$/.test(name)
}
