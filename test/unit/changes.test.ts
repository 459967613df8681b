// Every tool says by which commands it changes something, and every host is watched for all of
// them: a change that a host does not know is one that nobody waits for.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ALL_CHANGES } from '../../src/bin/compose/changes.ts'
import type { ChangingProgram } from '../../src/shell/changes.ts'

const SOURCES = join(import.meta.dirname, '../../src')
/** Tables of failures are read there; it has none of its own. */
const READER = 'shell'

const folders = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
  .filter(file => file.endsWith('/failures.ts'))
  .map(file => file.slice(0, file.lastIndexOf('/')))
  .filter(folder => folder !== READER)

test('there are tools at all', () => {
  expect(folders).toEqual(expect.arrayContaining(['zfs', 'comstar', 'hypervisors/ldoms']))
})

test.each(folders)(
  'the tools of %s say what they change, and hosts are watched for it',
  async folder => {
    const { CHANGES }: { readonly CHANGES: readonly ChangingProgram[] } = await import(
      join(SOURCES, folder, 'changes.ts')
    )

    expect(CHANGES.length).toBeGreaterThan(0)
    expect(ALL_CHANGES).toEqual(expect.arrayContaining([...CHANGES]))
  },
)
