// Compares the logical units of the storage host with the volumes of a pool, for `audit`. Reports
// missing units, wrong units, and units without a volume.

import type { LogicalUnit, Stmfadm } from '../../../comstar/stmfadm.ts'
import type { DesignFinding, DesignInventory, Pool, VolumePlace } from '../../pool.ts'
import { dataFile, guidOf, problemsOf } from './unit-state.ts'

export interface AuditedUnits {
  readonly inventory: DesignInventory
  readonly stmfadm: Stmfadm
  readonly hostGroup: (machineName: string) => string
}

export async function auditUnits(
  pool: Pool,
  audited: AuditedUnits,
  signal?: AbortSignal,
): Promise<readonly DesignFinding[]> {
  const { inventory, stmfadm, hostGroup } = audited
  const findings: DesignFinding[] = []
  const units = await stmfadm.listLogicalUnits(undefined, signal)
  const unexplained = new Map(units.map(unit => [unit.guid.toUpperCase(), unit]))
  const groupsOf = async (place: VolumePlace) =>
    (await stmfadm.listViews(guidOf(place), signal)).map(view => view.hostGroup)
  for (const { place, sizeBytes, attachedTo } of inventory.volumes) {
    const unit = unexplained.get(guidOf(place))
    if (unit === undefined) {
      findings.push(missingUnit(place))
      continue
    }
    unexplained.delete(guidOf(place))
    for (const problem of problemsOf(place, unit, sizeBytes)) {
      findings.push({ kind: 'logical-unit', object: place.volumeId, detail: problem })
    }
    const machines = [...new Set(attachedTo)].filter(machine => pool.machines.has(machine))
    if (unit.viewCount === machines.length) continue
    findings.push(wrongViews(place, { groups: await groupsOf(place), machines, hostGroup }))
  }
  for (const place of inventory.deleted) {
    const unit = unexplained.get(guidOf(place))
    if (unit === undefined) continue
    unexplained.delete(guidOf(place))
    findings.push(leftUnit(place, unit, unit.viewCount === 0 ? [] : await groupsOf(place)))
  }
  return [...findings, ...strayUnits(pool, unexplained.values())]
}

function missingUnit(place: VolumePlace): DesignFinding {
  return {
    kind: 'missing-logical-unit',
    object: place.volumeId,
    detail:
      `no logical unit ${guidOf(place)}; repeat the creation or the publication of the ` + 'volume',
  }
}

function wrongViews(
  place: VolumePlace,
  seen: Pick<AuditedUnits, 'hostGroup'> & {
    readonly groups: readonly string[]
    readonly machines: readonly string[]
  },
): DesignFinding {
  const { groups, machines, hostGroup } = seen
  const unseen = machines.map(hostGroup).filter(group => !groups.includes(group))
  return {
    kind: 'view',
    object: place.volumeId,
    detail:
      unseen.length > 0
        ? `not visible to ${unseen.join(', ')}, though recorded as attached on ` +
          `${machines.join(', ')}; publish the volume again`
        : `visible to ${groups.join(', ')}, but recorded as attached on ` +
          `${machines.join(', ') || 'no machine'}`,
  }
}

function leftUnit(place: VolumePlace, unit: LogicalUnit, groups: readonly string[]): DesignFinding {
  const seen =
    groups.length > 0
      ? `visible to ${groups.join(', ')}`
      : 'visible to nobody, deleted with the volume'
  return {
    kind: 'logical-unit',
    object: place.volumeId,
    detail:
      `was deleted, but still has logical unit ${unit.guid} of ` +
      `${unit.dataFile || 'a lost device'} (${seen})`,
  }
}

function strayUnits(pool: Pool, units: Iterable<LogicalUnit>): readonly DesignFinding[] {
  const ours = dataFile({ dataset: `${pool.dataset}/v-` })
  return [...units]
    .filter(unit => unit.dataFile.startsWith(ours))
    .map(unit => ({
      kind: 'stray-logical-unit',
      object: unit.guid,
      detail: `offers ${unit.dataFile}, which is no volume`,
    }))
}
