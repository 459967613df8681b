// The canary of a pool with several paths: a small unit of the driver's own. Every path writes to
// it and reads what every other path wrote. That proves wiring, export rights and coherence of the
// paths without touching user data.

import { randomUUID } from 'node:crypto'
import { describeError, isStorageError } from '../../../errors.ts'
import type { DeviceTree } from '../../../iscsi/devices.ts'
import { MiB } from '../../../model/volumes.ts'
import type { PathProof, Pool, PoolPath, VolumePlace } from '../../pool.ts'

export const CANARY_BYTES = 16 * MiB

/**
 * `canary` is not a valid volume leaf. So it appears in no list, and no volume can have the name.
 */
export function canaryPlace(pool: Pool): VolumePlace {
  return {
    pool,
    leaf: 'canary',
    volumeId: `${pool.name}/canary`,
    dataset: `${pool.dataset}/canary`,
    record: `${pool.dataset}/a-canary`,
  }
}

/** One exposed path to the canary. `disk`: its disk name, `c0t<GUID>d0`. */
export interface CanaryPath {
  readonly machine: string
  readonly path: PoolPath
  readonly disk: string
  readonly devices: DeviceTree
}

export function nameOfPath(path: { readonly machine: string; readonly path: PoolPath }): string {
  return `machine ${path.machine}, service domain ${path.path.serviceDomain}`
}

/** Each path writes its own nonce to its own block; then every path reads all nonces. */
export async function exchangeNonces(
  paths: readonly CanaryPath[],
  signal?: AbortSignal,
): Promise<readonly PathProof[]> {
  const [first] = paths
  if (first === undefined) return []
  await ensureLabel(first, signal)
  const nonces = paths.map(path => `ldom-csi canary, ${nameOfPath(path)}: ${randomUUID()}`)
  const written = await Promise.all(
    paths.map((path, block) =>
      attempt(() =>
        path.devices.writeBlock(slice0(path), { block, text: nonces[block] ?? '' }, signal),
      ),
    ),
  )
  const readable = new Map([...nonces.entries()].filter(([block]) => written[block] === undefined))
  return Promise.all(
    paths.map(async (path, own) => {
      const failure = written[own] ?? (await attempt(() => readAll(path, readable, signal)))
      return failure === undefined
        ? {
            path: nameOfPath(path),
            proved: true,
            detail: `reads what all ${paths.length} paths wrote to the canary`,
          }
        : { path: nameOfPath(path), proved: false, detail: failure }
    }),
  )
}

async function readAll(
  path: CanaryPath,
  nonces: ReadonlyMap<number, string>,
  signal?: AbortSignal,
): Promise<void> {
  for (const [block, nonce] of nonces) {
    const seen = await path.devices.readBlock(slice0(path), block, signal)
    if (!seen.endsWith(nonce)) {
      throw new Error(
        `reads other bytes than path ${block + 1} wrote: it leads to other storage, or caches; ` +
          'do not use this pool',
      )
    }
  }
}

// Reading a disk without a label gives an I/O error on SPARC (sd, source). The canary is labelled
// once, through one path.
async function ensureLabel(path: CanaryPath, signal?: AbortSignal): Promise<void> {
  try {
    await path.devices.readBlock(slice0(path), 0, signal)
  } catch (error) {
    if (!isStorageError(error, 'unavailable')) throw error
    await path.devices.labelBlank(path.disk, signal)
    await path.devices.readBlock(slice0(path), 0, signal)
  }
}

function slice0({ disk }: CanaryPath): string {
  return `/dev/rdsk/${disk}s0`
}

async function attempt(work: () => Promise<void>): Promise<string | undefined> {
  try {
    await work()
    return undefined
  } catch (error) {
    return describeError(error)
  }
}
