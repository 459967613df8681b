// Which volumes have a snapshot of which name: the one thing the driver remembers. Complete before it is used, it may only ever refuse
// or point, and whoever acts on it reads first: another process may have made or deleted what it says.

import { listSnapshotNames } from './lists.ts'
import { isSnapshotLeaf } from './names.ts'
import type { Pools } from './pool.ts'

export class SnapshotIndex {
  readonly #pools: Pools
  #volumes: Promise<Map<string, Set<string>>> | undefined

  constructor(pools: Pools) {
    this.#pools = pools
  }

  /** Ids of the volumes that have a snapshot of that leaf. One read a pool at the first call after start. */
  async volumesOf(leaf: string, signal?: AbortSignal): Promise<readonly string[]> {
    return [...((await this.#load(signal)).get(leaf) ?? [])]
  }

  async add(leaf: string, volumeId: string): Promise<void> {
    const volumes = await this.#volumes
    volumes?.set(leaf, (volumes.get(leaf) ?? new Set()).add(volumeId))
  }

  async remove(leaf: string, volumeId: string): Promise<void> {
    const volumes = await this.#volumes
    const of = volumes?.get(leaf)
    of?.delete(volumeId)
    if (of?.size === 0) volumes?.delete(leaf)
  }

  #load(signal: AbortSignal | undefined): Promise<Map<string, Set<string>>> {
    this.#volumes ??= this.#read(signal).catch(error => {
      this.#volumes = undefined
      throw error
    })
    return this.#volumes
  }

  async #read(signal: AbortSignal | undefined): Promise<Map<string, Set<string>>> {
    const volumes = new Map<string, Set<string>>()
    // Names are enough: a leaf is a hash of the cluster and the snapshot's own name.
    for (const snapshots of await Promise.all([...this.#pools.values()].map(pool => listSnapshotNames(pool, signal)))) {
      for (const { leaf, volumeId } of snapshots) {
        if (!isSnapshotLeaf(leaf)) continue
        volumes.set(leaf, (volumes.get(leaf) ?? new Set()).add(volumeId))
      }
    }
    return volumes
  }
}
