// Reads the disk numbers in a guest's records, in every pool that its machine can reach.

import { isStorageError } from '../../errors.ts'
import { isVolumeLeaf } from '../../model/ids.ts'
import type { GuestId } from '../../model/volumes.ts'
import { attachmentName } from '../names.ts'
import type { Pool, Pools } from '../pool.ts'
import { findNumber, NUMBER_PROPERTIES } from './properties.ts'
import { inSight } from './sight.ts'

/**
 * How long an attachment waits for the numbers of another pool. It is well below the 15 s that an
 * attacher has.
 */
const OTHER_POOL_MS = 5_000

/**
 * The disk numbers in the records of a guest, by attachment name, whether the guest has the disks
 * now or not. One command for every pool that its machine can reach. Another pool that cannot be
 * read within five seconds is left out. It must not block the guest's other volumes, and the guest
 * compares what it finds under a number.
 */
export async function readNumbers(
  pools: Pools,
  asked: { readonly guest: GuestId; readonly pool: Pool },
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const { guest, pool } = asked
  const others = [...pools.values()].filter(
    other => other !== pool && other.machines.has(guest.machine),
  )
  const [own, ...rest] = await Promise.all([
    readPoolNumbers(pool, guest, { signal }),
    ...others.map(other =>
      orNone(readPoolNumbers(other, guest, { signal, timeoutMs: OTHER_POOL_MS })),
    ),
  ])
  return new Map([...own, ...rest.flat()])
}

type Numbers = readonly (readonly [name: string, slot: number])[]

async function readPoolNumbers(
  pool: Pool,
  guest: GuestId,
  options: { readonly signal?: AbortSignal | undefined; readonly timeoutMs?: number },
): Promise<Numbers> {
  const values = await inSight(pool, pool.zfs.listValues(NUMBER_PROPERTIES, pool.dataset, options))
  return [...values].flatMap(([dataset, row]) => {
    const [, leaf = ''] = /^a-([^/]+)/.exec(dataset.slice(pool.dataset.length + 1)) ?? []
    const slot = isVolumeLeaf(leaf) ? findNumber(row, guest) : undefined
    return slot === undefined ? [] : [[attachmentName(leaf, guest), slot] as const]
  })
}

async function orNone(numbers: Promise<Numbers>): Promise<Numbers> {
  try {
    return await numbers
  } catch (error) {
    if (!isStorageError(error, 'unavailable')) throw error
    return []
  }
}
