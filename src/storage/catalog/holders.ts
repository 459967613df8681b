// Which guests have which volumes, by the records alone, for who looks often.

import { isVolumeLeaf, sameGuest } from '../../model/ids.ts'
import type { GuestId } from '../../model/volumes.ts'
import { isReleasingRecord } from '../names.ts'
import type { Pool } from '../pool.ts'
import { findHolder, HOLDER_PROPERTIES } from './properties.ts'
import { inSight } from './sight.ts'

/**
 * The guests of each attached volume, by its leaf; one from which it is being detached is left out.
 * One command, whose text grows with the attachments.
 */
export async function readHolders(
  pool: Pool,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, readonly GuestId[]>> {
  const rows = await inSight(pool, pool.zfs.listValues(HOLDER_PROPERTIES, pool.dataset, { signal }))
  const holders = new Map<string, GuestId[]>()
  for (const [dataset, values] of rows) {
    const [, leaf = ''] = /^a-([^/]+)/.exec(dataset.slice(pool.dataset.length + 1)) ?? []
    const guest = isReleasingRecord(dataset) ? undefined : findHolder(values, pool.cluster)
    if (guest === undefined || !isVolumeLeaf(leaf)) continue
    const known = holders.get(leaf) ?? []
    if (!known.some(other => sameGuest(other, guest))) holders.set(leaf, [...known, guest])
  }
  return holders
}
