// Whatever text a caller puts into a request on the real socket: a clear error or a correct volume,
// never a defect, never a command that holds the text or has an option from it. Everything behind
// the socket is the driver on a simulated installation.

import fc from 'fast-check'
import { hostileText, legalName, RUNS, TIMEOUT_MS } from './texts.ts'
import {
  type BadInputWorld,
  badInputWorld,
  CAPABILITY,
  CREATE,
  DRIVER,
  MOUNT,
  SIZE,
  STAGING,
  TARGET,
  told,
  WRITER,
} from './world.ts'

let at: BadInputWorld

beforeAll(async () => {
  at = await badInputWorld('m1/ldg1')
}, TIMEOUT_MS)

afterAll(() => at.end())

interface Field {
  readonly name: string
  readonly call: (text: string) => Promise<unknown>
}

const key = (text: string) => ({ [text]: 'x' })

/** Requests that can make nothing, whatever the text is: at most they are answered. */
const FIELDS: readonly Field[] = [
  {
    name: 'CreateVolume parameters: a key',
    call: text =>
      at.controller.CreateVolume({ ...CREATE, parameters: { pool: 'silver', ...key(`-${text}`) } }),
  },
  ...['pool', 'blockSize', 'compression', 'reservation', 'export', 'vdiskTimeoutSeconds'].map(
    name => ({
      name: `CreateVolume parameters: ${name}`,
      call: (text: string) =>
        at.controller.CreateVolume({
          ...CREATE,
          parameters: { pool: 'silver', [name]: `~${text}` },
        }),
    }),
  ),
  ...['compression', 'reservation', 'logbias', 'sync'].map(name => ({
    name: `ControllerModifyVolume: ${name}`,
    call: (text: string) =>
      at.controller.ControllerModifyVolume({
        volume_id: at.volumeId,
        mutable_parameters: { [name]: `~${text}` },
      }),
  })),
  {
    name: 'ControllerModifyVolume: a key',
    call: text =>
      at.controller.ControllerModifyVolume({
        volume_id: at.volumeId,
        mutable_parameters: key(`-${text}`),
      }),
  },
  {
    name: 'CreateVolume fs_type',
    call: text => {
      const capability = { mount: { ...MOUNT, fs_type: `~${text}` }, access_mode: WRITER }
      return at.controller.CreateVolume({ ...CREATE, volume_capabilities: [capability] })
    },
  },
  {
    name: 'CreateVolume source snapshot',
    call: text =>
      at.controller.CreateVolume({
        ...CREATE,
        volume_content_source: { snapshot: { snapshot_id: text } },
      }),
  },
  {
    name: 'CreateVolume source volume',
    call: text =>
      at.controller.CreateVolume({
        ...CREATE,
        volume_content_source: { volume: { volume_id: text } },
      }),
  },
  {
    name: 'CreateVolume topology key',
    call: text =>
      at.controller.CreateVolume({
        ...CREATE,
        accessibility_requirements: { requisite: [{ segments: key(text) }], preferred: [] },
      }),
  },
  {
    name: 'CreateVolume topology value',
    call: text => {
      const requisite = [{ segments: { [`${DRIVER}/machine`]: `~${text}` } }]
      return at.controller.CreateVolume({
        ...CREATE,
        accessibility_requirements: { requisite, preferred: [] },
      })
    },
  },
  { name: 'DeleteVolume volume_id', call: text => at.controller.DeleteVolume({ volume_id: text }) },
  {
    name: 'DeleteVolume volume_id in a pool',
    call: text => at.controller.DeleteVolume({ volume_id: `silver/${text}` }),
  },
  {
    name: 'ControllerPublishVolume volume_id',
    call: text =>
      at.controller.ControllerPublishVolume({
        volume_id: text,
        node_id: at.guest,
        volume_capability: CAPABILITY,
      }),
  },
  {
    name: 'ControllerPublishVolume volume_id with more after it',
    call: text =>
      at.controller.ControllerPublishVolume({
        volume_id: `${at.volumeId}~${text}`,
        node_id: at.guest,
        volume_capability: CAPABILITY,
      }),
  },
  {
    name: 'ControllerPublishVolume node_id',
    call: text =>
      at.controller.ControllerPublishVolume({
        volume_id: at.volumeId,
        node_id: `~${text}`,
        volume_capability: CAPABILITY,
      }),
  },
  {
    name: 'ControllerPublishVolume guest of a machine',
    call: text =>
      at.controller.ControllerPublishVolume({
        volume_id: at.volumeId,
        node_id: `m1/~${text}`,
        volume_capability: CAPABILITY,
      }),
  },
  {
    name: 'ControllerPublishVolume volume_context',
    call: text =>
      at.controller.ControllerPublishVolume({
        ...{ volume_id: at.volumeId, node_id: at.guest, volume_capability: CAPABILITY },
        volume_context: { [text]: text },
      }),
  },
  {
    name: 'ControllerPublishVolume secrets',
    call: text =>
      at.controller.ControllerPublishVolume({
        volume_id: at.volumeId,
        node_id: at.guest,
        volume_capability: CAPABILITY,
        secrets: { [text]: text },
      }),
  },
  {
    name: 'ControllerUnpublishVolume volume_id',
    call: text => at.controller.ControllerUnpublishVolume({ volume_id: text, node_id: at.guest }),
  },
  {
    name: 'ControllerUnpublishVolume node_id',
    call: text =>
      at.controller.ControllerUnpublishVolume({ volume_id: at.volumeId, node_id: `~${text}` }),
  },
  {
    name: 'ControllerUnpublishVolume guest of a machine',
    call: text =>
      at.controller.ControllerUnpublishVolume({ volume_id: at.volumeId, node_id: `m1/~${text}` }),
  },
  {
    name: 'ValidateVolumeCapabilities volume_id',
    call: text =>
      at.controller.ValidateVolumeCapabilities({
        volume_id: text,
        volume_capabilities: [CAPABILITY],
      }),
  },
  {
    name: 'ValidateVolumeCapabilities parameters',
    call: text =>
      at.controller.ValidateVolumeCapabilities({
        volume_id: at.volumeId,
        volume_capabilities: [CAPABILITY],
        parameters: { [text]: text },
      }),
  },
  {
    name: 'ControllerGetVolume volume_id',
    call: text => at.controller.ControllerGetVolume({ volume_id: text }),
  },
  {
    name: 'ControllerExpandVolume volume_id',
    call: text => at.controller.ControllerExpandVolume({ volume_id: text, capacity_range: SIZE }),
  },
  {
    name: 'ListVolumes starting_token',
    call: text => at.controller.ListVolumes({ starting_token: text }),
  },
  {
    name: 'ListSnapshots starting_token',
    call: text => at.controller.ListSnapshots({ starting_token: text }),
  },
  {
    name: 'ListSnapshots snapshot_id',
    call: text => at.controller.ListSnapshots({ snapshot_id: text }),
  },
  {
    name: 'ListSnapshots source_volume_id',
    call: text => at.controller.ListSnapshots({ source_volume_id: text }),
  },
  {
    name: 'CreateSnapshot source_volume_id',
    call: text => at.controller.CreateSnapshot({ name: 'snap', source_volume_id: text }),
  },
  {
    name: 'CreateSnapshot parameters',
    call: text =>
      at.controller.CreateSnapshot({
        name: 'snap',
        source_volume_id: at.volumeId,
        parameters: key(`-${text}`),
      }),
  },
  {
    name: 'DeleteSnapshot snapshot_id',
    call: text => at.controller.DeleteSnapshot({ snapshot_id: text }),
  },
  {
    name: 'DeleteSnapshot snapshot_id with more after it',
    call: text => at.controller.DeleteSnapshot({ snapshot_id: `${at.snapshotId}~${text}` }),
  },
  {
    name: 'CreateVolumeGroupSnapshot source_volume_ids',
    call: text =>
      at.groups.CreateVolumeGroupSnapshot({
        name: 'group',
        source_volume_ids: [at.volumeId, `~${text}`],
      }),
  },
  {
    name: 'DeleteVolumeGroupSnapshot group_snapshot_id',
    call: text =>
      at.groups.DeleteVolumeGroupSnapshot({ group_snapshot_id: text, snapshot_ids: [text] }),
  },
  {
    name: 'GetCapacity parameters',
    call: text => at.controller.GetCapacity({ parameters: { [text]: text } }),
  },
  {
    name: 'GetCapacity topology',
    call: text =>
      at.controller.GetCapacity({ accessible_topology: { segments: { [text]: text } } }),
  },
  {
    name: 'GetCapacity machine',
    call: text =>
      at.controller.GetCapacity({
        accessible_topology: { segments: { [`${DRIVER}/machine`]: text } },
      }),
  },

  {
    name: 'NodeStageVolume volume_id',
    call: text => at.node.NodeStageVolume({ ...at.request, volume_id: text }),
  },
  {
    name: 'NodeStageVolume staging_target_path that does not begin at the root',
    call: text => at.node.NodeStageVolume({ ...at.request, staging_target_path: `~${text}` }),
  },
  {
    name: 'NodeStageVolume fs_type',
    call: text => {
      const volume_capability = { mount: { ...MOUNT, fs_type: `~${text}` }, access_mode: WRITER }
      return at.node.NodeStageVolume({ ...at.request, volume_capability })
    },
  },
  ...['vdisk', 'sizeBytes', 'written', 'mode'].map(name => ({
    name: `NodeStageVolume publish_context: ${name}`,
    call: (text: string) =>
      at.node.NodeStageVolume({
        ...at.request,
        publish_context: { ...at.publishContext, [name]: `~${text}` },
      }),
  })),
  {
    name: 'NodeUnstageVolume volume_id',
    call: text =>
      at.node.NodeUnstageVolume({ volume_id: `~${text}`, staging_target_path: STAGING }),
  },
  {
    name: 'NodeUnpublishVolume volume_id',
    call: text => at.node.NodeUnpublishVolume({ volume_id: `~${text}`, target_path: TARGET }),
  },
  {
    name: 'NodeGetVolumeStats volume_id',
    call: text => at.node.NodeGetVolumeStats({ volume_id: text, volume_path: TARGET }),
  },
  {
    name: 'NodeExpandVolume volume_id',
    call: text => at.node.NodeExpandVolume({ volume_id: text, volume_path: TARGET }),
  },
]

test.each(FIELDS)(
  '$name',
  async ({ call }) => {
    const before = at.state()
    await fc.assert(
      fc.asyncProperty(hostileText, async text => {
        const from = at.commandsSoFar()
        await told(call(text))
        at.honest.check(at.world, from, text)
      }),
      { numRuns: RUNS },
    )
    expect(at.state()).toBe(before)
  },
  TIMEOUT_MS,
)

test(
  'a volume has any name that CSI allows, and the name comes back as it went in',
  async () => {
    const before = at.state()
    await fc.assert(
      fc.asyncProperty(legalName, fc.constantFrom('silver', 'gold'), async (name, pool) => {
        const from = at.commandsSoFar()
        const request = { ...CREATE, name, parameters: { pool } }
        const { volume } = await at.controller.CreateVolume(request)
        expect(volume?.volume_context).toMatchObject({ name })
        expect(await at.controller.CreateVolume(request)).toEqual({ volume })
        const { entries } = await at.controller.ListVolumes({})
        expect(entries.map(entry => entry.volume?.volume_context.name)).toContain(name)
        await at.controller.DeleteVolume({ volume_id: volume?.volume_id ?? '' })
        at.honest.check(at.world, from, name)
      }),
      { numRuns: RUNS },
    )
    expect(at.state()).toBe(before)
  },
  TIMEOUT_MS,
)

test('a name that CSI does not allow is an invalid argument that says so, and nothing is run', async () => {
  const from = at.commandsSoFar()
  for (const name of [
    '',
    'a'.repeat(129),
    '漢'.repeat(43),
    'bell\u0007',
    'nul\u0000',
    'delete\u007f',
    'next\u0085',
  ]) {
    await expect(at.controller.CreateVolume({ ...CREATE, name })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      details: expect.stringMatching(
        /^name (is missing|has \d+ bytes; 128 are allowed|has a control character)$/,
      ),
    })
  }
  expect(at.commandsSoFar()).toBe(from)
})

test(
  'a snapshot has any name that CSI allows, once over the whole driver',
  async () => {
    const before = at.state()
    await fc.assert(
      fc.asyncProperty(legalName, async name => {
        const from = at.commandsSoFar()
        const request = {
          name: `~${name}`.slice(0, 40).toWellFormed(),
          source_volume_id: at.volumeId,
        }
        const { snapshot } = await at.controller.CreateSnapshot(request)
        expect(await at.controller.CreateSnapshot(request)).toEqual({ snapshot })
        await at.controller.DeleteSnapshot({ snapshot_id: snapshot?.snapshot_id ?? '' })
        at.honest.check(at.world, from, name)
      }),
      { numRuns: RUNS },
    )
    expect(at.state()).toBe(before)
  },
  TIMEOUT_MS,
)
