// Decides which logical unit belongs to a volume, and what is wrong with a listed one. Sends no
// command to the storage host.

import type { LogicalUnit } from '../../../comstar/stmfadm.ts'
import { StorageError } from '../../../errors.ts'
import { logicalUnitGuid } from '../../names.ts'
import type { VolumePlace } from '../../pool.ts'

export function guidOf(place: VolumePlace): string {
  return logicalUnitGuid(place.pool.cluster, place.volumeId)
}

export function dataFile(place: Pick<VolumePlace, 'dataset'>): string {
  return `/dev/zvol/rdsk/${place.dataset}`
}

export function offers(place: VolumePlace, unit: LogicalUnit): boolean {
  return unit.dataFile.replace('/dsk/', '/rdsk/') === dataFile(place)
}

export function refuseForeign(place: VolumePlace, unit: LogicalUnit): void {
  if (unit.registered && !offers(place, unit)) {
    throw new StorageError(
      'failed-precondition',
      `volume ${place.volumeId}: ${foreign(place, unit)}`,
    )
  }
}

function foreign(place: VolumePlace, unit: LogicalUnit): string {
  return (
    `logical unit ${unit.guid} offers ${unit.dataFile} instead of ${dataFile(place)}: other ` +
    'data uses its GUID; delete that unit or use another cluster name'
  )
}

/** The reasons why the unit must not be attached as it is; empty when there are none. */
export function problemsOf(
  place: VolumePlace,
  unit: LogicalUnit,
  sizeBytes: number,
): readonly string[] {
  const problems: string[] = []
  if (unit.registered && !offers(place, unit)) {
    problems.push(foreign(place, unit))
    return problems
  }
  if (!unit.registered) {
    problems.push(
      `logical unit ${unit.guid} is not registered; publish the volume again, which imports the ` +
        'unit or creates it again',
    )
  } else {
    if (unit.sizeBytes !== sizeBytes) {
      problems.push(
        `logical unit ${unit.guid} has ${unit.sizeBytes} bytes, the volume has ${sizeBytes}; ` +
          `run stmfadm modify-lu -s ${sizeBytes} ${unit.guid}`,
      )
    }
    // With a write cache, an acknowledged write is lost when the storage host fails: vds does not
    // flush disk backends (source).
    if (unit.writeCacheEnabled) {
      problems.push(
        `logical unit ${unit.guid} has its write cache enabled; run stmfadm modify-lu -p ` +
          `wcd=true ${unit.guid}`,
      )
    }
    if (unit.status !== 'Online') {
      problems.push(
        `logical unit ${unit.guid} is ${unit.status}; run stmfadm online-lu ${unit.guid}`,
      )
    }
  }
  return problems
}
