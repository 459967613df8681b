// How much space the pools have for new volumes.

import { parseBytes } from '../../zfs/bytes.ts'
import { zpoolOf } from '../places.ts'
import type { Pool } from '../pool.ts'
import { parentMissing } from './sight.ts'

/**
 * Bytes available to new volumes: net of reservations, quotas and parity, in every dialect.
 * `largestBytes` is the space of the pool with the most. Pools in one ZFS pool share its space and
 * are read together. One command per ZFS pool.
 */
export async function readAvailable(
  pools: readonly Pool[],
  signal?: AbortSignal,
): Promise<{ readonly totalBytes: number; readonly largestBytes: number }> {
  const groups = Map.groupBy(pools, pool => `${pool.host.name} ${zpoolOf(pool)}`)
  const readings = await Promise.all(
    [...groups.values()].map(group => readAvailableOfOne(group, signal)),
  )
  return {
    totalBytes: readings.reduce((sum, { totalBytes }) => sum + totalBytes, 0),
    largestBytes: Math.max(0, ...readings.map(({ largestBytes }) => largestBytes)),
  }
}

async function readAvailableOfOne(pools: readonly Pool[], signal?: AbortSignal) {
  const [first] = pools
  if (first === undefined) return { totalBytes: 0, largestBytes: 0 }
  const root = pools.length > 1 ? [zpoolOf(first)] : []
  const found = await first.zfs.getProperties(
    ['available'],
    [...pools.map(pool => pool.dataset), ...root],
    signal,
  )
  const bytesOf = (dataset: string, pool: Pool) => {
    const available = found.get(dataset)?.get('available')?.value
    if (available === undefined) throw parentMissing(pool)
    return parseBytes(available, `available of ${dataset}`)
  }
  const each = pools.map(pool => bytesOf(pool.dataset, pool))
  const largestBytes = Math.max(...each)
  const sum = each.reduce((total, bytes) => total + bytes, 0)
  // Space that one pool has reserved for itself is no longer available in the ZFS pool.
  const totalBytes =
    pools.length > 1 ? Math.max(largestBytes, Math.min(sum, bytesOf(zpoolOf(first), first))) : sum
  return { totalBytes, largestBytes }
}
