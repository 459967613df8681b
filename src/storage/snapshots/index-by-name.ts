// Remembers which volumes have a snapshot of a given name. It is complete before it is used.
// Another process may have created or deleted snapshots since. So callers read a volume that it
// names before they act.

import { StorageError } from '../../errors.ts'
import { shared } from '../../locks.ts'
import { formatVolumeId, isSnapshotLeaf, isVolumeLeaf } from '../../model/ids.ts'
import { listSnapshotNames } from '../catalog/lists.ts'
import type { Pool, Pools } from '../pool.ts'

/**
 * By leaf. Most snapshots have one volume; only the members of a group share a leaf. A set for each
 * of tens of thousands of snapshots would waste memory.
 */
type Volumes = Map<string, string | Set<string>>

export class SnapshotIndex {
  readonly #pools: Pools
  #volumes: Promise<Volumes> | undefined

  constructor(pools: Pools) {
    this.#pools = pools
  }

  /**
   * Ids of the volumes that have a snapshot with that leaf. The first call after the start reads
   * each pool once.
   */
  async volumesOf(leaf: string, signal?: AbortSignal): Promise<readonly string[]> {
    const late = () =>
      new StorageError('unavailable', 'the deadline passed while the snapshots were listed', {
        cause: signal?.reason,
      })
    const volumes = (await shared(this.#load(), signal, late)).get(leaf)
    if (volumes === undefined) return []
    return typeof volumes === 'string' ? [volumes] : [...volumes]
  }

  async add(leaf: string, volumeId: string): Promise<void> {
    const volumes = await this.#loaded()
    if (volumes !== undefined) put(volumes, leaf, volumeId)
  }

  async remove(leaf: string, volumeId: string): Promise<void> {
    const volumes = await this.#loaded()
    const of = volumes?.get(leaf)
    if (of === volumeId) volumes?.delete(leaf)
    if (of instanceof Set && of.delete(volumeId) && of.size === 0) volumes?.delete(leaf)
  }

  // If the read failed, the next caller reads again, and then sees the new snapshot too.
  #loaded(): Promise<Volumes | undefined> | undefined {
    return this.#volumes?.catch(() => undefined)
  }

  // This read belongs to no caller. For a pool with many snapshots it takes longer than one
  // caller's deadline, which would end it for all callers every time.
  #load(): Promise<Volumes> {
    this.#volumes ??= this.#read().catch(error => {
      this.#volumes = undefined
      throw error
    })
    return this.#volumes
  }

  async #read(): Promise<Volumes> {
    const volumes: Volumes = new Map()
    for (const pool of this.#pools.values()) index(volumes, pool, await listSnapshotNames(pool))
    return volumes
  }
}

// Names are enough, because a leaf is a hash of the cluster and the snapshot's own name.
function index(volumes: Volumes, pool: Pool, names: readonly string[]): void {
  let dataset = ''
  let volumeId = ''
  for (const name of names) {
    const at = name.indexOf('@')
    const leaf = name.slice(at + 1)
    if (!isSnapshotLeaf(leaf)) continue
    if (name.slice(0, at) !== dataset) {
      dataset = name.slice(0, at)
      const volumeLeaf = dataset.slice(pool.dataset.length + 1)
      volumeId = isVolumeLeaf(volumeLeaf) ? detached(formatVolumeId(pool.name, volumeLeaf)) : ''
    }
    if (volumeId !== '') put(volumes, detached(leaf), volumeId)
  }
}

function put(volumes: Volumes, leaf: string, volumeId: string): void {
  const known = volumes.get(leaf)
  if (known === undefined) volumes.set(leaf, volumeId)
  else if (typeof known !== 'string') known.add(volumeId)
  else if (known !== volumeId) volumes.set(leaf, new Set([known, volumeId]))
}

// Copies the text. V8 keeps a part of a string as a reference to the whole, here to the text of the
// listing.
function detached(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}
