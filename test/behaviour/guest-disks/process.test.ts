// The program as a process, over real SSH, with the real driver behind its socket: it waits for the
// driver, keeps a disk, and ends when the driver does.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { demoWorld } from '../../../sim/preset.ts'
import { type Served, serve } from '../../../sim/serve.ts'
import { connect } from '../../../src/csi/wire/client.ts'
import { VolumeCapabilityAccessModeMode as AccessMode } from '../../../src/csi/wire/types.gen.ts'
import { readGuestDisk } from '../../../src/kubernetes/cluster-readers.ts'
import { SimApiServer } from '../../support/api-server.ts'
import { PodPrograms } from '../../support/pod-programs.ts'
import { bindClaim, DISKS, NAMESPACE } from './objects.ts'

const LEASE = '/apis/coordination.k8s.io/v1/namespaces/storage/leases/vdisk-ldom-csi-io'

let directory = ''
let served: Served
let api: SimApiServer
let programs: PodPrograms

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'guest-disks-'))
  served = await serve({ spec: demoWorld(), directory, realBlockDevices: false })
  api = new SimApiServer(directory)
  await api.listen()
  programs = new PodPrograms(directory, api)
  const { node } = parse(await readFile(join(directory, 'node-m1-ldg1.yaml'), 'utf8'))
  const { machine, guest, platform, shell } = node
  const entry = { machine, guest, platform, namespaces: [NAMESPACE], ...shell }
  await writeFile(join(directory, 'guest-disks.yaml'), stringify({ guests: [entry] }))
})
afterEach(async () => {
  programs.end()
  await api.close()
  await served.stop()
  await rm(directory, { recursive: true })
})

const socket = () => `unix://${join(directory, 'csi.sock')}`
const account = () => ['--service-account', api.serviceAccount]
const startDriver = () =>
  programs.start('driver', [
    ...['controller', '--config', join(directory, 'controller.yaml')],
    ...['--endpoint', socket(), '--kubernetes', ...account()],
  ])
const startGuestDisks = () =>
  programs.start('guest-disks', [
    ...['guest-disks', '--config', join(directory, 'guest-disks.yaml')],
    ...['--controller', socket(), ...account()],
  ])

test('it waits for a driver that is ready, keeps a disk, and ends when the driver is gone', async () => {
  api.put(LEASE, { spec: { holderIdentity: 'somebody', leaseDurationSeconds: 600 } })
  const program = startGuestDisks()
  const driver = startDriver()
  await programs.eventually(async () => driver.output.text.includes('waits for the lease'))
  await programs.eventually(async () => program.output.text.includes('waits for the driver'))
  expect(api.requests.filter(request => request.includes('guestdisks'))).toEqual([])

  api.put(LEASE, { spec: { holderIdentity: '', leaseDurationSeconds: 1 } })
  await programs.eventually(async () => program.output.text.includes('disks of guests are kept'))
  const client = connect(socket())
  const { volume } = await client.controller.CreateVolume({
    name: 'pvc-orders',
    capacity_range: { required_bytes: String(16 * 1024 ** 2) },
    volume_capabilities: [{ mount: {}, access_mode: { mode: AccessMode.SINGLE_NODE_WRITER } }],
    parameters: { pool: 'gold' },
  })
  client.close()
  bindClaim(api, { name: 'orders', volumeId: volume?.volume_id ?? '' })
  api.put(`${DISKS}/orders`, {
    metadata: { namespace: NAMESPACE, name: 'orders' },
    spec: { claimName: 'orders', guest: 'm1/ldg1', mountPath: '/export/orders' },
  })
  await programs.eventually(async () => {
    const disk = readGuestDisk(api.objects.get(`${DISKS}/orders`))
    return disk.status.conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
  })
  served.world.guest('m1/ldg1').writeFile('/export/orders/file', 'written')

  driver.child.kill('SIGKILL')
  expect(await program.ended).toBe(1)
  expect(program.output.text).toContain('the driver is gone or no longer ready')
}, 120_000)

test('a signal ends it in peace while it waits, and while it works', async () => {
  const waiting = startGuestDisks()
  await programs.eventually(async () => waiting.output.text.includes('waits for the driver'))
  waiting.child.kill('SIGTERM')
  expect(await waiting.ended).toBe(0)

  startDriver()
  const working = startGuestDisks()
  await programs.eventually(async () => working.output.text.includes('disks of guests are kept'))
  working.child.kill('SIGTERM')
  expect(await working.ended).toBe(0)
}, 120_000)
