// The whole driver over ssh: many requests at once through few sessions, and a connection that
// breaks under a request.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { demoWorld } from '../../../sim/preset.ts'
import { serve } from '../../../sim/serve.ts'
import { openRealShell } from '../../../src/bin/compose/hosts.ts'
import { composeInstallation } from '../../../src/bin/compose/installation.ts'
import { systemClock } from '../../../src/clock.ts'
import { parseControllerConfig } from '../../../src/config/config.ts'
import { silentLog } from '../../../src/log.ts'
import { volumeSpec } from '../../support/installation.ts'

const disposals: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const dispose of disposals.splice(0).reverse()) await dispose()
})

async function installation() {
  const directory = mkdtempSync(join(tmpdir(), 'ssh-volumes-'))
  disposals.push(async () => rmSync(directory, { recursive: true, force: true }))
  const served = await serve({ spec: demoWorld(), directory, realBlockDevices: false })
  disposals.push(() => served.stop())
  const config = parseControllerConfig(
    readFileSync(join(directory, 'controller.yaml'), 'utf8'),
    'controller.yaml',
  )
  const driver = composeInstallation(config, {
    openShell: openRealShell,
    log: silentLog,
    clock: systemClock,
  })
  disposals.push(() => driver.stop())
  const server = served.hosts.find(({ host }) => host.name === 'm1-primary')
  if (!server) throw new Error('the installation has no host m1-primary')
  return { driver, server, world: served.world }
}

test(
  'fifty volumes created at once all succeed on ten sessions a connection, more than ten ' +
    'commands at the same time',
  async () => {
    const { driver, server, world } = await installation()
    // As long as a real zfs takes; without it the simulated one ends before the next command arrives.
    world.timeline.latencyMs = 50
    const names = Array.from({ length: 50 }, (_, index) => `pvc-${index}`)
    const volumes = await Promise.all(
      names.map(name => driver.volumes.ensureVolume(volumeSpec({ name }))),
    )
    expect(new Set(volumes.map(({ id }) => id)).size).toBe(50)
    expect(
      world
        .zfs('m1-primary')
        .datasets()
        .filter(({ volume }) => volume !== undefined),
    ).toHaveLength(50)
    expect(server.peakCommands).toBeGreaterThan(10)
  },
)

test('a create whose connection breaks is unavailable, and the same request ends with one volume', async () => {
  const { driver, world } = await installation()
  let isArmed = true
  world.timeline.rules.push(argv => {
    if (!isArmed || argv[1] !== 'create') return undefined
    isArmed = false
    return { kind: 'cut-after' }
  })
  await expect(driver.volumes.ensureVolume(volumeSpec())).rejects.toMatchObject({
    kind: 'unavailable',
  })
  const volume = await driver.volumes.ensureVolume(volumeSpec())
  const made = world
    .zfs('m1-primary')
    .datasets()
    .filter(dataset => dataset.volume !== undefined)
  expect(made.map(({ name }) => name)).toEqual([`mtank/kubernetes/${volume.id.split('/')[1]}`])
})
