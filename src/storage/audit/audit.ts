// Compares the layers and reports what exists in one and not in another. It reads only and repairs
// nothing.

import { describeError, isStorageError } from '../../errors.ts'
import { describeUnowned } from '../catalog/datasets.ts'
import { readPool } from '../catalog/lists.ts'
import { observeMachines } from '../observation.ts'
import { placeOf } from '../places.ts'
import type { Pool, Pools } from '../pool.ts'
import { auditDeleted } from './deleted.ts'
import { type Finding, Known } from './known.ts'
import { auditMachines } from './machines.ts'
import { auditRecords } from './records.ts'

/**
 * All differences, sorted; empty when every layer agrees. A layer that does not answer is a
 * finding, not a failure.
 */
export async function audit(pools: Pools, signal?: AbortSignal): Promise<readonly Finding[]> {
  const findings = await Promise.all([...pools.values()].map(pool => auditPool(pool, signal)))
  return findings
    .flat()
    .sort((a, b) => (`${a.kind} ${a.object}` < `${b.kind} ${b.object}` ? -1 : 1))
}

async function auditPool(pool: Pool, signal?: AbortSignal): Promise<readonly Finding[]> {
  try {
    const [reading, states] = await Promise.all([
      readPool(pool, signal),
      observeMachines(pool, signal),
    ])
    const known = new Known(pool, reading)
    const design = await pool.design.audit(
      pool,
      {
        volumes: reading.volumes.map(volume => ({
          place: placeOf(pool, volume.leaf),
          sizeBytes: volume.sizeBytes,
          attachedTo: known.recordsOf(volume.id).map(record => record.guest.machine),
        })),
        deleted: reading.tombstones.map(volume => placeOf(pool, volume.leaf)),
      },
      signal,
    )
    const deleted = await auditDeleted(pool, reading, signal)
    return [
      ...auditRecords(known, reading, states),
      ...auditMachines(known, states),
      ...reading.unowned.map(describeWithoutOwner),
      ...deleted,
      ...design,
    ]
  } catch (error) {
    if (!isStorageError(error)) throw error
    return [{ kind: 'not-seen', object: `pool ${pool.name}`, detail: describeError(error) }]
  }
}

function describeWithoutOwner(dataset: string): Finding {
  return { kind: 'without-owner', object: dataset, detail: describeUnowned(dataset) }
}
