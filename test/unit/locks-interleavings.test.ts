// Locks in every order that can be thought of: who asks, who ends and whose deadline passes is left
// to fast-check's scheduler.

import fc from 'fast-check'
import { KeyedLock, Semaphore } from '../../src/locks.ts'
import { limited } from '../../src/shell/limited-shell.ts'
import type { Shell } from '../../src/shell/shell.ts'
import { A_KEY, always, ONE_KEY, play, type Visit } from '../support/interleavings.ts'

const numRuns = 500
const SOME_KEYS = fc
  .subarray(['a', 'b', 'c'], { minLength: 1 })
  .chain(keys => fc.shuffledSubarray(keys, { minLength: keys.length }))

test.each([
  { what: 'a key', keys: A_KEY },
  { what: 'several keys, asked for in any order', keys: SOME_KEYS },
])(
  '$what: one holder at a time, in order of asking, whoever gives up when; nobody waits for ' +
    'ever, nothing is left',
  async ({ keys }) => {
    await always({ keys, numRuns }, async (scheduler, all) => {
      const lock = new KeyedLock()
      const { faults } = await play(scheduler, all, {
        ask: (visit, signal, work) => lock.hold(visit.keys, signal, work),
      })
      expect(faults).toEqual([])
      expect(lock.size).toBe(0)
    })
  },
)

test.each([1, 2, 3])(
  'a semaphore of %s: never more at a time, in order of asking, and no turn is lost',
  async limit => {
    await always({ keys: ONE_KEY, numRuns }, async (scheduler, all) => {
      const semaphore = new Semaphore('pool gold', limit)
      const ask = (_: Visit, signal: AbortSignal, work: () => Promise<string>) =>
        semaphore.take(signal, work)
      const { faults } = await play(scheduler, all, { ask, most: limit })
      expect(faults).toEqual([])
      expect(semaphore.size).toBe(0)
    })
  },
)

test('writes of a limited shell take turns, however many end or give up at one moment', async () => {
  await always({ keys: ONE_KEY, numRuns }, async (scheduler, all) => {
    const works = new Map<string, () => Promise<string>>()
    const inner: Shell = {
      run: async ([name]) => {
        const stdout = (await works.get(name ?? '')?.()) ?? ''
        return { exitStatus: 0, stdout, stderr: '', durationMs: 0 }
      },
    }
    const writes = new Semaphore('pool gold', 2)
    const shell = limited(inner, writes)
    const ask = async (_: Visit, signal: AbortSignal, work: () => Promise<string>) => {
      const command = `command ${works.size}`
      works.set(command, work)
      return (await shell.run([command], { effect: 'write', signal })).stdout
    }
    const { faults } = await play(scheduler, all, { ask, most: 2 })
    expect(faults).toEqual([])
    expect(writes.size).toBe(0)
  })
})
