// Writes every generated file of the project. With --check it compares and fails if one is out of
// date. A generated file depends on its sources only: not on a clock, a machine, or the order of a
// directory.

import { readFileSync } from 'node:fs'
import { generateConfigurationReference } from '../src/config/reference.ts'
import { drawRooms } from '../test/architecture.ts'
import { generateDefinitionTemplate } from './chart/guest-disk.ts'
import { generateValuesPage } from './chart/page.ts'
import { generateValuesSchema } from './chart/schema.ts'
import { generateDescriptor, generateTypes } from './csi-types.ts'
import { putGenerated } from './generated-files.ts'
import { generateParameterTables } from './parameters-table.ts'

interface GeneratedFile {
  readonly file: string
  readonly generate: () => string
}

const root = new URL('../', import.meta.url)

const FILES: readonly GeneratedFile[] = [
  { file: 'src/csi/wire/types.gen.ts', generate: generateTypes },
  { file: 'src/csi/wire/descriptor.gen.ts', generate: generateDescriptor },
  { file: 'docs/configuration.md', generate: generateConfigurationReference },
  { file: 'charts/ldom-csi/values.schema.json', generate: generateValuesSchema },
  {
    file: 'charts/ldom-csi/templates/guest-disk-definition.yaml',
    generate: generateDefinitionTemplate,
  },
  { file: 'docs/chart-values.md', generate: generateValuesPage },
  { file: 'docs/code-map.md', generate: () => withPart('docs/code-map.md', 'rooms', drawRooms()) },
  {
    file: 'README.md',
    generate: () => withPart('README.md', 'parameters', generateParameterTables()),
  },
]

/**
 * The page with a new generated part, which is the text between the two comments with this name.
 */
function withPart(file: string, name: string, part: string): string {
  const [begin, end] = [
    `<!-- ${name}: begin, written by npm run generate -->`,
    `<!-- ${name}: end -->`,
  ]
  const page = readFileSync(new URL(file, root), 'utf8')
  const [before, rest, ...more] = page.split(begin)
  const after = rest?.split(end)[1]
  if (before === undefined || after === undefined || more.length > 0) {
    throw new Error(`${file} has no part "${name}" to be written`)
  }
  return `${before}${begin}\n\n${part}\n\n${end}${after}`
}

for (const { file, generate } of FILES) putGenerated(file, generate(), 'npm run generate')
