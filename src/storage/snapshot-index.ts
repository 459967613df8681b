// Which volumes have a snapshot of which name: the one thing the driver remembers. Complete before it is used, it may only ever refuse
// or point, and whoever acts on it reads first: another process may have made or deleted what it says.

import { listSnapshotNames } from './lists.ts'
import { formatVolumeId, isSnapshotLeaf, isVolumeLeaf } from './names.ts'
import type { Pool, Pools } from './pool.ts'

/** By leaf. Tens of thousands of snapshots have one volume each, the members of a group have several: no set for each of the many. */
type Volumes = Map<string, string | Set<string>>

export class SnapshotIndex {
  readonly #pools: Pools
  #volumes: Promise<Volumes> | undefined

  constructor(pools: Pools) {
    this.#pools = pools
  }

  /** Ids of the volumes that have a snapshot of that leaf. One read a pool at the first call after start. */
  async volumesOf(leaf: string, signal?: AbortSignal): Promise<readonly string[]> {
    const volumes = (await this.#load(signal)).get(leaf)
    if (volumes === undefined) return []
    return typeof volumes === 'string' ? [volumes] : [...volumes]
  }

  async add(leaf: string, volumeId: string): Promise<void> {
    const volumes = await this.#volumes
    if (volumes !== undefined) put(volumes, leaf, volumeId)
  }

  async remove(leaf: string, volumeId: string): Promise<void> {
    const volumes = await this.#volumes
    const of = volumes?.get(leaf)
    if (of === volumeId) volumes?.delete(leaf)
    if (of instanceof Set && of.delete(volumeId) && of.size === 0) volumes?.delete(leaf)
  }

  #load(signal: AbortSignal | undefined): Promise<Volumes> {
    this.#volumes ??= this.#read(signal).catch(error => {
      this.#volumes = undefined
      throw error
    })
    return this.#volumes
  }

  async #read(signal: AbortSignal | undefined): Promise<Volumes> {
    const volumes: Volumes = new Map()
    for (const pool of this.#pools.values()) index(volumes, pool, await listSnapshotNames(pool, { signal }))
    return volumes
  }
}

// Names are enough: a leaf is a hash of the cluster and the snapshot's own name.
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

// V8 keeps a part of a string as a reference to the whole, here to the text of the listing.
function detached(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}
