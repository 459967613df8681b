// What CSI's own test program demands of the RPCs that exist, asked of any installation through its sockets.
// csi-sanity itself runs in the system tests; this suite runs anywhere and also asks what csi-sanity leaves out.

import { type CsiClient, RpcError } from '../../src/csi/client.ts'
import type { Draft } from '../../src/csi/proto.ts'
import type {
  ControllerPublishVolumeRequest,
  CreateVolumeRequest,
  NodePublishVolumeRequest,
  NodeStageVolumeRequest,
  Volume,
  VolumeCapability,
} from '../../src/csi/types.gen.ts'

export interface Installation {
  /** A socket with Identity and Controller. */
  readonly controller: CsiClient
  /** A socket with Identity and Node, of the guest below. */
  readonly node: CsiClient
  readonly driverName: string
  readonly nodeId: string
  /** StorageClass parameters for every volume that is made. */
  readonly parameters: Readonly<Record<string, string>>
  readonly sizeBytes: number
  /** Existing directories of the guest: one to stage at, and one in which the driver makes its targets. */
  readonly stagingPath: string
  readonly targetDirectory: string
  end(): Promise<void>
}

type Mode = 1 | 6 | 7

export function conformanceSuite(name: string, install: () => Promise<Installation>): void {
  describe.each(['mount', 'block'] as const)(`${name}, %s volumes`, kind => {
    let installation: Installation
    let controller: CsiClient['controller']
    let node: CsiClient['node']
    let made: Set<string>

    const capability = (mode: Mode = 1): Draft<VolumeCapability> => ({ [kind]: {}, access_mode: { mode } })
    const target = (name: string) => `${installation.targetDirectory}/${name}`

    beforeEach(async () => {
      installation = await install()
      controller = installation.controller.controller
      node = installation.node.node
      made = new Set()
    })

    // As csi-sanity cleans up: everything is taken away from every volume ever made, whether it was there or not.
    afterEach(async () => {
      for (const volume_id of made) {
        await node.NodeUnpublishVolume({ volume_id, target_path: target('a') })
        await node.NodeUnpublishVolume({ volume_id, target_path: target('b') })
        await node.NodeUnstageVolume({ volume_id, staging_target_path: installation.stagingPath })
        await controller.ControllerUnpublishVolume({ volume_id, node_id: installation.nodeId })
        await controller.DeleteVolume({ volume_id })
      }
      const { entries } = await controller.ListVolumes({})
      await installation.end()
      expect(entries).toEqual([])
    })

    function createRequest(name: string, fields: Draft<CreateVolumeRequest> = {}): Draft<CreateVolumeRequest> {
      const required_bytes = String(installation.sizeBytes)
      return {
        ...{ name, volume_capabilities: [capability()], parameters: installation.parameters },
        ...{ capacity_range: { required_bytes, limit_bytes: required_bytes } },
        ...fields,
      }
    }

    async function create(name: string, fields: Draft<CreateVolumeRequest> = {}): Promise<Volume> {
      const { volume } = await controller.CreateVolume(createRequest(name, fields))
      if (volume === undefined) throw new Error('CreateVolume answered without a volume')
      made.add(volume.volume_id)
      return volume
    }

    function publishRequest(volume: Volume, fields: Draft<ControllerPublishVolumeRequest> = {}): Draft<ControllerPublishVolumeRequest> {
      const { volume_id, volume_context } = volume
      return { volume_id, volume_context, node_id: installation.nodeId, volume_capability: capability(), ...fields }
    }

    function stageRequest(volume: Volume, publish_context: Readonly<Record<string, string>>): Draft<NodeStageVolumeRequest> {
      const { volume_id, volume_context } = volume
      const staging_target_path = installation.stagingPath
      return { volume_id, volume_context, publish_context, staging_target_path, volume_capability: capability() }
    }

    function targetRequest(
      volume: Volume,
      publish_context: Readonly<Record<string, string>>,
      fields: Draft<NodePublishVolumeRequest> = {},
    ): Draft<NodePublishVolumeRequest> {
      return { ...stageRequest(volume, publish_context), target_path: target('a'), ...fields }
    }

    /** A volume that is ready to be published to targets. */
    async function staged(name: string, mode: Mode) {
      const volume = await create(name, { volume_capabilities: [capability(mode)] })
      const { publish_context } = await controller.ControllerPublishVolume(publishRequest(volume, { volume_capability: capability(mode) }))
      await node.NodeStageVolume({ ...stageRequest(volume, publish_context), volume_capability: capability(mode) })
      return { volume, publish_context }
    }

    async function code(call: Promise<unknown>): Promise<string> {
      try {
        await call
        return 'OK'
      } catch (error) {
        if (!(error instanceof RpcError)) throw error
        if (error.details === '') throw new Error(`${error.rpc} failed without a message`)
        return error.code
      }
    }

    async function listIds(): Promise<string[]> {
      return (await controller.ListVolumes({})).entries.map(entry => entry.volume?.volume_id ?? '')
    }

    test('both sockets name the same plugin, with the same capabilities, and are ready', async () => {
      const answers = [installation.controller, installation.node].map(async ({ identity }) => {
        const { name, vendor_version } = await identity.GetPluginInfo({})
        const { capabilities } = await identity.GetPluginCapabilities({})
        expect(vendor_version).not.toBe('')
        return { name, ready: (await identity.Probe({})).ready?.value, types: capabilities.map(({ service }) => service?.type) }
      })
      const same = { name: installation.driverName, ready: true, types: [1, 2, 3, 5, undefined] }
      expect(await Promise.all(answers)).toEqual([same, same])
      expect(installation.driverName).toMatch(/^[a-z][a-z0-9.-]{0,61}[a-z]$/)
    })

    test('the capabilities are those whose every promise holds', async () => {
      const controls = (await controller.ControllerGetCapabilities({})).capabilities.map(({ rpc }) => rpc?.type)
      const nodes = (await node.NodeGetCapabilities({})).capabilities.map(({ rpc }) => rpc?.type)
      expect({ controls, nodes }).toEqual({
        controls: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16, 17],
        nodes: [1, 2, 3, 5, 7, 8],
      })
    })

    test('the node says its id and its place', async () => {
      const { node_id, max_volumes_per_node, accessible_topology } = await node.NodeGetInfo({})
      expect(node_id).toBe(installation.nodeId)
      expect(Number(max_volumes_per_node)).toBeGreaterThanOrEqual(0)
      expect(Object.keys(accessible_topology?.segments ?? {})).toEqual([`${installation.driverName}/machine`])
    })

    test('a volume needs a name and capabilities', async () => {
      expect(await code(controller.CreateVolume(createRequest('')))).toBe('INVALID_ARGUMENT')
      expect(await code(controller.CreateVolume(createRequest('pvc', { volume_capabilities: [] })))).toBe('INVALID_ARGUMENT')
    })

    test('a volume without a size gets one', async () => {
      expect(Number((await create('pvc', { capacity_range: undefined })).capacity_bytes)).toBeGreaterThan(0)
    })

    test('a volume has exactly the size that was asked for, and tells where it can be reached', async () => {
      const volume = await create('pvc')
      const { accessible_topology } = await node.NodeGetInfo({})
      expect(volume.capacity_bytes).toBe(String(installation.sizeBytes))
      expect(volume.accessible_topology).toContainEqual(accessible_topology)
    })

    test('the same request again is the same answer, also when it comes twice at once', async () => {
      const first = await create('pvc')
      expect(await create('pvc')).toEqual(first)
      expect(await Promise.all([create('pvc'), create('pvc')])).toEqual([first, first])
    })

    test('a volume that exists answers any range around its size', async () => {
      const first = await create('pvc')
      expect(await create('pvc', { capacity_range: { required_bytes: '1' } })).toEqual(first)
    })

    test('the same name with another size, parameter or kind is refused', async () => {
      await create('pvc')
      const bytes = String(2 * installation.sizeBytes)
      const other: Draft<VolumeCapability> = { [kind === 'block' ? 'mount' : 'block']: {}, access_mode: { mode: 1 } }
      const larger = createRequest('pvc', { capacity_range: { required_bytes: bytes, limit_bytes: bytes } })
      const compressed = createRequest('pvc', { parameters: { ...installation.parameters, compression: 'gzip-3' } })
      expect(await code(controller.CreateVolume(larger))).toBe('ALREADY_EXISTS')
      expect(await code(controller.CreateVolume(compressed))).toBe('ALREADY_EXISTS')
      expect(await code(controller.CreateVolume(createRequest('pvc', { volume_capabilities: [other] })))).toBe('ALREADY_EXISTS')
    })

    test('two names that differ only in case are two volumes', async () => {
      expect((await create('Pvc')).volume_id).not.toBe((await create('pvc')).volume_id)
    })

    const names = [
      { what: '128 bytes of mixed case', name: 'Ab0-'.repeat(32) },
      { what: 'other scripts', name: 'том/заявка №1' },
      { what: 'signs that mean something to ZFS', name: '-rf @snap tank/a%b\t"\'\n$(reboot)' },
    ]
    test.each(names)('a name may have $what', async ({ name }) => {
      const volume = await create(name)
      expect(await create(name)).toEqual(volume)
      expect(await listIds()).toEqual([volume.volume_id])
    })

    test('sizes that cannot be are out of range', async () => {
      const range = (required_bytes: string, limit_bytes: string) =>
        code(controller.CreateVolume(createRequest('pvc', { capacity_range: { required_bytes, limit_bytes } })))
      expect(await range('-1', '0')).toBe('OUT_OF_RANGE')
      expect(await range('2000000000', '1000000000')).toBe('OUT_OF_RANGE')
      expect(await range('9223372036854775807', '0')).toBe('OUT_OF_RANGE')
    })

    test('unknown parameters, mutable or not, are refused', async () => {
      expect(await code(controller.CreateVolume(createRequest('pvc', { mutable_parameters: { XXX_FakeKey: 'x' } })))).toBe(
        'INVALID_ARGUMENT',
      )
      expect(await code(controller.CreateVolume(createRequest('pvc', { parameters: { XXX_FakeKey: 'x' } })))).toBe('INVALID_ARGUMENT')
    })

    test('a volume that must be where no pool reaches is not made', async () => {
      const segments = { [`${installation.driverName}/machine`]: 'nowhere' }
      const request = createRequest('pvc', { accessibility_requirements: { requisite: [{ segments }] } })
      expect(await code(controller.CreateVolume(request))).toBe('RESOURCE_EXHAUSTED')
    })

    test('a volume that may be where the node is, is made', async () => {
      const { accessible_topology } = await node.NodeGetInfo({})
      const terms = accessible_topology === undefined ? [] : [accessible_topology]
      const volume = await create('pvc', { accessibility_requirements: { requisite: terms, preferred: terms } })
      expect(volume.accessible_topology).toContainEqual(accessible_topology)
    })

    test('a volume is deleted once, twice, and when it never was', async () => {
      const { volume_id } = await create('pvc')
      expect(await code(controller.DeleteVolume({ volume_id: '' }))).toBe('INVALID_ARGUMENT')
      expect(await code(controller.DeleteVolume({ volume_id }))).toBe('OK')
      expect(await code(controller.DeleteVolume({ volume_id }))).toBe('OK')
      expect(await code(controller.DeleteVolume({ volume_id: 'reallyfakevolumeid' }))).toBe('OK')
      expect(await listIds()).toEqual([])
    })

    test('a published volume is not deleted', async () => {
      const volume = await create('pvc')
      await controller.ControllerPublishVolume(publishRequest(volume))
      expect(await code(controller.DeleteVolume({ volume_id: volume.volume_id }))).toBe('FAILED_PRECONDITION')
      expect(await listIds()).toEqual([volume.volume_id])
    })

    test('what a volume can be asked for is confirmed in the words of the question', async () => {
      const { volume_id, volume_context } = await create('pvc')
      const question = {
        volume_id,
        volume_context,
        volume_capabilities: [capability(), capability(7)],
        parameters: installation.parameters,
      }
      const { confirmed } = await controller.ValidateVolumeCapabilities(question)
      expect(confirmed).toMatchObject({ volume_context, parameters: installation.parameters })
      expect(confirmed?.volume_capabilities.map(each => [kind in each, each.access_mode?.mode])).toEqual([
        [true, 1],
        [true, 7],
      ])
    })

    test('what a volume cannot be asked for is denied with a reason', async () => {
      const { volume_id } = await create('pvc')
      const other: Draft<VolumeCapability> = { [kind === 'block' ? 'mount' : 'block']: {}, access_mode: { mode: 1 } }
      const shared: Draft<VolumeCapability> = { mount: {}, access_mode: { mode: 5 } }
      for (const asked of [other, shared]) {
        const { confirmed, message } = await controller.ValidateVolumeCapabilities({
          volume_id,
          volume_capabilities: [capability(), asked],
        })
        expect(confirmed).toBeUndefined()
        expect(message).not.toBe('')
      }
    })

    test('a question about capabilities needs a volume and capabilities', async () => {
      const volume_capabilities = [capability()]
      const ask = (request: Parameters<typeof controller.ValidateVolumeCapabilities>[0]) =>
        code(controller.ValidateVolumeCapabilities(request))
      expect(await ask({ volume_id: '', volume_capabilities })).toBe('INVALID_ARGUMENT')
      expect(await ask({ volume_id: 'unknown', volume_capabilities: [] })).toBe('INVALID_ARGUMENT')
      expect(await ask({ volume_id: 'unknown', volume_capabilities })).toBe('NOT_FOUND')
    })

    test('a list has every volume once and none that is gone', async () => {
      const before = await listIds()
      const { volume_id } = await create('pvc')
      expect(await listIds()).toEqual([...before, volume_id])
      await controller.DeleteVolume({ volume_id })
      expect(await listIds()).toEqual(before)
    })

    test('a list in pages is the same list, whatever is made and deleted meanwhile', async () => {
      for (const name of ['a', 'b', 'c', 'd', 'e']) await create(name)
      const all = await listIds()
      const first = await controller.ListVolumes({ max_entries: 2 })
      await controller.DeleteVolume({ volume_id: all[1] })
      const second = await controller.ListVolumes({ max_entries: 2, starting_token: first.next_token })
      const rest = await controller.ListVolumes({ starting_token: second.next_token })
      const ids = [first, second, rest].flatMap(page => page.entries.map(entry => entry.volume?.volume_id))
      expect({ ids, last: rest.next_token, sizes: [first, second, rest].map(page => page.entries.length) }).toEqual({
        ids: all,
        last: '',
        sizes: [2, 2, 1],
      })
    })

    test('a list is refused for a token of somebody else and a negative page', async () => {
      expect(await code(controller.ListVolumes({ starting_token: 'invalid-token' }))).toBe('ABORTED')
      expect(await code(controller.ListVolumes({ max_entries: -1 }))).toBe('INVALID_ARGUMENT')
    })

    test('list and volume tell where it is published', async () => {
      const volume = await create('pvc')
      const { volume_id } = volume
      const seen = async () => {
        const [entry] = (await controller.ListVolumes({})).entries
        const one = await controller.ControllerGetVolume({ volume_id })
        expect(one).toEqual({ volume: entry?.volume, status: entry?.status })
        expect(one.volume).toEqual(volume)
        return one.status?.published_node_ids
      }
      expect(await seen()).toEqual([])
      await controller.ControllerPublishVolume(publishRequest(volume))
      expect(await seen()).toEqual([installation.nodeId])
      await controller.ControllerUnpublishVolume({ volume_id, node_id: installation.nodeId })
      expect(await seen()).toEqual([])
    })

    test('a volume is looked for by its id', async () => {
      expect(await code(controller.ControllerGetVolume({ volume_id: '' }))).toBe('INVALID_ARGUMENT')
      expect(await code(controller.ControllerGetVolume({ volume_id: 'unknown' }))).toBe('NOT_FOUND')
    })

    test('there is room, less of it after a volume was made, and none at a place that is not ours', async () => {
      const { accessible_topology } = await node.NodeGetInfo({})
      const { parameters } = installation
      const room = async () =>
        Number((await controller.GetCapacity({ parameters, accessible_topology, volume_capabilities: [capability()] })).available_capacity)
      const before = await room()
      await create('pvc')
      expect(before - (await room())).toBeGreaterThanOrEqual(installation.sizeBytes)
      const segments = { 'topology.kubernetes.io/zone': 'a' }
      expect((await controller.GetCapacity({ parameters, accessible_topology: { segments } })).available_capacity).toBe('0')
    })

    test('publishing needs volume, node and capability, before anything is looked for', async () => {
      const request = { volume_id: 'unknown', node_id: 'unknown', volume_capability: capability() }
      expect(await code(controller.ControllerPublishVolume({ ...request, volume_id: '' }))).toBe('INVALID_ARGUMENT')
      expect(await code(controller.ControllerPublishVolume({ ...request, node_id: '' }))).toBe('INVALID_ARGUMENT')
      expect(await code(controller.ControllerPublishVolume({ ...request, volume_capability: undefined }))).toBe('INVALID_ARGUMENT')
    })

    test('publishing an unknown volume, or to an unknown node, finds nothing', async () => {
      const volume = await create('pvc')
      const machine = installation.nodeId.split('/')[0]
      expect(await code(controller.ControllerPublishVolume(publishRequest(volume, { volume_id: 'unknown' })))).toBe('NOT_FOUND')
      for (const node_id of ['some-fake-node-id', `${machine}/no-such-guest`, 'no-such-machine/ldg1']) {
        expect(await code(controller.ControllerPublishVolume(publishRequest(volume, { node_id })))).toBe('NOT_FOUND')
      }
    })

    test('publishing again is the same answer, publishing otherwise is refused', async () => {
      const volume = await create('pvc')
      const first = await controller.ControllerPublishVolume(publishRequest(volume))
      expect(await controller.ControllerPublishVolume(publishRequest(volume))).toEqual(first)
      expect(await code(controller.ControllerPublishVolume(publishRequest(volume, { readonly: true })))).toBe('ALREADY_EXISTS')
    })

    test('unpublishing needs a volume, and succeeds when there is nothing to take away', async () => {
      const volume = await create('pvc')
      const { volume_id } = volume
      await controller.ControllerPublishVolume(publishRequest(volume))
      expect(await code(controller.ControllerUnpublishVolume({ volume_id: '' }))).toBe('INVALID_ARGUMENT')
      for (const node_id of ['some-fake-node-id', installation.nodeId, installation.nodeId, '']) {
        expect(await code(controller.ControllerUnpublishVolume({ volume_id, node_id }))).toBe('OK')
      }
      expect(await code(controller.ControllerUnpublishVolume({ volume_id: 'unknown', node_id: installation.nodeId }))).toBe('OK')
    })

    test('unpublishing without a node takes the volume from where it is', async () => {
      const volume = await create('pvc')
      await controller.ControllerPublishVolume(publishRequest(volume))
      await controller.ControllerUnpublishVolume({ volume_id: volume.volume_id })
      expect((await controller.ListVolumes({})).entries.map(entry => entry.status?.published_node_ids)).toEqual([[]])
    })

    test('staging needs volume, path and capability', async () => {
      const request = { volume_id: 'unknown', staging_target_path: installation.stagingPath, volume_capability: capability() }
      expect(await code(node.NodeStageVolume({ ...request, volume_id: '' }))).toBe('INVALID_ARGUMENT')
      expect(await code(node.NodeStageVolume({ ...request, staging_target_path: '' }))).toBe('INVALID_ARGUMENT')
      expect(await code(node.NodeStageVolume({ ...request, volume_capability: undefined }))).toBe('INVALID_ARGUMENT')
    })

    test('unstaging and unpublishing on the node need what they name, and succeed when nothing is there', async () => {
      const { volume_id } = await create('pvc')
      const staging_target_path = installation.stagingPath
      expect(await code(node.NodeUnstageVolume({ volume_id: '', staging_target_path }))).toBe('INVALID_ARGUMENT')
      expect(await code(node.NodeUnstageVolume({ volume_id }))).toBe('INVALID_ARGUMENT')
      expect(await code(node.NodeUnpublishVolume({ volume_id: '', target_path: target('a') }))).toBe('INVALID_ARGUMENT')
      expect(await code(node.NodeUnpublishVolume({ volume_id }))).toBe('INVALID_ARGUMENT')
      for (const id of [volume_id, 'unknown']) {
        expect(await code(node.NodeUnstageVolume({ volume_id: id, staging_target_path }))).toBe('OK')
        expect(await code(node.NodeUnpublishVolume({ volume_id: id, target_path: target('a') }))).toBe('OK')
      }
    })

    test('publishing on the node needs volume, target and capability, and a volume that is staged', async () => {
      const request = { volume_id: 'unknown', target_path: target('a'), volume_capability: capability() }
      expect(await code(node.NodePublishVolume({ ...request, volume_id: '' }))).toBe('INVALID_ARGUMENT')
      expect(await code(node.NodePublishVolume({ ...request, target_path: '' }))).toBe('INVALID_ARGUMENT')
      expect(await code(node.NodePublishVolume({ ...request, volume_capability: undefined }))).toBe('INVALID_ARGUMENT')
      expect(await code(node.NodePublishVolume(request))).toBe('FAILED_PRECONDITION')
    })

    test('statistics need a volume and a path, and are found only where the volume is', async () => {
      const { volume, publish_context } = await staged('pvc', 1)
      const { volume_id } = volume
      await node.NodePublishVolume(targetRequest(volume, publish_context))
      const ask = (volume_id: string, volume_path: string) => code(node.NodeGetVolumeStats({ volume_id, volume_path }))
      expect(await ask('', target('a'))).toBe('INVALID_ARGUMENT')
      expect(await ask(volume_id, '')).toBe('INVALID_ARGUMENT')
      expect(await ask('unknown', 'some/path')).toBe('NOT_FOUND')
      expect(await ask(volume_id, 'some/path')).toBe('NOT_FOUND')
      expect(await ask(volume_id, target('b'))).toBe('NOT_FOUND')
      const { usage } = await node.NodeGetVolumeStats({ volume_id, volume_path: target('a') })
      expect(usage.map(({ unit }) => unit)).toEqual(kind === 'block' ? [1] : [1, 2])
      expect(Number(usage[0]?.total)).toBeGreaterThan(0)
    })

    test('a volume lives its whole life, every step done twice, ten times over', async () => {
      for (let round = 0; round < 10; round++) {
        const volume = await create('pvc')
        const { volume_id } = volume
        await create('pvc')
        const { publish_context } = await controller.ControllerPublishVolume(publishRequest(volume))
        const steps = [
          () => controller.ControllerPublishVolume(publishRequest(volume)),
          () => node.NodeStageVolume(stageRequest(volume, publish_context)),
          () => node.NodePublishVolume(targetRequest(volume, publish_context)),
          () => node.NodeUnpublishVolume({ volume_id, target_path: target('a') }),
          () => node.NodeUnstageVolume({ volume_id, staging_target_path: installation.stagingPath }),
          () => controller.ControllerUnpublishVolume({ volume_id, node_id: installation.nodeId }),
          () => controller.DeleteVolume({ volume_id }),
        ]
        for (const step of steps) expect(await step()).toEqual(await step())
      }
      expect(await listIds()).toEqual([])
    })

    test('one workload at a time: a second target of SINGLE_NODE_SINGLE_WRITER is refused', async () => {
      const { volume, publish_context } = await staged('pvc', 6)
      const fields = { volume_capability: capability(6) }
      expect(await code(node.NodePublishVolume(targetRequest(volume, publish_context, fields)))).toBe('OK')
      expect(await code(node.NodePublishVolume(targetRequest(volume, publish_context, fields)))).toBe('OK')
      const second = targetRequest(volume, publish_context, { ...fields, target_path: target('b') })
      expect(await code(node.NodePublishVolume(second))).toBe('FAILED_PRECONDITION')
    })

    test('several workloads of one node: a second target of SINGLE_NODE_MULTI_WRITER is made', async () => {
      const { volume, publish_context } = await staged('pvc', 7)
      for (const name of ['a', 'b']) {
        const request = targetRequest(volume, publish_context, { volume_capability: capability(7), target_path: target(name) })
        expect(await code(node.NodePublishVolume(request))).toBe('OK')
      }
    })

    test('the same target with other terms is refused', async () => {
      const { volume, publish_context } = await staged('pvc', 7)
      const fields = { volume_capability: capability(7) }
      expect(await code(node.NodePublishVolume(targetRequest(volume, publish_context, fields)))).toBe('OK')
      expect(await code(node.NodePublishVolume(targetRequest(volume, publish_context, { ...fields, readonly: true })))).toBe(
        'ALREADY_EXISTS',
      )
    })
  })
}
