// `ldom-sim serve` and its directory: a running simulation keeps its keys, one that ended leaves
// nothing in the way, and what is wrong with a file or an option is said before anything is
// written.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { linkSync, readFileSync } from 'node:fs'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promptOver } from '../../../sim/remote-prompt.ts'
import { readWorldSpec, type Served, serve } from '../../../sim/serve.ts'
import { completeWorld } from '../../../sim/world-spec.ts'

const PROGRAM = fileURLToPath(new URL('../../../sim/bin/ldom-sim.ts', import.meta.url))
const NOBODY = 65_534

const WORLD = {
  hosts: {
    'm1-primary': { pools: [{ name: 'tank', sizeBytes: 2 ** 30, dialect: 'illumos' as const }] },
  },
  machines: {
    m1: {
      controlDomain: 'm1-primary',
      serviceDomains: { primary: { host: 'm1-primary', vds: ['primary-vds0'] } },
      guests: { ldg1: { platform: 'linux' as const } },
    },
  },
}

let directory = ''
const running: Served[] = []
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ldom-sim-'))
})
afterEach(async () => {
  await Promise.all(running.splice(0).map(served => served.stop()))
  await rm(directory, { recursive: true })
})

async function start(realBlockDevices = false): Promise<Served> {
  const served = await serve({ spec: completeWorld(WORLD), directory, realBlockDevices })
  running.push(served)
  return served
}

test('a second one in the same directory is refused, and the first one keeps its keys', async () => {
  const { hosts } = await start()
  const files = hosts.flatMap(({ access }) => [access.privateKeyFile, access.knownHostsFile])
  const before = files.map(file => readFileSync(file, 'utf8'))

  await expect(start()).rejects.toThrow('control.sock; stop it, or use another directory')

  expect(files.map(file => readFileSync(file, 'utf8'))).toEqual(before)
})

test('the control socket of one that was killed does not stop the next', async () => {
  // The kernel keeps the name of a socket whose process is gone; another name of it stays when the
  // server ends in peace.
  const socket = join(directory, 'control.sock')
  const dead = createServer()
  await new Promise<void>(resolve => dead.listen(join(directory, 'other.sock'), resolve))
  linkSync(join(directory, 'other.sock'), socket)
  await new Promise<void>(resolve => dead.close(() => resolve()))

  expect((await start()).hosts).toHaveLength(2)
})

test('a file that is not its socket is not removed', async () => {
  await writeFile(join(directory, 'control.sock'), 'mine')

  await expect(start()).rejects.toThrow(
    'control.sock exists and is not a socket; it is not removed',
  )

  expect(await readdir(directory)).toEqual(['control.sock'])
})

test('it says that it is ready when everything answers, and Ctrl-C ends it', async () => {
  const child = spawn(process.execPath, [PROGRAM, 'serve', '--directory', directory], {
    stdio: 'pipe',
  })
  const [said] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string]

  expect(said).toMatch(/^ready: \d+ hosts on 127\.0\.0\.1; see .*world\.json\n$/)
  const { hosts } = JSON.parse(readFileSync(join(directory, 'world.json'), 'utf8')) as {
    hosts: Record<string, { port: number }>
  }
  for (const { port } of Object.values(hosts)) {
    const socket = connect(port, '127.0.0.1')
    const [greeting] = (await once(socket.setEncoding('utf8'), 'data')) as [string]
    expect(greeting).toMatch(/^SSH-2\.0-/)
    socket.destroy()
  }

  child.kill('SIGINT')
  expect(await once(child, 'close')).toEqual([0, null])
  await start()
})

test('real block devices without root are refused before anything is written, in one line', async () => {
  const args = [PROGRAM, 'serve', '--directory', join(directory, 'sim'), '--real-block-devices']
  const child = spawn(process.execPath, args, {
    stdio: 'pipe',
    ...(process.getuid?.() === 0 ? { uid: NOBODY } : {}),
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', text => (said += text))

  expect(await once(child, 'close')).toEqual([1, null])

  expect(said).toBe(
    'ldom-sim: only root on Linux can create real block devices; run `ldom-sim` as root, or ' +
      'without --real-block-devices\n',
  )
  expect(await readdir(directory)).toEqual([])
})

test.each([
  { name: 'is no YAML', text: 'hosts: [', says: 'Flow sequence' },
  { name: 'has an alias without its anchor', text: 'hosts: *nobody', says: 'nobody' },
  { name: 'lacks a part', text: 'hosts: {}', says: 'machines' },
  {
    name: 'names a host that is not there',
    text: JSON.stringify({ ...WORLD, hosts: {} }),
    says: 'm1-primary',
  },
])('a world that $name is refused with its file', async ({ text, says }) => {
  const file = join(directory, 'world.yaml')
  await writeFile(file, text)

  expect(() => readWorldSpec(file)).toThrow(file)
  expect(() => readWorldSpec(file)).toThrow(says)
})

test.each([{ text: undefined }, { text: '{' }, { text: 'null' }])(
  'a prompt in a directory with a damaged world.json says so: $text',
  async ({ text }) => {
    if (text !== undefined) await writeFile(join(directory, 'world.json'), text)

    expect(() => promptOver(directory, undefined)).toThrow('name the directory of a running one')
  },
)
