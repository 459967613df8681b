// What is written on datasets and read back, value by value: whose a value is, and what is none of
// the driver's.

import { contentOf } from '../../src/model/content.ts'
import type { Snapshot } from '../../src/model/volumes.ts'
import * as datasets from '../../src/storage/catalog/datasets.ts'
import * as properties from '../../src/storage/catalog/properties.ts'
import { parseBytes } from '../../src/zfs/bytes.ts'
import type { Properties, PropertySource } from '../../src/zfs/zfs.ts'
import { volumeParameters } from '../support/parameters.ts'

const encode = (text: string) => Buffer.from(text).toString('base64url')
const DATASET = 'tank/csi/v-aaaaaaaaaaaaaaaaaaaa'

/** As zfs prints them: the driver's with their source, those of ZFS as given. */
function read(
  own: Readonly<Record<string, string>>,
  native: Readonly<Record<string, string>> = {},
  source: PropertySource = 'local',
) {
  const values = [
    ...Object.entries(own).map(
      ([key, value]) => [`ldom-csi:${key}`, { value: encode(value), source }] as const,
    ),
  ]
  return new Map([
    ...values,
    ...Object.entries(native).map(
      ([key, value]) => [key, { value, source: 'none' as const }] as const,
    ),
  ])
}

const own = { cluster: 'prod', name: 'snap' }
const native = { creation: '1790000000', volsize: '8192', defer_destroy: 'off' }
const place = { volumeId: 'gold/v-a', leaf: 's-a', snapshot: `${DATASET}@s-a`, cluster: 'prod' }
const SNAPSHOT: Snapshot = {
  ...{
    id: 'gold/v-a@s-a',
    name: 'snap',
    volumeId: 'gold/v-a',
    sizeBytes: 8192,
    createdAtSeconds: 1_790_000_000,
  },
  groupId: undefined,
}

test.each([
  { what: 'a snapshot of this cluster', values: read(own, native), found: SNAPSHOT },
  { what: 'one that was received', values: read(own, native, 'received'), found: SNAPSHOT },
  {
    what: 'one of a group',
    values: read({ ...own, group: 'gold/g-a' }, native),
    found: { ...SNAPSHOT, groupId: 'gold/g-a' },
  },
  {
    what: 'one without a size of its own',
    values: read(own, { ...native, volsize: '-' }),
    found: { ...SNAPSHOT, sizeBytes: 0 },
  },
  {
    what: 'one of a dialect that knows neither size nor deferring',
    values: read(own, { creation: native.creation }),
    found: { ...SNAPSHOT, sizeBytes: 0 },
  },
  {
    what: 'one that shows the name of its volume',
    values: read(own, native, 'inherited'),
    found: undefined,
  },
  {
    what: 'one of another cluster',
    values: read({ ...own, cluster: 'test' }, native),
    found: undefined,
  },
  {
    what: 'one that waits for its last clone',
    values: read(own, { ...native, defer_destroy: 'on' }),
    found: undefined,
  },
  { what: 'one that an administrator made', values: read({}, native), found: undefined },
])('$what is read as it is', ({ values, found }) => {
  expect(datasets.findSnapshot(values, place)).toEqual(found)
})

test.each(['volsize', 'creation'])('a snapshot whose %s is no number is not understood', name => {
  expect(() => datasets.findSnapshot(read(own, { ...native, [name]: 'many' }), place)).toThrow(
    expect.objectContaining({
      kind: 'internal',
      message: expect.stringContaining(`${name} of ${place.snapshot}`),
    }),
  )
})

test.each([
  { what: 'a live volume', values: read({ state: 'live' }), deleted: false },
  { what: 'a deleted one', values: read({ state: 'deleted' }), deleted: true },
  {
    what: 'a clone that shows the state of its origin',
    values: read({ state: 'deleted' }, {}, 'inherited'),
    deleted: false,
  },
  { what: 'one without a state', values: read({}), deleted: false },
])('$what is deleted: $deleted', ({ values, deleted }) => {
  expect(properties.isDeleted(values, DATASET)).toBe(deleted)
})

test('what marks a deleted volume is read back as that', () => {
  const [name, value] = properties.formatDeletedProperty()
  expect(properties.isDeleted(new Map([[name, { value, source: 'local' }]]), DATASET)).toBe(true)
})

const AT = { pool: 'gold', leaf: 'v-a', dataset: DATASET }
const owned = { machine: 'm1', guest: 'ldg1' }
const whole = { ...owned, vdisk: '117', mode: 'rw', size: '8192', written: 'true' }

test.each([
  {
    what: 'the record of a shared volume',
    values: read({ sharing: 'shared' }),
    parent: { kind: 'shared-record' },
  },
  {
    what: 'that of an exclusive one',
    values: read({ sharing: 'exclusive', ...owned }),
    parent: { kind: 'record', owner: owned, attachment: undefined },
  },
  {
    what: 'an exclusive one of version 0.1.0, which holds the attachment itself',
    values: read({ sharing: 'exclusive', ...whole }),
    parent: {
      kind: 'record',
      owner: owned,
      attachment: expect.objectContaining({ guest: owned, slot: 117, dataset: DATASET }),
    },
  },
])('$what is read as $parent.kind', ({ values, parent }) => {
  expect(datasets.parseRecord(values, AT)).toEqual(parent)
})

test.each([
  { what: 'an exclusive record that lost its guest', values: read({ sharing: 'exclusive' }) },
  {
    what: 'a record that shows what stands above it',
    values: read({ sharing: 'shared' }, {}, 'inherited'),
  },
])('$what is not understood', ({ values }) => {
  expect(() => datasets.parseRecord(values, AT)).toThrow(
    expect.objectContaining({ message: expect.stringContaining(DATASET) }),
  )
})

test(
  'what is written on the record above the guests’ own, and on what holds nobody’s data, is ' +
    'read back',
  () => {
    const local = (written: Readonly<Record<string, string>>): Properties =>
      new Map(Object.entries(written).map(([name, value]) => [name, { value, source: 'local' }]))
    const parent = (sharing: 'shared' | 'exclusive') =>
      local(properties.formatParentProperties({ sharing, guest: owned }, 'prod'))
    expect(datasets.parseRecord(parent('shared'), AT)).toEqual({ kind: 'shared-record' })
    expect(datasets.parseRecord(parent('exclusive'), AT)).toEqual({
      kind: 'record',
      owner: owned,
      attachment: undefined,
    })
    expect(properties.ownerCluster(parent('shared'), DATASET)).toBe('prod')
    expect(properties.ownerCluster(local(properties.formatOwnerProperties('prod')), DATASET)).toBe(
      'prod',
    )
  },
)

test.each([
  { written: ['m1', 'ldg1', '117'], number: 117 },
  { written: ['m1', 'ldg1', '0'], number: 0 },
  { written: ['m2', 'ldg1', '117'], number: undefined },
  { written: ['m1', 'ldg2', '117'], number: undefined },
  { written: ['m1', 'ldg1'], number: undefined },
  { written: ['m1', 'ldg1', ''], number: undefined },
  { written: ['m1', 'ldg1', '11717'], number: undefined },
  { written: ['m1', 'ldg1', '1x'], number: undefined },
  { written: ['m1', 'ldg1', 'x1'], number: undefined },
])('$written is number $number of m1/ldg1', ({ written, number }) => {
  expect(properties.findNumber(written.map(encode), owned)).toBe(number)
})

test.each([
  {
    what: 'an empty volume',
    of: { source: { kind: 'empty' }, rootId: 'gold/v-x' },
    content: 'gold/v-a',
  },
  {
    what: 'a copy',
    of: { source: { kind: 'volume', id: 'gold/v-b' }, rootId: 'gold/v-c' },
    content: 'gold/v-c',
  },
  {
    what: 'an older copy',
    of: { source: { kind: 'volume', id: 'gold/v-b' }, rootId: undefined },
    content: 'gold/v-b',
  },
  {
    what: 'an older restore',
    of: { source: { kind: 'snapshot', id: 'gold/v-b@s-a' }, rootId: undefined },
    content: 'gold/v-b',
  },
] as const)('$what has the content of $content', ({ of, content }) => {
  expect(contentOf({ id: 'gold/v-a', ...of })).toBe(content)
})

test.each([
  { source: 'local', cluster: 'prod' },
  { source: 'received', cluster: 'prod' },
  { source: 'inherited', cluster: undefined },
  { source: 'default', cluster: undefined },
  { source: 'none', cluster: undefined },
] as const)('a dataset whose cluster is $source is of cluster $cluster', ({ source, cluster }) => {
  expect(properties.ownerCluster(read({ cluster: 'prod' }, {}, source), DATASET)).toBe(cluster)
})

test.each(['', 'plain words', 'cHJvZA==', 'cHJvZB'])(
  'a cluster written as %j was not written by this driver',
  text => {
    const values: Properties = new Map([['ldom-csi:cluster', { value: text, source: 'local' }]])
    const refusal = expect.objectContaining({
      kind: 'failed-precondition',
      message: expect.stringContaining(DATASET),
    })
    expect(() => properties.ownerCluster(values, DATASET)).toThrow(refusal)
  },
)

test.each(['', '-', '-1', '1.5', '8K', ' 8', '1e3', '9007199254740992'])(
  '%j is no number of bytes',
  text => {
    expect(() => parseBytes(text, 'a')).toThrow(expect.objectContaining({ kind: 'internal' }))
  },
)

test.each([0, 8192, Number.MAX_SAFE_INTEGER])('%d bytes are read as they are', bytes => {
  expect(parseBytes(String(bytes), 'a')).toBe(bytes)
  expect(() => parseBytes(undefined, 'a')).toThrow(expect.objectContaining({ kind: 'internal' }))
})

const VOLUME = {
  ...{ name: 'orders', createdSizeBytes: 8192 },
  ...({ source: { kind: 'empty' }, format: { kind: 'block' } } as const),
  parameters: volumeParameters(),
} as const

function volume(
  change: { parent?: string; native?: Record<string, string>; without?: string } = {},
) {
  const values = new Map<string, { value: string; source: PropertySource }>(
    Object.entries(properties.formatVolumeProperties(VOLUME, 'prod')).map(([name, value]) => [
      name,
      { value, source: 'local' as const },
    ]),
  )
  const ofZfs = {
    volsize: '16384',
    creation: '1790000000',
    refreservation: '4096',
    referenced: '12288',
    origin: '-',
    ...change.native,
  }
  for (const [name, value] of Object.entries(ofZfs)) values.set(name, { value, source: 'none' })
  if (change.without !== undefined) values.delete(change.without)
  const parent = change.parent === undefined ? undefined : read({}, { referenced: change.parent })
  return datasets.parseVolume(values, {
    pool: 'gold',
    leaf: 'v-a',
    dataset: DATASET,
    machines: ['m1'],
    parent,
  })
}

test('a volume is what is written on its dataset, and what ZFS says of it', () => {
  expect(volume()).toEqual({
    ...VOLUME,
    ...{
      id: 'gold/v-a',
      pool: 'gold',
      leaf: 'v-a',
      machines: ['m1'],
      sizeBytes: 16_384,
      reservedBytes: 4096,
      holdsData: false,
    },
    ...{ origin: undefined, rootId: undefined, bornSeconds: 1_790_000_000 },
  })
  expect(volume({ native: { origin: 'tank/csi/v-b@c-a' } }).origin).toBe('tank/csi/v-b@c-a')
})

test.each([
  { parent: undefined, most: 65_536 },
  { parent: '24576', most: 65_536 },
  { parent: '65537', most: 65_537 },
  { parent: '196608', most: 196_608 },
  { parent: '1099511627776', most: 2_097_152 },
])(
  'beside a parent of $parent bytes a volume holds data from the first byte above $most',
  ({ parent, most }) => {
    const holdsData = (bytes: number) =>
      volume({ ...(parent && { parent }), native: { referenced: String(bytes) } }).holdsData
    expect([0, most - 1, most, most + 1].map(holdsData)).toEqual([false, false, false, true])
  },
)

test.each(['volsize', 'creation', 'refreservation', 'referenced'])(
  'a volume without %s is not understood',
  name => {
    expect(() => volume({ without: name })).toThrow(expect.objectContaining({ kind: 'internal' }))
  },
)

test('a copy knows where its copies began, and one of earlier versions takes its source for that', () => {
  const copy = { id: 'gold/v-c', source: { kind: 'volume', id: 'gold/v-b' } } as const
  const restored = { id: 'gold/v-c', source: { kind: 'snapshot', id: 'gold/v-b@s-a' } } as const

  expect(contentOf({ id: 'gold/v-c', source: { kind: 'empty' }, rootId: undefined })).toBe(
    'gold/v-c',
  )
  expect(contentOf({ ...copy, rootId: 'gold/v-a' })).toBe('gold/v-a')
  expect(contentOf({ ...copy, rootId: undefined })).toBe('gold/v-b')
  expect(contentOf({ ...restored, rootId: undefined })).toBe('gold/v-b')
})

test.each(['name', 'format', 'parameters', 'source', 'size'])(
  'a volume without %s of its own is refused',
  name => {
    expect(() => volume({ without: `ldom-csi:${name}` })).toThrow(
      expect.objectContaining({ kind: 'failed-precondition' }),
    )
  },
)

const RECORD = {
  ...{ volumeId: 'gold/v-a', guest: { machine: 'm1', guest: 'g1' }, slot: 100, sizeBytes: 8192 },
  ...({ sharing: 'shared', mode: 'ro' } as const),
}
const RECORDS = [
  { ...RECORD, lun: undefined, written: false },
  { ...RECORD, lun: 0, written: true },
]

test.each(RECORDS)('a record with lun $lun and written $written is read back', record => {
  const written = Object.entries(properties.formatRecordProperties(record, 'prod'))
  const values = new Map(
    written.map(([name, value]) => [name, { value, source: 'local' as const }]),
  )
  expect(datasets.parseAttachment(values, AT)).toEqual({ ...record, dataset: DATASET })
})

test('a number that changed on a record is read back', () => {
  const written = Object.entries(
    properties.formatRecordProperties({ ...RECORD, lun: 1, written: false }, 'prod'),
  )
  const changed = [
    properties.formatNumberProperty('lun', 7),
    properties.formatNumberProperty('vdisk', 101),
  ]
  const values = new Map(
    [...written, ...changed].map(([name, value]) => [name, { value, source: 'local' as const }]),
  )
  expect(datasets.parseAttachment(values, AT)).toMatchObject({ lun: 7, slot: 101 })
})

test('everything that is written is also read', () => {
  const asked = new Set([...properties.READ_PROPERTIES])
  const written = [
    properties.formatVolumeProperties(VOLUME, 'prod'),
    properties.formatRecordProperties({ ...RECORD, lun: 1, written: false }, 'prod'),
  ]
  expect(written.flatMap(values => Object.keys(values)).filter(name => !asked.has(name))).toEqual(
    [],
  )
  const ofSnapshots = Object.keys(
    properties.formatSnapshotProperties({ name: 'a', groupId: 'gold/g-a' }, 'prod'),
  )
  expect(ofSnapshots).toEqual(['ldom-csi:cluster', 'ldom-csi:name', 'ldom-csi:group'])
  expect(properties.SNAPSHOT_PROPERTIES).toEqual(
    expect.arrayContaining([...ofSnapshots, 'creation', 'volsize', 'defer_destroy']),
  )
  expect(
    Object.keys(properties.formatSnapshotProperties({ name: 'a', groupId: undefined }, 'prod')),
  ).toEqual(['ldom-csi:cluster', 'ldom-csi:name'])
  expect(properties.STATE_PROPERTIES).toEqual(['ldom-csi:cluster', 'ldom-csi:state'])
})
