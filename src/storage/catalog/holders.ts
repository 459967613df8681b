// Which guests have which volumes, by the records alone, for who looks often.

import { isVolumeLeaf, sameGuest } from '../../model/ids.ts'
import { isReleasingRecord } from '../names.ts'
import type { Pool } from '../pool.ts'
import { findHolder, HOLDER_PROPERTIES, type Holder } from './properties.ts'
import { inSight } from './sight.ts'

/**
 * Who has each attached volume, by its leaf; a guest from which it is being detached is left out.
 * One command, whose text grows with the attachments.
 */
export async function readHolders(
  pool: Pool,
  options: { readonly signal?: AbortSignal | undefined; readonly timeoutMs?: number },
): Promise<ReadonlyMap<string, readonly Holder[]>> {
  const rows = await inSight(pool, pool.zfs.listValues(HOLDER_PROPERTIES, pool.dataset, options))
  const holders = new Map<string, Holder[]>()
  for (const [dataset, values] of rows) {
    const [, leaf = ''] = /^a-([^/]+)/.exec(dataset.slice(pool.dataset.length + 1)) ?? []
    const holder = isReleasingRecord(dataset) ? undefined : findHolder(values, pool.cluster)
    if (holder === undefined || !isVolumeLeaf(leaf)) continue
    const known = holders.get(leaf) ?? []
    if (!known.some(({ guest }) => sameGuest(guest, holder.guest))) {
      holders.set(leaf, [...known, holder])
    }
  }
  return holders
}
