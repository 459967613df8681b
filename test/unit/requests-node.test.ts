import {
  formatPublishContext,
  formatVolumeContext,
  parsePublishContext,
  parseVolumeContext,
} from '../../src/csi/contexts.ts'
import {
  parseNodeExpand,
  parsePublish,
  parseStage,
  parseStats,
  parseUnpublish,
  parseUnstage,
  parseVolumeHealth,
} from '../../src/csi/node-requests.ts'
import type {
  NodeExpandVolumeRequest,
  NodePublishVolumeRequest,
  NodeStageVolumeRequest,
  VolumeCapability,
} from '../../src/csi/wire/types.gen.ts'
import type { Attachment, Volume } from '../../src/model/volumes.ts'

const ID = `silver/v-${'a'.repeat(20)}`
const PUBLISHED = { vdisk: '123', sizeBytes: '1048576', written: 'false', mode: 'rw' }
const CREATED = { name: 'pvc-1', source: 'empty', format: 'filesystem' }

const mount: VolumeCapability = {
  mount: { fs_type: '', mount_flags: ['noatime'], volume_mount_group: '' },
  access_mode: { mode: 1 },
}
const block: VolumeCapability = { block: {}, access_mode: { mode: 1 } }
const withMode = (mode: 2 | 6 | 7): VolumeCapability => ({ ...mount, access_mode: { mode } })

function stage(fields: Partial<NodeStageVolumeRequest>): NodeStageVolumeRequest {
  return {
    ...{ volume_id: ID, staging_target_path: '/staging', volume_capability: mount, secrets: {} },
    ...{ publish_context: PUBLISHED, volume_context: CREATED },
    ...fields,
  }
}

function nodeExpand(volume_path: string): NodeExpandVolumeRequest {
  return {
    ...{ volume_id: ID, volume_path, staging_target_path: '', secrets: {} },
    capacity_range: undefined,
    volume_capability: undefined,
  }
}

function publish(fields: Partial<NodePublishVolumeRequest>): NodePublishVolumeRequest {
  return { ...stage({}), target_path: '/target', readonly: false, ...fields }
}

test('a stage request is parsed in full', () => {
  expect(parseStage(stage({}))).toEqual({
    volumeId: ID,
    slot: 123,
    sizeBytes: 1048576,
    format: { kind: 'filesystem', type: '', mountOptions: ['noatime'], mkfsOptions: '' },
    createdEmpty: true,
    written: false,
    mode: 'rw',
    attached: 'rw',
    stagingPath: '/staging',
  })
})

// Each of these takes away a reason to format.
const witnesses: readonly {
  name: string
  fields: Partial<NodeStageVolumeRequest>
  expected: object
}[] = [
  {
    name: 'made from a snapshot',
    fields: { volume_context: { ...CREATED, source: 'snapshot' } },
    expected: { createdEmpty: false },
  },
  {
    name: 'of a hand-made PV without context',
    fields: { volume_context: {} },
    expected: { createdEmpty: false },
  },
  {
    name: 'of a source that a later version writes',
    fields: { volume_context: { source: 'stream' } },
    expected: { createdEmpty: false },
  },
  {
    name: 'that was written',
    fields: { publish_context: { ...PUBLISHED, written: 'true' } },
    expected: { written: true, little: undefined },
  },
  {
    name: 'to which little was written',
    fields: { publish_context: { ...PUBLISHED, written: 'true', little: 'true' } },
    expected: { written: true, little: true },
  },
  {
    name: 'attached read-only',
    fields: { publish_context: { ...PUBLISHED, mode: 'ro' } },
    expected: { mode: 'ro' },
  },
  {
    name: 'for readers only',
    fields: { volume_capability: withMode(2) },
    expected: { mode: 'ro', attached: 'rw' },
  },
]
test.each(witnesses)('a volume $name is staged as such', ({ fields, expected }) => {
  expect(parseStage(stage(fields))).toMatchObject(expected)
})

test('keys that the orchestrator adds to the contexts change nothing', () => {
  const volume_context = { ...CREATED, 'storage.kubernetes.io/csiProvisionerIdentity': '1-2-3' }
  expect(parseStage(stage({ volume_context }))).toEqual(parseStage(stage({})))
})

const INVALID = 'invalid-argument'
const badStages: readonly {
  name: string
  fields: Partial<NodeStageVolumeRequest>
  kind: string
  message: RegExp
}[] = [
  { name: 'no volume', fields: { volume_id: '' }, kind: INVALID, message: /^volume_id is missing/ },
  {
    name: 'no path',
    fields: { staging_target_path: '' },
    kind: INVALID,
    message: /^staging_target_path is missing/,
  },
  {
    name: 'a relative path',
    fields: { staging_target_path: 'a/b' },
    kind: INVALID,
    message: /"a\/b" is not an absolute path/,
  },
  {
    name: 'a zero in the path',
    fields: { staging_target_path: '/a\0b' },
    kind: INVALID,
    message: /control character/,
  },
  {
    name: 'no capability',
    fields: { volume_capability: undefined },
    kind: INVALID,
    message: /^volume_capability is missing/,
  },
  {
    name: 'no publish context',
    fields: { publish_context: {} },
    kind: INVALID,
    message: /lacks the number vdisk/,
  },
  {
    name: 'a disk number that is none',
    fields: { publish_context: { ...PUBLISHED, vdisk: '0x7b' } },
    kind: INVALID,
    message: /lacks the number vdisk/,
  },
  {
    name: 'a size of nothing',
    fields: { publish_context: { ...PUBLISHED, sizeBytes: '0' } },
    kind: INVALID,
    message: /sizeBytes 0/,
  },
  {
    name: 'an unclear witness',
    fields: { publish_context: { ...PUBLISHED, written: 'no' } },
    kind: INVALID,
    message: /written \(true or false\)/,
  },
  {
    name: 'an unclear amount',
    fields: { publish_context: { ...PUBLISHED, written: 'true', little: 'some' } },
    kind: INVALID,
    message: /little \(true or false\)/,
  },
  {
    name: 'an unclear mode',
    fields: { publish_context: { ...PUBLISHED, mode: 'wo' } },
    kind: INVALID,
    message: /mode \(rw or ro\)/,
  },
  {
    name: 'an unknown format',
    fields: { volume_context: { format: 'tape' } },
    kind: INVALID,
    message: /unknown format "tape"/,
  },
  {
    name: 'a raw volume to be mounted',
    fields: { volume_context: { ...CREATED, format: 'block' } },
    kind: 'failed-precondition',
    message: /created as block/,
  },
  {
    name: 'a file system to be used raw',
    fields: { volume_capability: block },
    kind: 'failed-precondition',
    message: /created as filesystem/,
  },
  {
    name: 'a volume that cannot be ours',
    fields: { volume_id: 'pvc-1' },
    kind: 'not-found',
    message: /"pvc-1" does not exist/,
  },
]
test.each(badStages)('NodeStageVolume with $name is refused', ({ fields, kind, message }) => {
  expect(() => parseStage(stage(fields))).toThrow(
    expect.objectContaining({ kind, message: expect.stringMatching(message) }),
  )
})

const badPublishes: readonly {
  name: string
  fields: Partial<NodePublishVolumeRequest>
  kind: string
  message: RegExp
}[] = [
  {
    name: 'no target',
    fields: { target_path: '' },
    kind: INVALID,
    message: /^target_path is missing/,
  },
  {
    name: 'neither capability nor staging path',
    fields: { volume_capability: undefined, staging_target_path: '' },
    kind: INVALID,
    message: /^volume_capability/,
  },
  {
    name: 'no staging path',
    fields: { staging_target_path: '' },
    kind: 'failed-precondition',
    message: /staged first/,
  },
]
test.each(badPublishes)('NodePublishVolume with $name is refused', ({ fields, kind, message }) => {
  expect(() => parsePublish(publish(fields))).toThrow(
    expect.objectContaining({ kind, message: expect.stringMatching(message) }),
  )
})

const targets: readonly {
  name: string
  fields: Partial<NodePublishVolumeRequest>
  readonly: boolean
  exclusive: boolean
}[] = [
  { name: 'SINGLE_NODE_WRITER', fields: {}, readonly: false, exclusive: false },
  {
    name: 'SINGLE_NODE_READER_ONLY',
    fields: { volume_capability: withMode(2) },
    readonly: true,
    exclusive: true,
  },
  {
    name: 'SINGLE_NODE_SINGLE_WRITER',
    fields: { volume_capability: withMode(6) },
    readonly: false,
    exclusive: true,
  },
  {
    name: 'SINGLE_NODE_MULTI_WRITER',
    fields: { volume_capability: withMode(7) },
    readonly: false,
    exclusive: false,
  },
  { name: 'a pod that only reads', fields: { readonly: true }, readonly: true, exclusive: false },
  {
    name: 'a disk attached read-only',
    fields: { publish_context: { ...PUBLISHED, mode: 'ro' } },
    readonly: true,
    exclusive: false,
  },
]
test.each(targets)(
  '$name is published with readonly $readonly and exclusive $exclusive',
  ({ fields, readonly, exclusive }) => {
    expect(parsePublish(publish(fields))).toMatchObject({
      stagingPath: '/staging',
      targetPath: '/target',
      readonly,
      exclusive,
    })
  },
)

test('taking away needs the volume and the path, and knows no other condition', () => {
  expect(parseUnstage({ volume_id: 'any text', staging_target_path: '/s' })).toEqual({
    volumeId: 'any text',
    stagingPath: '/s',
  })
  expect(parseUnpublish({ volume_id: 'any text', target_path: '/t' })).toEqual({
    volumeId: 'any text',
    targetPath: '/t',
  })
  expect(() => parseUnstage({ volume_id: '', staging_target_path: '/s' })).toThrow(
    'volume_id is missing',
  )
  expect(() => parseUnpublish({ volume_id: ID, target_path: '' })).toThrow('target_path is missing')
})

const at = (path: string) => ({
  'a stage request': () => parseStage(stage({ staging_target_path: path })),
  'an unstage request': () => parseUnstage({ volume_id: ID, staging_target_path: path }),
  'a publish request, for its target': () => parsePublish(publish({ target_path: path })),
  'a publish request': () => parsePublish(publish({ staging_target_path: path })),
  'an unpublish request': () => parseUnpublish({ volume_id: ID, target_path: path }),
  statistics: () => parseStats({ volume_id: ID, volume_path: path, staging_target_path: '' }),
  'a growth in the guest': () => parseNodeExpand(nodeExpand(path)),
  health: () =>
    parseVolumeHealth({
      ...{ volume_id: ID, staging_target_path: path, volume_publish_path: '', secrets: {} },
    }),
})

test.each(Object.keys(at('/')))('a path of more than 4096 bytes is refused in %s', request => {
  const parse = (bytes: number) =>
    Object.entries(at(`/${'a'.repeat(bytes - 1)}`)).find(([name]) => name === request)?.[1]
  expect(parse(4096)).not.toThrow()
  expect(parse(4097)).toThrow(
    expect.objectContaining({
      kind: INVALID,
      message: expect.stringMatching(/^\w+_path has 4097 bytes; 4096 are allowed$/),
    }),
  )
})

test('statistics of an unknown volume at a relative path are not found, not malformed', () => {
  const request = { volume_id: 'unknown', volume_path: 'some/path', staging_target_path: '' }
  expect(() => parseStats(request)).toThrow(expect.objectContaining({ kind: 'not-found' }))
  expect(() => parseStats({ ...request, volume_path: '' })).toThrow(
    expect.objectContaining({ kind: INVALID }),
  )
})

test('what the controller writes into the contexts is what the node reads', () => {
  const attachment: Attachment = {
    ...{
      volumeId: ID,
      guest: { machine: 'm1', guest: 'ldg1' },
      mode: 'ro',
      sharing: 'exclusive',
      slot: 700,
      lun: 5,
    },
    ...{ sizeBytes: 2 ** 43, written: true, little: true },
  }
  const parameters = { mkfsOptions: '-m 1' }
  const volume = {
    name: 'pvc-1',
    source: { kind: 'empty' },
    format: { kind: 'filesystem', type: 'ext4' },
    parameters,
  } as Volume
  expect(parsePublishContext(formatPublishContext(attachment))).toEqual({
    slot: 700,
    sizeBytes: 2 ** 43,
    written: true,
    little: true,
    mode: 'ro',
  })
  expect(parseVolumeContext(formatVolumeContext(volume))).toEqual({
    createdEmpty: true,
    format: 'filesystem',
    parameters: { mkfsOptions: '-m 1' },
  })
})
