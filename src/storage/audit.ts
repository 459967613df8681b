// Compares the layers: what is in one and not in another. Looks and reports; repairs nothing.

import { describeError, isStorageError } from '../errors.ts'
import type { MachineState } from '../hypervisor.ts'
import { missingFromLive, speaksOf } from './attach-plan.ts'
import { readPool } from './lists.ts'
import type { Attachment, Volume } from './model.ts'
import { attachmentName, formatGuestId, leafOfAttachmentName } from './names.ts'
import { type MachineStates, observeMachines } from './observing.ts'
import { type Pool, type PoolMachine, type Pools, placeOf } from './pool.ts'

export interface Finding {
  /** `not-seen`: a layer could not be looked at, so nothing is known about it. */
  readonly kind: string
  readonly object: string
  readonly detail: string
}

/** Everything that does not fit, sorted; empty when every layer agrees. A layer that does not answer is a finding, not a failure. */
export async function audit(pools: Pools, signal?: AbortSignal): Promise<readonly Finding[]> {
  const findings = await Promise.all([...pools.values()].map(pool => auditPool(pool, signal)))
  return findings.flat().sort((a, b) => (`${a.kind} ${a.object}` < `${b.kind} ${b.object}` ? -1 : 1))
}

async function auditPool(pool: Pool, signal: AbortSignal | undefined): Promise<readonly Finding[]> {
  try {
    const [{ volumes, records }, states] = await Promise.all([readPool(pool, signal), observeMachines(pool, signal)])
    const design = await pool.design.audit(
      pool,
      {
        volumes: volumes.map(volume => ({
          place: placeOf(pool, volume.leaf),
          sizeBytes: volume.sizeBytes,
          attachedTo: records.filter(record => record.volumeId === volume.id).map(record => record.guest.machine),
        })),
      },
      signal,
    )
    return [...auditRecords(pool, volumes, records, states), ...auditMachines(pool, volumes, records, states), ...design]
  } catch (error) {
    if (!isStorageError(error)) throw error
    return [{ kind: 'not-seen', object: `pool ${pool.name}`, detail: describeError(error) }]
  }
}

function auditRecords(pool: Pool, volumes: readonly Volume[], records: readonly Attachment[], states: MachineStates): readonly Finding[] {
  const findings: Finding[] = []
  for (const record of records) {
    const place = placeOf(pool, leafOf(record))
    const guest = formatGuestId(record.guest)
    const volume = volumes.find(candidate => candidate.id === record.volumeId)
    if (volume === undefined) {
      findings.push({
        kind: 'record-without-volume',
        object: record.volumeId,
        detail: `record ${place.record} speaks of guest ${guest}; detach it to release the record`,
      })
      continue
    }
    const machine = pool.machines.get(record.guest.machine)
    const state = states.get(record.guest.machine)
    if (machine === undefined || state === undefined) {
      findings.push({
        kind: 'not-seen',
        object: record.volumeId,
        detail: `recorded as attached to ${guest}, whose machine is not configured for pool ${pool.name}`,
      })
    } else if (!(state instanceof Error)) {
      const missing = missingFromLive(place, { volume, attachment: record, machine, state })
      if (missing !== undefined)
        findings.push({
          kind: 'attachment-incomplete',
          object: record.volumeId,
          detail: `recorded as attached to ${guest}, but ${missing}; publish or detach it again`,
        })
    }
  }
  return findings
}

function auditMachines(pool: Pool, volumes: readonly Volume[], records: readonly Attachment[], states: MachineStates): readonly Finding[] {
  return [...states].flatMap(([name, state]) =>
    state instanceof Error
      ? [{ kind: 'not-seen', object: `machine ${name}`, detail: describeError(state) }]
      : auditMachine(pool, { name, services: servicesOf(pool.machines.get(name)), state }, volumes, records),
  )
}

function auditMachine(
  pool: Pool,
  machine: { readonly name: string; readonly services: ReadonlySet<string>; readonly state: MachineState },
  volumes: readonly Volume[],
  records: readonly Attachment[],
): readonly Finding[] {
  const { state, name } = machine
  const findings: Finding[] = []
  const explained = new Set(
    records.filter(record => record.guest.machine === name).map(record => attachmentName(leafOf(record), record.guest)),
  )
  for (const backend of state.backends.filter(candidate => machine.services.has(candidate.service) && !explained.has(candidate.name))) {
    const volume = volumes.find(candidate => speaksOf(placeOf(pool, candidate.leaf), backend))
    const object = `${backend.name}@${backend.service} on ${name}`
    if (volume !== undefined)
      findings.push({ kind: 'export-without-record', object, detail: `exports ${backend.device} of volume ${volume.id}` })
    else if (isOfPool(pool, backend))
      findings.push({
        kind: 'export-without-volume',
        object,
        detail: `exports ${backend.device}, which no volume of pool ${pool.name} explains`,
      })
  }
  for (const disk of state.disks) {
    const leaf = leafOfAttachmentName(disk.name)
    if (leaf === undefined || explained.has(disk.name)) continue
    const volume = volumes.find(candidate => candidate.leaf === leaf)
    if (volume !== undefined)
      findings.push({
        kind: 'disk-without-record',
        object: `${disk.name} of ${name}/${disk.guest}`,
        detail: `is a disk of volume ${volume.id} that no record explains`,
      })
  }
  return findings
}

// Names of the driver without a volume: only those that lead into this pool, as several pools may share a vds.
function isOfPool(pool: Pool, backend: { readonly name: string; readonly device: string }): boolean {
  const leaf = leafOfAttachmentName(backend.name)
  return leaf !== undefined && pool.design.isDeviceOf(placeOf(pool, leaf), backend.device)
}

function servicesOf(machine: PoolMachine | undefined): ReadonlySet<string> {
  return new Set(machine?.paths.map(path => path.service) ?? [])
}

function leafOf(record: Attachment): string {
  return record.volumeId.slice(record.volumeId.indexOf('/') + 1)
}
