// The histories are played by a program of their own: the same work takes five times as long inside
// the test runner.

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { playHistory } from './history.ts'

const MODES = [
  { title: 'one controller', options: ['--controllers', '1'] },
  {
    title: 'one controller, commands cut, late or refused',
    options: ['--controllers', '1', '--faults'],
  },
  { title: 'two controllers', options: ['--controllers', '2'] },
  {
    title: 'two controllers, commands cut, late or refused',
    options: ['--controllers', '2', '--faults'],
  },
]

/**
 * The same in every run: a change must not fail for a defect that it did not bring. `npm run
 * simulate` looks for those.
 */
const SEED = 20_261_121
const HISTORIES = 300
const PROGRAM = join(import.meta.dirname, '../../scripts/simulate.ts')

test.each(MODES)(
  'no order of commands, answers and deadlines gives a volume to two guests or leaves something ' +
    'behind: $title',
  async ({ options }) => {
    const counts = ['--seed', String(SEED), '--histories', String(HISTORIES)]
    const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, ...counts, ...options])
    expect(stdout).toContain(`: ${HISTORIES} histories held`)
  },
  600_000,
)

test('a seed plays the same history again', async () => {
  const mode = { controllers: 1, faults: true } as const
  expect(await playHistory(SEED, mode)).toEqual(await playHistory(SEED, mode))
})
