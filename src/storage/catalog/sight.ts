// Every read of a pool includes its parent dataset. ZFS says "does not exist" about everything in a
// pool that is not imported. It omits suspended pools from recursive listings (recorded). So a
// dataset counts as absent only if the same read shows the parent.

import { isStorageError, StorageError } from '../../errors.ts'
import type { Properties } from '../../zfs/zfs.ts'
import type { Pool } from '../pool.ts'

export interface Sight {
  /** The properties of the pool's parent dataset; undefined when no dataset was asked for. */
  readonly parent: Properties | undefined
  /** The datasets that were asked for and exist, by name. */
  readonly found: ReadonlyMap<string, Properties>
}

// Every server reads ssh packets of 35,000 bytes (RFC 4253, 6.1), and a command line is one packet.
const COMMAND_BYTES = 28_000

/**
 * Runs one command for every few hundred datasets. A missing parent is `unavailable`: absence then
 * proves nothing.
 */
export async function readInSight(
  pool: Pool,
  asked: { readonly names: readonly string[]; readonly datasets: readonly string[] },
  signal?: AbortSignal,
): Promise<Sight> {
  const found = new Map<string, Properties>()
  let parent: Properties | undefined
  for (let at = 0; at < asked.datasets.length; ) {
    const datasets = [pool.dataset]
    for (let bytes = 0; at < asked.datasets.length && bytes < COMMAND_BYTES; at++) {
      const dataset = asked.datasets[at] ?? ''
      datasets.push(dataset)
      bytes += Buffer.byteLength(dataset) + 1
    }
    const read = await pool.zfs.getProperties(asked.names, datasets, signal)
    parent = read.get(pool.dataset)
    if (parent === undefined) throw parentMissing(pool)
    for (const [dataset, properties] of read) {
      if (dataset !== pool.dataset) found.set(dataset, properties)
    }
  }
  return { parent, found }
}

/**
 * Lists below the parent dataset. A missing parent gives "not found", which must not reach a caller
 * that asked for a volume.
 */
export async function inSight<T>(pool: Pool, listing: Promise<T>): Promise<T> {
  try {
    return await listing
  } catch (error) {
    throw isStorageError(error, 'not-found') ? parentMissing(pool) : error
  }
}

export function parentMissing(pool: Pool): StorageError {
  return new StorageError(
    'unavailable',
    `pool ${pool.name}: dataset ${pool.dataset} does not exist on host ${pool.host.name}; check ` +
      'that the ZFS pool is imported',
  )
}
