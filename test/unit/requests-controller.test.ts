import {
  parseControllerPublish,
  parseControllerUnpublish,
  parseCreateVolume,
  parseGetCapacity,
  parseListVolumes,
  parseValidate,
} from '../../src/csi/controller-requests.ts'
import type {
  ControllerPublishVolumeRequest,
  CreateVolumeRequest,
  GetCapacityRequest,
  Topology,
  ValidateVolumeCapabilitiesRequest,
  VolumeCapability,
} from '../../src/csi/wire/types.gen.ts'
import { GiB } from '../../src/model/volumes.ts'

const DRIVER = 'vdisk.ldom-csi.io'
const KEY = `${DRIVER}/machine`
const ID = `silver/v-${'a'.repeat(20)}`

const writer = { mode: 1 } as const
const block: VolumeCapability = { block: {}, access_mode: writer }
const mount: VolumeCapability = {
  mount: { fs_type: '', mount_flags: [], volume_mount_group: '' },
  access_mode: writer,
}
const mounted = (fields: Partial<NonNullable<VolumeCapability['mount']>>): VolumeCapability => ({
  ...mount,
  mount: { fs_type: '', mount_flags: [], volume_mount_group: '', ...fields },
})
const withMode = (capability: VolumeCapability, mode: number): VolumeCapability => ({
  ...capability,
  access_mode: { mode: mode as 1 },
})
const topology = (segments: Record<string, string>): Topology => ({ segments })

function createVolume(fields: Partial<CreateVolumeRequest>): CreateVolumeRequest {
  return {
    name: 'pvc-1',
    volume_capabilities: [mount],
    parameters: {},
    secrets: {},
    mutable_parameters: {},
    ...fields,
  }
}

function publish(fields: Partial<ControllerPublishVolumeRequest>): ControllerPublishVolumeRequest {
  return {
    volume_id: ID,
    node_id: 'm1/ldg1',
    volume_capability: mount,
    readonly: false,
    secrets: {},
    volume_context: {},
    ...fields,
  }
}

test('a request with nothing but the required fields is a volume of default size anywhere', () => {
  expect(parseCreateVolume(DRIVER, createVolume({}))).toEqual({
    name: 'pvc-1',
    pool: undefined,
    size: { requiredBytes: 0, limitBytes: 0 },
    format: { kind: 'filesystem', type: 'any' },
    parameters: {},
    source: { kind: 'empty' },
    mutable: {},
    machines: [],
  })
})

test('a request with everything is parsed in full', () => {
  const request = createVolume({
    name: 'Claim «ä» / 1\t@%',
    capacity_range: { required_bytes: String(GiB), limit_bytes: String(2 * GiB) },
    volume_capabilities: [mounted({ fs_type: 'xfs' }), withMode(mount, 7)],
    parameters: {
      ...{
        pool: 'gold',
        blockSize: '16K',
        compression: 'gzip-9',
        reservation: 'thin',
        export: 'full',
        vdiskTimeoutSeconds: '30',
      },
      'csi.storage.k8s.io/pvc/name': 'claim',
      'csi.storage.k8s.io/pv/name': 'pvc-1',
    },
    secrets: { password: 'x' },
    volume_content_source: { snapshot: { snapshot_id: 'silver/v@s' } },
    accessibility_requirements: {
      requisite: [topology({ [KEY]: 'm2' }), topology({ [KEY]: 'm1' }), topology({ [KEY]: 'm2' })],
      preferred: [topology({ [KEY.toUpperCase()]: 'm1' })],
    },
  })
  expect(parseCreateVolume(DRIVER, request)).toEqual({
    name: 'Claim «ä» / 1\t@%',
    pool: 'gold',
    size: { requiredBytes: GiB, limitBytes: 2 * GiB },
    format: { kind: 'filesystem', type: 'xfs' },
    parameters: {
      blockSizeBytes: 16384,
      compression: 'gzip-9',
      reservation: 'thin',
      export: 'full',
      vdiskTimeoutSeconds: 30,
    },
    source: { kind: 'snapshot', id: 'silver/v@s' },
    mutable: {},
    machines: ['m2', 'm1'],
  })
})

const INVALID = 'invalid-argument'
const badCreates: readonly {
  name: string
  fields: Partial<CreateVolumeRequest>
  kind: string
  message: RegExp
}[] = [
  { name: 'no name', fields: { name: '' }, kind: INVALID, message: /^name is missing/ },
  {
    name: 'a name of 129 bytes',
    fields: { name: `${'ä'.repeat(64)}x` },
    kind: INVALID,
    message: /^name has 129 bytes; 128 are allowed/,
  },
  {
    name: 'a control character in the name',
    fields: { name: 'a\u0007' },
    kind: INVALID,
    message: /^name has a control character/,
  },
  {
    name: 'a C1 control character in the name',
    fields: { name: 'a\u0085' },
    kind: INVALID,
    message: /^name has a control character/,
  },
  {
    name: 'no capability',
    fields: { volume_capabilities: [] },
    kind: INVALID,
    message: /^volume_capabilities is missing/,
  },
  {
    name: 'a capability that is neither block nor mount',
    fields: { volume_capabilities: [{ access_mode: writer }] },
    kind: INVALID,
    message: /^volume_capabilities\[0\] has neither block nor mount/,
  },
  {
    name: 'a capability that is both',
    fields: { volume_capabilities: [{ ...mount, ...block }] },
    kind: INVALID,
    message: /has both block and mount/,
  },
  {
    name: 'no access mode',
    fields: { volume_capabilities: [mount, { block: {} }] },
    kind: INVALID,
    message: /\[1\] has no access_mode/,
  },
  {
    name: 'the access mode 0',
    fields: { volume_capabilities: [withMode(mount, 0)] },
    kind: INVALID,
    message: /has no access_mode/,
  },
  {
    name: 'an access mode of the future',
    fields: { volume_capabilities: [withMode(mount, 99)] },
    kind: INVALID,
    message: /access_mode 99/,
  },
  {
    name: 'a group for the mount, which was not offered',
    fields: { volume_capabilities: [mounted({ volume_mount_group: '1000' })] },
    kind: INVALID,
    message: /volume_mount_group is not served/,
  },
  {
    name: 'too many mount flags',
    fields: { volume_capabilities: [mounted({ mount_flags: ['x'.repeat(4000), 'y'.repeat(97)] })] },
    kind: INVALID,
    message: /mount_flags has 4097 bytes/,
  },
  ...['discard', 'norecovery', 'loop=/dev/loop0', 'a,b'].map(flag => ({
    name: `the mount option ${flag}, which no guest takes`,
    fields: { volume_capabilities: [mount, mounted({ mount_flags: ['noatime', flag] })] },
    kind: INVALID,
    message: new RegExp(`^volume_capabilities: .*${flag}`),
  })),
  {
    name: 'an option of mkfs that the file system does not have',
    fields: {
      volume_capabilities: [mounted({ fs_type: 'ext4' })],
      parameters: { mkfsOptions: '-d 1' },
    },
    kind: INVALID,
    message: /mkfsOptions/,
  },
  {
    name: 'an unknown file system',
    fields: { volume_capabilities: [mounted({ fs_type: 'btrfs' })] },
    kind: 'unsupported',
    message: /"btrfs".*ext4, xfs, ufs/,
  },
  {
    name: 'block and mount for one volume',
    fields: { volume_capabilities: [block, mount] },
    kind: 'unsupported',
    message: /raw block device and a file system/,
  },
  {
    name: 'two file systems for one volume',
    fields: {
      volume_capabilities: [mounted({ fs_type: 'xfs' }), mount, mounted({ fs_type: 'ext4' })],
    },
    kind: 'unsupported',
    message: /an xfs file system and an ext4 file system/,
  },
  {
    name: 'a file system with writers on many nodes',
    fields: { volume_capabilities: [withMode(mount, 5)] },
    kind: 'unsupported',
    message: /MULTI_NODE_MULTI_WRITER with a file system/,
  },
  {
    name: 'a file system with one writer of many nodes',
    fields: { volume_capabilities: [withMode(mount, 4)] },
    kind: 'unsupported',
    message: /MULTI_NODE_SINGLE_WRITER with a file system/,
  },
  {
    name: 'a negative size',
    fields: { capacity_range: { required_bytes: '-1', limit_bytes: '0' } },
    kind: 'out-of-range',
    message: /required_bytes -1 is negative/,
  },
  {
    name: 'a negative limit',
    fields: { capacity_range: { required_bytes: '0', limit_bytes: '-1' } },
    kind: 'out-of-range',
    message: /limit_bytes -1 is negative/,
  },
  {
    name: 'a size that no number holds exactly',
    fields: { capacity_range: { required_bytes: '9007199254740993', limit_bytes: '0' } },
    kind: 'out-of-range',
    message: /9007199254740993 is too large/,
  },
  {
    name: 'a limit below the size',
    fields: { capacity_range: { required_bytes: '2', limit_bytes: '1' } },
    kind: 'out-of-range',
    message: /required_bytes 2 is more than limit_bytes 1/,
  },
  {
    name: 'misspelt parameters, all of them named',
    fields: { parameters: { blocksize: '8K', pool: 'gold', Compression: 'on' } },
    kind: INVALID,
    message: /^parameters has unknown names: Compression, blocksize; known are pool, blockSize/,
  },
  {
    name: 'a parameter with the name of an inherited property',
    fields: { parameters: { constructor: 'x' } },
    kind: INVALID,
    message: /unknown names: constructor/,
  },
  {
    name: 'an empty pool',
    fields: { parameters: { pool: '' } },
    kind: INVALID,
    message: /^parameter pool is empty/,
  },
  {
    name: 'a block size that is no power of two',
    fields: { parameters: { blockSize: '12K' } },
    kind: INVALID,
    message: /^parameter blockSize "12K"/,
  },
  {
    name: 'a block size over 128K',
    fields: { parameters: { blockSize: '256K' } },
    kind: INVALID,
    message: /"256K"/,
  },
  {
    name: 'a block size under 512',
    fields: { parameters: { blockSize: '256' } },
    kind: INVALID,
    message: /"256"/,
  },
  {
    name: 'a block size with a sign',
    fields: { parameters: { blockSize: '-8K' } },
    kind: INVALID,
    message: /"-8K"/,
  },
  {
    name: 'an empty block size',
    fields: { parameters: { blockSize: '' } },
    kind: INVALID,
    message: /blockSize ""/,
  },
  {
    name: 'an unknown compression',
    fields: { parameters: { compression: 'gzip-10' } },
    kind: INVALID,
    message: /^parameter compression "gzip-10" is not one of on, off/,
  },
  {
    name: 'an unknown reservation',
    fields: { parameters: { reservation: 'Thick' } },
    kind: INVALID,
    message: /thick, thin/,
  },
  {
    name: 'an unknown export',
    fields: { parameters: { export: 'disk' } },
    kind: INVALID,
    message: /slice, full/,
  },
  {
    name: 'a negative timeout',
    fields: { parameters: { vdiskTimeoutSeconds: '-1' } },
    kind: INVALID,
    message: /vdiskTimeoutSeconds "-1"/,
  },
  {
    name: 'a timeout with a fraction',
    fields: { parameters: { vdiskTimeoutSeconds: '1.5' } },
    kind: INVALID,
    message: /"1.5"/,
  },
  {
    name: 'a mutable parameter',
    fields: { mutable_parameters: { XXX_FakeKey: 'x' } },
    kind: INVALID,
    message: /^mutable_parameters has unknown names: XXX_FakeKey/,
  },
  {
    name: 'too many secrets',
    fields: { secrets: { a: 'x'.repeat(4096) } },
    kind: INVALID,
    message: /^secrets has 4097 bytes/,
  },
  {
    name: 'a content source of no kind',
    fields: { volume_content_source: {} },
    kind: INVALID,
    message: /neither snapshot nor volume/,
  },
  {
    name: 'a content source of both kinds',
    fields: {
      volume_content_source: { snapshot: { snapshot_id: 'a' }, volume: { volume_id: 'b' } },
    },
    kind: INVALID,
    message: /both snapshot and volume/,
  },
  {
    name: 'a content source without an id',
    fields: { volume_content_source: { volume: { volume_id: '' } } },
    kind: INVALID,
    message: /volume.volume_id is missing/,
  },
  {
    name: 'a topology without segments',
    fields: { accessibility_requirements: { requisite: [topology({})], preferred: [] } },
    kind: INVALID,
    message: /requisite\[0\] has no segments/,
  },
  {
    name: 'topologies of other drivers only',
    fields: {
      accessibility_requirements: {
        requisite: [topology({ zone: 'a' }), topology({ [KEY]: 'm1', zone: 'a' })],
        preferred: [],
      },
    },
    kind: 'no-space',
    message: /vdisk.ldom-csi.io\/machine/,
  },
]
test.each(badCreates)('CreateVolume with $name is refused', ({ fields, kind, message }) => {
  expect(() => parseCreateVolume(DRIVER, createVolume(fields))).toThrow(
    expect.objectContaining({ kind, message: expect.stringMatching(message) }),
  )
})

test('a missing field is reported before a wrong value', () => {
  const request = createVolume({ volume_capabilities: [], parameters: { nonsense: 'x' } })
  expect(() => parseCreateVolume(DRIVER, request)).toThrow('volume_capabilities is missing')
})

test('a name of 128 bytes is legal', () => {
  expect(parseCreateVolume(DRIVER, createVolume({ name: 'Ab'.repeat(64) })).name).toHaveLength(128)
})

const blockSizes: readonly { text: string; bytes: number }[] = [
  { text: '512', bytes: 512 },
  { text: '8192', bytes: 8192 },
  { text: '8K', bytes: 8192 },
  { text: '8k', bytes: 8192 },
  { text: '128K', bytes: 131072 },
]
test.each(blockSizes)('blockSize $text is $bytes bytes', ({ text, bytes }) => {
  const { parameters } = parseCreateVolume(
    DRIVER,
    createVolume({ parameters: { blockSize: text } }),
  )
  expect(parameters).toEqual({ blockSizeBytes: bytes })
})

test('parameters without a value of their own do not appear', () => {
  expect(
    Object.keys(
      parseCreateVolume(DRIVER, createVolume({ parameters: { pool: 'gold' } })).parameters,
    ),
  ).toEqual([])
})

const attachModes: readonly {
  name: string
  fields: Partial<ControllerPublishVolumeRequest>
  mode: string
  sharing: string
}[] = [
  { name: 'SINGLE_NODE_WRITER', fields: {}, mode: 'rw', sharing: 'exclusive' },
  {
    name: 'SINGLE_NODE_SINGLE_WRITER',
    fields: { volume_capability: withMode(block, 6) },
    mode: 'rw',
    sharing: 'exclusive',
  },
  {
    name: 'SINGLE_NODE_MULTI_WRITER',
    fields: { volume_capability: withMode(mount, 7) },
    mode: 'rw',
    sharing: 'exclusive',
  },
  {
    name: 'SINGLE_NODE_READER_ONLY',
    fields: { volume_capability: withMode(mount, 2) },
    mode: 'ro',
    sharing: 'exclusive',
  },
  {
    name: 'MULTI_NODE_READER_ONLY, mounted',
    fields: { volume_capability: withMode(mount, 3) },
    mode: 'ro',
    sharing: 'shared',
  },
  {
    name: 'MULTI_NODE_READER_ONLY, raw',
    fields: { volume_capability: withMode(block, 3) },
    mode: 'ro',
    sharing: 'shared',
  },
  {
    name: 'MULTI_NODE_SINGLE_WRITER, raw',
    fields: { volume_capability: withMode(block, 4) },
    mode: 'rw',
    sharing: 'shared',
  },
  {
    name: 'MULTI_NODE_MULTI_WRITER, raw',
    fields: { volume_capability: withMode(block, 5) },
    mode: 'rw',
    sharing: 'shared',
  },
  {
    name: 'a reader among writers on many nodes',
    fields: { volume_capability: withMode(block, 5), readonly: true },
    mode: 'ro',
    sharing: 'shared',
  },
  { name: 'a writer with readonly', fields: { readonly: true }, mode: 'ro', sharing: 'exclusive' },
]
test.each(attachModes)('$name attaches $mode, $sharing', ({ fields, mode, sharing }) => {
  const guest = { machine: 'm1', guest: 'ldg1' }
  expect(parseControllerPublish(publish(fields))).toMatchObject({
    volumeId: ID,
    guest,
    mode,
    sharing,
  })
})

const badPublishes: readonly {
  name: string
  fields: Partial<ControllerPublishVolumeRequest>
  kind: string
  message: RegExp
}[] = [
  { name: 'no volume', fields: { volume_id: '' }, kind: INVALID, message: /^volume_id is missing/ },
  { name: 'no node', fields: { node_id: '' }, kind: INVALID, message: /^node_id is missing/ },
  {
    name: 'no capability',
    fields: { volume_capability: undefined },
    kind: INVALID,
    message: /^volume_capability is missing/,
  },
  {
    name: 'no capability at an unknown node',
    fields: { node_id: 'x', volume_capability: undefined },
    kind: INVALID,
    message: /is missing/,
  },
  {
    name: 'a node id of 257 bytes',
    fields: { node_id: `m1/${'x'.repeat(254)}` },
    kind: INVALID,
    message: /257 bytes; 256/,
  },
  {
    name: 'a node that cannot be one',
    fields: { node_id: 'some-node' },
    kind: 'not-found',
    message: /some-node/,
  },
  {
    name: 'a volume context over 4 KiB',
    fields: { volume_context: { a: 'x'.repeat(4096) } },
    kind: INVALID,
    message: /^volume_context has 4097/,
  },
]
test.each(badPublishes)(
  'ControllerPublishVolume with $name is refused',
  ({ fields, kind, message }) => {
    expect(() => parseControllerPublish(publish(fields))).toThrow(
      expect.objectContaining({ kind, message: expect.stringMatching(message) }),
    )
  },
)

const choices: readonly { nodeId: string; from: unknown }[] = [
  { nodeId: '', from: { kind: 'every' } },
  { nodeId: 'm1/ldg1', from: { kind: 'one', guest: { machine: 'm1', guest: 'ldg1' } } },
  { nodeId: 'no-such-node', from: { kind: 'none' } },
]
test.each(choices)(
  'ControllerUnpublishVolume from node "$nodeId" means $from.kind',
  ({ nodeId, from }) => {
    expect(parseControllerUnpublish({ volume_id: ID, node_id: nodeId, secrets: {} })).toEqual({
      volumeId: ID,
      from,
    })
  },
)

function validate(
  fields: Partial<ValidateVolumeCapabilitiesRequest>,
): ValidateVolumeCapabilitiesRequest {
  return {
    ...{
      volume_id: ID,
      volume_capabilities: [mount],
      volume_context: {},
      parameters: {},
      secrets: {},
      mutable_parameters: {},
    },
    ...fields,
  }
}

test('asking about a mode that is not served is a question, not a mistake', () => {
  expect(parseValidate(validate({ volume_capabilities: [withMode(mount, 5)] })).question.kind).toBe(
    'unserved',
  )
  expect(parseValidate(validate({ parameters: { nonsense: 'x' } })).question.kind).toBe('unserved')
  expect(
    parseValidate(validate({ volume_capabilities: [mounted({ mount_flags: ['discard'] })] }))
      .question.kind,
  ).toBe('unserved')
  expect(
    parseValidate(validate({ volume_capabilities: [mounted({ mount_flags: ['noatime'] })] }))
      .question.kind,
  ).toBe('served')
})

test('asking with an incomplete capability is a mistake', () => {
  expect(() => parseValidate(validate({ volume_capabilities: [{ block: {} }] }))).toThrow(
    'has no access_mode',
  )
})

const pages: readonly {
  request: { max_entries: number; starting_token: string }
  page?: unknown
  kind?: string
}[] = [
  { request: { max_entries: 0, starting_token: '' }, page: { maxEntries: 0, after: undefined } },
  { request: { max_entries: 5, starting_token: ID }, page: { maxEntries: 5, after: ID } },
  { request: { max_entries: -1, starting_token: '' }, kind: INVALID },
  { request: { max_entries: 0, starting_token: 'invalid-token' }, kind: 'busy' },
]
test.each(pages)('ListVolumes $request', ({ request, page, kind }) => {
  if (kind === undefined) expect(parseListVolumes(request)).toEqual(page)
  else expect(() => parseListVolumes(request)).toThrow(expect.objectContaining({ kind }))
})

function capacity(fields: Partial<GetCapacityRequest>): GetCapacityRequest {
  return { volume_capabilities: [], parameters: {}, ...fields }
}

const places: readonly { name: string; fields: Partial<GetCapacityRequest>; place: unknown }[] = [
  { name: 'no topology', fields: {}, place: { kind: 'anywhere' } },
  {
    name: 'our key',
    fields: { accessible_topology: topology({ [KEY]: 'm1' }) },
    place: { kind: 'machine', machine: 'm1' },
  },
  {
    name: 'a key of another driver',
    fields: { accessible_topology: topology({ zone: 'a' }) },
    place: { kind: 'nowhere' },
  },
]
test.each(places)('GetCapacity with $name', ({ fields, place }) => {
  expect(parseGetCapacity(DRIVER, capacity(fields)).place).toEqual(place)
})

test('GetCapacity refuses capabilities and parameters that no volume could have', () => {
  expect(() =>
    parseGetCapacity(DRIVER, capacity({ volume_capabilities: [withMode(mount, 5)] })),
  ).toThrow('with a file system')
  expect(() => parseGetCapacity(DRIVER, capacity({ parameters: { nonsense: 'x' } }))).toThrow(
    'unknown names: nonsense',
  )
})

test('room is asked for with a class as it stands, whatever sidecars read from it', () => {
  const parameters = {
    pool: 'gold',
    'csi.storage.k8s.io/fstype': 'ext4',
    'csi.storage.k8s.io/provisioner-secret-name': 'secret',
    'csi.storage.k8s.io/node-stage-secret-namespace': 'default',
  }
  expect(parseGetCapacity(DRIVER, capacity({ parameters }))).toMatchObject({
    parameters: { pool: 'gold', volume: {}, fileSystem: 'ext4' },
  })
})

test(
  'the file system of a class counts where the capability names none, and must not differ ' +
    'where it does',
  () => {
    const parameters = { 'csi.storage.k8s.io/fstype': 'xfs' }
    const of = (fs_type: string) =>
      createVolume({ volume_capabilities: [mounted({ fs_type })], parameters })
    expect(parseCreateVolume(DRIVER, of('')).format).toEqual({ kind: 'filesystem', type: 'xfs' })
    expect(parseCreateVolume(DRIVER, of('xfs')).format).toEqual({ kind: 'filesystem', type: 'xfs' })
    expect(() => parseCreateVolume(DRIVER, of('ext4'))).toThrow(/file system xfs/)
    expect(() =>
      parseGetCapacity(DRIVER, capacity({ parameters: { 'csi.storage.k8s.io/fstype': 'ntfs' } })),
    ).toThrow(/"ntfs" is not served/)
  },
)
