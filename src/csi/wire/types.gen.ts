// Generated from the files in proto/ by `npm run generate`. Not to be edited.

export interface IdentityMethods {
  readonly GetPluginInfo: { readonly kind: 'unary'; readonly request: GetPluginInfoRequest; readonly response: GetPluginInfoResponse }
  readonly GetPluginCapabilities: { readonly kind: 'unary'; readonly request: GetPluginCapabilitiesRequest; readonly response: GetPluginCapabilitiesResponse }
  readonly Probe: { readonly kind: 'unary'; readonly request: ProbeRequest; readonly response: ProbeResponse }
}

export interface ControllerMethods {
  readonly CreateVolume: { readonly kind: 'unary'; readonly request: CreateVolumeRequest; readonly response: CreateVolumeResponse }
  readonly DeleteVolume: { readonly kind: 'unary'; readonly request: DeleteVolumeRequest; readonly response: DeleteVolumeResponse }
  readonly ControllerPublishVolume: { readonly kind: 'unary'; readonly request: ControllerPublishVolumeRequest; readonly response: ControllerPublishVolumeResponse }
  readonly ControllerUnpublishVolume: { readonly kind: 'unary'; readonly request: ControllerUnpublishVolumeRequest; readonly response: ControllerUnpublishVolumeResponse }
  readonly ValidateVolumeCapabilities: { readonly kind: 'unary'; readonly request: ValidateVolumeCapabilitiesRequest; readonly response: ValidateVolumeCapabilitiesResponse }
  readonly ListVolumes: { readonly kind: 'unary'; readonly request: ListVolumesRequest; readonly response: ListVolumesResponse }
  readonly GetCapacity: { readonly kind: 'unary'; readonly request: GetCapacityRequest; readonly response: GetCapacityResponse }
  readonly ControllerGetCapabilities: { readonly kind: 'unary'; readonly request: ControllerGetCapabilitiesRequest; readonly response: ControllerGetCapabilitiesResponse }
  readonly CreateSnapshot: { readonly kind: 'unary'; readonly request: CreateSnapshotRequest; readonly response: CreateSnapshotResponse }
  readonly DeleteSnapshot: { readonly kind: 'unary'; readonly request: DeleteSnapshotRequest; readonly response: DeleteSnapshotResponse }
  readonly ListSnapshots: { readonly kind: 'unary'; readonly request: ListSnapshotsRequest; readonly response: ListSnapshotsResponse }
  readonly GetSnapshot: { readonly kind: 'unary'; readonly request: GetSnapshotRequest; readonly response: GetSnapshotResponse }
  readonly ControllerExpandVolume: { readonly kind: 'unary'; readonly request: ControllerExpandVolumeRequest; readonly response: ControllerExpandVolumeResponse }
  readonly ControllerGetVolume: { readonly kind: 'unary'; readonly request: ControllerGetVolumeRequest; readonly response: ControllerGetVolumeResponse }
  readonly ControllerModifyVolume: { readonly kind: 'unary'; readonly request: ControllerModifyVolumeRequest; readonly response: ControllerModifyVolumeResponse }
  readonly ControllerGetVolumeHealth: { readonly kind: 'unary'; readonly request: ControllerGetVolumeHealthRequest; readonly response: ControllerGetVolumeHealthResponse }
  readonly ControllerListVolumeHealth: { readonly kind: 'unary'; readonly request: ControllerListVolumeHealthRequest; readonly response: ControllerListVolumeHealthResponse }
}

export interface GroupControllerMethods {
  readonly GroupControllerGetCapabilities: { readonly kind: 'unary'; readonly request: GroupControllerGetCapabilitiesRequest; readonly response: GroupControllerGetCapabilitiesResponse }
  readonly CreateVolumeGroupSnapshot: { readonly kind: 'unary'; readonly request: CreateVolumeGroupSnapshotRequest; readonly response: CreateVolumeGroupSnapshotResponse }
  readonly DeleteVolumeGroupSnapshot: { readonly kind: 'unary'; readonly request: DeleteVolumeGroupSnapshotRequest; readonly response: DeleteVolumeGroupSnapshotResponse }
  readonly GetVolumeGroupSnapshot: { readonly kind: 'unary'; readonly request: GetVolumeGroupSnapshotRequest; readonly response: GetVolumeGroupSnapshotResponse }
}

export interface SnapshotMetadataMethods {
  readonly GetMetadataAllocated: { readonly kind: 'server-stream'; readonly request: GetMetadataAllocatedRequest; readonly response: GetMetadataAllocatedResponse }
  readonly GetMetadataDelta: { readonly kind: 'server-stream'; readonly request: GetMetadataDeltaRequest; readonly response: GetMetadataDeltaResponse }
}

export interface NodeMethods {
  readonly NodeStageVolume: { readonly kind: 'unary'; readonly request: NodeStageVolumeRequest; readonly response: NodeStageVolumeResponse }
  readonly NodeUnstageVolume: { readonly kind: 'unary'; readonly request: NodeUnstageVolumeRequest; readonly response: NodeUnstageVolumeResponse }
  readonly NodePublishVolume: { readonly kind: 'unary'; readonly request: NodePublishVolumeRequest; readonly response: NodePublishVolumeResponse }
  readonly NodeUnpublishVolume: { readonly kind: 'unary'; readonly request: NodeUnpublishVolumeRequest; readonly response: NodeUnpublishVolumeResponse }
  readonly NodeGetVolumeStats: { readonly kind: 'unary'; readonly request: NodeGetVolumeStatsRequest; readonly response: NodeGetVolumeStatsResponse }
  readonly NodeGetVolumeHealth: { readonly kind: 'unary'; readonly request: NodeGetVolumeHealthRequest; readonly response: NodeGetVolumeHealthResponse }
  readonly NodeGetStorageHealth: { readonly kind: 'unary'; readonly request: NodeGetStorageHealthRequest; readonly response: NodeGetStorageHealthResponse }
  readonly NodeExpandVolume: { readonly kind: 'unary'; readonly request: NodeExpandVolumeRequest; readonly response: NodeExpandVolumeResponse }
  readonly NodeGetCapabilities: { readonly kind: 'unary'; readonly request: NodeGetCapabilitiesRequest; readonly response: NodeGetCapabilitiesResponse }
  readonly NodeGetInfo: { readonly kind: 'unary'; readonly request: NodeGetInfoRequest; readonly response: NodeGetInfoResponse }
}

export interface GetPluginInfoRequest {
}

export interface GetPluginInfoResponse {
  readonly name: string
  readonly vendor_version: string
  readonly manifest: Readonly<Record<string, string>>
}

export interface GetPluginCapabilitiesRequest {
}

export interface GetPluginCapabilitiesResponse {
  readonly capabilities: readonly PluginCapability[]
}

export interface PluginCapability {
  readonly service?: PluginCapabilityService | undefined
  readonly volume_expansion?: PluginCapabilityVolumeExpansion | undefined
}

export interface PluginCapabilityService {
  readonly type: PluginCapabilityServiceType
}

export const PluginCapabilityServiceType = {
  UNKNOWN: 0,
  CONTROLLER_SERVICE: 1,
  VOLUME_ACCESSIBILITY_CONSTRAINTS: 2,
  GROUP_CONTROLLER_SERVICE: 3,
  SNAPSHOT_METADATA_SERVICE: 4,
  SNAPSHOT_ACCESSIBILITY_CONSTRAINTS: 5,
} as const
export type PluginCapabilityServiceType = (typeof PluginCapabilityServiceType)[keyof typeof PluginCapabilityServiceType]

export interface PluginCapabilityVolumeExpansion {
  readonly type: PluginCapabilityVolumeExpansionType
}

export const PluginCapabilityVolumeExpansionType = {
  UNKNOWN: 0,
  ONLINE: 1,
  OFFLINE: 2,
} as const
export type PluginCapabilityVolumeExpansionType = (typeof PluginCapabilityVolumeExpansionType)[keyof typeof PluginCapabilityVolumeExpansionType]

export interface ProbeRequest {
}

export interface ProbeResponse {
  /** Absent counts as ready. */
  readonly ready?: BoolValue | undefined
}

export interface CreateVolumeRequest {
  /** Idempotency rests on it: the same name is the same volume. */
  readonly name: string
  readonly capacity_range?: CapacityRange | undefined
  readonly volume_capabilities: readonly VolumeCapability[]
  readonly parameters: Readonly<Record<string, string>>
  readonly secrets: Readonly<Record<string, string>>
  readonly volume_content_source?: VolumeContentSource | undefined
  readonly accessibility_requirements?: TopologyRequirement | undefined
  readonly mutable_parameters: Readonly<Record<string, string>>
}

export interface VolumeContentSource {
  readonly snapshot?: VolumeContentSourceSnapshotSource | undefined
  readonly volume?: VolumeContentSourceVolumeSource | undefined
}

export interface VolumeContentSourceSnapshotSource {
  readonly snapshot_id: string
}

export interface VolumeContentSourceVolumeSource {
  readonly volume_id: string
}

export interface CreateVolumeResponse {
  readonly volume?: Volume | undefined
}

export interface VolumeCapability {
  readonly block?: VolumeCapabilityBlockVolume | undefined
  readonly mount?: VolumeCapabilityMountVolume | undefined
  readonly access_mode?: VolumeCapabilityAccessMode | undefined
}

export interface VolumeCapabilityBlockVolume {
}

export interface VolumeCapabilityMountVolume {
  /** Empty: the driver's choice. */
  readonly fs_type: string
  readonly mount_flags: readonly string[]
  readonly volume_mount_group: string
}

export interface VolumeCapabilityAccessMode {
  readonly mode: VolumeCapabilityAccessModeMode
}

export const VolumeCapabilityAccessModeMode = {
  UNKNOWN: 0,
  SINGLE_NODE_WRITER: 1,
  SINGLE_NODE_READER_ONLY: 2,
  MULTI_NODE_READER_ONLY: 3,
  MULTI_NODE_SINGLE_WRITER: 4,
  MULTI_NODE_MULTI_WRITER: 5,
  SINGLE_NODE_SINGLE_WRITER: 6,
  SINGLE_NODE_MULTI_WRITER: 7,
} as const
export type VolumeCapabilityAccessModeMode = (typeof VolumeCapabilityAccessModeMode)[keyof typeof VolumeCapabilityAccessModeMode]

export interface CapacityRange {
  /** 0: no bound on this side. */
  readonly required_bytes: string
  readonly limit_bytes: string
}

export interface Volume {
  readonly capacity_bytes: string
  readonly volume_id: string
  readonly volume_context: Readonly<Record<string, string>>
  readonly content_source?: VolumeContentSource | undefined
  readonly accessible_topology: readonly Topology[]
}

export interface TopologyRequirement {
  readonly requisite: readonly Topology[]
  readonly preferred: readonly Topology[]
}

export interface Topology {
  readonly segments: Readonly<Record<string, string>>
}

export interface DeleteVolumeRequest {
  readonly volume_id: string
  readonly secrets: Readonly<Record<string, string>>
}

export interface DeleteVolumeResponse {
}

export interface ControllerPublishVolumeRequest {
  readonly volume_id: string
  readonly node_id: string
  readonly volume_capability?: VolumeCapability | undefined
  readonly readonly: boolean
  readonly secrets: Readonly<Record<string, string>>
  readonly volume_context: Readonly<Record<string, string>>
}

export interface ControllerPublishVolumeResponse {
  readonly publish_context: Readonly<Record<string, string>>
}

export interface ControllerUnpublishVolumeRequest {
  readonly volume_id: string
  /** Empty: from every node. */
  readonly node_id: string
  readonly secrets: Readonly<Record<string, string>>
}

export interface ControllerUnpublishVolumeResponse {
}

export interface ValidateVolumeCapabilitiesRequest {
  readonly volume_id: string
  readonly volume_context: Readonly<Record<string, string>>
  readonly volume_capabilities: readonly VolumeCapability[]
  readonly parameters: Readonly<Record<string, string>>
  readonly secrets: Readonly<Record<string, string>>
  readonly mutable_parameters: Readonly<Record<string, string>>
}

export interface ValidateVolumeCapabilitiesResponse {
  /** Absent: not supported; the reason is in the message. */
  readonly confirmed?: ValidateVolumeCapabilitiesResponseConfirmed | undefined
  readonly message: string
}

export interface ValidateVolumeCapabilitiesResponseConfirmed {
  readonly volume_context: Readonly<Record<string, string>>
  readonly volume_capabilities: readonly VolumeCapability[]
  readonly parameters: Readonly<Record<string, string>>
  readonly mutable_parameters: Readonly<Record<string, string>>
}

export interface ListVolumesRequest {
  readonly max_entries: number
  readonly starting_token: string
}

export interface ListVolumesResponse {
  readonly entries: readonly ListVolumesResponseEntry[]
  readonly next_token: string
}

export interface ListVolumesResponseVolumeStatus {
  readonly published_node_ids: readonly string[]
}

export interface ListVolumesResponseEntry {
  readonly volume?: Volume | undefined
  readonly status?: ListVolumesResponseVolumeStatus | undefined
}

export interface ControllerGetVolumeRequest {
  readonly volume_id: string
}

export interface ControllerGetVolumeResponse {
  readonly volume?: Volume | undefined
  readonly status?: ControllerGetVolumeResponseVolumeStatus | undefined
}

export interface ControllerGetVolumeResponseVolumeStatus {
  readonly published_node_ids: readonly string[]
}

export interface ControllerModifyVolumeRequest {
  readonly volume_id: string
  readonly secrets: Readonly<Record<string, string>>
  readonly mutable_parameters: Readonly<Record<string, string>>
}

export interface ControllerModifyVolumeResponse {
}

export interface GetCapacityRequest {
  readonly volume_capabilities: readonly VolumeCapability[]
  readonly parameters: Readonly<Record<string, string>>
  readonly accessible_topology?: Topology | undefined
}

export interface GetCapacityResponse {
  readonly available_capacity: string
  readonly maximum_volume_size?: Int64Value | undefined
  readonly minimum_volume_size?: Int64Value | undefined
}

export interface ControllerExpandVolumeRequest {
  readonly volume_id: string
  readonly capacity_range?: CapacityRange | undefined
  readonly secrets: Readonly<Record<string, string>>
  readonly volume_capability?: VolumeCapability | undefined
}

export interface ControllerExpandVolumeResponse {
  readonly capacity_bytes: string
  readonly node_expansion_required: boolean
}

export interface ControllerGetCapabilitiesRequest {
}

export interface ControllerGetCapabilitiesResponse {
  readonly capabilities: readonly ControllerServiceCapability[]
}

export interface ControllerServiceCapability {
  readonly rpc?: ControllerServiceCapabilityRPC | undefined
}

export interface ControllerServiceCapabilityRPC {
  readonly type: ControllerServiceCapabilityRPCType
}

export const ControllerServiceCapabilityRPCType = {
  UNKNOWN: 0,
  CREATE_DELETE_VOLUME: 1,
  PUBLISH_UNPUBLISH_VOLUME: 2,
  LIST_VOLUMES: 3,
  GET_CAPACITY: 4,
  CREATE_DELETE_SNAPSHOT: 5,
  LIST_SNAPSHOTS: 6,
  CLONE_VOLUME: 7,
  PUBLISH_READONLY: 8,
  EXPAND_VOLUME: 9,
  LIST_VOLUMES_PUBLISHED_NODES: 10,
  GET_VOLUME: 12,
  SINGLE_NODE_MULTI_WRITER: 13,
  MODIFY_VOLUME: 14,
  GET_SNAPSHOT: 15,
  GET_VOLUME_HEALTH: 16,
  LIST_VOLUME_HEALTH: 17,
} as const
export type ControllerServiceCapabilityRPCType = (typeof ControllerServiceCapabilityRPCType)[keyof typeof ControllerServiceCapabilityRPCType]

export const VolumeHealthErrorType = {
  UNKNOWN_VOLUME_HEALTH_TYPE: 0,
  DEGRADED: 1,
  INACCESSIBLE: 2,
  DATA_LOSS: 3,
} as const
export type VolumeHealthErrorType = (typeof VolumeHealthErrorType)[keyof typeof VolumeHealthErrorType]

export const StorageHealthErrorType = {
  UNKNOWN_STORAGE_HEALTH_ERROR_TYPE: 0,
  STORAGE_DEGRADED: 1,
  STORAGE_UNREACHABLE: 2,
} as const
export type StorageHealthErrorType = (typeof StorageHealthErrorType)[keyof typeof StorageHealthErrorType]

export interface VolumeHealth {
  readonly volume_id: string
  /** Empty: healthy. */
  readonly health_statuses: readonly VolumeHealthVolumeHealthEntry[]
}

export interface VolumeHealthVolumeHealthEntry {
  readonly status: VolumeHealthErrorType
  readonly reason: string
  readonly message: string
}

export interface ControllerGetVolumeHealthRequest {
  readonly volume_id: string
  readonly secrets: Readonly<Record<string, string>>
}

export interface ControllerGetVolumeHealthResponse {
  readonly volume_health?: VolumeHealth | undefined
}

export interface ControllerListVolumeHealthRequest {
  readonly max_entries: number
  readonly starting_token: string
  readonly secrets: Readonly<Record<string, string>>
}

export interface ControllerListVolumeHealthResponse {
  readonly entries: readonly VolumeHealth[]
  readonly next_token: string
}

export interface NodeGetVolumeHealthRequest {
  readonly volume_id: string
  readonly volume_publish_path: string
  readonly staging_target_path: string
}

export interface NodeGetVolumeHealthResponse {
  readonly volume_health?: VolumeHealth | undefined
}

export interface NodeGetStorageHealthRequest {
  readonly secrets: Readonly<Record<string, string>>
}

export interface NodeGetStorageHealthResponse {
  readonly backend_health: readonly NodeGetStorageHealthResponseStorageBackendHealth[]
}

export interface NodeGetStorageHealthResponseStorageBackendHealth {
  readonly status: StorageHealthErrorType
  readonly reason: string
  readonly message: string
  readonly volume_capability?: VolumeCapability | undefined
}

export interface CreateSnapshotRequest {
  readonly source_volume_id: string
  readonly name: string
  readonly secrets: Readonly<Record<string, string>>
  readonly parameters: Readonly<Record<string, string>>
  readonly accessibility_requirements?: TopologyRequirement | undefined
}

export interface CreateSnapshotResponse {
  readonly snapshot?: Snapshot | undefined
}

export interface Snapshot {
  /** The least size of a volume made from it; 0: unknown. */
  readonly size_bytes: string
  readonly snapshot_id: string
  readonly source_volume_id: string
  readonly creation_time?: Timestamp | undefined
  readonly ready_to_use: boolean
  readonly group_snapshot_id: string
  readonly accessible_topology: readonly Topology[]
}

export interface DeleteSnapshotRequest {
  readonly snapshot_id: string
  readonly secrets: Readonly<Record<string, string>>
}

export interface DeleteSnapshotResponse {
}

export interface ListSnapshotsRequest {
  readonly max_entries: number
  readonly starting_token: string
  readonly source_volume_id: string
  readonly snapshot_id: string
  readonly secrets: Readonly<Record<string, string>>
}

export interface ListSnapshotsResponse {
  readonly entries: readonly ListSnapshotsResponseEntry[]
  readonly next_token: string
}

export interface ListSnapshotsResponseEntry {
  readonly snapshot?: Snapshot | undefined
}

export interface GetSnapshotRequest {
  readonly snapshot_id: string
  readonly secrets: Readonly<Record<string, string>>
}

export interface GetSnapshotResponse {
  readonly snapshot?: Snapshot | undefined
}

export interface GroupControllerGetCapabilitiesRequest {
}

export interface GroupControllerGetCapabilitiesResponse {
  readonly capabilities: readonly GroupControllerServiceCapability[]
}

export interface GroupControllerServiceCapability {
  readonly rpc?: GroupControllerServiceCapabilityRPC | undefined
}

export interface GroupControllerServiceCapabilityRPC {
  readonly type: GroupControllerServiceCapabilityRPCType
}

export const GroupControllerServiceCapabilityRPCType = {
  UNKNOWN: 0,
  CREATE_DELETE_GET_VOLUME_GROUP_SNAPSHOT: 1,
} as const
export type GroupControllerServiceCapabilityRPCType = (typeof GroupControllerServiceCapabilityRPCType)[keyof typeof GroupControllerServiceCapabilityRPCType]

export interface CreateVolumeGroupSnapshotRequest {
  readonly name: string
  readonly source_volume_ids: readonly string[]
  readonly secrets: Readonly<Record<string, string>>
  readonly parameters: Readonly<Record<string, string>>
}

export interface CreateVolumeGroupSnapshotResponse {
  readonly group_snapshot?: VolumeGroupSnapshot | undefined
}

export interface VolumeGroupSnapshot {
  readonly group_snapshot_id: string
  readonly snapshots: readonly Snapshot[]
  readonly creation_time?: Timestamp | undefined
  readonly ready_to_use: boolean
}

export interface DeleteVolumeGroupSnapshotRequest {
  readonly group_snapshot_id: string
  readonly snapshot_ids: readonly string[]
  readonly secrets: Readonly<Record<string, string>>
}

export interface DeleteVolumeGroupSnapshotResponse {
}

export interface GetVolumeGroupSnapshotRequest {
  readonly group_snapshot_id: string
  readonly snapshot_ids: readonly string[]
  readonly secrets: Readonly<Record<string, string>>
}

export interface GetVolumeGroupSnapshotResponse {
  readonly group_snapshot?: VolumeGroupSnapshot | undefined
}

export const BlockMetadataType = {
  UNKNOWN: 0,
  FIXED_LENGTH: 1,
  VARIABLE_LENGTH: 2,
} as const
export type BlockMetadataType = (typeof BlockMetadataType)[keyof typeof BlockMetadataType]

export interface BlockMetadata {
  readonly byte_offset: string
  readonly size_bytes: string
}

export interface GetMetadataAllocatedRequest {
  readonly snapshot_id: string
  readonly starting_offset: string
  readonly max_results: number
  readonly secrets: Readonly<Record<string, string>>
}

export interface GetMetadataAllocatedResponse {
  readonly block_metadata_type: BlockMetadataType
  readonly volume_capacity_bytes: string
  readonly block_metadata: readonly BlockMetadata[]
}

export interface GetMetadataDeltaRequest {
  readonly base_snapshot_id: string
  readonly target_snapshot_id: string
  readonly starting_offset: string
  readonly max_results: number
  readonly secrets: Readonly<Record<string, string>>
}

export interface GetMetadataDeltaResponse {
  readonly block_metadata_type: BlockMetadataType
  readonly volume_capacity_bytes: string
  readonly block_metadata: readonly BlockMetadata[]
}

export interface NodeStageVolumeRequest {
  readonly volume_id: string
  readonly publish_context: Readonly<Record<string, string>>
  readonly staging_target_path: string
  readonly volume_capability?: VolumeCapability | undefined
  readonly secrets: Readonly<Record<string, string>>
  readonly volume_context: Readonly<Record<string, string>>
}

export interface NodeStageVolumeResponse {
}

export interface NodeUnstageVolumeRequest {
  readonly volume_id: string
  readonly staging_target_path: string
}

export interface NodeUnstageVolumeResponse {
}

export interface NodePublishVolumeRequest {
  readonly volume_id: string
  readonly publish_context: Readonly<Record<string, string>>
  readonly staging_target_path: string
  readonly target_path: string
  readonly volume_capability?: VolumeCapability | undefined
  readonly readonly: boolean
  readonly secrets: Readonly<Record<string, string>>
  readonly volume_context: Readonly<Record<string, string>>
}

export interface NodePublishVolumeResponse {
}

export interface NodeUnpublishVolumeRequest {
  readonly volume_id: string
  readonly target_path: string
}

export interface NodeUnpublishVolumeResponse {
}

export interface NodeGetVolumeStatsRequest {
  readonly volume_id: string
  /** Published or staged path. */
  readonly volume_path: string
  readonly staging_target_path: string
}

export interface NodeGetVolumeStatsResponse {
  readonly usage: readonly VolumeUsage[]
}

export interface VolumeUsage {
  readonly available: string
  readonly total: string
  readonly used: string
  readonly unit: VolumeUsageUnit
}

export const VolumeUsageUnit = {
  UNKNOWN: 0,
  BYTES: 1,
  INODES: 2,
} as const
export type VolumeUsageUnit = (typeof VolumeUsageUnit)[keyof typeof VolumeUsageUnit]

export interface NodeExpandVolumeRequest {
  readonly volume_id: string
  readonly volume_path: string
  readonly capacity_range?: CapacityRange | undefined
  readonly staging_target_path: string
  readonly volume_capability?: VolumeCapability | undefined
  readonly secrets: Readonly<Record<string, string>>
}

export interface NodeExpandVolumeResponse {
  readonly capacity_bytes: string
}

export interface NodeGetCapabilitiesRequest {
}

export interface NodeGetCapabilitiesResponse {
  readonly capabilities: readonly NodeServiceCapability[]
}

export interface NodeServiceCapability {
  readonly rpc?: NodeServiceCapabilityRPC | undefined
}

export interface NodeServiceCapabilityRPC {
  readonly type: NodeServiceCapabilityRPCType
}

export const NodeServiceCapabilityRPCType = {
  UNKNOWN: 0,
  STAGE_UNSTAGE_VOLUME: 1,
  GET_VOLUME_STATS: 2,
  EXPAND_VOLUME: 3,
  SINGLE_NODE_MULTI_WRITER: 5,
  VOLUME_MOUNT_GROUP: 6,
  GET_VOLUME_HEALTH: 7,
  GET_STORAGE_HEALTH: 8,
} as const
export type NodeServiceCapabilityRPCType = (typeof NodeServiceCapabilityRPCType)[keyof typeof NodeServiceCapabilityRPCType]

export interface NodeGetInfoRequest {
}

export interface NodeGetInfoResponse {
  /** `<machine>/<guest>` */
  readonly node_id: string
  /** 0: the caller's choice. */
  readonly max_volumes_per_node: string
  readonly accessible_topology?: Topology | undefined
}

export interface DisksMethods {
  readonly ListDisks: { readonly kind: 'unary'; readonly request: ListDisksRequest; readonly response: ListDisksResponse }
}

export interface ListDisksRequest {
  /** Empty: the disks of all volumes. */
  readonly volume_id: string
}

export interface ListDisksResponse {
  /** One for each volume and guest that a record names. A detachment that has begun is left out. */
  readonly disks: readonly Disk[]
  readonly silences: readonly Silence[]
}

/** What could not be looked at. Exactly one of pool and machine is set. */
export interface Silence {
  /** Nothing is known of its records: its volumes may have disks that are not listed. */
  readonly pool: string
  /** Nothing is known of its guests, and of the disks that they have. */
  readonly machine: string
  readonly reason: string
}

export interface Disk {
  readonly volume_id: string
  /** The guest, as <machine>/<guest>. */
  readonly node_id: string
  /** UNKNOWN: the machine is silent. No field below says anything then, except vdisk. */
  readonly guest: GuestReadiness
  /** For a person; empty where the readiness says everything. */
  readonly guest_reason: string
  /** Whether the machine shows the disk in the guest. */
  readonly attached: boolean
  /** The number of the disk: as the machine shows it, else as recorded. -1: neither is known. */
  readonly vdisk: number
  /** Empty if the disk has all its parts on the machine, else what is missing, for a person. */
  readonly missing: string
  /** Every path of the pool to the machine. */
  readonly paths: readonly Path[]
}

export const GuestReadiness = {
  UNKNOWN: 0,
  RUNNING: 1,
  OFF: 2,
  NO_OS: 3,
  CHANGING: 4,
  UNCLEAR: 5,
  UNLISTED: 6,
} as const
export type GuestReadiness = (typeof GuestReadiness)[keyof typeof GuestReadiness]

export interface Path {
  readonly service_domain: string
  readonly service: string
  readonly state: PathState
}

export const PathState = {
  UNKNOWN_STATE: 0,
  ACTIVE: 1,
  STANDBY: 2,
  DOWN: 3,
} as const
export type PathState = (typeof PathState)[keyof typeof PathState]

export interface Timestamp {
  readonly seconds: string
  readonly nanos: number
}

export interface Int64Value {
  readonly value: string
}

export interface BoolValue {
  readonly value: boolean
}
