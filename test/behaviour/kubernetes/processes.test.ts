// Controllers as processes in front of an API server of our own: who works, who waits, and how each
// of them ends. They wait for real time: a lease lasts fifteen seconds.

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { demoWorld } from '../../../sim/preset.ts'
import { type Served, serve } from '../../../sim/serve.ts'
import { type CsiClient, connect, RpcError } from '../../../src/csi/wire/client.ts'
import { VolumeCapabilityAccessModeMode as AccessMode } from '../../../src/csi/wire/types.gen.ts'
import { SimApiServer } from '../../support/api-server.ts'
import { type PodProgram, PodPrograms } from '../../support/pod-programs.ts'
import { isAnswering } from '../../support/sockets.ts'

const LEASE = '/apis/coordination.k8s.io/v1/namespaces/storage/leases/vdisk-ldom-csi-io'
const NOT_THE_HOLDER =
  'this controller does not hold the lease of the driver; the call is for the one that does'

let directory = ''
let served: Served
let api: SimApiServer
let programs: PodPrograms
const clients: CsiClient[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'k8s-'))
  served = await serve({ spec: demoWorld(), directory, realBlockDevices: false })
  api = new SimApiServer(directory)
  await api.listen()
  programs = new PodPrograms(directory, api)
})
afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  programs.end()
  await api.close()
  await served.stop()
  await rm(directory, { recursive: true })
})

interface Controller extends PodProgram {
  readonly client: CsiClient
}

async function start(
  name: string,
  { options = ['--kubernetes', '--service-account', api.serviceAccount], env = {} } = {},
): Promise<Controller> {
  const socket = join(directory, `${name}.sock`)
  const file = join(directory, 'controller.yaml')
  const endpoint = `unix://${socket}`
  const args = ['controller', '--config', file, '--endpoint', endpoint, ...options]
  const program = programs.start(name, args, env)
  const client = connect(endpoint)
  clients.push(client)
  await programs.eventually(
    async () => program.child.exitCode !== null || (await isAnswering(socket)),
  )
  return { ...program, client }
}

const eventually = (isSo: () => Promise<boolean>) => programs.eventually(isSo)

async function isReady({ client }: Controller): Promise<boolean> {
  try {
    const { ready } = await client.identity.Probe({}, { timeoutMs: 5_000 })
    return ready?.value === true
  } catch (error) {
    // A busy machine answers late.
    if (error instanceof RpcError && error.code === 'DEADLINE_EXCEEDED') return false
    throw error
  }
}

const list = { max_entries: 1, starting_token: '' }

test('a controller without the lease says that it is not ready, and touches no host', async () => {
  api.put(LEASE, { spec: { holderIdentity: 'somebody', leaseDurationSeconds: 600 } })
  const waiting = await start('waiting')
  const { identity, controller, groupController } = waiting.client

  expect(await isReady(waiting)).toBe(false)
  expect(await identity.GetPluginInfo({})).toMatchObject({ name: 'vdisk.ldom-csi.io' })
  await identity.GetPluginCapabilities({})
  for (const call of [
    () => controller.ListVolumes(list),
    () => controller.ControllerGetCapabilities({}),
    () => groupController.GroupControllerGetCapabilities({}),
  ]) {
    await expect(call()).rejects.toMatchObject({ code: 'UNAVAILABLE', details: NOT_THE_HOLDER })
  }
  expect(served.world.timeline.commands).toEqual([])

  api.put(LEASE, { spec: { holderIdentity: '', leaseDurationSeconds: 1 } })
  await eventually(() => isReady(waiting))
  await controller.ListVolumes(list)
  expect(api.objects.get(LEASE)?.spec).toMatchObject({
    holderIdentity: expect.stringMatching(/^waiting_[0-9a-f]{16}$/),
    leaseDurationSeconds: 15,
  })
  expect(served.world.timeline.commands).not.toEqual([])
}, 120_000)

test('a controller that is killed is replaced by the one that waits', async () => {
  const first = await start('first')
  await eventually(() => isReady(first))
  const second = await start('second')
  expect(await isReady(second)).toBe(false)
  first.child.kill('SIGKILL')

  await eventually(() => isReady(second))
  await second.client.controller.ListVolumes(list)
  expect(api.objects.get(LEASE)?.spec).toMatchObject({ leaseTransitions: 1 })
}, 120_000)

test('a controller that ends in peace gives the lease back; one that loses the API server ends with ' +
  'status 1 and says why', async () => {
  const first = await start('first')
  await eventually(() => isReady(first))
  const second = await start('second')
  expect(await isReady(second)).toBe(false)
  first.child.kill('SIGTERM')
  expect(await first.ended).toBe(0)
  // It does not wait for the end of the lease.
  expect(api.objects.get(LEASE)?.spec).toMatchObject({
    holderIdentity: expect.not.stringMatching(/^first_/),
  })
  await eventually(() => isReady(second))
  expect(first.output.text).not.toContain('"level":"error"')

  await api.close()
  expect(await second.ended).toBe(1)
  const errors = second.output.text.split('\n').filter(line => line.includes('"level":"error"'))
  expect(errors).toEqual([
    expect.stringMatching(/it was not renewed for 10 s: .*"the lease is lost: this process ends"/),
  ])
}, 180_000)

test('a failed attachment is an event on the claim; where none can be written, the call ends alike', async () => {
  const { client } = await start('first').then(async controller => {
    await eventually(() => isReady(controller))
    return controller
  })
  const capability = { mount: {}, access_mode: { mode: AccessMode.SINGLE_NODE_WRITER } }
  const { volume } = await client.controller.CreateVolume({
    name: 'pvc-1',
    capacity_range: { required_bytes: String(16 * 1024 ** 2) },
    volume_capabilities: [capability],
    parameters: { pool: 'gold' },
  })
  const volumeHandle = volume?.volume_id ?? ''
  api.put('/api/v1/persistentvolumes/pvc-1', {
    spec: {
      csi: { driver: 'vdisk.ldom-csi.io', volumeHandle },
      claimRef: { namespace: 'shop', name: 'web', uid: 'uid-1' },
    },
  })
  const attach = () =>
    client.controller.ControllerPublishVolume(
      { volume_id: volumeHandle, node_id: 'm1/nobody', volume_capability: capability },
      { timeoutMs: 30_000 },
    )
  api.faults.set('POST /api/v1/namespaces/shop/events', 'hangs')
  const error = await attach().catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'NOT_FOUND' })
  api.faults.clear()

  // Another message is another event: the one that hangs is not waited for, either.
  await eventually(async () => {
    await client.controller
      .ControllerPublishVolume({
        volume_id: volumeHandle,
        node_id: 'm1/nobody else',
        volume_capability: capability,
      })
      .catch(() => {})
    return api.of('/api/v1/namespaces/shop/events').length > 0
  })
  const [event] = api.of('/api/v1/namespaces/shop/events')
  expect(event).toMatchObject({
    type: 'Warning',
    reason: 'AttachFailed',
    message: expect.stringContaining('nobody'),
    involvedObject: { kind: 'PersistentVolumeClaim', namespace: 'shop', name: 'web', uid: 'uid-1' },
    source: { component: 'vdisk.ldom-csi.io' },
    reportingInstance: 'first',
  })
}, 180_000)

test('without its environment it ends at once, and names what is missing', async () => {
  const { output, ended } = await start('first', {
    env: { POD_NAME: '', KUBERNETES_SERVICE_PORT: '' },
  })

  expect(await ended).toBe(1)
  expect(output.text).toContain('POD_NAME, KUBERNETES_SERVICE_PORT is not set')
})

test('without --kubernetes it works at once, and loads nothing of the library', async () => {
  const loaded = async (name: string) =>
    (await readFile(join(directory, `${name}.modules`), 'utf8')).split('\n')
  const ours = /\/@kubernetes\/|\/src\/kubernetes\/|\/compose\/kubernetes/
  const plain = await start('plain', { options: [] })
  await eventually(() => isReady(plain))
  expect(api.requests).toEqual([])
  const pod = await start('pod')
  await eventually(() => isReady(pod))

  expect((await loaded('pod')).filter(url => ours.test(url)).length).toBeGreaterThan(20)
  expect((await loaded('plain')).length).toBeGreaterThan(100)
  expect((await loaded('plain')).filter(url => ours.test(url))).toEqual([])
}, 120_000)
