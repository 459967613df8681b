// Defects of the controller: who has a volume, what is known about it, what is left behind. Data
// only.

import type { Defect } from './table.ts'

const CREATION = 'src/storage/volumes/creation.ts'
const DATASETS = 'src/storage/catalog/datasets.ts'
const EXPORTS = 'src/storage/volumes/exports.ts'
const OBSERVING = 'src/storage/observation.ts'
const WANTED = 'src/storage/volumes/wanted.ts'
const VOLUMES = 'src/storage/volumes/volumes.ts'

const PROMISES = 'test/behaviour/storage/promises'
const CREATIONS = 'test/behaviour/storage/creation'
const FOREIGN = 'test/behaviour/storage/foreign-objects.test'
const TOMBSTONES = 'test/behaviour/storage/tombstones.test'
const AUDIT = 'test/behaviour/reports/audit.test'
const NAMES = 'test/behaviour/storage/names-across-pools.test'
const ROOM = 'test/behaviour/storage/room.test'
const MATRIX = 'test/behaviour/crash/matrix.test'
const SNAPSHOTS = 'test/behaviour/storage/snapshots'
const HISTORIES = 'test/behaviour/histories/histories.test'
const WITH_FAULTS = 'test/behaviour/histories/with-faults.test'

export const STORAGE_DEFECTS: readonly Defect[] = [
  {
    name: 'a foreign export of the volume is ignored when it is deleted',
    changes: [
      {
        file: EXPORTS,
        find: 'state.uses.filter(use => leadsTo(place, use))',
        replace: 'state.uses.filter(use => leadsTo(place, use) && use.key === place.leaf)',
      },
    ],
    tests: [PROMISES, HISTORIES],
  },
  {
    name: 'a creation that has not ended is finally refused',
    changes: [
      {
        file: DATASETS,
        find: "(['unavailable', describeUnowned",
        replace: "(['failed-precondition', describeUnowned",
      },
    ],
    tests: [FOREIGN],
  },
  {
    name: 'a snapshot stays on a volume that is not the driver’s',
    changes: [
      {
        file: 'src/storage/snapshots/snapshots.ts',
        find: 'if (made && error instanceof NotOwnError)',
        replace: 'if (!made && error instanceof NotOwnError)',
      },
    ],
    tests: [FOREIGN],
  },
  {
    name: 'audit does not see what has lost its owner',
    changes: [
      {
        file: 'src/storage/audit/audit.ts',
        find: '      ...reading.unowned.map(describeWithoutOwner),\n',
        replace: '',
      },
    ],
    tests: [FOREIGN],
  },
  {
    name: 'a volume on a silent machine of design local is deleted',
    changes: [
      {
        file: EXPORTS,
        find: '      if (!isSilence(state) || !(await place.pool.design.isFenced(place, signal))) {\n',
        replace: '      if (false as boolean) {\n',
      },
    ],
    tests: [PROMISES, HISTORIES],
  },
  {
    name: 'a cut read of a machine is taken for its silence',
    changes: [
      {
        file: OBSERVING,
        find: "  return isNotStarted(error) && error.fault === 'unreachable'\n",
        replace: '  return error instanceof ShellError\n',
      },
    ],
    tests: [PROMISES, MATRIX, WITH_FAULTS],
  },
  {
    name: 'what the driver could not send is taken for silence',
    changes: [
      {
        file: OBSERVING,
        find: "  return isNotStarted(error) && error.fault === 'unreachable'\n",
        replace: '  return isNotStarted(error)\n',
      },
    ],
    tests: [PROMISES],
  },
  {
    name: 'late commands of the storage host are not waited for',
    changes: [
      {
        file: OBSERVING,
        find: '  await place.pool.host.settled(namesOf(place), signal)\n',
        replace: '  place.pool.host.name.at(signal === undefined ? 0 : 0)\n',
      },
    ],
    tests: [PROMISES, MATRIX, WITH_FAULTS],
  },
  {
    name: 'late commands of a machine are not waited for',
    changes: [
      {
        file: OBSERVING,
        find: '  await machine.hypervisor.settled(namesOf(place), signal)\n',
        replace: '  if (namesOf(place).length < 0) await machine.hypervisor.observe(signal)\n',
      },
    ],
    tests: [PROMISES, MATRIX, WITH_FAULTS],
  },
  {
    name: 'a pool that is not imported makes its volumes absent',
    changes: [
      {
        file: 'src/storage/catalog/sight.ts',
        find: '    if (parent === undefined) throw parentMissing(pool)\n',
        replace: '',
      },
    ],
    tests: [PROMISES, HISTORIES],
  },
  {
    name: 'a pool that cannot be read is left out of the list',
    changes: [
      {
        file: 'src/storage/catalog/lists.ts',
        find: '    read: (pool, part) => readRange(pool, part, signal),\n',
        replace:
          '    read: (pool, part) => readRange(pool, part, signal).catch(() => emptyReading()),\n',
      },
    ],
    tests: [PROMISES, HISTORIES],
  },
  {
    name: 'the size is not compared when a creation is repeated',
    changes: [
      {
        file: 'src/storage/volumes/comparison.ts',
        find: '  if (sizeBytes < requiredBytes || (limitBytes > 0 && sizeBytes > limitBytes)) {',
        replace: '  if (sizeBytes < 0 && limitBytes < requiredBytes) {',
      },
    ],
    tests: ['test/protocol/conformance-simulated.test', HISTORIES],
  },
  {
    name: 'the growth of a copy that was cut off is not completed',
    changes: [
      {
        file: CREATION,
        find: '  await growTo(place, { ...volume, blockSizeBytes, targetBytes: sizeBytes }, signal)\n',
        replace: '  if (blockSizeBytes === 0) return volume\n',
      },
    ],
    tests: [SNAPSHOTS, MATRIX],
  },
  {
    name: 'the hidden snapshot of an earlier copy is used again',
    changes: [
      {
        file: 'src/storage/volumes/hidden-snapshots.ts',
        find: '    if (!found.has(target.dataset)) {\n',
        replace: '    if (found.size > 1) {\n',
      },
    ],
    tests: [PROMISES],
  },
  {
    name: 'hidden snapshots that were left keep their volume',
    changes: [
      {
        file: 'src/storage/volumes/tombstones.ts',
        find: '      if ((await dropHiddenSnapshots(place, signal)) === 0) return false\n',
        replace: '      return false\n',
      },
    ],
    tests: [PROMISES, HISTORIES],
  },
  {
    name: 'a snapshot that only waits for its clones is listed',
    changes: [
      {
        file: 'src/storage/catalog/datasets.ts',
        find: " ||\n    properties.get('defer_destroy')?.value === 'on'\n  )",
        replace: ')',
      },
    ],
    tests: [SNAPSHOTS, PROMISES],
  },
  {
    name: 'a snapshot name is taken twice, on two volumes',
    changes: [
      {
        file: 'src/storage/snapshots/snapshots.ts',
        find: '      if (other === place.volumeId) continue\n',
        replace: '      if (other !== leaf) continue\n',
      },
    ],
    tests: [SNAPSHOTS, HISTORIES],
  },
  {
    name: 'a volume that snapshots need is not hidden when it is deleted',
    changes: [
      {
        file: 'src/storage/volumes/deletion.ts',
        find: '  await zfs.setProperty(place.dataset, formatDeletedProperty(), signal)\n',
        replace: '  formatDeletedProperty()\n',
      },
    ],
    tests: [SNAPSHOTS, HISTORIES],
  },
  {
    name: 'the write cache of a logical unit is not looked at',
    changes: [
      {
        file: 'src/storage/designs/lun/unit-state.ts',
        find: '    if (unit.writeCacheEnabled) {\n',
        replace: '    if (unit.writeCacheEnabled && unit.sizeBytes < 0) {\n',
      },
    ],
    tests: [PROMISES, HISTORIES],
  },
  {
    name: 'a growth that is repeated does not look at the reservation',
    changes: [
      {
        file: 'src/storage/volumes/reservations.ts',
        find: '  if (reservedBytes === 0) return\n',
        replace: '  if (reservedBytes === 0 || !grows) return\n',
      },
    ],
    tests: [CREATIONS],
  },
  {
    name: 'the reservation of a clone is above its size where zfs refuses that',
    changes: [
      {
        file: 'src/storage/volumes/reservations.ts',
        find: "    await work('auto')\n",
        replace:
          '    await work(String(thickReservation(wanted.sizeBytes, wanted.blockSizeBytes)))\n',
      },
      {
        file: 'src/storage/volumes/reservations.ts',
        find: "    if (!isStorageError(error, 'invalid-argument')) throw error\n    await work(String(wanted.sizeBytes))\n",
        replace:
          '    if (isStorageError(error)) throw error\n    await work(String(wanted.sizeBytes))\n',
      },
    ],
    tests: [CREATIONS],
  },
  {
    name: 'a volume that was made and not completed stays behind',
    changes: [{ file: CREATION, find: '    await takeBack(place, error, signal)\n', replace: '' }],
    tests: [CREATIONS],
  },
  {
    name: 'a copy is measured by its source each time it is asked for',
    changes: [
      {
        file: 'src/storage/volumes/volumes.ts',
        find: "['not-found', 'out-of-range', 'invalid-argument', 'no-space']",
        replace: "['not-found']",
      },
    ],
    tests: [CREATIONS],
  },
  {
    name: 'a change without room cannot be taken back',
    changes: [
      {
        file: 'src/storage/volumes/changes.ts',
        find: "    throw new StorageError('out-of-range', wayOut, { cause: error })\n",
        replace: '    throw error\n',
      },
    ],
    tests: ['test/behaviour/bad-days/storage.test'],
  },
  {
    name: "received properties are nobody's",
    changes: [
      {
        file: 'src/storage/catalog/properties.ts',
        find: " || source === 'received'\n",
        replace: '\n',
      },
    ],
    tests: ['test/behaviour/storage/moved-pool.test'],
  },
  {
    name: 'what is read back is believed without looking at it',
    changes: [
      {
        file: 'src/storage/catalog/persisted.ts',
        find: '  if (parsed.success) return parsed.data\n',
        replace: '  if (parsed.success || value !== undefined) return value as T\n',
      },
    ],
    tests: ['test/unit/persisted.test'],
  },
  {
    name: 'a logical unit without metadata is not made anew',
    changes: [
      {
        file: 'src/storage/designs/lun/units.ts',
        find: "    if ((await this.#stmfadm.importLogicalUnit(dataFile(place), signal)) === 'no-metadata') {\n      return this.#make(place, signal)\n    }\n",
        replace: '    await this.#stmfadm.importLogicalUnit(dataFile(place), signal)\n',
      },
    ],
    tests: ['test/behaviour/storage/moved-pool.test'],
  },
  {
    name: 'a class with names of sidecars is refused',
    changes: [
      {
        file: 'src/csi/parameters.ts',
        find: 'const SIDECARS = /^csi\\.storage\\.k8s\\.io\\//\n',
        replace: 'const SIDECARS = /^csi\\.storage\\.k8s\\.io\\/(pvc|pv|volumesnapshot)/\n',
      },
    ],
    tests: ['test/unit/requests-controller.test'],
  },
  {
    name: 'a deleted volume keeps its reservation after a cut',
    changes: [
      {
        file: 'src/storage/volumes/reaper.ts',
        find: 'tombstone.reservedBytes > 0',
        replace: 'tombstone.reservedBytes < 0',
      },
    ],
    tests: [CREATIONS],
  },
  {
    name: 'a deleted volume whose logical unit was made anew waits for ever',
    changes: [
      {
        file: 'src/storage/volumes/tombstones.ts',
        find: "isStorageError(error, 'busy')",
        replace: "isStorageError(error, 'not-found')",
      },
    ],
    tests: [TOMBSTONES],
  },
  {
    name: 'what a copy was made from goes by the deadline of its deletion',
    changes: [
      {
        file: 'src/storage/volumes/reaper.ts',
        find: 'reapOrigin(pool: Pool, origin: string | undefined): Promise<void> {',
        replace:
          'reapOrigin(pool: Pool, origin: string | undefined, signal?: AbortSignal): Promise<void> {',
      },
      {
        file: 'src/storage/volumes/reaper.ts',
        find: 'this.#reapLocked(place, undefined)',
        replace: 'this.#reapLocked(place, signal)',
      },
      {
        file: 'src/storage/volumes/volumes.ts',
        find: 'reapOrigin(place.pool, gone?.origin)',
        replace: 'reapOrigin(place.pool, gone?.origin, signal)',
      },
    ],
    tests: [TOMBSTONES],
  },
  {
    name: 'the audit looks through a whole machine for every record',
    changes: [
      {
        file: 'src/storage/audit/records.ts',
        find: 'state instanceof Error ? state : viewsByKey(state)',
        replace: 'state instanceof Error ? state : (_key: string) => state',
      },
    ],
    tests: [AUDIT],
  },
  {
    name: 'a deleted volume that waits for snapshots of others is no finding',
    changes: [
      {
        file: 'src/storage/audit/deleted.ts',
        find: 'if (foreign.length > 0)',
        replace: 'if (foreign.length < 0)',
      },
    ],
    tests: [AUDIT],
  },
  {
    name: 'the audit looks at the records of guests only',
    changes: [
      {
        file: 'src/storage/audit/records.ts',
        find: '...[...given].flatMap(',
        replace: '...[...given].slice(0, 0).flatMap(',
      },
    ],
    tests: [AUDIT],
  },
  {
    name: 'a snapshot class with the word for its deletion among the parameters is refused',
    changes: [{ file: 'src/csi/parameters.ts', find: "= ['deletionPolicy']\n", replace: '= []\n' }],
    tests: ['test/unit/requests-snapshots.test'],
  },
  {
    name: 'what lists a whole pool has no more time than another read',
    changes: [
      {
        file: 'src/zfs/zfs.ts',
        find: 'const WHOLE_POOL_MS = 300_000\n',
        replace: 'const WHOLE_POOL_MS = 30_000\n',
      },
    ],
    tests: ['test/unit/zfs.test'],
  },
  {
    name: 'the record waits for the service domains to forget what they saw',
    changes: [
      {
        file: 'src/storage/attachments/detachment.ts',
        find: '  if (marked.record !== undefined) await releaseRecord(place, marked.record, signal)\n',
        replace:
          '  if (marked.hides) await place.pool.design.forget(machine, signal)\n  if (marked.record !== undefined) await releaseRecord(place, marked.record, signal)\n',
      },
    ],
    tests: ['test/behaviour/storage/attachment-records.test'],
  },
  {
    name: 'the audit does not know deleted volumes',
    changes: [
      {
        file: 'src/storage/audit/known.ts',
        find: "      [tombstones, 'deleted volume'],\n",
        replace: "      [tombstones.slice(0, 0), 'deleted volume'],\n",
      },
    ],
    tests: [AUDIT],
  },
  {
    name: 'a deleted volume goes though it is recorded as attached',
    changes: [
      {
        file: 'src/storage/volumes/reaper.ts',
        find: 'tombstone === undefined || sharing !== undefined',
        replace: 'tombstone === undefined',
      },
    ],
    tests: [TOMBSTONES],
  },
  {
    name: 'a logical unit that is smaller than its volume stays so',
    changes: [
      {
        file: 'src/storage/designs/lun/units.ts',
        find: 'const isSmaller = unit.sizeBytes < sizeBytes && offers',
        replace: 'const isSmaller = unit.sizeBytes > sizeBytes && offers',
      },
    ],
    tests: [CREATIONS],
  },
  {
    name: 'a deleted volume that nothing needs keeps its name',
    changes: [
      {
        file: CREATION,
        find: 'if (sharing === undefined && (await',
        replace: 'if (sharing !== undefined && (await',
      },
    ],
    tests: [CREATIONS],
  },
  {
    name: 'a restore is taken for as large as the volume is today',
    changes: [
      {
        file: 'src/storage/volumes/sources.ts',
        find: '  const sizeBytes = snapshot.sizeBytes || undefined\n',
        replace: '  const sizeBytes = snapshot.sizeBytes || owner.sizeBytes\n',
      },
    ],
    tests: [CREATIONS],
  },
  {
    name: 'a copy may be asked for with another file system than its source has',
    changes: [
      {
        file: WANTED,
        find: '  if (found !== undefined) checkSourceFormat(spec.format, found.format)\n',
        replace: '',
      },
      {
        file: WANTED,
        find: 'import { checkFormatSize, checkSourceFormat }',
        replace: 'import { checkFormatSize }',
      },
    ],
    tests: [CREATIONS],
  },
  {
    name: 'a volume may be too small for its format',
    changes: [
      {
        file: 'src/storage/volumes/formats.ts',
        find: "  const type = format.kind === 'filesystem' ? format.type : 'none'\n",
        replace:
          "  if (sizeBytes > 0) return\n  const type = format.kind === 'filesystem' ? format.type : 'none'\n",
      },
    ],
    tests: [CREATIONS],
  },
  {
    name: 'mount options that no guest takes are promised',
    changes: [
      {
        file: 'src/csi/controller-requests.ts',
        find: "  for (const { mountOptions } of accesses) checkMountOptions('volume_capabilities', mountOptions)",
        replace:
          "  for (const { mountOptions } of accesses) checkMountOptions('volume_capabilities', mountOptions.slice(0, 0))",
      },
    ],
    tests: ['test/unit/requests-controller.test'],
  },
  {
    name: 'a logical unit is removed by its GUID, whatever it offers',
    changes: [
      {
        file: 'src/storage/designs/lun/units.ts',
        find: '    if (unit !== undefined) refuseForeign(place, unit)\n',
        replace: '',
      },
    ],
    tests: [FOREIGN],
  },
  {
    name: 'a logical unit is resized by its GUID, whatever it offers',
    changes: [
      {
        file: 'src/storage/designs/lun/units.ts',
        find: '    refuseForeign(place, unit)\n    if (unit.sizeBytes',
        replace: '    if (unit.sizeBytes',
      },
    ],
    tests: [FOREIGN],
  },
  {
    name: 'a snapshot is deleted by its name, whoever made it',
    changes: [
      {
        file: 'src/storage/catalog/snapshots.ts',
        find: '  if (owner === pool.cluster) return true\n',
        replace: '  return true\n',
      },
    ],
    tests: [FOREIGN],
  },
  {
    name: 'a canary is what bears its name',
    changes: [
      {
        file: 'src/storage/designs/lun/lun.ts',
        find: '      await this.#refuseForeignCanary(place, signal)\n',
        replace: '',
      },
    ],
    tests: ['test/behaviour/storage/canary.test'],
  },
  {
    name: 'a known name in another pool gets a second volume',
    changes: [
      {
        file: VOLUMES,
        find: '    await this.#refuseOtherPool(place, spec.name, signal)\n',
        replace: '',
      },
    ],
    tests: [NAMES],
  },
  {
    name: 'two requests for one name in two pools do not meet',
    changes: [
      {
        file: VOLUMES,
        find: 'hold(keys, signal, () => this.#create(',
        replace: 'hold(keys.slice(1), signal, () => this.#create(',
      },
    ],
    tests: [NAMES],
  },
  {
    name: 'a name in a pool that cannot be listed is taken for free',
    changes: [
      {
        file: 'src/storage/volumes/index-by-name.ts',
        find: '      throw unknown(error)\n',
        replace: '      if (unknown(error).kind !== undefined) return\n',
      },
    ],
    tests: [NAMES],
  },
  {
    name: 'the room of one ZFS pool is counted for each pool below it',
    changes: [
      {
        file: 'src/storage/catalog/space.ts',
        find: '  const totalBytes =\n    pools.length > 1 ? Math.max(',
        replace: '  const totalBytes = pools.length < 1 ? Math.max(',
      },
    ],
    tests: [ROOM],
  },
  {
    name: 'a pool that fills up is not warned about',
    changes: [
      {
        file: 'src/storage/fullness.ts',
        find: 'percent >= NEARLY_FULL_PERCENT',
        replace: 'percent > 2 * NEARLY_FULL_PERCENT',
      },
    ],
    tests: [ROOM],
  },
  {
    name: 'a pool that cannot be listed keeps every volume waiting for ever',
    changes: [
      {
        file: 'src/storage/volumes/index-by-name.ts',
        find: 'known.askedMs < PATIENCE_MS)',
        replace: 'known.askedMs < 1000 * PATIENCE_MS)',
      },
    ],
    tests: [NAMES],
  },
  {
    name: 'a guest that bears another name now is taken for gone',
    changes: [
      {
        file: 'src/storage/attachments/elsewhere.ts',
        find: '  if (what !== undefined) {\n',
        replace: "  if (what === '') {\n",
      },
    ],
    tests: ['test/behaviour/machine/renamed-guest.test'],
  },
  {
    name: 'a volume whose guest has moved is published to nobody',
    changes: [
      {
        file: 'src/storage/attachments/published.ts',
        find: '[...keys.values()].some(seen => seen.has(key))',
        replace: 'keys.get(guest.machine)?.has(key) === true',
      },
    ],
    tests: ['test/behaviour/machine/renamed-guest.test'],
  },
  {
    name: 'a group of a pool that is not configured is taken for gone',
    changes: [
      {
        file: 'src/storage/snapshots/groups.ts',
        find: '    if (pool !== undefined) return { pool, leaf: found.leaf }\n',
        replace:
          '    if (pool === undefined) return undefined\n    if (found !== undefined) return { pool, leaf: found.leaf }\n',
      },
    ],
    tests: [SNAPSHOTS],
  },
  {
    name: 'a service in maintenance is to be enabled',
    changes: [
      {
        file: 'src/comstar/failures.ts',
        find: "; if it is in ' +\n      'maintenance, run svcadm clear stmf",
        replace: '',
      },
    ],
    tests: ['test/behaviour/bad-days/storage.test'],
  },
]
