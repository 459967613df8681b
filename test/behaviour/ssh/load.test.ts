// Many at once over ssh, through the driver as it is composed for real hosts: ten sessions a
// connection, writes of a machine one by one.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { demoWorld } from '../../../sim/preset.ts'
import { type Served, serve } from '../../../sim/serve.ts'
import { openRealShell } from '../../../src/bin/compose/hosts.ts'
import { composeInstallation, type Installation } from '../../../src/bin/compose/installation.ts'
import { type Clock, systemClock } from '../../../src/clock.ts'
import { parseControllerConfig } from '../../../src/config/config.ts'
import { silentLog } from '../../../src/log.ts'
import { MiB } from '../../../src/model/volumes.ts'
import { attachRequest, volumeSpec } from '../../support/installation.ts'

const MANY = 50
/**
 * As long as a real zfs takes at least; without it the simulated one has ended before the next
 * command arrives.
 */
const LATENCY_MS = 20
/** For a machine that has much else to do. */
const TIMEOUT_MS = 120_000
/** A listing grows with the machine; a change does not. Nobody has published figures. */
const LISTING_MS = 200
const CHANGE_MS = 5

/** Nothing is given up because this machine is slow: what ends a wait is what was waited for. */
const PATIENT: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(20 * ms, signal),
}

let directory: string
let served: Served
let drivers: Installation[]

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'ssh-load-'))
  served = await serve({ spec: demoWorld(), directory, realBlockDevices: false })
  drivers = []
  served.world.timeline.latencyMs = LATENCY_MS
})

function compose(clock: Clock): Installation {
  const file = join(directory, 'controller.yaml')
  const driver = composeInstallation(parseControllerConfig(readFileSync(file, 'utf8'), file), {
    openShell: openRealShell,
    log: silentLog,
    clock,
  })
  drivers.push(driver)
  return driver
}

afterEach(async () => {
  for (const driver of drivers) await driver.stop()
  await served.stop()
  rmSync(directory, { recursive: true, force: true })
})

const names = Array.from({ length: MANY }, (_, index) => `pvc-${index}`)

function server(host: string) {
  return served.hosts.find(candidate => candidate.host.name === host) ?? missing(host)
}

function missing(host: string): never {
  throw new Error(`no host ${host} is served`)
}

function slowListings(): void {
  const { programs } = served.world.host('m1-primary')
  const ldm = programs.get('ldm') ?? missing('m1-primary')
  programs.set('ldm', async (args, context) => {
    if (args[0] === 'list-bindings') await new Promise(resolve => setTimeout(resolve, LISTING_MS))
    return ldm(args, context)
  })
}

/** How often each subcommand ran. */
function counts(from: number): ReadonlyMap<string, number> {
  const commands = served.world.timeline.commands.slice(from)
  const words = commands.map(({ argv: [program = '', subcommand = ''] }) => {
    const name = program.slice(program.lastIndexOf('/') + 1)
    return ['ldm', 'zfs', 'stmfadm', 'iscsiadm'].includes(name) ? `${name} ${subcommand}` : name
  })
  return new Map([...Map.groupBy(words, word => word)].map(([word, { length }]) => [word, length]))
}

function print(title: string, lines: readonly string[]): void {
  process.stdout.write(`\n${title}\n${lines.map(line => `  ${line}\n`).join('')}`)
}

test.each([
  { pool: 'silver', host: 'm1-primary', dataset: 'mtank/kubernetes' },
  { pool: 'gold', host: 'storage1', dataset: 'tank/kubernetes' },
])(
  'fifty volumes of pool $pool at once: fifty successes, and more than ten commands at the same ' +
    'time',
  async ({ pool, host, dataset }) => {
    const driver = compose(systemClock)
    const begunMs = performance.now()
    const volumes = await Promise.all(
      names.map(name => driver.volumes.ensureVolume(volumeSpec({ name, pool }))),
    )
    const ms = Math.round(performance.now() - begunMs)

    expect(new Set(volumes.map(({ id }) => id)).size).toBe(MANY)
    const made = served.world
      .zfs(host)
      .datasets()
      .filter(({ name, volume }) => volume !== undefined && name.startsWith(`${dataset}/`))
    expect(made.map(({ name }) => name).sort()).toEqual(
      volumes.map(({ leaf }) => `${dataset}/${leaf}`).sort(),
    )
    const { peakCommands, acceptedConnections, refusedSessions } = server(host)
    expect(peakCommands).toBeGreaterThan(10)
    // One that was refused has waited, and ran once.
    expect(counts(0).get('zfs create')).toBe(MANY)
    print(`${MANY} CreateVolume at once, pool ${pool}, over ssh`, [
      `${volumes.length} successes in ${ms} ms at ${LATENCY_MS} ms a command`,
      `commands in flight at the server's peak: ${peakCommands}, on ${acceptedConnections} ` +
        `connections of ten sessions, ${refusedSessions} sessions refused`,
    ])
  },
)

test.each([
  { pool: 'silver', guest: 'm1/ldg1', exports: 1 },
  { pool: 'gold', guest: 'm1/ldg1', exports: 2 },
])(
  'fifty attachments of pool $pool at once on one machine: every write once, and listings shared',
  async ({ pool, guest, exports }) => {
    const driver = compose(PATIENT)
    served.world.timeline.latencyMs = 0
    const size = { requiredBytes: 16 * MiB, limitBytes: 0 }
    const maker = compose(systemClock)
    const volumes = await Promise.all(
      names.map(name => maker.volumes.ensureVolume(volumeSpec({ name, pool, size }))),
    )
    served.world.timeline.latencyMs = CHANGE_MS
    slowListings()
    const before = served.world.timeline.commands.length

    const begunMs = performance.now()
    const attachments = await Promise.all(
      volumes.map(({ id }) => driver.attachments.attach(attachRequest(id, guest))),
    )
    const ms = Math.round(performance.now() - begunMs)

    expect(new Set(attachments.map(({ slot }) => slot)).size).toBe(MANY)
    const disks = served.world.machine('m1').guestDisks('ldg1').list()
    expect(disks.map(({ id }) => id)).toEqual(
      attachments.map(({ slot }) => slot).sort((a, b) => a - b),
    )
    const ran = counts(before)
    expect(ran.get('ldm add-vdsdev')).toBe(MANY * exports)
    expect(ran.get('ldm add-vdisk')).toBe(MANY)
    const listings = ran.get('ldm list-bindings') ?? 0
    expect(listings).toBeLessThan(MANY / 2)
    print(`${MANY} ControllerPublishVolume at once on one machine, pool ${pool}, over ssh`, [
      `${attachments.length} successes in ${ms} ms at ${CHANGE_MS} ms a command and ` +
        `${LISTING_MS} ms a listing`,
      `ldm writes: ${MANY * exports} add-vdsdev, ${MANY} add-vdisk, one at a time; listings: ` +
        `${listings} (${2 * MANY} were asked for)`,
      [...ran].map(([word, count]) => `${word}: ${count}`).join(', '),
    ])
  },
  TIMEOUT_MS,
)
