// Every read of a pool asks for its parent dataset as well. ZFS says "does not exist" of everything
// in a pool that is not imported, and omits suspended pools from recursive listings (recorded): so
// absence is only ever concluded in the sight of the parent.

import { isStorageError, StorageError } from '../../errors.ts'
import type { Properties } from '../../zfs/zfs.ts'
import type { Pool } from '../pool.ts'

export interface Sight {
  /** Of the pool's parent dataset; undefined where nothing was asked for. */
  readonly parent: Properties | undefined
  /** By name, of what was asked for and is there. */
  readonly found: ReadonlyMap<string, Properties>
}

// Every server reads ssh packets of 35,000 bytes (RFC 4253, 6.1), and a command line is one packet.
const COMMAND_BYTES = 28_000

/**
 * One command for every few hundred datasets. A parent that is not there is `unavailable`: nothing
 * is known of what is missing then.
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
 * The listing of a parent that is not there says "not found", which must not reach a caller who
 * asked for a volume.
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
    `pool ${pool.name}: dataset ${pool.dataset} is not there on host ${pool.host.name}; is the ` +
      'ZFS pool imported?',
  )
}
