import fc from 'fast-check'
import {
  findGroupId,
  findSnapshotId,
  findVolumeId,
  formatGuestId,
  formatSnapshotId,
  groupLeaf,
  isSnapshotLeaf,
  isVolumeLeaf,
  parseGuestId,
  snapshotLeaf,
  volumeLeaf,
} from '../../src/model/ids.ts'
import {
  attachmentName,
  cloneSourceLeaf,
  deletedSnapshotLeaf,
  guestRecordLeaf,
  isGuestRecord,
  isHiddenSnapshotLeaf,
  isReleasingRecord,
  leafOfAttachmentName,
  logicalUnitGuid,
  nextLun,
  preferredLun,
  preferredSlot,
  recordLeaf,
  releasingRecordLeaf,
} from '../../src/storage/names.ts'

const guest = { machine: 'm1', guest: 'ldg1' }

test('a leaf is the same for the same name and differs with cluster, pool and name', () => {
  const leaf = volumeLeaf('prod', 'gold', 'pvc-1')
  expect(leaf).toMatch(/^v-[a-z2-7]{20}$/)
  expect(volumeLeaf('prod', 'gold', 'pvc-1')).toBe(leaf)
  expect(
    new Set([
      leaf,
      volumeLeaf('test', 'gold', 'pvc-1'),
      volumeLeaf('prod', 'silver', 'pvc-1'),
      volumeLeaf('prod', 'gold', 'pvc-2'),
    ]).size,
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
  expect(attachmentName(leaf, { machine: 'm1', guest: 'ldg1' })).not.toBe(
    attachmentName(leaf, { machine: 'm2', guest: 'ldg1' }),
  )
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
  expect([1, 16_382, 16_383].map(nextLun)).toEqual([2, 16_383, 1])
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

// They are computed anew by every version: one that computes another name no longer finds what is
// there.
test('every name is the one that earlier versions computed', () => {
  const leaf = volumeLeaf('prod', 'gold', 'pvc-1')
  const snapshot = snapshotLeaf('prod', 's1')
  expect(leaf).toBe('v-vvvcnhq7uaipr36sxevg')
  expect(recordLeaf(leaf)).toBe('a-v-vvvcnhq7uaipr36sxevg')
  expect(guestRecordLeaf(guest)).toBe('g-efiioyri')
  expect(releasingRecordLeaf(guest)).toBe('r-efiioyri')
  expect(attachmentName(leaf, guest)).toBe('v-vvvcnhq7uaipr36sxevg-efiioyri')
  expect(snapshot).toBe('s-xcmdzbnwhbv6y3lett6g')
  expect(groupLeaf('prod', 'g1')).toBe('g-27xyedumlavnkny7jwjx')
  expect(cloneSourceLeaf(leaf)).toBe('c-vvvcnhq7uaipr36sxevg')
  expect([0, 1].map(attempt => deletedSnapshotLeaf(snapshot, attempt))).toEqual([
    'd-a24q3qsdkinp5c4bb4hb',
    'd-vs6q4ukvq227kzpck6qe',
  ])
  expect(logicalUnitGuid('prod', `gold/${leaf}`)).toBe('600144F67E3EDD9D535D2D719C2544D6')
  expect(preferredSlot(leaf, { first: 100, count: 601 })).toBe(112)
  expect(preferredLun(leaf)).toBe(11_758)
})

const a = (kind: string) => `${kind}-${'a'.repeat(20)}`

test('each kind of leaf is told from the others, and from what only looks like one', () => {
  const leaves = ['v', 's', 'g', 'c', 'd', 'a', 'x'].map(a)
  const broken = leaves.flatMap(leaf => [
    leaf.slice(0, -1),
    `${leaf}a`,
    `x${leaf}`,
    leaf.toUpperCase(),
    leaf.replace('aa', 'a1'),
  ])
  expect(leaves.filter(isVolumeLeaf)).toEqual([a('v')])
  expect(leaves.filter(isSnapshotLeaf)).toEqual([a('s'), a('g')])
  expect(leaves.filter(isHiddenSnapshotLeaf)).toEqual([a('c'), a('d')])
  for (const is of [isVolumeLeaf, isSnapshotLeaf, isHiddenSnapshotLeaf]) {
    expect(broken.filter(is)).toEqual([])
  }
})

test.each([
  '',
  'ldg1-disk',
  a('v'),
  `x${a('v')}-efiioyri`,
  `${a('v')}-efiioyrix`,
  `${a('v')}-efiioyr`,
  `${a('s')}-efiioyri`,
])('%j is no name of an attachment', name => {
  expect(leafOfAttachmentName(name)).toBeUndefined()
})

test.each([
  { id: `gold/${a('v')}@${a('s')}`, found: { volumeId: `gold/${a('v')}`, leaf: a('s') } },
  { id: `gold/${a('v')}@${a('g')}`, found: { volumeId: `gold/${a('v')}`, leaf: a('g') } },
  { id: `gold/${a('v')}@${a('d')}`, found: undefined },
  { id: `gold/${a('v')}`, found: undefined },
  { id: `@${a('s')}`, found: undefined },
  { id: `gold/${a('x')}@${a('s')}`, found: undefined },
  { id: `gold/${a('v')}@${a('s')}@${a('s')}`, found: undefined },
  { id: '', found: undefined },
])('snapshot id $id is read as $found', ({ id, found }) => {
  expect(findSnapshotId(id)).toEqual(found)
  if (found) expect(formatSnapshotId(found.volumeId, found.leaf)).toBe(id)
})

test.each([
  { id: `gold/${a('g')}`, found: { pool: 'gold', leaf: a('g') } },
  { id: `gold/${a('s')}`, found: undefined },
  { id: `gold/${a('g')}a`, found: undefined },
  { id: `a/gold/${a('g')}`, found: undefined },
  { id: `Gold/${a('g')}`, found: undefined },
  { id: `/${a('g')}`, found: undefined },
])('group id $id is read as $found', ({ id, found }) => {
  expect(findGroupId(id)).toEqual(found)
})

test.each([
  { pool: 'g', is: true },
  { pool: 'g-1', is: true },
  { pool: '9gold', is: true },
  { pool: 'g'.repeat(63), is: true },
  { pool: 'g'.repeat(64), is: false },
  { pool: 'gold-', is: false },
  { pool: 'go_ld', is: false },
  { pool: 'go/ld', is: false },
])('a volume id with pool $pool is one: $is', ({ pool, is }) => {
  expect(findVolumeId(`${pool}/${a('v')}`) !== undefined).toBe(is)
})

test('a guest id is read as it was given', () => {
  expect(parseGuestId('m1/ldg1')).toEqual(guest)
  expect(formatGuestId(guest)).toBe('m1/ldg1')
})

test(
  'the record of a guest is told from what stands beside it, and one that is being released ' +
    'from one that is not',
  () => {
    const [held, released] = [guestRecordLeaf(guest), releasingRecordLeaf(guest)].map(
      leaf => `tank/a-${a('v')}/${leaf}`,
    )
    expect([held, released].map(dataset => isGuestRecord(dataset ?? ''))).toEqual([true, true])
    expect([held, released].map(dataset => isReleasingRecord(dataset ?? ''))).toEqual([false, true])
    expect(guestRecordLeaf(guest).slice(2)).toBe(releasingRecordLeaf(guest).slice(2))
    for (const wrong of [
      `tank/a-${a('v')}`,
      `${held}x`,
      `${released}x`,
      `tank/xg-${'a'.repeat(8)}`,
      `tank/r-${'1'.repeat(8)}`,
      `tank/x-${'a'.repeat(8)}`,
    ]) {
      expect([isGuestRecord(wrong), isReleasingRecord(wrong)]).toEqual([false, false])
    }
  },
)
