// Faults between the driver and the real OpenSSH: no answer is wrong, the same call again converges,
// and the pool holds what was answered.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Relay } from '../../sim/relay.ts'
import { code } from '../protocol/conformance/world.ts'
import { pause } from '../support/commands.ts'
import type { MachineAccess } from '../support/machines/access.ts'
import {
  create,
  exportBlankMemory,
  insist,
  type Running,
  startController,
} from './faults/controllers.ts'
import { freezeCreation, thaw } from './faults/frozen.ts'
import { lingering, withLimits } from './faults/limits.ts'
import { OpenZfsInstallation } from './installation.ts'
import { leafOf, RawZfs } from './raw-zfs.ts'
import { MACHINES } from './shared.ts'

const NAME = 'faults'

let installation: OpenZfsInstallation
let zfs: RawZfs
let relay: Relay
let controller: Running

beforeAll(async () => {
  installation = await OpenZfsInstallation.onShared(NAME)
  const { machine, dataset } = installation
  zfs = new RawZfs(machine, dataset)
  relay = await Relay.start(machine.ports.driver)
  exportBlankMemory(installation)
})

beforeEach(async () => {
  controller = await startController(installation, {
    config: installation.configuration({ access: throughRelay() }),
  })
})

afterEach(async () => {
  relay.heal()
  await controller.end()
  await zfs.renew()
})

afterAll(async () => {
  await relay.stop()
  await installation.end()
})

function throughRelay(): MachineAccess {
  const access = zfs.machine.access()
  const knownHostsFile = join(MACHINES, NAME, 'known_hosts')
  const known = readFileSync(access.knownHostsFile, 'utf8')
  writeFileSync(knownHostsFile, known.replaceAll(`:${access.port} `, `:${relay.port} `))
  return { ...access, port: relay.port, knownHostsFile }
}

const NAMES = ['one', 'two', 'three', 'four']
const make = (name: string) => create(controller.calls, name)
const remove = (volume_id: string) => controller.calls.DeleteVolume({ volume_id })

/**
 * Creates and deletes while the fault happens, which meets a creation that is under way. Then the
 * same again until all succeed. A success meanwhile is true.
 */
async function survives(fault: () => Promise<void>): Promise<void> {
  const { machine } = installation
  const old = await Promise.all(NAMES.map(name => make(`old-${name}`)))
  const creating = NAMES.map(name => make(name))
  const deleting = old.map(id => remove(id))
  const answered = Promise.all([...creating, ...deleting].map(call => code(call)))
  await freezeCreation(machine)
  await fault()
  await thaw(machine)
  const answers = await answered
  expect(answers).toContain('UNAVAILABLE')
  // A volume that was just made is busy while udev looks at it: its deletion is ABORTED.
  for (const answer of answers) expect(answer).toMatch(/^(OK|UNAVAILABLE|ABORTED)$/)

  const there = await zfs.names()
  for (const result of await Promise.allSettled(creating)) {
    if (result.status === 'fulfilled') expect(there).toContain(leafOf(result.value))
  }
  for (const [at, id] of old.entries()) {
    if (answers[NAMES.length + at] === 'OK') expect(there).not.toContain(leafOf(id))
  }
  const ids = await Promise.all(NAMES.map(name => insist(() => make(name))))
  await Promise.all(old.map(id => insist(() => remove(id))))
  expect(await zfs.names()).toEqual(ids.map(leafOf).sort())
}

test('the SSH server is killed, stays away for a while, and comes back', async () => {
  await survives(async () => {
    await installation.machine.stopSshd()
    const meanwhile = await code(make('meanwhile'))
    await installation.machine.startSshd()
    expect(meanwhile).toBe('UNAVAILABLE')
  })
})

test('connections are cut, again and again', async () => {
  await survives(async () => {
    for (const ms of [0, 50, 200, 400]) {
      await pause(ms)
      relay.cut()
    }
  })
})

test('a link that carries nothing for a minute, and is healed', async () => {
  await survives(async () => {
    relay.blackHole()
    // The keepalive notices within a minute.
    await pause(65_000)
    relay.heal()
  })
})

test('a creation that goes on without its connection is waited for, and never made twice', async () => {
  const { machine } = installation
  const first = code(make('late'))
  await freezeCreation(machine)
  relay.cut()

  expect(await first).toBe('UNAVAILABLE')
  expect(await code(make('late'))).toBe('UNAVAILABLE')
  // Of another process, which has not lost it.
  const other = await startController(installation, {
    config: installation.configuration({ access: throughRelay() }),
  })
  expect(await code(create(other.calls, 'late'))).toBe('UNAVAILABLE')

  await thaw(machine)
  const ids = await Promise.all(
    [controller, other].map(({ calls }) => insist(() => create(calls, 'late'))),
  )
  await other.end()
  expect(new Set(ids).size).toBe(1)
  expect(await zfs.names()).toEqual([leafOf(ids[0] ?? '')])
})

test('a server with fewer sessions than the driver expects refuses some, and serves all', async () => {
  const { machine } = installation
  await withLimits(machine, { MAX_SESSIONS: 2 }, async () => {
    const names = Array.from({ length: 8 }, (_, at) => `many-${at}`)

    const ids = await Promise.all(names.map(name => insist(() => make(name))))

    expect(machine.console()).toContain('no more sessions')
    expect(new Set(ids).size).toBe(8)
    expect(await zfs.names()).toEqual(ids.map(leafOf).sort())
  })
})

test('a server without room for another client is away, and serves when there is room', async () => {
  const { machine } = installation
  await withLimits(machine, { MAX_STARTUPS: 1 }, async () => {
    const leave = await lingering(machine)
    expect(await code(make('meanwhile'))).toBe('UNAVAILABLE')
    expect(await zfs.names()).toEqual([])
    expect(machine.console()).toContain('past MaxStartups')

    leave()
    const id = await insist(() => make('meanwhile'))
    expect(await zfs.names()).toEqual([leafOf(id)])
  })
})

test('a host with another key is not spoken to', async () => {
  const key = '/etc/ssh/ssh_host_ed25519_key'
  const id = await make('kept')
  await zfs.machine.succeed(`cp -p ${key} ${key}.old; cat /etc/ssh/own_host_key >${key}`)
  try {
    await zfs.machine.restartSshd()
    relay.cut()

    expect(await code(make('refused'))).toBe('UNAVAILABLE')
    expect(await code(remove(id))).toBe('UNAVAILABLE')
    expect(await zfs.names()).toEqual([leafOf(id)])
  } finally {
    await zfs.machine.succeed(`mv ${key}.old ${key}`)
    await zfs.machine.restartSshd()
  }
  const made = await insist(() => make('refused'))
  expect(await zfs.names()).toEqual([id, made].map(leafOf).sort())
})
