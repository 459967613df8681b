// The whole driver while no connection lives for long: answers are true, only changes that were on
// their way when a connection was lost fail, and the same calls again complete them.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { demoWorld } from '../../../sim/preset.ts'
import { interpose } from '../../../sim/relay.ts'
import { serve } from '../../../sim/serve.ts'
import { openRealShell } from '../../../src/bin/compose/hosts.ts'
import { composeInstallation } from '../../../src/bin/compose/installation.ts'
import { systemClock } from '../../../src/clock.ts'
import { parseControllerConfig } from '../../../src/config/config.ts'
import { silentLog } from '../../../src/log.ts'
import { ShellError } from '../../../src/shell/shell.ts'
import { volumeSpec } from '../../support/installation.ts'

const CREATIONS = 30
const AT_ONCE = 10
const LATENCY_MS = 40
/** Two rounds of commands to ten. */
const LIFETIMES_MS = [100, 320, 180, 400, 140, 240, 360, 120, 280]

const disposals: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const dispose of disposals.splice(0).reverse()) await dispose()
})

async function installation() {
  const directory = mkdtempSync(join(tmpdir(), 'ssh-flapping-'))
  disposals.push(async () => rmSync(directory, { recursive: true, force: true }))
  const served = await serve({ spec: demoWorld(), directory, realBlockDevices: false })
  disposals.push(() => served.stop())
  const server = served.hosts.find(({ host }) => host.name === 'm1-primary')
  if (!server) throw new Error('the installation has no host m1-primary')
  const file = join(directory, 'controller.yaml')
  const relay = await interpose(server, file)
  disposals.push(() => relay.stop())
  const driver = composeInstallation(parseControllerConfig(readFileSync(file, 'utf8'), file), {
    openShell: openRealShell,
    log: silentLog,
    clock: systemClock,
  })
  disposals.push(() => driver.stop())
  const leaves = () =>
    served.world
      .zfs('m1-primary')
      .datasets()
      .flatMap(({ name, volume }) => (volume === undefined ? [] : [name.split('/').at(-1) ?? '']))
  return { driver, relay, leaves, timeline: served.world.timeline }
}

test('creations while connections live for a few commands only', async () => {
  const { driver, relay, leaves, timeline } = await installation()
  const create = async (name: string) =>
    (await driver.volumes.ensureVolume(volumeSpec({ name }))).leaf
  // What is asked of a host once in a process.
  await create('pvc-first')
  timeline.latencyMs = LATENCY_MS
  relay.lifetimeMs = () => LIFETIMES_MS[relay.accepted % LIFETIMES_MS.length]
  relay.cut()
  const before = relay.accepted

  const names = Array.from({ length: CREATIONS }, (_, index) => `pvc-${index}`)
  const left = [...names]
  const answered = new Map<string, string>()
  const failures: unknown[] = []
  const work = async () => {
    for (let name = left.shift(); name !== undefined; name = left.shift()) {
      try {
        answered.set(name, await create(name))
      } catch (error) {
        failures.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))

  expect(relay.accepted - before).toBeGreaterThan(1)
  expect(leaves()).toEqual(expect.arrayContaining([...answered.values()]))
  for (const failure of failures) {
    expect(failure).toBeInstanceOf(ShellError)
    expect(failure).toMatchObject({ kind: 'unavailable', fate: 'unknown' })
  }

  // Connections that were made before still have their end before them.
  relay.lifetimeMs = () => undefined
  relay.cut()
  timeline.latencyMs = 0
  const again = await Promise.all(names.map(async name => [name, await create(name)] as const))
  expect(new Map(again)).toEqual(new Map([...again, ...answered]))
  expect(leaves()).toHaveLength(CREATIONS + 1)
  process.stdout.write(
    `\n${answered.size} of ${CREATIONS} creations succeeded at the first call, through ` +
      `${relay.accepted - before} connections; the others had been sent when one was lost\n`,
  )
})
