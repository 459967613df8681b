// What manifest files ask for, as types: classes, claims and snapshots, whose names and sources
// have been found.

export interface StorageClass {
  readonly name: string
  /** Without the reserved csi.storage.k8s.io/ keys. */
  readonly parameters: Readonly<Record<string, string>>
  readonly fileSystem: string // '' leaves it to the guest's platform
  readonly mountOptions: readonly string[]
  readonly reclaimPolicy: 'Delete' | 'Retain'
  readonly expansion: 'allowed' | 'refused'
}

/** Parameters that can be changed while a volume lives. */
export interface AttributesClass {
  readonly name: string
  readonly parameters: Readonly<Record<string, string>>
}

export interface SnapshotClass {
  readonly name: string
  readonly parameters: Readonly<Record<string, string>>
  readonly deletionPolicy: 'Delete' | 'Retain'
}

/** One guest that gets the volume of a claim. */
export interface Place {
  readonly guest: string // <machine>/<guest>
  /** Undefined for a boot disk: it is attached by its number, and the guest need not run. */
  readonly mountPath: string | undefined
  /** Undefined leaves the number to the driver. */
  readonly vdiskNumber: number | undefined
}

/**
 * Who may use the volume at once: one workload of one guest, all of one guest, or several guests.
 */
export type Access = 'one-workload' | 'one-guest' | 'many-readers' | 'many-writers'

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
  /** Undefined: an empty volume. */
  readonly source: Source | undefined
  /** None: the volume is made, and given to nobody. */
  readonly places: readonly Place[]
}

export interface Snapshot {
  readonly kind: 'snapshot'
  /** `<namespace>/<name>`: also the name of the snapshot, which is unique over the driver. */
  readonly name: string
  readonly snapshotClass: SnapshotClass
  /** The claim whose volume is cut. */
  readonly claim: string
}

export type ManifestObject = Claim | Snapshot
