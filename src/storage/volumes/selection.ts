// Selects the pool of a request, and reports how much space the pools have for it.

import { StorageError } from '../../errors.ts'
import type { VolumeParameters } from '../../model/parameters.ts'
import type { VolumeSpec } from '../../model/volumes.ts'
import { largestThickVolume } from '../../zfs/dialect.ts'
import { readAvailable } from '../catalog/space.ts'
import type { Pool, Pools } from '../pool.ts'
import { DEFAULT_BLOCK_SIZE_BYTES } from './parameters.ts'
import type { SourcePlace } from './sources.ts'

export interface CapacityQuery {
  readonly pool: string | undefined
  readonly machine: string | undefined
  readonly parameters: Partial<VolumeParameters>
}

export interface Capacity {
  readonly availableBytes: number
  readonly maximumVolumeBytes: number | undefined
}

/** The pool of the source, the one that the request names, or the only one. */
export function selectPool(pools: Pools, spec: VolumeSpec, source: SourcePlace | undefined): Pool {
  const named = source?.place.pool.name ?? spec.pool
  if (named === undefined && pools.size > 1) {
    throw new StorageError(
      'invalid-argument',
      `parameter pool is missing: name one of ${[...pools.keys()].join(', ')}`,
    )
  }
  const pool = named === undefined ? [...pools.values()][0] : pools.get(named)
  if (pool === undefined) throw unknownPool(named ?? '', pools)
  if (spec.machines.length > 0 && !spec.machines.some(machine => pool.machines.has(machine))) {
    throw new StorageError(
      'no-space',
      `pool ${pool.name} is reachable from ${[...pool.machines.keys()].join(', ')}, not from ` +
        `${spec.machines.join(', ')} as the request requires`,
    )
  }
  return pool
}

/** Space for new volumes: of the pool asked for, else of all pools that the machine can reach. */
export async function readCapacity(
  pools: Pools,
  query: CapacityQuery,
  signal?: AbortSignal,
): Promise<Capacity> {
  if (query.pool !== undefined && !pools.has(query.pool)) {
    throw unknownPool(query.pool, pools)
  }
  const asked = [...pools.values()].filter(
    pool =>
      (query.pool === undefined || pool.name === query.pool) &&
      (query.machine === undefined || pool.machines.has(query.machine)),
  )
  const { totalBytes, largestBytes } = await readAvailable(asked, signal)
  const thin = query.parameters.reservation === 'thin'
  return {
    availableBytes: totalBytes,
    maximumVolumeBytes: thin
      ? undefined
      : largestThickVolume(
          largestBytes,
          query.parameters.blockSizeBytes ?? DEFAULT_BLOCK_SIZE_BYTES,
        ),
  }
}

function unknownPool(name: string, pools: Pools): StorageError {
  return new StorageError(
    'invalid-argument',
    `parameter pool: there is no pool ${JSON.stringify(name)}; configured are ` +
      `${[...pools.keys()].join(', ')}`,
  )
}
