// Connections that are lost while the host lives: what was not sent, and reads, wait for the next
// one. A change that was sent is never sent again.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SimHost, Timeline } from '../../../sim/host.ts'
import { interpose } from '../../../sim/relay.ts'
import { SimSshServer } from '../../../sim/ssh-server.ts'
import { describeError } from '../../../src/errors.ts'
import type { RunOptions } from '../../../src/shell/shell.ts'
import { SshShell } from '../../../src/shell/ssh/ssh.ts'
import { waitFor } from '../../support/commands.ts'

const directory = mkdtempSync(join(tmpdir(), 'ssh-lost-'))
const disposals: (() => void | Promise<void>)[] = []

afterEach(async () => {
  for (const dispose of disposals.splice(0)) await dispose()
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const COUNT = ['/usr/sbin/count', 'x'] as const
const EFFECTS: readonly RunOptions['effect'][] = ['read', 'write']

/** A host behind a network, with a connection that has already served. */
async function world() {
  const host = new SimHost('storage1', new Timeline())
  let counted = 0
  host.programs.set('count', () => {
    counted += 1
    return { exitStatus: 0, stdout: 'done\n', stderr: '' }
  })
  host.programs.set('true', () => ({ exitStatus: 0, stdout: '', stderr: '' }))
  const server = await SimSshServer.start({ host, directory })
  const { address, user, privateKeyFile, knownHostsFile } = server.access
  const relay = await interpose(server)
  const shell = new SshShell({
    ...{ name: 'storage1', address, port: relay.port, user, privateKeyFile, knownHostsFile },
    connectTimeoutMs: 2000,
  })
  disposals.push(
    () => shell.close(),
    () => relay.stop(),
    () => server.stop(),
  )
  await shell.run(['/usr/bin/true'], { effect: 'read' })
  return { host, server, relay, shell, counted: () => counted }
}

const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate)
}

test.each(EFFECTS)(
  'a %s that meets a connection that was cut a moment ago runs once, on the next one',
  async effect => {
    const { relay, shell, counted } = await world()
    relay.cut()
    // At no turn of the loop is the loss half known.
    for (let turn = 0; turn < 10; turn++) {
      await expect(shell.run(COUNT, { effect })).resolves.toMatchObject({ stdout: 'done\n' })
      expect(counted()).toBe(turn + 1)
      relay.cut()
      await turns(turn)
    }
  },
)

test.each(EFFECTS)(
  'a %s waits while the next connections end during the handshake',
  async effect => {
    const { relay, shell, counted } = await world()
    const first = relay.accepted
    relay.lifetimeMs = () => (relay.accepted < first + 4 ? 0 : undefined)
    relay.cut()
    await expect(shell.run(COUNT, { effect })).resolves.toMatchObject({ stdout: 'done\n' })
    expect(counted()).toBe(1)
  },
)

test('a change whose session was not open yet when the connection was lost is sent once', async () => {
  const { relay, shell, counted } = await world()
  relay.blackHole()
  const running = shell.run(COUNT, { effect: 'write' })
  await turns(10)
  relay.cut()
  relay.heal()
  await expect(running).resolves.toMatchObject({ stdout: 'done\n' })
  expect(counted()).toBe(1)
})

test('a change that was not sent, and finds no connection for as long as it may wait, was not started', async () => {
  const { relay, shell, counted } = await world()
  relay.blackHole()
  const running = shell.run(COUNT, { effect: 'write', timeoutMs: 300 })
  await turns(10)
  relay.lifetimeMs = () => 0
  relay.cut()
  await expect(running).rejects.toMatchObject({ kind: 'unavailable', fate: 'not-started' })
  expect(counted()).toBe(0)
})

test.each([
  { effect: 'read' as const, runs: 2, outcome: { status: 'fulfilled' } },
  {
    effect: 'write' as const,
    runs: 1,
    outcome: { status: 'rejected', reason: { kind: 'unavailable', fate: 'unknown' } },
  },
])('a $effect that was sent when the connection was lost ran $runs times in all', async row => {
  const { host, shell, counted } = await world()
  host.timeline.rules.push(() => {
    host.timeline.rules.length = 0
    return { kind: 'cut-after' }
  })
  const [outcome] = await Promise.allSettled([shell.run(COUNT, { effect: row.effect })])
  expect(outcome).toMatchObject(row.outcome)
  expect(counted()).toBe(row.runs)
})

test('a read that was sent keeps its unknown fate when no connection follows', async () => {
  const { host, relay, shell } = await world()
  host.timeline.rules.push(() => {
    void relay.stop()
    return { kind: 'cut-before' }
  })
  await expect(shell.run(COUNT, { effect: 'read', timeoutMs: 3000 })).rejects.toMatchObject({
    kind: 'unavailable',
    fate: 'unknown',
  })
})

test('a command that waits for the next connection is given up at its deadline', async () => {
  const { relay, shell, counted } = await world()
  relay.lifetimeMs = () => 0
  relay.cut()
  const deadline = new AbortController()
  const running = shell.run(COUNT, { effect: 'write', signal: deadline.signal })
  await turns(10)
  deadline.abort()
  await expect(running).rejects.toMatchObject({ fate: 'not-started', fault: 'local' })
  expect(counted()).toBe(0)
})

test('another host key after the loss is told at once, and asked for once', async () => {
  const { relay, shell } = await world()
  const other = new SimHost('other', new Timeline())
  const impostor = await SimSshServer.start({ host: other, directory })
  disposals.push(() => impostor.stop())
  const before = relay.accepted
  relay.toPort = impostor.access.port
  relay.cut()
  const error = await shell.run(COUNT, { effect: 'write' }).catch(each => each)
  expect(error).toMatchObject({ kind: 'unavailable', fate: 'not-started', fault: 'local' })
  expect(describeError(error)).toMatch(/the host key is not the one in .*known_hosts; .* offered/)
  expect(relay.accepted).toBe(before + 1)
  expect(other.timeline.commands).toEqual([])
})

test('a host whose connections end before any command does is not asked without pauses', async () => {
  const { host, relay, shell } = await world()
  const before = relay.accepted
  host.timeline.rules.push(() => ({ kind: 'cut-before' }))
  await expect(shell.run(COUNT, { effect: 'read', timeoutMs: 1500 })).rejects.toMatchObject({
    fate: 'unknown',
  })
  expect(relay.accepted - before).toBeLessThan(8)
})

test('a closed shell keeps no socket to a host that answers no more, and so no process', async () => {
  const { relay, shell } = await world()
  const sockets = () =>
    process.getActiveResourcesInfo().filter(name => name === 'TCPSocketWrap').length
  const before = sockets()
  relay.blackHole()
  shell.close()

  await waitFor({ what: 'the end of the socket', limitMs: 5_000, everyMs: 10 }, async () => {
    return sockets() < before
  })
})
