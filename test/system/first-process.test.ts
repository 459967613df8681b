// The program as the first process of a pod, for which the kernel has no default action: a signal
// that nobody handles is lost. Needs root, for a namespace of processes.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parse, stringify } from 'yaml'
import { demoWorld } from '../../sim/preset.ts'
import { type Served, serve } from '../../sim/serve.ts'
import { connect } from '../../src/csi/wire/client.ts'
import { SimApiServer } from '../support/api-server.ts'

const PROGRAM = fileURLToPath(new URL('../../src/bin/ldom-csi.ts', import.meta.url))
const RECORDER = fileURLToPath(new URL('../support/loaded-modules.ts', import.meta.url))
const LEASE = '/apis/coordination.k8s.io/v1/namespaces/storage/leases/vdisk-ldom-csi-io'
const SLOW_MS = 120_000
/** Much shorter than the grace of a pod. */
const PROMPT_MS = 5_000
const KILLED = 128 + 15

let directory = ''
let served: Served
let api: SimApiServer
const started: ChildProcess[] = []

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'first-process-'))
  served = await serve({ spec: demoWorld(), directory, realBlockDevices: false })
  api = new SimApiServer(directory)
  await api.listen()
  const { node } = parse(await readFile(join(directory, 'node-m1-ldg1.yaml'), 'utf8'))
  const { machine, guest, platform, shell } = node
  const entry = { machine, guest, platform, namespaces: ['shop'], ...shell }
  await writeFile(join(directory, 'guest-disks.yaml'), stringify({ guests: [entry] }))
}, SLOW_MS)
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL')
  api.faults.clear()
})
beforeEach(() =>
  api.put(LEASE, { spec: { holderIdentity: 'somebody', leaseDurationSeconds: 600 } }),
)
afterAll(async () => {
  await api.close()
  await served.stop()
  await rm(directory, { recursive: true })
})

const file = (name: string) => join(directory, name)
const account = () => ['--service-account', api.serviceAccount]
const controller = (socket: string) => [
  ...['controller', '--config', file('controller.yaml'), '--endpoint', `unix://${file(socket)}`],
  ...['--kubernetes', ...account()],
]
const node = (socket: string) => [
  ...['node', '--config', file('node-m1-ldg1.yaml'), '--endpoint', `unix://${file(socket)}`],
]
const guestDisks = (socket: string) => [
  ...['guest-disks', '--config', file('guest-disks.yaml')],
  ...['--controller', `unix://${file(socket)}`, ...account()],
]

/** The modules that it loads are listed in `<directory>/<name>.modules`. */
function start(args: readonly string[], name = 'pod') {
  const inPod = ['--pid', '--fork', '--mount-proc', '--kill-child', process.execPath]
  const child = spawn('unshare', [...inPod, '--import', RECORDER, PROGRAM, ...args], {
    env: {
      ...process.env,
      POD_NAME: name,
      LOADED_MODULES: file(`${name}.modules`),
      POD_NAMESPACE: 'storage',
      KUBERNETES_SERVICE_HOST: '127.0.0.1',
      KUBERNETES_SERVICE_PORT: String(api.port),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  started.push(child)
  const output = { text: '' }
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', chunk => (output.text += chunk))
  }
  const ended = once(child, 'close').then(([status]) => status)
  return { child, output, ended }
}

type Pod = ReturnType<typeof start>

/** As seen from outside of its namespace. */
async function first({ child }: Pod): Promise<number> {
  const { pid } = child
  for (;;) {
    const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
    if (text.trim() !== '') return Number(text.trim())
    await sleep(10)
  }
}

async function terminate(pod: Pod): Promise<void> {
  process.kill(await first(pod), 'SIGTERM')
}

async function loads(name: string, module: string): Promise<void> {
  for (;;) {
    const text = await readFile(file(`${name}.modules`), 'utf8').catch(() => '')
    if (text.includes(module)) return
    await sleep(5)
  }
}

async function says(pod: Pod, words: string): Promise<void> {
  while (!pod.output.text.includes(words)) await sleep(20)
}

test.each([
  { name: 'the controller', args: controller },
  { name: 'the node plugin', args: node },
  { name: 'guest-disks', args: guestDisks },
])(
  '$name ends by a signal that comes while it is loaded',
  async ({ name, args }) => {
    const pod = start(args('early.sock'), name)
    await loads(name, '/src/bin/program.ts')
    await terminate(pod)

    // In peace, where it had come so far before the signal was delivered.
    expect([0, KILLED]).toContain(await pod.ended)
  },
  SLOW_MS,
)

test(
  'a controller that waits for the lease with its account gone ends in peace',
  async () => {
    const socket = file('gone.sock')
    const pod = start(controller('gone.sock'))
    await says(pod, 'waits for the lease')
    const sidecar = connect(`unix://${socket}`)
    expect(existsSync(socket)).toBe(true)
    await sidecar.identity.Probe({})
    await api.writeToken('of nobody')
    await says(pod, 'Unauthorized')
    const began = performance.now()
    await terminate(pod)

    expect(await pod.ended).toBe(0)
    expect(performance.now() - began).toBeLessThan(PROMPT_MS)
    sidecar.close()
    await api.writeToken(api.token)
  },
  SLOW_MS,
)

test(
  'a second signal ends it at once',
  async () => {
    const pod = start(controller('twice.sock'))
    await says(pod, 'waits for the lease')
    api.faults.set(`GET ${LEASE}`, 'hangs')
    await terminate(pod)
    await sleep(200)
    await terminate(pod)

    expect(await pod.ended).toBe(KILLED)
  },
  SLOW_MS,
)
