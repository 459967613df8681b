import fc from 'fast-check'
import {
  attachmentName,
  findVolumeId,
  leafOfAttachmentName,
  logicalUnitGuid,
  nextLun,
  parseGuestId,
  preferredLun,
  preferredSlot,
  recordLeaf,
  volumeLeaf,
} from '../../src/storage/names.ts'

const guest = { machine: 'm1', guest: 'ldg1' }

test('a leaf is the same for the same name and differs with cluster, pool and name', () => {
  const leaf = volumeLeaf('prod', 'gold', 'pvc-1')
  expect(leaf).toMatch(/^v-[a-z2-7]{20}$/)
  expect(volumeLeaf('prod', 'gold', 'pvc-1')).toBe(leaf)
  expect(
    new Set([leaf, volumeLeaf('test', 'gold', 'pvc-1'), volumeLeaf('prod', 'silver', 'pvc-1'), volumeLeaf('prod', 'gold', 'pvc-2')]).size,
  ).toBe(4)
})

test('parts of a name cannot be shifted into each other', () => {
  expect(volumeLeaf('a', 'b', 'c')).not.toBe(volumeLeaf('a', 'bc', ''))
  expect(volumeLeaf('a","b', 'c', 'd')).not.toBe(volumeLeaf('a', 'b","c', 'd'))
})

test('any name gives names that every tool takes: lower case, 31 characters at most', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), name => {
      const leaf = volumeLeaf('prod', 'gold', name)
      const attachment = attachmentName(leaf, guest)
      expect(attachment).toMatch(/^[a-z0-9-]{31}$/)
      expect(leafOfAttachmentName(attachment)).toBe(leaf)
      expect(recordLeaf(leaf)).toMatch(/^a-v-[a-z2-7]{20}$/)
    }),
  )
})

test('guests of the same name on two machines get different attachment names', () => {
  const leaf = volumeLeaf('prod', 'gold', 'pvc-1')
  expect(attachmentName(leaf, { machine: 'm1', guest: 'ldg1' })).not.toBe(attachmentName(leaf, { machine: 'm2', guest: 'ldg1' }))
})

test('a GUID is a 16 byte NAA type 6 name in upper case', () => {
  expect(logicalUnitGuid('prod', 'gold/v-a')).toMatch(/^600144F[0-9A-F]{25}$/)
  expect(logicalUnitGuid('prod', 'gold/v-a')).not.toBe(logicalUnitGuid('test', 'gold/v-a'))
})

test('slots and LUN numbers stay inside their ranges', () => {
  fc.assert(
    fc.property(fc.string(), name => {
      const leaf = volumeLeaf('prod', 'gold', name)
      const slot = preferredSlot(leaf, { first: 100, count: 601 })
      expect(slot >= 100 && slot <= 700).toBe(true)
      expect(preferredLun(leaf) >= 1 && preferredLun(leaf) <= 16_383).toBe(true)
    }),
  )
  expect(nextLun(16_383)).toBe(1)
})

test.each([
  ['', undefined],
  ['gold', undefined],
  ['gold/', undefined],
  ['/v-aaaaaaaaaaaaaaaaaaaa', undefined],
  ['gold/v-aaaaaaaaaaaaaaaaaaa1', undefined],
  ['gold/v-AAAAAAAAAAAAAAAAAAAA', undefined],
  ['gold/../etc', undefined],
  ['-gold/v-aaaaaaaaaaaaaaaaaaaa', undefined],
  ['gold/v-aaaaaaaaaaaaaaaaaaaa\n', undefined],
  ['gold/v-aaaaaaaaaaaaaaaaaaaa/x', undefined],
  ['gold/v-aaaaaaaaaaaaaaaaaaaa', { pool: 'gold', leaf: 'v-aaaaaaaaaaaaaaaaaaaa' }],
])('volume id %j is read as %j', (id, expected) => {
  expect(findVolumeId(id)).toEqual(expected)
})

test.each(['', 'm1', 'm1/', '/g', 'a/b/c'])('guest id %j is refused', id => {
  expect(() => parseGuestId(id)).toThrow(/machine>\/<guest/)
})
