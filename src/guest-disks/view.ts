// The cluster as three caches show it, with what is looked up across them.

import type { ClaimObject, GuestDiskObject, VolumeObject } from '../kubernetes/cluster-objects.ts'
import type { DiskWrites } from '../kubernetes/disk-writes.ts'
import type { Watched } from '../kubernetes/watched.ts'
import { type ClusterView, claimKeyOf } from './parts.ts'

export interface ViewOptions {
  readonly disks: Watched<GuestDiskObject>
  readonly claims: Watched<ClaimObject>
  readonly volumes: Watched<VolumeObject>
  readonly writes: Pick<DiskWrites, 'readClass'>
}

export class CachedView implements ClusterView {
  readonly #options: ViewOptions
  readonly #claimOfDisk = new Map<string, string>()
  readonly #disksOfClaim = new Map<string, Set<string>>()
  /** Whether a class binds only for a pod, by name, as asked since the last look. */
  readonly #waitingClasses = new Map<string, Promise<boolean>>()
  #kubelets: ReadonlySet<string> = new Set()

  constructor(options: ViewOptions) {
    this.#options = options
  }

  /** Keeps the index; to be called for each change, before anything is asked about it. */
  noteDisk(key: string): void {
    const before = this.#claimOfDisk.get(key)
    if (before !== undefined) this.#forget(key, before)
    const disk = this.#options.disks.get(key)
    if (disk === undefined) {
      this.#claimOfDisk.delete(key)
      return
    }
    const claim = claimKeyOf(disk)
    this.#claimOfDisk.set(key, claim)
    const disks = this.#disksOfClaim.get(claim) ?? new Set()
    this.#disksOfClaim.set(claim, disks.add(key))
  }

  #forget(key: string, claim: string): void {
    const disks = this.#disksOfClaim.get(claim)
    disks?.delete(key)
    if (disks?.size === 0) this.#disksOfClaim.delete(claim)
  }

  /** Also of a disk that has just vanished, as long as `noteDisk` was not told. */
  claimOfDisk(key: string): string | undefined {
    return this.#claimOfDisk.get(key)
  }

  /** A look begins: what was asked of the cluster since the last one is asked anew. */
  noteKubelets(guests: ReadonlySet<string>): void {
    this.#kubelets = guests
    this.#waitingClasses.clear()
  }

  kubelets(): ReadonlySet<string> {
    return this.#kubelets
  }

  disk(key: string): GuestDiskObject | undefined {
    return this.#options.disks.get(key)
  }

  claim(key: string): ClaimObject | undefined {
    return this.#options.claims.get(key)
  }

  volume(name: string): VolumeObject | undefined {
    return this.#options.volumes.get(name)
  }

  disksOfClaim(claimKey: string): readonly GuestDiskObject[] {
    const keys = [...(this.#disksOfClaim.get(claimKey) ?? [])]
    return keys.flatMap(key => this.#options.disks.get(key) ?? [])
  }

  async waitsForPod({ storageClassName }: ClaimObject, signal?: AbortSignal): Promise<boolean> {
    if (storageClassName === undefined || storageClassName === '') return false
    const asked =
      this.#waitingClasses.get(storageClassName) ?? this.#askClass(storageClassName, signal)
    this.#waitingClasses.set(storageClassName, asked)
    return asked
  }

  async #askClass(name: string, signal?: AbortSignal): Promise<boolean> {
    try {
      const found = await this.#options.writes.readClass(name, signal)
      return found?.waitsForConsumer ?? false
    } catch (error) {
      this.#waitingClasses.delete(name)
      throw error
    }
  }
}
