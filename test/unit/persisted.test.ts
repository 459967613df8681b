import { formatVolumeContext } from '../../src/csi/contexts.ts'
import { PARAMETER_KEYS, PARAMETERS as TABLE } from '../../src/model/parameters.ts'
import { parseAttachment, parseVolume } from '../../src/storage/catalog/datasets.ts'
import {
  formatRecordProperties,
  formatVolumeProperties,
} from '../../src/storage/catalog/properties.ts'
import type { Properties, PropertySource } from '../../src/zfs/zfs.ts'
import { volumeParameters } from '../support/parameters.ts'

const PLACE = {
  pool: 'gold',
  leaf: 'v-aaaaaaaaaaaaaaaaaaaa',
  dataset: 'tank/csi/v-aaaaaaaaaaaaaaaaaaaa',
  machines: ['m1'],
  parent: undefined,
}
const PARAMETERS = volumeParameters()
const VOLUME = {
  ...{ name: 'orders', createdSizeBytes: 8192, parameters: PARAMETERS },
  format: { kind: 'filesystem', type: 'any' },
  source: { kind: 'empty' },
} as const
const RECORD = {
  ...{
    volumeId: 'gold/v-a',
    guest: { machine: 'm1', guest: 'g1' },
    slot: 100,
    lun: 7,
    sizeBytes: 8192,
    written: false,
  },
  ...({ sharing: 'exclusive', mode: 'rw' } as const),
}

const encode = (text: string) => Buffer.from(text).toString('base64url')

/** As zfs prints the properties; a changed one is undefined where nobody wrote it. */
function read(
  own: Readonly<Record<string, string>>,
  changed: Readonly<Record<string, string | undefined>> = {},
): Properties {
  const values = new Map(
    Object.entries(own).map(([name, value]) => [
      name,
      { value, source: 'local' as PropertySource },
    ]),
  )
  for (const [name, value] of Object.entries(changed)) {
    values.delete(`ldom-csi:${name}`)
    if (value !== undefined) {
      values.set(`ldom-csi:${name}`, { value: encode(value), source: 'local' })
    }
  }
  for (const [name, value] of Object.entries({
    volsize: '8192',
    creation: '1',
    refreservation: '8192',
    referenced: '12288',
    origin: '-',
  })) {
    values.set(name, { value, source: 'none' })
  }
  return values
}

const volume = (changed: Readonly<Record<string, string | undefined>> = {}) =>
  parseVolume(read(formatVolumeProperties(VOLUME, 'prod'), changed), PLACE)
const record = (changed: Readonly<Record<string, string | undefined>> = {}) =>
  parseAttachment(read(formatRecordProperties(RECORD, 'prod'), changed), PLACE)

test('what is written is read back', () => {
  expect(volume()).toMatchObject(VOLUME)
  expect(record()).toMatchObject({ ...RECORD, volumeId: 'gold/v-aaaaaaaaaaaaaaaaaaaa' })
})

test('a volume made before a parameter existed has the value that it meant', () => {
  const { mkfsOptions: _, vdiskTimeoutSeconds: __, ...older } = PARAMETERS
  const read = volume({ parameters: JSON.stringify(older), 'format-version': undefined })
  expect(read.parameters).toEqual(PARAMETERS)
  expect(formatVolumeContext(read)).toEqual({
    name: 'orders',
    source: 'empty',
    format: 'filesystem',
  })
})

test.each(PARAMETER_KEYS)('what %s has by default, and had before, is read back', key => {
  const { byDefault, before, parse, isValue } = TABLE[key]
  for (const text of [byDefault, before]) {
    if (text !== undefined) expect([text, isValue(parse(text))]).toEqual([text, true])
  }
})

const BROKEN = {
  'parameters that are not JSON': { parameters: '{' },
  'parameters that are a word': { parameters: '"x"' },
  'a parameter of another type': {
    parameters: JSON.stringify({ ...PARAMETERS, blockSizeBytes: '8k' }),
  },
  'a parameter that nobody left out': {
    parameters: JSON.stringify({ ...PARAMETERS, export: undefined }),
  },
  'a format without a kind': { format: '{}' },
  'a file system that no version knew': { format: '{"kind":"filesystem","type":"ntfs"}' },
  'a source without its id': { source: '{"kind":"volume"}' },
  'null for a source': { source: 'null' },
  'a size in words': { size: 'large' },
}

test.each(Object.entries(BROKEN))(
  'a volume with %s is refused, and its dataset is named',
  (_, changed) => {
    const [property] = Object.keys(changed)
    const refusal = expect.objectContaining({ kind: 'failed-precondition' })
    expect(() => volume(changed)).toThrow(refusal)
    expect(() => volume(changed)).toThrow(PLACE.dataset)
    expect(() => volume(changed)).toThrow(`ldom-csi:${property}`)
  },
)

test('a volume of a newer version is refused instead of half understood', () => {
  expect(() => volume({ 'format-version': '2' })).toThrow(
    /newer version of this driver \(format 2, this version knows 1\)/,
  )
})

test.each([
  { sharing: 'perhaps' },
  { mode: 'rx' },
  { written: 'maybe' },
  { vdisk: 'c0d1' },
  { lun: '-1' },
  { size: '' },
])('a record with %j is refused', changed => {
  expect(() => record(changed)).toThrow(expect.objectContaining({ kind: 'failed-precondition' }))
})
