// Generates README.md's tables of class parameters from the driver's own table.

import {
  type Described,
  MUTABLE_KEYS,
  MUTABLE_PARAMETERS,
  PARAMETER_KEYS,
  PARAMETERS,
  PLACE_PARAMETERS,
} from '../src/model/parameters.ts'

interface Row extends Described {
  readonly name: string
  readonly byDefault: string
}

export function generateParameterTables(): string {
  const rows: readonly Row[] = [
    ...Object.entries(PLACE_PARAMETERS).map(([name, row]) => ({ name, ...row })),
    ...PARAMETER_KEYS.map(key => {
      const { byDefault, ...row } = PARAMETERS[key]
      return { ...row, byDefault: formatDefault(byDefault) }
    }),
  ]
  return [
    'Parameters of a StorageClass:',
    '',
    '| parameter | values | default | meaning |',
    '|---|---|---|---|',
    ...rows.map(
      ({ name, values, byDefault, meaning }) =>
        `| \`${name}\` | ${values} | ${byDefault} | ${meaning} |`,
    ),
    '',
    'Parameters of a VolumeAttributesClass, which change while the volume lives:',
    '',
    '| parameter | values | meaning |',
    '|---|---|---|',
    ...MUTABLE_KEYS.map(key => {
      const { values, meaning } = MUTABLE_PARAMETERS[key]
      return `| \`${key}\` | ${values} | ${meaning} |`
    }),
    '',
    'Classes of snapshots have no parameters.',
  ].join('\n')
}

function formatDefault(text: string | undefined): string {
  if (text === undefined) return "the pool's"
  return text === '' ? 'none' : `\`${text}\``
}
