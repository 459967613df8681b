// What kind of zfs a host has, what a thick volume costs, and where its device is.

import { SimHost, Timeline } from '../../sim/host.ts'
import { SimShell } from '../../sim/sim-shell.ts'
import { MemoryStore } from '../../sim/store.ts'
import type { DialectName } from '../../sim/zfs/dialects.ts'
import { SimZfs } from '../../sim/zfs/sim-zfs.ts'
import { largestThickVolume, readDialect, thickReservation } from '../../src/zfs/dialect.ts'

const MiB = 1024 * 1024

test.each<[DialectName, object, string[], string[]]>([
  [
    'openzfs-2.1',
    { name: 'openzfs', multipleSnapshots: true },
    ['clones', 'createtxg', 'sync'],
    [],
  ],
  [
    'openzfs-2.3',
    { name: 'openzfs', multipleSnapshots: true },
    ['clones', 'createtxg', 'sync'],
    [],
  ],
  ['illumos', { name: 'illumos', multipleSnapshots: true }, ['clones', 'sync'], []],
  [
    'solaris-11',
    { name: 'solaris-11', multipleSnapshots: false },
    ['sync', 'logbias'],
    ['clones', 'createtxg'],
  ],
  [
    'solaris-10',
    { name: 'solaris-10', multipleSnapshots: false },
    ['logbias'],
    ['clones', 'createtxg', 'sync'],
  ],
])('%s is recognised by what it says of itself', async (dialect, expected, has, lacks) => {
  const host = new SimHost('storage', new Timeline())
  new SimZfs(host, {
    pools: [{ name: 'tank', sizeBytes: MiB, dialect, datasets: [] }],
    createStore: size => new MemoryStore(size),
    nowMs: () => 0,
  })
  const found = await readDialect(new SimShell(host))
  expect(found).toMatchObject(expected)
  expect(has.filter(name => !found.properties.has(name))).toEqual([])
  expect(lacks.filter(name => found.properties.has(name))).toEqual([])
})

// Recorded: transcripts/openzfs-2.1.16.txt (8K) and openzfs-2.3.8.txt (16K).
test.each([
  [100, 16384, 108789760],
  [200, 16384, 215220224],
  [50, 16384, 55574528],
  [1400, 16384, 1493172224],
  [16, 16384, 18874368],
  [100, 8192, 110362624],
  [200, 8192, 218365952],
  [10, 8192, 13107200],
])(
  'a thick volume of %i MiB in blocks of %i reserves %i bytes',
  (sizeMiB, blockSize, reservation) => {
    expect(thickReservation(sizeMiB * MiB, blockSize)).toBe(reservation)
  },
)

test.each([8192, 16384, 131072])(
  'the largest thick volume in blocks of %i fits, one block more does not',
  blockSize => {
    const available = 7_777_777_777
    const largest = largestThickVolume(available, blockSize)
    expect(largest % blockSize).toBe(0)
    expect(thickReservation(largest, blockSize)).toBeLessThanOrEqual(available)
    expect(thickReservation(largest + blockSize, blockSize)).toBeGreaterThan(available)
  },
)

test('no thick volume fits where there is no room for its metadata', () => {
  expect(largestThickVolume(MiB, 8192)).toBe(0)
})
