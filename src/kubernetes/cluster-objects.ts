// What the controller of GuestDisks knows of the cluster: disks, claims, volumes and classes,
// reduced to the fields that somebody reads, because thousands of them are kept in memory.

export const GUEST_DISK_VERSION = 'ldom-csi.io/v1alpha1'
export const GUEST_DISKS = `/apis/${GUEST_DISK_VERSION}/guestdisks`
export const CLAIMS = '/api/v1/persistentvolumeclaims'
export const VOLUMES = '/api/v1/persistentvolumes'

export interface ObjectName {
  readonly namespace: string
  readonly name: string
}

export type Texts = Readonly<Record<string, string>>

export interface Meta extends ObjectName {
  readonly uid: string
  readonly resourceVersion: string
  /** 0 where the API server counts none: a claim has none. */
  readonly generation: number
  readonly createdMs: number
  readonly deleting: boolean
  readonly finalizers: readonly string[]
  /** Only those of ldom-csi.io and volume.kubernetes.io. */
  readonly annotations: Texts
  /** Only those of ldom-csi.io. */
  readonly labels: Texts
  readonly ownerUids: readonly string[]
}

export interface GuestDiskSpec {
  readonly claimName: string
  /** `<machine>/<guest>` */
  readonly guest: string
  readonly mountPath: string | undefined
  readonly devicePath: string | undefined
  readonly readOnly: boolean
  readonly vdiskNumber: number | undefined
  readonly mountOptions: readonly string[]
}

export type Truth = 'True' | 'False' | 'Unknown'

export interface Condition {
  readonly type: string
  readonly status: Truth
  readonly reason: string
  readonly message: string
  readonly lastTransitionTime: string
  readonly observedGeneration: number | undefined
}

export interface DiskPath {
  readonly serviceDomain: string
  readonly service: string
  readonly state: 'active' | 'standby' | 'unknown' | 'down'
}

export interface GuestDiskStatus {
  readonly observedGeneration: number | undefined
  readonly conditions: readonly Condition[]
  /** The handle. */
  readonly volume: string | undefined
  readonly size: string | undefined
  readonly vdisk: number | undefined
  readonly device: string | undefined
  readonly paths: readonly DiskPath[]
  readonly pathsWorking: string | undefined
}

export interface GuestDiskObject {
  /** `<namespace>/<name>` */
  readonly key: string
  readonly meta: Meta
  readonly spec: GuestDiskSpec
  readonly status: GuestDiskStatus
}

export interface ClaimCondition {
  readonly type: string
  readonly status: string
  readonly reason: string | undefined
  readonly message: string | undefined
}

export interface ClaimObject {
  /** `<namespace>/<name>` */
  readonly key: string
  readonly meta: Meta
  readonly phase: string | undefined
  readonly volumeName: string | undefined
  readonly storageClassName: string | undefined
  readonly accessModes: readonly string[]
  readonly volumeMode: 'Filesystem' | 'Block'
  /** Undefined: there is none, or no number of bytes that can be counted exactly. */
  readonly requestedBytes: number | undefined
  readonly capacityBytes: number | undefined
  readonly isResizePending: boolean
  readonly conditions: readonly ClaimCondition[]
  readonly allocatedResourceStatuses: Texts
}

export interface VolumeObject {
  /** The name. */
  readonly key: string
  readonly name: string
  readonly uid: string
  readonly resourceVersion: string
  readonly deleting: boolean
  readonly phase: string | undefined
  readonly handle: string
  readonly attributes: Texts
  readonly fsType: string | undefined
  readonly mountOptions: readonly string[]
  readonly accessModes: readonly string[]
  readonly volumeMode: 'Filesystem' | 'Block'
  readonly capacityBytes: number | undefined
  readonly readOnly: boolean
  readonly storageClassName: string | undefined
  /** The uid is missing as long as nobody has bound a volume that names its claim. */
  readonly claimRef: (ObjectName & { readonly uid: string | undefined }) | undefined
}

export interface ClassObject {
  readonly name: string
  readonly provisioner: string
  readonly parameters: Texts
  readonly mountOptions: readonly string[]
  readonly waitsForConsumer: boolean
  readonly allowsExpansion: boolean
}

export const NO_STATUS: GuestDiskStatus = {
  observedGeneration: undefined,
  conditions: [],
  volume: undefined,
  size: undefined,
  vdisk: undefined,
  device: undefined,
  paths: [],
  pathsWorking: undefined,
}
