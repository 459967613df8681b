import { parseExpand, parseModify } from '../../src/csi/controller-requests.ts'
import { parseNodeExpand, parseVolumeHealth } from '../../src/csi/node-requests.ts'
import { cutPage } from '../../src/csi/pages.ts'
import type {
  ControllerExpandVolumeRequest,
  NodeExpandVolumeRequest,
  VolumeCapability,
} from '../../src/csi/wire/types.gen.ts'

const ID = `silver/v-${'a'.repeat(20)}`
const block: VolumeCapability = { block: {}, access_mode: { mode: 1 } }

function expand(fields: Partial<ControllerExpandVolumeRequest>): ControllerExpandVolumeRequest {
  return {
    volume_id: ID,
    capacity_range: { required_bytes: '4096', limit_bytes: '0' },
    secrets: {},
    ...fields,
  }
}

function nodeExpand(fields: Partial<NodeExpandVolumeRequest>): NodeExpandVolumeRequest {
  return { volume_id: ID, volume_path: '/a', staging_target_path: '', secrets: {}, ...fields }
}

function modify(mutable_parameters: Record<string, string>) {
  return parseModify({ volume_id: ID, secrets: {}, mutable_parameters }).changes
}

test('an expansion has a volume and a range', () => {
  expect(parseExpand(expand({ volume_capability: block }))).toEqual({
    volumeId: ID,
    range: { requiredBytes: 4096, limitBytes: 0 },
  })
})

const badExpansions: readonly {
  name: string
  fields: Partial<ControllerExpandVolumeRequest>
  kind: string
  message: RegExp
}[] = [
  {
    name: 'no volume',
    fields: { volume_id: '' },
    kind: 'invalid-argument',
    message: /^volume_id is missing/,
  },
  {
    name: 'no range',
    fields: { capacity_range: undefined },
    kind: 'invalid-argument',
    message: /^capacity_range is missing/,
  },
  {
    name: 'a range without bounds',
    fields: { capacity_range: { required_bytes: '0', limit_bytes: '0' } },
    kind: 'invalid-argument',
    message: /^capacity_range has neither/,
  },
  {
    name: 'a limit below the size',
    fields: { capacity_range: { required_bytes: '2', limit_bytes: '1' } },
    kind: 'out-of-range',
    message: /more than limit_bytes/,
  },
  {
    name: 'a capability of no kind',
    fields: { volume_capability: { access_mode: { mode: 1 } } },
    kind: 'invalid-argument',
    message: /neither block nor mount/,
  },
]
test.each(badExpansions)(
  'ControllerExpandVolume with $name is refused',
  ({ fields, kind, message }) => {
    expect(() => parseExpand(expand(fields))).toThrow(
      expect.objectContaining({ kind, message: expect.stringMatching(message) }),
    )
  },
)

test('every mutable parameter has its values, and what sidecars add is passed over', () => {
  const parameters = {
    compression: 'zstd',
    reservation: 'thin',
    logbias: 'throughput',
    sync: 'always',
    'csi.storage.k8s.io/pv/name': 'a',
  }
  expect(modify(parameters)).toEqual({
    compression: 'zstd',
    reservation: 'thin',
    logbias: 'throughput',
    sync: 'always',
  })
  expect(modify({})).toEqual({})
})

const badChanges: readonly { name: string; value: string; message: RegExp }[] = [
  {
    name: 'XXX_FakeKey',
    value: 'XXX_FakeValue',
    message: /unknown names: XXX_FakeKey; known are compression, reservation, logbias, sync/,
  },
  { name: 'toString', value: '', message: /unknown names: toString/ },
  { name: 'blockSize', value: '8K', message: /unknown names: blockSize/ },
  { name: 'compression', value: 'best', message: /^parameter compression "best" is not one of/ },
  {
    name: 'reservation',
    value: '',
    message: /^parameter reservation "" is not one of thick, thin/,
  },
  { name: 'logbias', value: 'speed', message: /is not one of latency, throughput/ },
  { name: 'sync', value: 'never', message: /is not one of standard, always/ },
  {
    name: 'sync',
    value: 'disabled',
    message: /^parameter sync: "disabled" is refused: writes .* would be lost/,
  },
]
test.each(badChanges)(
  'ControllerModifyVolume with $name=$value is refused, whatever else is right',
  ({ name, value, message }) => {
    expect(() => modify({ compression: 'off', [name]: value })).toThrow(
      expect.objectContaining({
        kind: 'invalid-argument',
        message: expect.stringMatching(message),
      }),
    )
  },
)

test('on the node, a file system grows to at least what is asked, or else to its device', () => {
  const range = { required_bytes: '4096', limit_bytes: '0' }
  expect(parseNodeExpand(nodeExpand({ capacity_range: range }))).toEqual({
    volumeId: ID,
    path: '/a',
    sizeBytes: 4096,
  })
  expect(parseNodeExpand(nodeExpand({}))).toEqual({ volumeId: ID, path: '/a', sizeBytes: 0 })
})

test('an expansion of an unknown volume at a relative path is not found, not malformed', () => {
  expect(() => parseNodeExpand(nodeExpand({ volume_id: 'x', volume_path: 'some/path' }))).toThrow(
    expect.objectContaining({ kind: 'not-found' }),
  )
  expect(() => parseNodeExpand(nodeExpand({ volume_id: 'x', volume_path: '' }))).toThrow(
    'volume_path is missing',
  )
})

test('health on the node is asked with paths or without', () => {
  const request = { volume_id: ID, volume_publish_path: '', staging_target_path: '' }
  expect(parseVolumeHealth(request).paths).toEqual([])
  expect(
    parseVolumeHealth({ ...request, volume_publish_path: '/b', staging_target_path: '/a' }).paths,
  ).toEqual(['/a', '/b'])
  expect(() => parseVolumeHealth({ ...request, volume_id: '' })).toThrow('volume_id is missing')
})

const text = (length: number) => ({ id: 'x'.repeat(length) })
const form = { idOf: (item: { id: string }) => item.id, entry: (item: { id: string }) => item }

test('a page has no more than asked for, and its token is the last entry', () => {
  const all = [text(3), text(1), text(2)]
  const first = cutPage(all, { maxEntries: 1, after: undefined }, form)
  expect(first).toEqual({ entries: [text(1)], next_token: 'x' })
  expect(cutPage(all, { maxEntries: 0, after: first.next_token }, form)).toEqual({
    entries: [text(2), text(3)],
    next_token: '',
  })
})

test('an empty list and a list past its end have no token', () => {
  expect(cutPage([], { maxEntries: 1, after: undefined }, form)).toEqual({
    entries: [],
    next_token: '',
  })
  expect(cutPage([text(1)], { maxEntries: 1, after: 'y' }, form)).toEqual({
    entries: [],
    next_token: '',
  })
})

test('a page is never more than a client receives, and never empty for that', () => {
  const large = 2 * 1024 * 1024
  const page = (after: string | undefined) =>
    cutPage([text(large), text(large + 1)], { maxEntries: 0, after }, form)
  expect(page(undefined)).toEqual({ entries: [text(large)], next_token: text(large).id })
  expect(page(text(large).id)).toEqual({ entries: [text(large + 1)], next_token: '' })
})
