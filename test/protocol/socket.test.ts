import { mkdir, mkdtemp, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { identityService } from '../../src/csi/identity.ts'
import { connect, isWorthRepeating } from '../../src/csi/wire/client.ts'
import { service } from '../../src/csi/wire/handler.ts'
import { type CsiServer, startServer } from '../../src/csi/wire/server.ts'
import { silentLog } from '../../src/log.ts'
import { gate } from './plugin.ts'

const identity = identityService({
  driverName: 'vdisk.ldom-csi.io',
  version: '1.2.3',
  snapshotTopology: false,
})
const ends: (() => Promise<unknown>)[] = []

let directory: string
let path: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'csi-'))
  path = join(directory, 'csi.sock')
})

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
  await rm(directory, { recursive: true })
})

async function start(
  options: { endpoint?: string; services?: Parameters<typeof startServer>[0]['services'] } = {},
): Promise<CsiServer> {
  const server = await startServer({
    endpoint: `unix://${path}`,
    services: [identity],
    log: silentLog,
    ...options,
  })
  ends.push(() => server.stop(0))
  return server
}

function client() {
  const connection = connect(`unix://${path}`)
  ends.push(async () => connection.close())
  return connection
}

/** A socket file that nobody listens on, as a killed process leaves it. */
async function leaveStaleSocket(): Promise<void> {
  const elsewhere = join(directory, 'x')
  const server = createServer()
  await new Promise<void>(resolve => server.listen(elsewhere, resolve))
  await rename(elsewhere, path)
  await new Promise(resolve => server.close(resolve))
}

test('a plugin says who it is', async () => {
  await start()
  const { identity: calls } = client()
  expect(await calls.GetPluginInfo({})).toEqual({
    name: 'vdisk.ldom-csi.io',
    vendor_version: '1.2.3',
    manifest: {},
  })
  expect(await calls.Probe({})).toEqual({ ready: { value: true } })
})

const wrong: readonly { endpoint: string }[] = [
  { endpoint: '/run/csi.sock' },
  { endpoint: 'unix:/run/csi.sock' },
  { endpoint: 'unix://run/csi.sock' },
  { endpoint: 'unix:///run/' },
  { endpoint: 'tcp://127.0.0.1:10000' },
  { endpoint: '' },
  { endpoint: `unix:///${'x'.repeat(107)}` },
]
test.each(wrong)('the endpoint "$endpoint" is refused', async ({ endpoint }) => {
  await expect(start({ endpoint })).rejects.toMatchObject({ kind: 'invalid-argument' })
})

test('the socket is for owner and group only, and the process keeps its umask', async () => {
  const before = process.umask()
  await start()
  const { mode } = await stat(path)
  expect({ mode: mode & 0o777, umask: process.umask() }).toEqual({ mode: 0o660, umask: before })
})

test('the socket of a plugin that was killed is taken over', async () => {
  await leaveStaleSocket()
  await start()
  await expect(client().identity.Probe({})).resolves.toEqual({ ready: { value: true } })
})

test('the socket of a living plugin is left to it', async () => {
  await start()
  await expect(start()).rejects.toMatchObject({
    kind: 'failed-precondition',
    message: `socket ${path} is in use by another process`,
  })
  await expect(client().identity.Probe({})).resolves.toEqual({ ready: { value: true } })
})

test('a file that is not a socket is never removed', async () => {
  await writeFile(path, 'precious')
  await expect(start()).rejects.toMatchObject({
    message: `${path} exists and is not a socket; it is not removed`,
  })
  expect(await readFile(path, 'utf8')).toBe('precious')
})

test('a link to a socket is not followed and not removed', async () => {
  await symlink('/nowhere.sock', path)
  await expect(start()).rejects.toMatchObject({
    message: `${path} exists and is not a socket; it is not removed`,
  })
})

test('a missing directory is named', async () => {
  const endpoint = `unix://${join(directory, 'missing', 'csi.sock')}`
  await expect(start({ endpoint })).rejects.toMatchObject({
    message: expect.stringContaining(`there is no directory ${join(directory, 'missing')}`),
  })
  await mkdir(join(directory, 'missing'))
  await start({ endpoint })
})

test('a plugin that stops ends its calls, takes no new ones and takes its socket away', async () => {
  const [started, finish] = [gate(), gate()]
  const slow = service('Controller', {
    DeleteVolume: async () => {
      started.resolve()
      await finish.promise
      return {}
    },
  })
  const server = await start({ services: [slow] })
  const { controller } = client()
  const running = controller.DeleteVolume({ volume_id: 'a' })
  await started.promise
  const stopped = server.stop()
  await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' })
  const late = controller.DeleteVolume({ volume_id: 'b' })
  expect(await late.catch(isWorthRepeating)).toBe(true)
  finish.resolve()
  await expect(running).resolves.toEqual({})
  await stopped
})

test('a call that does not end does not keep the plugin from stopping', async () => {
  const started = gate()
  const endless = service('Controller', {
    DeleteVolume: async () => {
      started.resolve()
      return new Promise<never>(() => {})
    },
  })
  const server = await start({ services: [endless] })
  const running = client().controller.DeleteVolume({ volume_id: 'a' })
  await started.promise
  await server.stop(10)
  expect(await running.catch(isWorthRepeating)).toBe(true)
})

test('a client of a plugin that is not there hears UNAVAILABLE', async () => {
  await expect(client().identity.Probe({}, { timeoutMs: 5000 })).rejects.toMatchObject({
    code: 'UNAVAILABLE',
  })
})
