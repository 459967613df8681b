// Claims, snapshots and classes as types. References between them are resolved.

import type { Access } from '../model/access.ts'

export interface StorageClass {
  readonly name: string
  /** The reserved keys `csi.storage.k8s.io/…` are removed. */
  readonly parameters: Readonly<Record<string, string>>
  readonly fileSystem: string // '' leaves it to the guest's platform
  readonly mountOptions: readonly string[]
  readonly reclaimPolicy: 'Delete' | 'Retain'
  readonly expansion: 'allowed' | 'refused'
}

/** Parameters that can change while the volume exists. */
export interface AttributesClass {
  readonly name: string
  readonly parameters: Readonly<Record<string, string>>
}

export interface SnapshotClass {
  readonly name: string
  readonly parameters: Readonly<Record<string, string>>
  readonly deletionPolicy: 'Delete' | 'Retain'
}

/** One guest to which the volume of a claim is attached. */
export interface Place {
  readonly guest: string // <machine>/<guest>
  /**
   * Undefined for a boot disk. A boot disk is attached by its number, and the guest need not run.
   */
  readonly mountPath: string | undefined
  /** Undefined: the driver chooses the number. */
  readonly vdiskNumber: number | undefined
  readonly readOnly: boolean
  /** Beside those of the class. */
  readonly mountOptions: readonly string[]
}

export interface Source {
  readonly kind: 'claim' | 'snapshot'
  readonly name: string // <namespace>/<name>
}

export interface Claim {
  readonly kind: 'claim'
  /** `<namespace>/<name>`: also the name of the volume. */
  readonly name: string
  readonly storageClass: StorageClass
  readonly attributes: AttributesClass | undefined
  readonly access: Access
  readonly mode: 'filesystem' | 'block'
  readonly requiredBytes: number
  readonly limitBytes: number // 0: none
  /** Undefined: the volume is created empty. */
  readonly source: Source | undefined
  /** Empty: the volume is created and attached to no guest. */
  readonly places: readonly Place[]
}

export interface Snapshot {
  readonly kind: 'snapshot'
  /** `<namespace>/<name>`, also the name of the snapshot in CSI. It is unique over the driver. */
  readonly name: string
  readonly snapshotClass: SnapshotClass
  /** The claim whose volume the snapshot is taken of. */
  readonly claim: string
}

export type ManifestObject = Claim | Snapshot
