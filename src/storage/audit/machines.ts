// Reports uses on a machine that have no record.

import { describeError } from '../../errors.ts'
import type { DiskUse, ExportUse, MachineView, Use } from '../../hypervisors/hypervisor.ts'
import type { Attachment } from '../../model/volumes.ts'
import { leafOfAttachmentName } from '../names.ts'
import type { MachineViews } from '../observation.ts'
import { placeOf } from '../places.ts'
import type { Pool, PoolMachine } from '../pool.ts'
import { explainedBy, leadsTo } from '../uses.ts'
import { type Finding, type Known, leafOf } from './known.ts'

export function auditMachines(known: Known, states: MachineViews): readonly Finding[] {
  const byMachine = Map.groupBy(known.records(), record => record.guest.machine)
  return [...states].flatMap(([name, state]) => {
    if (state instanceof Error) {
      const detail = `${describeError(state)}; its attachments are unknown until it answers`
      return [{ kind: 'not-seen', object: `machine ${name}`, detail }]
    }
    const machine = known.pool.machines.get(name)
    return auditMachine(known, {
      name,
      services: servicesOf(machine),
      state,
      isExplained: explains(byMachine.get(name) ?? [], machine),
    })
  })
}

/** By all records of a machine, of whatever volume. */
function explains(
  records: readonly Attachment[],
  machine: PoolMachine | undefined,
): (use: Use) => boolean {
  const traits = machine?.hypervisor.traits ?? { keepsKeys: true }
  const byLeaf = new Map(
    [...Map.groupBy(records, leafOf)].map(([leaf, own]) => [leaf, explainedBy(leaf, own, traits)]),
  )
  return use => byLeaf.get(leafOfAttachmentName(use.key) ?? '')?.(use, use.key) ?? false
}

function auditMachine(
  known: Known,
  machine: {
    readonly name: string
    readonly services: ReadonlySet<string>
    readonly state: MachineView
    readonly isExplained: (use: Use) => boolean
  },
): readonly Finding[] {
  const { state, name, services, isExplained } = machine
  const findings: Finding[] = []
  for (const use of state.uses) {
    if (isExplained(use)) continue
    if (use.kind === 'disk') findings.push(...auditDisk(known, name, use))
    else if (services.has(use.paths[0].service)) findings.push(...auditExport(known, name, use))
  }
  return findings
}

function auditExport(known: Known, machine: string, use: ExportUse): readonly Finding[] {
  const { device } = use.paths[0]
  const whose = known.whose(`${use.key} ${device}`, place => leadsTo(place, use))
  const object = `${use.label} on ${machine}`
  const wayOut = `remove it when nobody uses it: ${use.removal}`
  if (whose !== undefined) {
    const detail = `exports ${device} of ${whose}; ${wayOut}`
    return [{ kind: 'export-without-record', object, detail }]
  }
  if (!isOfPool(known.pool, use)) return []
  const detail = `exports ${device}, which is no volume of pool ${known.pool.name}; ${wayOut}`
  return [{ kind: 'export-without-volume', object, detail }]
}

function auditDisk(known: Known, machine: string, use: DiskUse): readonly Finding[] {
  const leaf = leafOfAttachmentName(use.key)
  const whose = leaf === undefined ? undefined : known.whose(leaf)
  if (whose === undefined) return []
  const detail =
    `is a disk of ${whose} without a record; unmount it in the guest, then remove it: ` +
    use.removal
  return [
    { kind: 'disk-without-record', object: `${use.label} of ${machine}/${use.guest}`, detail },
  ]
}

// For exports with a driver's name but no volume. Only exports that lead into this pool count,
// because several pools may share a service.
function isOfPool(pool: Pool, { key, paths }: ExportUse): boolean {
  const leaf = leafOfAttachmentName(key)
  return leaf !== undefined && pool.design.isDeviceOf(placeOf(pool, leaf), paths[0].device)
}

function servicesOf(machine: PoolMachine | undefined): ReadonlySet<string> {
  return new Set(machine?.paths.map(path => path.service) ?? [])
}
