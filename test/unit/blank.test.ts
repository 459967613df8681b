// What OpenZFS counts of empty volumes, and of volumes in which a few blocks are written, as it was
// recorded: the measures tell them apart.

import { readFileSync } from 'node:fs'
import { holdsData, isBlank, isUntouched } from '../../src/storage/catalog/blank.ts'
import type { Properties } from '../../src/zfs/zfs.ts'

const DATASET = 'tank/csi/v-a'

function properties(values: Readonly<Record<string, string | number>>): Properties {
  return new Map(
    Object.entries(values).map(([name, value]) => [
      name,
      { value: String(value), source: 'none' as const },
    ]),
  )
}

const counts = (logicalreferenced: string | number) => properties({ logicalreferenced })
const refersTo = (referenced: string | number) => properties({ referenced })

const lines = readFileSync(new URL('../transcripts/openzfs-empty.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter(line => line.includes('\t'))
  .map(line => line.split('\t'))
const isOfWritten = (columns: readonly string[]) => columns[2]?.startsWith('volblocksize')

const POOLS = lines
  .filter(columns => !isOfWritten(columns))
  .map(([zfs, ashift, what, fileSystem = '', parentBytes = '', empty = '', bytes = '']) => ({
    ...{ pool: `${what}, ${ashift}, ${zfs}`, fileSystem, parentBytes, empty, bytes },
    blank: /create -d|=disabled/.test(what ?? '') ? undefined : true,
  }))

const WRITTEN = lines
  .filter(isOfWritten)
  .map(([, ashift, size, what, fileSystem = '', counted = '']) => ({
    ...{ what: `${what}, ${size}, ${ashift}`, fileSystem, counted },
  }))

test.each(POOLS)(
  'an empty volume counts as blank, or is not known: $pool',
  ({ fileSystem, parentBytes, empty, bytes, blank }) => {
    expect(isBlank(counts(empty), counts(fileSystem), DATASET)).toBe(blank)
    expect(holdsData(refersTo(bytes), refersTo(parentBytes), DATASET)).toBe(false)
  },
)

test.each(WRITTEN)('a volume does not count as blank: $what', ({ fileSystem, counted }) => {
  expect(isBlank(counts(counted), counts(fileSystem), DATASET)).toBe(false)
})

test('what is empty on some disks is written on others', () => {
  const four = WRITTEN.find(({ what }) => what.startsWith('blocks 0 2000 4000 6000, '))

  expect(four).toMatchObject({ fileSystem: '12288', counted: '28672' })
  expect(isBlank(counts(28_672), counts(12_288), DATASET)).toBe(false)
  expect(isBlank(counts(28_672), counts(43_008), DATASET)).toBe(true)
})

test.each([
  { volume: 6144, fileSystem: 43_008, why: 'of other disks than the file system' },
  { volume: 6144, fileSystem: 50_176, why: 'not encrypted, beside what is' },
])('a volume that is $why is not known', ({ volume, fileSystem }) => {
  expect(isBlank(counts(volume), counts(fileSystem), DATASET)).toBeUndefined()
})

test.each([12_288 + 512, 43_008 - 512, 43_008 + 100_352])(
  'beside a file system of %d bytes the disks are not known',
  fileSystem => {
    for (const bytes of [6144, 28_672, 36_864]) {
      expect(isBlank(counts(bytes), counts(fileSystem), DATASET)).toBeUndefined()
    }
  },
)

test.each([
  { origin: '-', logicalreferenced: 6144, fileSystem: 12_288, is: true },
  { origin: '-', logicalreferenced: 6144 + 512, fileSystem: 12_288, is: false },
  { origin: '-', logicalreferenced: 28_672, fileSystem: 12_288, is: false },
  { origin: '-', logicalreferenced: 28_672, fileSystem: 43_008, is: true },
  { origin: '-', logicalreferenced: 28_672, fileSystem: 43_520, is: false },
])(
  'a volume of $logicalreferenced bytes beside $fileSystem is untouched: $is',
  ({ origin, logicalreferenced, fileSystem, is }) => {
    const volume = properties({ origin, logicalreferenced, logicalused: logicalreferenced })
    expect(isUntouched(volume, counts(fileSystem), DATASET)).toBe(is)
  },
)

test.each([
  ...[0, 512, 1024, 2048, 4096].map(logicalused => ({ logicalused, is: true })),
  ...[4097, 6144, 10_240].map(logicalused => ({ logicalused, is: false })),
])('a clone with $logicalused bytes of its own is untouched: $is', ({ logicalused, is }) => {
  const clone = properties({ origin: 'tank/csi/v-b@c-a', logicalreferenced: 40_960, logicalused })
  expect(isUntouched(clone, counts(12_800), DATASET)).toBe(is)
})

test.each([
  { measure: 'loose', of: () => holdsData(counts(1), undefined, DATASET) },
  { measure: 'exact', of: () => isBlank(refersTo(1), counts(12_288), DATASET) },
  { measure: 'exact, beside nothing', of: () => isBlank(counts(1), refersTo(1), DATASET) },
])('the $measure measure without its figure is no answer', ({ of }) => {
  expect(of).toThrow(expect.objectContaining({ kind: 'internal' }))
})
