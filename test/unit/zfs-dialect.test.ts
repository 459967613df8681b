// What kind of zfs a host has, what a thick volume costs, and where its device is.

import { SimHost, Timeline } from '../../src/sim/host.ts'
import { SimShell } from '../../src/sim/sim-shell.ts'
import { MemoryStore } from '../../src/sim/store.ts'
import type { DialectName } from '../../src/sim/zfs/dialects.ts'
import { SimZfs } from '../../src/sim/zfs/sim-zfs.ts'
import { devicePath, largestThickVolume, readDialect, thickReservation } from '../../src/zfs/dialect.ts'

const MiB = 1024 * 1024

test.each<[DialectName, object]>([
  ['openzfs-2.1', { name: 'openzfs', multipleSnapshots: true, hasClonesProperty: true, hasTransactionGroups: true, deviceLayout: 'linux' }],
  ['openzfs-2.3', { name: 'openzfs', multipleSnapshots: true, hasClonesProperty: true, hasTransactionGroups: true, deviceLayout: 'linux' }],
  ['illumos', { name: 'illumos', multipleSnapshots: true, hasClonesProperty: true, deviceLayout: 'solaris' }],
  [
    'solaris-11',
    { name: 'solaris-11', multipleSnapshots: false, hasClonesProperty: false, autoReservation: false, deviceLayout: 'solaris' },
  ],
  [
    'solaris-10',
    { name: 'solaris-10', multipleSnapshots: false, hasClonesProperty: false, autoReservation: false, deviceLayout: 'solaris' },
  ],
])('%s is recognised by what it says of itself', async (dialect, expected) => {
  const host = new SimHost('storage', new Timeline())
  new SimZfs(host, {
    pools: [{ name: 'tank', sizeBytes: MiB, dialect, datasets: [] }],
    createStore: size => new MemoryStore(size),
    nowMs: () => 0,
  })
  expect(await readDialect(new SimShell(host))).toMatchObject(expected)
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
])('a thick volume of %i MiB in blocks of %i reserves %i bytes', (sizeMiB, blockSize, reservation) => {
  expect(thickReservation(sizeMiB * MiB, blockSize)).toBe(reservation)
})

test.each([8192, 16384, 131072])('the largest thick volume in blocks of %i fits, one block more does not', blockSize => {
  const available = 7_777_777_777
  const largest = largestThickVolume(available, blockSize)
  expect(largest % blockSize).toBe(0)
  expect(thickReservation(largest, blockSize)).toBeLessThanOrEqual(available)
  expect(thickReservation(largest + blockSize, blockSize)).toBeGreaterThan(available)
})

test('no thick volume fits where there is no room for its metadata', () => {
  expect(largestThickVolume(MiB, 8192)).toBe(0)
})

test('device paths follow the platform', () => {
  expect(devicePath('solaris', 'tank/csi/v-1', 'block')).toBe('/dev/zvol/dsk/tank/csi/v-1')
  expect(devicePath('solaris', 'tank/csi/v-1', 'character')).toBe('/dev/zvol/rdsk/tank/csi/v-1')
  expect(devicePath('linux', 'tank/sp ace', 'block')).toBe('/dev/zvol/tank/sp+ace')
  expect(() => devicePath('linux', 'tank/v', 'character')).toThrow('no character devices')
})
