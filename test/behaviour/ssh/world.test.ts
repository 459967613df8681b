// A simulated installation as other processes meet it: configuration files that the driver accepts,
// hosts behind ssh, a control socket that breaks things, a prompt.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { demoWorld, xenWorld } from '../../../sim/preset.ts'
import { runPrompt } from '../../../sim/prompt.ts'
import { type Served, serve, type WorldFile } from '../../../sim/serve.ts'
import { createWorld } from '../../../sim/world.ts'
import { parseWorld } from '../../../sim/world-spec.ts'
import {
  parseControllerConfig,
  parseNodeConfig,
  type ShellConfig,
} from '../../../src/config/config.ts'
import type { Command } from '../../../src/shell/shell.ts'
import { SshShell } from '../../../src/shell/ssh/ssh.ts'

const LDM_LIST: Command = ['/usr/sbin/ldm', 'list']
const shells: SshShell[] = []
let directory: string
let served: Served

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'ssh-world-'))
  served = await serve({ spec: demoWorld(), directory, realBlockDevices: false })
})

afterEach(async () => {
  for (const shell of shells.splice(0)) shell.close()
  await served.stop()
  rmSync(directory, { recursive: true, force: true })
})

const read = (name: string) => readFileSync(join(directory, name), 'utf8')
const controllerConfig = () => parseControllerConfig(read('controller.yaml'), 'controller.yaml')

function open(config: ShellConfig | undefined): SshShell {
  if (config?.kind !== 'ssh') throw new Error('a served host is reached by ssh')
  const shell = new SshShell({ name: 'host', ...config.ssh })
  shells.push(shell)
  return shell
}

function ask(request: object): Promise<Record<string, unknown>> {
  const { controlSocket } = JSON.parse(read('world.json')) as WorldFile
  return new Promise((resolve, reject) => {
    const socket = connect(controlSocket)
    socket.once('error', reject)
    createInterface({ input: socket }).once('line', line => {
      socket.destroy()
      resolve(JSON.parse(line) as Record<string, unknown>)
    })
    socket.write(`${JSON.stringify(request)}\n`)
  })
}

test(
  'the driver accepts the configuration files, and every host in them answers with its own ' +
    'key',
  async () => {
    const hosts = [...controllerConfig().hosts.values()].map(({ shell }) => open(shell))
    const nodes = readdirSync(directory).filter(name => name.startsWith('node-'))
    const guests = nodes.map(name => open(parseNodeConfig(read(name), name).shell))
    const results = await Promise.all(
      [...hosts, ...guests].map(shell =>
        shell.run(['/usr/bin/ps', '-e', '-o', 'args'], { effect: 'read' }),
      ),
    )
    expect(results.map(({ exitStatus }) => exitStatus)).toEqual(Array.from({ length: 11 }, () => 0))
  },
)

test('a service domain that goes down takes its host with it until it is up again', async () => {
  const shell = open(controllerConfig().hosts.get('m1-primary')?.shell)
  await expect(shell.run(LDM_LIST, { effect: 'read' })).resolves.toMatchObject({
    exitStatus: 0,
    stdout: expect.stringContaining('ldg1'),
  })
  await ask({ op: 'service-domain', machine: 'm1', name: 'primary', state: 'down' })
  await expect(shell.run(LDM_LIST, { effect: 'read' })).rejects.toMatchObject({
    kind: 'unavailable',
  })
  await ask({ op: 'service-domain', machine: 'm1', name: 'primary', state: 'up' })
  const again = open(controllerConfig().hosts.get('m1-primary')?.shell)
  await expect(again.run(LDM_LIST, { effect: 'read' })).resolves.toMatchObject({ exitStatus: 0 })
})

test('a guest that is stopped answers nobody, and one that was started answers again', async () => {
  const config = parseNodeConfig(read('node-m1-ldg1.yaml'), 'node').shell
  const names: Command = ['/usr/bin/ps', '-e', '-o', 'args']
  const shell = open(config)
  await expect(shell.run(names, { effect: 'read' })).resolves.toMatchObject({ exitStatus: 0 })
  await ask({ op: 'guest', guest: 'm1/ldg1', change: 'stop' })
  await expect(shell.run(names, { effect: 'read' })).rejects.toMatchObject({ kind: 'unavailable' })
  const listed = open(controllerConfig().hosts.get('m1-primary')?.shell)
  const { stdout } = await listed.run([...LDM_LIST, 'ldg1'], { effect: 'read' })
  expect(stdout).toContain('inactive')

  await ask({ op: 'guest', guest: 'm1/ldg1', change: 'start' })
  await ask({ op: 'guest', guest: 'm1/ldg1', change: 'reboot' })
  await expect(open(config).run(names, { effect: 'read' })).resolves.toMatchObject({
    exitStatus: 0,
  })
})

test('a guest of Xen is started, stopped and rebooted alike', async () => {
  await served.stop()
  served = await serve({ spec: xenWorld(), directory, realBlockDevices: false })
  const dom0 = open(controllerConfig().hosts.values().next().value?.shell)
  const id = async () => {
    const { stdout } = await dom0.run(['/usr/sbin/xl', 'domid', 'web'], { effect: 'read' })
    return stdout
  }
  const first = await id()
  expect(first).toMatch(/^\d+\n$/)

  expect(await ask({ op: 'guest', guest: 'x1/web', change: 'reboot' })).toEqual({ ok: true })
  const second = await id()
  expect(Number(second)).toBeGreaterThan(Number(first))
  await ask({ op: 'guest', guest: 'x1/web', change: 'stop' })
  expect(await id()).toBe('')
  await ask({ op: 'guest', guest: 'x1/web', change: 'start' })
  expect(Number(await id())).toBeGreaterThan(Number(second))
})

test('a fault meets the commands it was set for, as often as asked', async () => {
  const shell = open(controllerConfig().hosts.get('storage1')?.shell)
  const create: Command = ['/usr/sbin/zfs', 'create', 'tank/kubernetes/a']
  await ask({ op: 'fault', host: 'storage1', command: 'zfs create', kind: 'cut-after' })
  await expect(shell.run(create, { effect: 'write' })).rejects.toMatchObject({ fate: 'unknown' })
  await expect(shell.run(create, { effect: 'write' })).resolves.toMatchObject({
    stderr: expect.stringContaining('already exists'),
  })
})

test('the state shows what commands have made', async () => {
  const shell = open(controllerConfig().hosts.get('storage1')?.shell)
  await shell.run(['/usr/sbin/zfs', 'create', '-V', '1048576', '-s', 'tank/kubernetes/v'], {
    effect: 'write',
  })
  const { storage } = (await ask({ op: 'state' })) as {
    storage: Record<string, { name: string; sizeBytes?: number }[]>
  }
  expect(storage.storage1).toContainEqual(
    expect.objectContaining({ name: 'tank/kubernetes/v', sizeBytes: 1048576 }),
  )
})

test('a change that is not saved yet would be lost in a power cycle, and shows', async () => {
  const shell = open(controllerConfig().hosts.get('m1-primary')?.shell)
  const ldm = (...args: string[]) => shell.run(['/usr/sbin/ldm', ...args], { effect: 'write' })
  expect(await ask({ op: 'saved', machine: 'm1' })).toEqual({ ok: true, saved: true })

  await ldm('add-vds', 'another-vds0', 'primary')
  expect(await ask({ op: 'saved', machine: 'm1' })).toEqual({ ok: true, saved: false })
  await ldm('add-spconfig', 'by-hand')

  expect(await ask({ op: 'saved', machine: 'm1' })).toEqual({ ok: true, saved: true })
})

test.each([
  { name: 'an unknown operation', request: { op: 'explode' } },
  { name: 'an unknown machine', request: { op: 'power-cycle', machine: 'm9' } },
  {
    name: 'a file that is not there',
    request: { op: 'guest-file', guest: 'm1/ldg1', path: '/none' },
  },
])('$name is answered with an error, and the simulation goes on', async ({ request }) => {
  expect(await ask(request)).toEqual({ error: expect.any(String) })
  expect(await ask({ op: 'latency', ms: 0 })).toEqual({ ok: true })
})

test('a prompt answers every line, also when the input has ended by then', async () => {
  const { hosts } = createWorld(demoWorld())
  const output = new PassThrough()
  const status = await runPrompt(
    {
      input: Readable.from([
        'ldm list | wc\n',
        'use storage1\n',
        'zfs list -H -o name\n',
        'nothing\n',
      ]),
      output,
      isTerminal: false,
    },
    hosts,
    'm1-primary',
  )
  output.end()
  const said = await text(output)
  expect(said).toContain("'|' is shell syntax")
  expect(said).toContain('tank/kubernetes\n')
  expect(status).toBe(127)
})

test.each(['sizeBytes', 'dialect', 'extra'])(
  'a world file with several mistakes names %s among them',
  mistake => {
    const file =
      'hosts: { a: { pools: [{ name: p, sizeBytes: -1, dialect: minix }] } }\nmachines: ' +
      '{}\nextra: 1\n'
    expect(() => parseWorld(file, 'mine.yaml')).toThrow(mistake)
  },
)
