// What an hour costs in which nothing happens, and what the first look after a start costs: so many
// disks, all ready.

import { setTimeout as sleep } from 'node:timers/promises'
import { parsePath } from '../test/support/cluster-api/paths.ts'
import { type Bench, disksIn, forkGuestDisks, until } from './guest-disks-pod.ts'
import type { ProcessReport } from './guest-disks-process.ts'
import { GUESTS } from './guest-disks-world.ts'
import type { CommandCounts } from './simulation.ts'

const LOOKS_OF_AN_HOUR = 60
/** The API server ends a watch after eight minutes, as the watch asks for. */
const LOOKS_OF_A_WATCH = 8
const REST_MS = 3_000
const SAVED_MS = 18_000

export type Counts = Readonly<Record<string, number>>

export interface Cost {
  /** Requests to the API server, by verb and resource. */
  readonly api: Counts
  readonly calls: Counts
  /** Commands on control domains and storage hosts, by program and subcommand. */
  readonly hosts: Counts
  /** Commands in guests, by program. */
  readonly guests: Counts
  readonly cpuMs: number
  readonly residentBytes: number
}

export interface IdleResult {
  readonly disks: number
  readonly hour: Cost
  readonly start: Cost
}

export async function measureIdle(bench: Bench, count: number): Promise<IdleResult> {
  const disks = disksIn(GUESTS, count)
  await bench.provision(disks)
  await bench.populate(disks)
  const first = forkGuestDisks(bench)
  await first.ask('run')
  await until(() => bench.watches() >= 3, 'nobody watches')
  await sleep(REST_MS)
  await first.ask('settle')
  await untilSaved(bench)
  const before = await first.ask('look')
  await forget(bench)
  let after = before
  for (let look = 1; look <= LOOKS_OF_AN_HOUR; look += 1) {
    after = await first.ask('look')
    if (look % LOOKS_OF_A_WATCH === 0) await endWatches(bench)
  }
  const hour = await costOf(bench, before, after)
  await first.stop()

  await forget(bench)
  const second = forkGuestDisks(bench)
  await second.ask('run')
  await until(() => bench.watches() >= 3, 'nobody watches')
  await sleep(REST_MS)
  const start = await costOf(bench, NOTHING, await second.ask('settle'))
  await second.stop()
  return { disks: count, hour, start }
}

const NOTHING: ProcessReport = { cpuMs: 0, residentBytes: 0, calls: {} }

async function forget({ api, simulation }: Bench): Promise<void> {
  api.requests.length = 0
  await simulation.commands()
}

/** The controller saves the configurations of machines after fifteen seconds without a change. */
async function untilSaved({ simulation }: Bench): Promise<void> {
  do await sleep(SAVED_MS)
  while (Object.keys(await simulation.commands()).length > 0)
}

async function endWatches(bench: Bench): Promise<void> {
  const before = bench.watches()
  bench.api.endWatches('ended')
  await until(() => bench.watches() >= before + 3, 'nobody watches again')
}

async function costOf(bench: Bench, before: ProcessReport, after: ProcessReport): Promise<Cost> {
  const commands = Object.entries(await bench.simulation.commands())
  const isGuest = ([key]: readonly [string, number]) => /^m\d+-ldg\d+ /.test(key)
  return {
    api: count(bench.api.requests.map(request => [nameOf(request), 1])),
    calls: count(
      Object.entries(after.calls).map(([name, calls]) => [name, calls - (before.calls[name] ?? 0)]),
    ),
    hosts: count(commands.filter(each => !isGuest(each)).map(withoutHost)),
    guests: count(commands.filter(isGuest).map(withoutHost)),
    cpuMs: after.cpuMs - before.cpuMs,
    residentBytes: after.residentBytes,
  }
}

function withoutHost([key, number]: readonly [string, number]): readonly [string, number] {
  return [key.slice(key.indexOf(' ') + 1), number]
}

function count(all: readonly (readonly [string, number])[]): CommandCounts {
  const counts: Record<string, number> = {}
  for (const [name, number] of all) {
    if (number > 0) counts[name] = (counts[name] ?? 0) + number
  }
  return counts
}

/** `GET /apis/…?watch=1` as `watch guestdisks`. */
function nameOf(request: string): string {
  const [method = '', asked = ''] = request.split(' ')
  const [path = '', query = ''] = asked.split('?')
  const at = parsePath(path)
  const verb = query.includes('watch=1')
    ? 'watch'
    : method === 'GET' && at?.name === undefined
      ? 'list'
      : method.toLowerCase()
  return `${verb} ${at?.resource.title ?? path}${at?.isStatus ? '/status' : ''}`
}
