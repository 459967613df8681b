// Snapshots and group snapshots in memory, beside memory-storage.ts. Names are unique over all
// volumes, snapshots outlive them.

import type { GroupStore, SnapshotStore } from '../../src/csi/snapshots.ts'
import { StorageError } from '../../src/errors.ts'
import { findGroupId, formatSnapshotId, groupLeaf, snapshotLeaf } from '../../src/model/ids.ts'
import type { Snapshot, Volume } from '../../src/model/volumes.ts'

export class MemorySnapshots implements SnapshotStore, GroupStore {
  readonly #volume: (id: string) => Volume
  readonly #snapshots = new Map<string, Snapshot>()
  #seconds = 1_700_000_000

  constructor(volume: (id: string) => Volume) {
    this.#volume = volume
  }

  require(id: string): Snapshot {
    const snapshot = this.#snapshots.get(id)
    if (snapshot === undefined) {
      throw new StorageError('not-found', `snapshot ${JSON.stringify(id)} does not exist`)
    }
    return snapshot
  }

  async createSnapshot({
    name,
    volumeId,
  }: {
    readonly name: string
    readonly volumeId: string
  }): Promise<Snapshot> {
    const volume = this.#volume(volumeId)
    const leaf = snapshotLeaf('test', name)
    const existing = [...this.#snapshots.values()].find(({ id }) => id.endsWith(`@${leaf}`))
    if (existing && existing.volumeId !== volumeId) {
      throw new StorageError(
        'already-exists',
        `snapshot ${name} exists, of volume ${existing.volumeId}`,
      )
    }
    if (existing) return existing
    this.#seconds += 1
    return this.#add(name, volume, leaf, undefined)
  }

  async deleteSnapshot(id: string): Promise<void> {
    const { groupId } = this.#snapshots.get(id) ?? {}
    if (groupId !== undefined) {
      throw new StorageError('invalid-argument', `snapshot ${id} belongs to group ${groupId}`)
    }
    this.#snapshots.delete(id)
  }

  async getSnapshot(id: string): Promise<Snapshot> {
    return this.require(id)
  }

  async listSnapshots(filter: {
    readonly snapshotId?: string
    readonly volumeId?: string
  }): Promise<readonly Snapshot[]> {
    return [...this.#snapshots.values()].filter(
      snapshot =>
        (filter.snapshotId === undefined || filter.snapshotId === snapshot.id) &&
        (filter.volumeId === undefined || filter.volumeId === snapshot.volumeId),
    )
  }

  async createGroup({
    name,
    volumeIds,
  }: {
    readonly name: string
    readonly volumeIds: readonly string[]
  }) {
    const volumes = [...new Set(volumeIds)].sort().map(id => this.#volume(id))
    const leaf = groupLeaf('test', name)
    const id = `${volumes[0]?.pool}/${leaf}`
    const existing = this.#members(id)
    if (existing.length === 0) {
      this.#seconds += 1
      return { id, snapshots: volumes.map(volume => this.#add(name, volume, leaf, id)) }
    }
    if (
      existing.map(({ volumeId }) => volumeId).join() !== volumes.map(volume => volume.id).join()
    ) {
      throw new StorageError('already-exists', `group snapshot ${name} exists with other volumes`)
    }
    return { id, snapshots: existing }
  }

  async getGroup(id: string, memberIds: readonly string[]) {
    const snapshots = findGroupId(id) ? this.#members(id) : []
    if (snapshots.length === 0) {
      throw new StorageError('not-found', `group snapshot ${JSON.stringify(id)} does not exist`)
    }
    refuseOthers(snapshots, memberIds)
    return { id, snapshots }
  }

  async deleteGroup(id: string, memberIds: readonly string[]): Promise<void> {
    const snapshots = this.#members(id)
    if (snapshots.length > 0) refuseOthers(snapshots, memberIds)
    for (const snapshot of snapshots) this.#snapshots.delete(snapshot.id)
  }

  #add(name: string, volume: Volume, leaf: string, groupId: string | undefined): Snapshot {
    const id = formatSnapshotId(volume.id, leaf)
    const snapshot = {
      id,
      name,
      volumeId: volume.id,
      sizeBytes: volume.sizeBytes,
      createdAtSeconds: this.#seconds,
      groupId,
    }
    this.#snapshots.set(id, snapshot)
    return snapshot
  }

  #members(id: string): readonly Snapshot[] {
    return [...this.#snapshots.values()]
      .filter(({ groupId }) => groupId === id)
      .sort((a, b) => (a.id < b.id ? -1 : 1))
  }
}

function refuseOthers(snapshots: readonly Snapshot[], memberIds: readonly string[]): void {
  if (snapshots.map(({ id }) => id).join() === [...memberIds].sort().join()) return
  throw new StorageError('invalid-argument', 'the named snapshots are not those of the group')
}
