// Work that several callers share, and turns of a machine, in every order that fast-check's
// scheduler finds.

import { ALL_CHANGES } from '../../src/bin/compose/changes.ts'
import { Calls } from '../../src/csi/wire/calls.ts'
import { type AttachStep, LdomObjects } from '../../src/hypervisors/ldoms/objects.ts'
import { createHost } from '../../src/shell/late-effects.ts'
import type { Shell } from '../../src/shell/shell.ts'
import { SnapshotIndex } from '../../src/storage/snapshots/index-by-name.ts'
import { Zfs } from '../../src/zfs/zfs.ts'
import { install, LeapingClock } from '../support/installation.ts'
import {
  A_KEY,
  always,
  each,
  microtasks,
  ONE_KEY,
  play,
  type Visit,
} from '../support/interleavings.ts'

const numRuns = 300

const PRIMARY = `VERSION 1.11
DOMAIN|name=primary|state=active|flags=-n-cv-|cons=UART|ncpu=8|mem=8589934592|util=0.4%|uptime=100|norm_util=0.4%`

function machineOf(run: (argv: readonly string[]) => Promise<string>) {
  const shell: Shell = {
    run: async argv => ({ exitStatus: 0, stdout: await run(argv), stderr: '', durationMs: 0 }),
  }
  const clock = new LeapingClock()
  clock.leaps = false
  return new LdomObjects({
    machine: 'm1',
    host: createHost({ changes: ALL_CHANGES, name: 'm1-primary', shell, clock }),
    clock,
  })
}

test('a machine: one change at a time, in order of asking, and no turn is lost', async () => {
  await always({ keys: ONE_KEY, numRuns }, async (scheduler, all) => {
    const machine = machineOf(async () => '')
    const { faults } = await play(scheduler, all, {
      ask: (_, signal, work) => machine.serialised(work, signal),
    })
    expect(faults).toEqual([])
  })
})

test(
  'changes that are made wait for one another, and every one of them is told, whichever ' +
    'fails or gives up',
  async () => {
    await always({ keys: ONE_KEY, numRuns }, async (scheduler, all) => {
      const works = new Map<string, () => Promise<string>>()
      const failures = new Map<string, unknown>()
      const machine = machineOf(async argv => {
        const name = argv.find(word => works.has(word)) ?? ''
        await works
          .get(name)?.()
          .catch(error => failures.set(name, error))
        return ''
      })
      const ask = async (_: Visit, signal: AbortSignal, work: () => Promise<string>) => {
        const name = `disk-${works.size}`
        let answer = ''
        works.set(name, async () => {
          answer = await work()
          return answer
        })
        const backend = { name, service: 'vds0' }
        const step: AttachStep = {
          kind: 'add-disk',
          name,
          guest: 'ldg1',
          slot: 100,
          timeoutSeconds: 0,
          backend,
        }
        await machine.attach([step], signal)
        if (failures.has(name)) throw failures.get(name)
        return answer
      }
      const { faults } = await play(scheduler, all, { ask })
      expect(faults).toEqual([])
    })
  },
)

test(
  'a listing that answers a caller began after the caller asked, and a deadline ends no ' +
    'listing of others',
  async () => {
    await always({ keys: ONE_KEY, numRuns }, async (scheduler, all) => {
      const faults: string[] = []
      let begun = 0
      let running = 0
      const machine = machineOf(async () => {
        const number = ++begun
        if (++running > 1) faults.push(`listing ${number} ran beside another`)
        await scheduler.schedule(Promise.resolve(), `listing ${number}`)
        running -= 1
        return `${PRIMARY}\nDOMAIN|name=listing-${number}|state=inactive|flags=------|cons=|ncpu=|mem=|util=|uptime=\n`
      })
      const { ends } = await each(scheduler, all, async (name, visit, signal) => {
        const before = begun
        const { guests } = await machine.observe(signal)
        const number = Number(guests.at(-1)?.name.slice('listing-'.length))
        if (!(number > before)) {
          faults.push(`${name} was answered with listing ${number}, which began before it asked`)
        }
        if (visit.deadline === 'has passed') faults.push(`${name} was answered after its deadline`)
      })
      expect(faults).toEqual([])
      expect(ends.filter(end => !/^(answered|gave up)$/.test(end))).toEqual([])
    })
  },
)

test(
  'one request at a time works for the callers of it, who each are answered or gave up; ' +
    'nothing is left',
  async () => {
    await always({ keys: A_KEY, numRuns }, async (scheduler, all) => {
      const calls = new Calls()
      const faults: string[] = []
      const working = new Map<string, AbortSignal>()
      let answers = 0
      const { ends } = await each(scheduler, all, async (name, visit, signal) => {
        const [key = ''] = visit.keys
        const before = answers
        const gone = new AbortController()
        signal.addEventListener('abort', () => gone.abort())
        if (signal.aborted) gone.abort()
        const caller = { deadlineMs: Number.POSITIVE_INFINITY, gone: gone.signal }
        const answer = await calls.run(key, caller, async patience => {
          if (working.get(key)?.aborted === false) {
            faults.push(`${name} began beside the same request`)
          }
          working.set(key, patience)
          for (let step = 0; step < visit.steps && !patience.aborted; step++) {
            await scheduler.schedule(Promise.resolve(), `step ${step} of ${name}`)
            await microtasks(visit.turns[2])
          }
          if (working.get(key) === patience) working.delete(key)
          patience.throwIfAborted()
          return ++answers
        })
        if (answer <= before) {
          faults.push(`${name} was answered with what was known before it asked`)
        }
      })
      expect(faults).toEqual([])
      expect(ends.filter(end => !/^(answered|gave up)$/.test(end))).toEqual([])
      expect(calls.size).toBe(0)
    })
  },
)

test(
  'the snapshot index knows every snapshot that was made before it is asked, whoever gives ' +
    'up and whatever listing fails',
  async () => {
    const silver = [...install().driver().pools.values()].find(({ name }) => name === 'silver')
    if (silver === undefined) throw new Error('no pool')
    const volume = `${silver.dataset}/v-${'a'.repeat(20)}`
    await always({ keys: ONE_KEY, numRuns }, async (scheduler, all) => {
      const faults: string[] = []
      const there = new Set<string>()
      let listings = 0
      const shell: Shell = {
        run: async (_, { signal }) => {
          const number = ++listings
          await scheduler.schedule(Promise.resolve(), `listing ${number} begins`)
          const stdout = [silver.dataset, volume, ...[...there].map(leaf => `${volume}@${leaf}`)]
            .sort()
            .join('\n')
          await scheduler.schedule(Promise.resolve(), `listing ${number} ends`)
          const fails = number === 1 && all[0]?.fails === true
          if (signal?.aborted) throw new Error('the listing ended with a caller')
          return fails
            ? { exitStatus: 1, stdout: '', stderr: 'failed', durationMs: 0 }
            : { exitStatus: 0, stdout: `${stdout}\n`, stderr: '', durationMs: 0 }
        },
      }
      const index = new SnapshotIndex(new Map([[silver.name, { ...silver, zfs: new Zfs(shell) }]]))
      const id = `${silver.name}/${volume.slice(silver.dataset.length + 1)}`
      const { ends } = await each(scheduler, all, async (name, visit, signal) => {
        const leaf = `s-${name
          .replace(/\D/g, '')
          .replace(/\d/g, digit => 'abcdefghij'.charAt(Number(digit)))
          .padStart(20, 'a')}`
        const found = await index.volumesOf(leaf, signal).catch(error => {
          if (signal.aborted || /failed/.test(String(error.message) + String(error.cause))) {
            return []
          }
          throw error
        })
        if (found.length > 0) faults.push(`${name} found what was not there`)
        there.add(leaf)
        await microtasks(visit.turns[2])
        await index.add(leaf, id)
        if (visit.steps > 1) {
          await scheduler.schedule(Promise.resolve(), `${name} is deleted`)
          there.delete(leaf)
          await microtasks(visit.turns[1])
          await index.remove(leaf, id)
        }
        // Only the first listing may fail.
        if (listings > 1 && (await index.volumesOf(leaf)).length !== (there.has(leaf) ? 1 : 0)) {
          faults.push(`${name} is not known`)
        }
      })
      expect(faults).toEqual([])
      expect(ends.filter(end => !/^(answered|gave up)$/.test(end))).toEqual([])
    })
  },
)
