// What the parts of this room work with: caches of the cluster, and ways to guests.

import type { GuestDisksGuest } from '../config/guest-disks.ts'
import type {
  ClaimObject,
  GuestDiskObject,
  Meta,
  VolumeObject,
} from '../kubernetes/cluster-objects.ts'
import { type DiskWrites, GUEST_DISK_FINALIZER } from '../kubernetes/disk-writes.ts'
import type { AttachTools, NodeCalls } from '../steps/disk.ts'
import type { Looks } from './looks.ts'
import type { Teller } from './teller.ts'

/** The cluster as it was seen last. It may lag behind what was written. */
export interface ClusterView {
  disk(key: string): GuestDiskObject | undefined
  claim(key: string): ClaimObject | undefined
  volume(name: string): VolumeObject | undefined
  disksOfClaim(claimKey: string): readonly GuestDiskObject[]
  /** Whether the class of the claim binds only when a pod uses the claim. */
  waitsForPod(claim: ClaimObject, signal?: AbortSignal): Promise<boolean>
  /** Guests of the driver in which a kubelet runs. */
  kubelets(): ReadonlySet<string>
}

export interface Parts {
  readonly view: ClusterView
  readonly writes: DiskWrites
  readonly looks: Looks
  readonly controller: AttachTools['controller']
  /** By `<machine>/<guest>`; a guest without a login has no calls. */
  readonly grants: ReadonlyMap<string, GuestDisksGuest>
  readonly calls: ReadonlyMap<string, NodeCalls>
  readonly stagingDirectory: string
  readonly teller: Teller
  /** The time of day. */
  readonly now: () => Date
}

export function claimKeyOf({ meta, spec }: GuestDiskObject): string {
  return `${meta.namespace}/${spec.claimName}`
}

/** Whether this controller keeps the object from going away. */
export function isHeld({ finalizers }: Meta): boolean {
  return finalizers.includes(GUEST_DISK_FINALIZER)
}
