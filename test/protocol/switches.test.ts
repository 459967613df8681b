// What is switched off is not there: neither the capability nor the call. And how health travels
// when it is switched on.

import { type ControllerOptions, controllerService } from '../../src/csi/controller.ts'
import { identityService } from '../../src/csi/identity.ts'
import { nodeService } from '../../src/csi/node.ts'
import { StorageError } from '../../src/errors.ts'
import { code } from './conformance/world.ts'
import { MemoryGuest } from './memory-guest.ts'
import { controllerOptions, MemoryStorage } from './memory-storage.ts'
import { type Plugin, servePlugin } from './plugin.ts'

const driverName = 'vdisk.ldom-csi.io'

const plugins: Plugin[] = []
afterEach(async () => {
  for (const plugin of plugins.splice(0)) await plugin.end()
})

async function serve(over: Partial<ControllerOptions> = {}) {
  const storage = new MemoryStorage({ machine: 'm1', guests: ['ldg1'] })
  const options = { driverName, ...controllerOptions(storage), ...over }
  const { snapshotTopology } = options
  const plugin = await servePlugin([
    identityService({ driverName, version: '1', snapshotTopology }),
    controllerService(options),
  ])
  plugins.push(plugin)
  return { storage, ...plugin.client }
}

async function serveNode(health: 'on' | 'off') {
  const guest = new MemoryGuest()
  const plugin = await servePlugin([
    nodeService({
      driverName,
      guest: { machine: 'm1', guest: 'ldg1' },
      attachLimit: undefined,
      volumes: guest,
      health: health === 'on' ? guest : undefined,
    }),
  ])
  plugins.push(plugin)
  return { guest, node: plugin.client.node }
}

type Served = Awaited<ReturnType<typeof serve>>
type ServedNode = Awaited<ReturnType<typeof serveNode>>

async function create({ controller }: Served, name: string): Promise<string> {
  const { volume } = await controller.CreateVolume({
    name,
    volume_capabilities: [{ mount: {}, access_mode: { mode: 1 } }],
  })
  return volume?.volume_id ?? ''
}

async function stage({ node }: ServedNode, leaf: string): Promise<string> {
  const volume_id = `silver/v-${leaf.repeat(20)}`
  await node.NodeStageVolume({
    volume_id,
    staging_target_path: `/staging/${leaf}`,
    volume_capability: { mount: {}, access_mode: { mode: 1 } },
    publish_context: { vdisk: '100', sizeBytes: '4096', written: 'false', mode: 'rw' },
  })
  return volume_id
}

test('without health, the controller neither offers nor answers it', async () => {
  const { controller } = await serve({ health: undefined })
  const { capabilities } = await controller.ControllerGetCapabilities({})
  expect(capabilities.map(({ rpc }) => rpc?.type)).toEqual([
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15,
  ])
  expect(await code(controller.ControllerGetVolumeHealth({ volume_id: 'a' }))).toBe('UNIMPLEMENTED')
  expect(await code(controller.ControllerListVolumeHealth({}))).toBe('UNIMPLEMENTED')
})

test('without health, the node neither offers nor answers it', async () => {
  const { node } = await serveNode('off')
  const { capabilities } = await node.NodeGetCapabilities({})
  expect(capabilities.map(({ rpc }) => rpc?.type)).toEqual([1, 2, 3, 5])
  expect(await code(node.NodeGetVolumeHealth({ volume_id: 'a' }))).toBe('UNIMPLEMENTED')
  expect(await code(node.NodeGetStorageHealth({}))).toBe('UNIMPLEMENTED')
})

test('without places of snapshots, none is offered, asked for or told', async () => {
  const served = await serve({ snapshotTopology: false })
  const { capabilities } = await served.identity.GetPluginCapabilities({})
  expect(capabilities.flatMap(({ service }) => service?.type ?? [])).toEqual([1, 2, 3])
  const segments = { [`${driverName}/machine`]: 'nowhere' }
  const { snapshot } = await served.controller.CreateSnapshot({
    name: 'daily',
    source_volume_id: await create(served, 'pvc'),
    accessibility_requirements: { requisite: [{ segments }] },
  })
  expect(snapshot?.accessible_topology).toEqual([])
})

test(
  'what is wrong with a volume is told by type, reason and message, each pair of type and ' +
    'reason once',
  async () => {
    const served = await serve()
    const volume_id = await create(served, 'pvc')
    served.storage.problems.set(volume_id, [
      { kind: 'degraded', reason: 'PathMissing', message: 'one' },
      { kind: 'degraded', reason: 'PathMissing', message: 'two' },
      { kind: 'inaccessible', reason: 'DiskMissing', message: 'three' },
      { kind: 'data-loss', reason: 'PoolFaulted', message: 'four' },
    ])
    const { volume_health } = await served.controller.ControllerGetVolumeHealth({ volume_id })
    expect(volume_health?.health_statuses).toEqual([
      { status: 1, reason: 'PathMissing', message: 'two' },
      { status: 2, reason: 'DiskMissing', message: 'three' },
      { status: 3, reason: 'PoolFaulted', message: 'four' },
    ])
  },
)

test('the list of what is wrong comes in pages', async () => {
  const served = await serve()
  const ids = [
    await create(served, 'a'),
    await create(served, 'b'),
    await create(served, 'c'),
  ].sort()
  for (const id of ids) {
    served.storage.problems.set(id, [{ kind: 'degraded', reason: 'PoolDegraded', message: 'tank' }])
  }
  const first = await served.controller.ControllerListVolumeHealth({ max_entries: 2 })
  const rest = await served.controller.ControllerListVolumeHealth({
    starting_token: first.next_token,
  })
  expect([first, rest].map(page => page.entries.map(entry => entry.volume_id))).toEqual([
    ids.slice(0, 2),
    ids.slice(2),
  ])
  expect(rest.next_token).toBe('')
})

test('health that could not be looked at is an error, not health', async () => {
  const unknown = () =>
    Promise.reject(new StorageError('unavailable', 'host storage1 does not answer'))
  const { controller } = await serve({
    health: { volumeHealth: unknown, listVolumeHealth: unknown },
  })
  expect(await code(controller.ControllerGetVolumeHealth({ volume_id: 'silver/a' }))).toBe(
    'UNAVAILABLE',
  )
  expect(await code(controller.ControllerListVolumeHealth({}))).toBe('UNAVAILABLE')
})

test('the node judges the way to the storage by the volumes that use it', async () => {
  const served = await serveNode('on')
  const { guest, node } = served
  const [one, two] = [await stage(served, 'a'), await stage(served, 'b')]
  const seen = async () =>
    (await node.NodeGetStorageHealth({})).backend_health.map(({ status, reason }) => ({
      status,
      reason,
    }))
  const lost = [{ kind: 'inaccessible', reason: 'DeviceGone', message: 'gone' }] as const
  guest.problems.set(one, [{ kind: 'degraded', reason: 'MountedReadOnly', message: 'ro' }])
  expect(await seen()).toEqual([])
  guest.problems.set(one, lost)
  expect(await seen()).toEqual([{ status: 1, reason: 'VolumesUnreachable' }])
  guest.problems.set(two, lost)
  expect(await seen()).toEqual([{ status: 2, reason: 'NoVolumeReachable' }])
  await node.NodeUnstageVolume({ volume_id: one, staging_target_path: '/staging/a' })
  guest.problems.delete(two)
  expect(await seen()).toEqual([])
})

test('after it was unstaged, the node vouches for a volume no more', async () => {
  const served = await serveNode('on')
  const volume_id = await stage(served, 'a')
  expect(await code(served.node.NodeGetVolumeHealth({ volume_id }))).toBe('OK')
  await served.node.NodeUnstageVolume({ volume_id, staging_target_path: '/staging/a' })
  expect(await code(served.node.NodeGetVolumeHealth({ volume_id }))).toBe('FAILED_PRECONDITION')
})
