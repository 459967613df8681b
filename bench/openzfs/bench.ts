// `npm run bench -- openzfs`: what the driver costs beyond the commands that an operation needs, on
// the real OpenZFS behind the real OpenSSH. Every figure is a ratio against raw commands in the same
// run. No goal is enforced here.

import { writeFileSync } from 'node:fs'
import { medianWithInterval } from '../pairs.ts'
import { mebibytes, ms, table } from '../report.ts'
import { type Crowd, crowd } from './crowd.ts'
import { type Pair, Pairs } from './pairs.ts'
import { openWorld } from './world.ts'

export interface OpenZfsBenchOptions {
  /** The built program. */
  readonly script: string
  readonly nodeOptions: readonly string[]
  readonly pairs: number
  readonly rounds: number
  /** No new round of the pairs begins after so long. */
  readonly minutes: number
  /** Receives every measured pair. */
  readonly csv: string | undefined
}

const WARM_UPS = 1
const CROWDS = [10, 50]

export async function benchOpenZfs(options: OpenZfsBenchOptions): Promise<void> {
  const world = await openWorld(options)
  try {
    console.log(`Storage host: ${(await world.machine.succeed('zfs version')).split('\n')[0]}\n`)
    const pairs = new Pairs(world)
    const crowds: Crowd[] = []
    const save = () => {
      if (options.csv !== undefined) writeFileSync(options.csv, formatCsv(pairs.pairs, crowds))
    }
    const endMs = performance.now() + options.minutes * 60_000
    for (let at = 0; at < WARM_UPS + options.pairs && performance.now() < endMs; at++) {
      await pairs.round(at, at >= WARM_UPS)
      // Whoever interrupts a long run has what was measured.
      save()
    }
    console.log(formatPairs(pairs.pairs))
    for (const atOnce of CROWDS) {
      for (let round = 0; round < options.rounds; round++) {
        crowds.push(...(await crowd(world, { atOnce, round })))
        save()
      }
    }
    console.log(formatCrowds(crowds))
    const { memory } = world.controller
    console.log(
      `Memory at the end: ${mebibytes(memory.residentBytes())}, largest ${mebibytes(memory.peakBytes())}.`,
    )
  } finally {
    await world.end()
  }
}

function formatPairs(pairs: readonly Pair[]): string {
  const rows = [...Map.groupBy(pairs, ({ operation }) => operation)].map(([operation, found]) => {
    const ratio = medianWithInterval(found.map(({ driverMs, rawMs }) => driverMs / rawMs))
    return [
      operation,
      String(found[0]?.commands ?? 0),
      ms(medianWithInterval(found.map(({ rawMs }) => rawMs)).median),
      ms(medianWithInterval(found.map(({ driverMs }) => driverMs)).median),
      ratio.median.toFixed(3),
      `${ratio.low.toFixed(3)} to ${ratio.high.toFixed(3)}`,
      String(found.length),
    ]
  })
  return table(['one at a time', 'commands', 'raw', 'driver', 'ratio', '95 %', 'pairs'], rows)
}

function formatCrowds(crowds: readonly Crowd[]): string {
  const groups = Map.groupBy(crowds, ({ operation, atOnce }) => `${operation}, ${atOnce} at once`)
  const rows = [...groups].map(([name, found]) => {
    const throughput = medianWithInterval(found.map(({ driverMs, rawMs }) => rawMs / driverMs))
    const perSecond = (key: 'driverMs' | 'rawMs') =>
      medianWithInterval(found.map(one => (one.atOnce * 1000) / one[key])).median.toFixed(1)
    const share = (key: 'driverSucceeded' | 'rawSucceeded') => {
      const all = found.reduce((sum, { atOnce }) => sum + atOnce, 0)
      return `${((100 * found.reduce((sum, one) => sum + one[key], 0)) / all).toFixed(1)} %`
    }
    return [
      name,
      perSecond('rawMs'),
      perSecond('driverMs'),
      throughput.median.toFixed(3),
      `${throughput.low.toFixed(3)} to ${throughput.high.toFixed(3)}`,
      share('driverSucceeded'),
      share('rawSucceeded'),
      String(found.length),
    ]
  })
  const titles = ['many at once', 'raw, a second', 'driver, a second', 'throughput', '95 %']
  return table([...titles, 'driver succeeds', 'raw succeeds', 'rounds'], rows)
}

function formatCsv(pairs: readonly Pair[], crowds: readonly Crowd[]): string {
  const rows = [
    ['operation', 'at once', 'driver ms', 'raw ms', 'driver succeeded', 'raw succeeded'],
    ...pairs.map(one => [
      one.operation,
      '1',
      one.driverMs.toFixed(1),
      one.rawMs.toFixed(1),
      '1',
      '1',
    ]),
    ...crowds.map(one => [
      one.operation,
      String(one.atOnce),
      one.driverMs.toFixed(1),
      one.rawMs.toFixed(1),
      String(one.driverSucceeded),
      String(one.rawSucceeded),
    ]),
  ]
  return rows.map(row => `${row.map(cell => cell.replace(',', ';')).join(',')}\n`).join('')
}
