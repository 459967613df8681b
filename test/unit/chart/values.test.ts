// The schema of the chart's values: against values.yaml, and against the driver's own parsers.

import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { CHART } from '../../../scripts/chart/files.ts'
import type { JsonSchema } from '../../../scripts/chart/helm-schema.ts'
import { generateValuesSchema, valuesSchema } from '../../../scripts/chart/schema.ts'
import { chartValues } from '../../../scripts/chart/values.ts'
import { parseMutableParameters, parseParameters } from '../../../src/csi/parameters.ts'

const { config, ...defaults } = parse(readFileSync(`${CHART}/values.yaml`, 'utf8'))

/** Everything in a schema that has keys of its own, by key path. */
function maps(schema: JsonSchema, path: string): [string, JsonSchema][] {
  const below = [
    ...Object.entries(schema.properties ?? {}).map(([key, each]) => [`${path}.${key}`, each]),
    [`${path}.*`, schema.additionalProperties],
    [`${path}[]`, Array.isArray(schema.items) ? undefined : schema.items],
    ...(schema.oneOf ?? []).map((each, at) => [`${path}(${at})`, each]),
  ] as const
  return [
    [path, schema],
    ...below.flatMap(([key, each]) => (typeof each === 'object' ? maps(each, String(key)) : [])),
  ]
}

const everything = maps(valuesSchema(), 'values')

test('every value has a description that is a sentence', () => {
  const silent = everything.flatMap(([path, { properties = {} }]) =>
    Object.entries(properties).flatMap(([key, value]) =>
      typeof value === 'object' && /^([A-Z`]|iSCSI).*\.$/s.test(value.description ?? '')
        ? []
        : [`${path}.${key}`],
    ),
  )

  expect(silent).toEqual([])
})

test('no map with keys of its own takes other keys', () => {
  const open = everything
    .filter(
      ([, { properties, additionalProperties }]) => properties && additionalProperties !== false,
    )
    .map(([path]) => path)

  expect(open).toEqual([])
})

test('the schema that Helm reads has no word of which Helm says what misleads', () => {
  expect(generateValuesSchema()).not.toMatch(/"(propertyNames|oneOf|anyOf)":/)
})

test('values.yaml has a default for every value, and config is empty', () => {
  expect(chartValues.safeParse(defaults)).toMatchObject({ success: true })
  expect(config).toEqual({})
})

const withClass = (parameters: object) =>
  chartValues.safeParse({ ...defaults, storageClasses: { gold: { parameters } } }).success

test.each([
  [{}],
  [{ pool: 'gold' }],
  [{ 'csi.storage.k8s.io/fstype': 'xfs' }],
  [{ blockSize: '128K' }],
  [{ blockSize: '512' }],
  [{ blockSize: '1k' }],
  [{ compression: 'gzip-9' }],
  [{ reservation: 'thin' }],
  [{ vdiskTimeoutSeconds: '60' }],
  [{ mkfsOptions: '-m 1 -i 16384' }],
  [{ export: 'full' }],
])('chart and driver take the parameters %j', parameters => {
  expect(withClass(parameters)).toBe(true)
  expect(() => parseParameters({ ...parameters })).not.toThrow()
})

test.each([
  [{ pools: 'gold' }],
  [{ 'csi.storage.k8s.io/fstype': 'btrfs' }],
  [{ blockSize: '8M' }],
  [{ blockSize: '9K' }],
  [{ blockSize: '256K' }],
  [{ blockSize: '256' }],
  [{ compression: 'best' }],
  [{ reservation: 'fat' }],
  [{ vdiskTimeoutSeconds: 'never' }],
  [{ export: 'whole' }],
  [{ logbias: 'latency' }],
])('neither chart nor driver takes the parameters %j', parameters => {
  expect(withClass(parameters)).toBe(false)
  expect(() => parseParameters({ ...parameters })).toThrow()
})

const withAttributes = (parameters: object) =>
  chartValues.safeParse({ ...defaults, volumeAttributesClasses: { batch: { parameters } } }).success

test.each([
  [{ compression: 'zstd' }],
  [{ reservation: 'thick' }],
  [{ logbias: 'throughput' }],
  [{ sync: 'always' }],
])('chart and driver take the attributes %j', parameters => {
  expect(withAttributes(parameters)).toBe(true)
  expect(() => parseMutableParameters({ ...parameters })).not.toThrow()
})

test.each([[{ sync: 'disabled' }], [{ blockSize: '8K' }], [{ logbias: 'none' }]])(
  'neither chart nor driver takes the attributes %j',
  parameters => {
    expect(withAttributes(parameters)).toBe(false)
    expect(() => parseMutableParameters({ ...parameters })).toThrow()
  },
)
