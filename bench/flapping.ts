// `npm run bench -- flapping`: how many creations succeed, and how fast, while every connection to
// the host lives for half a second to two seconds only. Nobody repeats a call. An answer that is
// not true of the host ends the run.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { demoWorld } from '../sim/preset.ts'
import { interpose } from '../sim/relay.ts'
import { type Served, serve } from '../sim/serve.ts'
import { openRealShell } from '../src/bin/compose/hosts.ts'
import type { Installation } from '../src/bin/compose/installation.ts'
import { driverFrom, emptyVolume } from './driver.ts'
import { table } from './report.ts'

const HOST = 'm1-primary'
const DATASET = 'mtank/kubernetes'
const CREATIONS = 300
const AT_ONCE = 10
const SHORTEST_MS = 500
const LONGEST_MS = 2000
/** About what a command of `zfs` takes: on a quick host, and on a slow one. */
const LATENCIES_MS = [20, 100, 300]

interface Outcome {
  readonly succeeded: number
  readonly ms: number
  readonly connections: number
  readonly reasons: ReadonlyMap<string, number>
}

export async function benchFlapping(rounds: number): Promise<string> {
  const rows: string[][] = []
  for (const latencyMs of LATENCIES_MS) {
    for (const isFlapping of [false, true]) {
      const outcomes: Outcome[] = []
      for (let round = 0; round < rounds; round++) {
        outcomes.push(await createAll({ latencyMs, isFlapping }))
      }
      rows.push([`${latencyMs} ms`, isFlapping ? 'flapping' : 'quiet', ...figures(outcomes)])
    }
  }
  const titles = ['a command takes', 'network', 'succeeded', 'a second', 'connections', 'failures']
  return table(titles, rows)
}

function figures(outcomes: readonly Outcome[]): readonly string[] {
  const total = (of: (outcome: Outcome) => number) => outcomes.map(of).reduce((a, b) => a + b, 0)
  const succeeded = total(outcome => outcome.succeeded)
  const reasons = new Map<string, number>()
  for (const [reason, count] of outcomes.flatMap(outcome => [...outcome.reasons])) {
    reasons.set(reason, (reasons.get(reason) ?? 0) + count)
  }
  return [
    `${succeeded} of ${CREATIONS * outcomes.length}`,
    ((succeeded * 1000) / total(({ ms }) => ms)).toFixed(1),
    `${total(({ connections }) => connections)}`,
    [...reasons].map(([reason, count]) => `${count} × ${reason}`).join('; ') || 'none',
  ]
}

async function createAll(of: {
  readonly latencyMs: number
  readonly isFlapping: boolean
}): Promise<Outcome> {
  const directory = mkdtempSync(join(tmpdir(), 'ldom-csi-flapping-'))
  const served = await serve({ spec: demoWorld(), directory, realBlockDevices: false })
  const server = served.hosts.find(({ host }) => host.name === HOST)
  if (server === undefined) throw new Error(`the installation has no host ${HOST}`)
  const relay = await interpose(server, join(directory, 'controller.yaml'))
  const driver = driverFrom(directory, openRealShell)
  try {
    // What is asked of a host once in a process is not measured.
    await createOne(driver, 'pvc-first')
    served.world.timeline.latencyMs = of.latencyMs
    const lifetimeMs = () => SHORTEST_MS + Math.random() * (LONGEST_MS - SHORTEST_MS)
    if (of.isFlapping) relay.lifetimeMs = lifetimeMs
    relay.cut()
    const before = relay.accepted
    const startedAt = performance.now()
    const answers = await inTurns(driver)
    const ms = performance.now() - startedAt
    checkAnswers(served, answers)
    return {
      ms,
      succeeded: answers.filter(({ leaf }) => leaf !== undefined).length,
      connections: relay.accepted - before,
      reasons: countReasons(answers),
    }
  } finally {
    await driver.stop()
    await relay.stop()
    await served.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

interface Answer {
  readonly leaf?: string
  readonly error?: unknown
}

async function inTurns(driver: Installation): Promise<readonly Answer[]> {
  const names = Array.from({ length: CREATIONS }, (_, index) => `pvc-${index}`)
  const answers: Answer[] = []
  const work = async () => {
    for (let name = names.shift(); name !== undefined; name = names.shift()) {
      answers.push(
        await createOne(driver, name).then(
          leaf => ({ leaf }),
          error => ({ error }),
        ),
      )
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return answers
}

async function createOne(driver: Installation, name: string): Promise<string> {
  const { leaf } = await driver.volumes.ensureVolume(emptyVolume(name, 'silver'))
  return leaf
}

/** Every success is a volume, and there are not more volumes than calls. */
function checkAnswers({ world }: Served, answers: readonly Answer[]): void {
  const made = world.zfs(HOST).datasets()
  const names = made.flatMap(({ name, volume }) => (volume === undefined ? [] : [name]))
  for (const { leaf } of answers) {
    if (leaf !== undefined && !names.includes(`${DATASET}/${leaf}`)) {
      throw new Error(`the driver answered that ${leaf} exists, and the host does not have it`)
    }
  }
  if (names.length > CREATIONS + 1) throw new Error(`${names.length} volumes came to be`)
}

function countReasons(answers: readonly Answer[]): ReadonlyMap<string, number> {
  const reasons = answers.flatMap(({ error }) => (error === undefined ? [] : [kindOf(error)]))
  return new Map(
    [...Map.groupBy(reasons, each => each)].map(([each, { length }]) => [each, length]),
  )
}

/** The words of a message that are the same for every volume. */
function kindOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  const known = ['was sent when', 'no connection', 'did not answer', 'was not sent', 'too long']
  return known.find(words => message.includes(words)) ?? message
}
