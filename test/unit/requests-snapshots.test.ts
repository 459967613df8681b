import {
  parseCreateGroup,
  parseCreateSnapshot,
  parseGroup,
  parseListSnapshots,
  requireSnapshotId,
} from '../../src/csi/snapshot-requests.ts'
import type {
  CreateSnapshotRequest,
  CreateVolumeGroupSnapshotRequest,
  ListSnapshotsRequest,
} from '../../src/csi/wire/types.gen.ts'

const DRIVER = 'vdisk.ldom-csi.io'
const VOLUME = `silver/v-${'a'.repeat(20)}`
const SNAPSHOT = `${VOLUME}@s-${'b'.repeat(20)}`
const GROUP = `silver/g-${'c'.repeat(20)}`

function create(fields: Partial<CreateSnapshotRequest>): CreateSnapshotRequest {
  return { name: 'snapshot-1', source_volume_id: VOLUME, secrets: {}, parameters: {}, ...fields }
}

function list(fields: Partial<ListSnapshotsRequest>): ListSnapshotsRequest {
  return {
    max_entries: 0,
    starting_token: '',
    source_volume_id: '',
    snapshot_id: '',
    secrets: {},
    ...fields,
  }
}

function group(
  fields: Partial<CreateVolumeGroupSnapshotRequest>,
): CreateVolumeGroupSnapshotRequest {
  return { name: 'group-1', source_volume_ids: [VOLUME], secrets: {}, parameters: {}, ...fields }
}

test('a snapshot has a name, a source and the places it must be usable from', () => {
  const segments = { [`${DRIVER}/machine`]: 'm2' }
  const parameters = {
    deletionPolicy: 'Delete',
    'csi.storage.k8s.io/volumesnapshot/name': 'daily',
    'csi.storage.k8s.io/volumesnapshotcontent/name': 'c',
  }
  const request = create({
    parameters,
    accessibility_requirements: { requisite: [{ segments }], preferred: [] },
  })
  expect(parseCreateSnapshot(DRIVER, request)).toEqual({
    name: 'snapshot-1',
    volumeId: VOLUME,
    requisite: ['m2'],
  })
})

const badSnapshots: readonly {
  name: string
  fields: Partial<CreateSnapshotRequest>
  message: RegExp
}[] = [
  { name: 'no name', fields: { name: '' }, message: /^name is missing/ },
  {
    name: 'no name and a wrong parameter',
    fields: { name: '', parameters: { x: '' } },
    message: /^name is missing/,
  },
  {
    name: 'a name of 129 bytes',
    fields: { name: 'x'.repeat(129) },
    message: /^name has 129 bytes/,
  },
  { name: 'no source', fields: { source_volume_id: '' }, message: /^source_volume_id is missing/ },
  {
    name: 'parameters',
    fields: { parameters: { z: '1', a: '2' } },
    message: /^parameters has unknown names: a, z; none is known/,
  },
  {
    name: 'too many secrets',
    fields: { secrets: { a: 'x'.repeat(4096) } },
    message: /^secrets has 4097/,
  },
]
test.each(badSnapshots)('CreateSnapshot with $name is refused', ({ fields, message }) => {
  expect(() => parseCreateSnapshot(DRIVER, create(fields))).toThrow(
    expect.objectContaining({ kind: 'invalid-argument', message: expect.stringMatching(message) }),
  )
})

test('a snapshot is named by its id', () => {
  expect(requireSnapshotId({ snapshot_id: 'anything', secrets: {} })).toBe('anything')
  expect(() => requireSnapshotId({ snapshot_id: '', secrets: {} })).toThrow(
    'snapshot_id is missing',
  )
})

const filters: readonly { name: string; fields: Partial<ListSnapshotsRequest>; filter: unknown }[] =
  [
    { name: 'everything', fields: {}, filter: {} },
    { name: 'one snapshot', fields: { snapshot_id: SNAPSHOT }, filter: { snapshotId: SNAPSHOT } },
    {
      name: 'those of a volume',
      fields: { source_volume_id: VOLUME },
      filter: { volumeId: VOLUME },
    },
    {
      name: 'one, if it is of that volume',
      fields: { snapshot_id: SNAPSHOT, source_volume_id: 'x' },
      filter: { snapshotId: SNAPSHOT, volumeId: 'x' },
    },
  ]
test.each(filters)('a list can ask for $name', ({ fields, filter }) => {
  expect(parseListSnapshots(list(fields)).filter).toEqual(filter)
})

test('a page begins after the last snapshot of the page before', () => {
  expect(parseListSnapshots(list({ max_entries: 2, starting_token: SNAPSHOT })).page).toEqual({
    maxEntries: 2,
    after: SNAPSHOT,
  })
  expect(() => parseListSnapshots(list({ starting_token: VOLUME }))).toThrow(
    expect.objectContaining({ kind: 'busy' }),
  )
  expect(() => parseListSnapshots(list({ max_entries: -1 }))).toThrow(
    expect.objectContaining({ kind: 'invalid-argument' }),
  )
})

test('a group has a name and its volumes', () => {
  const parameters = {
    deletionPolicy: 'Delete',
    'csi.storage.k8s.io/volumegroupsnapshot/name': 'daily',
  }
  expect(parseCreateGroup(group({ parameters }))).toEqual({ name: 'group-1', volumeIds: [VOLUME] })
})

const badGroups: readonly {
  name: string
  fields: Partial<CreateVolumeGroupSnapshotRequest>
  message: RegExp
}[] = [
  { name: 'no name', fields: { name: '' }, message: /^name is missing/ },
  {
    name: 'no volumes',
    fields: { source_volume_ids: [] },
    message: /^source_volume_ids is missing/,
  },
  {
    name: 'a volume without id',
    fields: { source_volume_ids: [VOLUME, ''] },
    message: /^source_volume_ids\[1\] is missing/,
  },
  {
    name: 'parameters',
    fields: { parameters: { a: '2' } },
    message: /^parameters has unknown names: a/,
  },
]
test.each(badGroups)('CreateVolumeGroupSnapshot with $name is refused', ({ fields, message }) => {
  expect(() => parseCreateGroup(group(fields))).toThrow(
    expect.objectContaining({ kind: 'invalid-argument', message: expect.stringMatching(message) }),
  )
})

test('a group is named by its id; its members need not be', () => {
  expect(parseGroup({ group_snapshot_id: GROUP, snapshot_ids: [], secrets: {} })).toEqual({
    groupId: GROUP,
    memberIds: [],
  })
  expect(() => parseGroup({ group_snapshot_id: '', snapshot_ids: [], secrets: {} })).toThrow(
    'group_snapshot_id is missing',
  )
  expect(() => parseGroup({ group_snapshot_id: GROUP, snapshot_ids: [''], secrets: {} })).toThrow(
    'snapshot_ids[0] is missing',
  )
})
