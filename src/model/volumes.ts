// The driver's own words as types: what a volume, an attachment and a request for them are. Data
// only, no behaviour.

import type { MutableParameters, VolumeParameters } from './parameters.ts'

export const KiB = 1024
export const MiB = 1024 * KiB
export const GiB = 1024 * MiB
export const TiB = 1024 * GiB

export type FileSystemType = 'ext4' | 'xfs' | 'ufs'

/** What a volume was created for. `any` leaves the type to the platform of the first guest. */
export type VolumeFormat =
  | { readonly kind: 'block' }
  | { readonly kind: 'filesystem'; readonly type: FileSystemType | 'any' }

/** Where the first bytes come from. A volume made from something is never formatted. */
export type VolumeSource =
  | { readonly kind: 'empty' }
  | { readonly kind: 'snapshot'; readonly id: string }
  | { readonly kind: 'volume'; readonly id: string }

export interface SizeRange {
  readonly requiredBytes: number // 0: no lower bound
  readonly limitBytes: number // 0: no upper bound
}

export interface VolumeSpec {
  readonly name: string // the caller's name: any Unicode, up to 128 bytes
  readonly pool: string | undefined // undefined: the only configured pool, else refused
  readonly size: SizeRange
  readonly format: VolumeFormat
  readonly parameters: Partial<VolumeParameters>
  readonly source: VolumeSource
  /**
   * Wins over `parameters`, is not part of what a replay is compared by, and can be changed later.
   */
  readonly mutable: MutableParameters
  /**
   * Of these machines one at the least must reach the volume; empty: anywhere. There is no choice
   * for a wish: a pool has its machines.
   */
  readonly machines: readonly string[]
}

export interface Volume {
  readonly id: string // <pool>/<leaf>
  readonly name: string
  readonly pool: string
  readonly leaf: string
  readonly sizeBytes: number
  /**
   * The size it was made for; larger than `sizeBytes` only while a cut left the growth of a clone
   * open.
   */
  readonly createdSizeBytes: number
  readonly format: VolumeFormat
  readonly parameters: VolumeParameters
  readonly source: VolumeSource
  /** Machines from which the volume can be reached. */
  readonly machines: readonly string[]
  /** Bytes reserved for it beyond what it uses; 0 for a thin volume. */
  readonly reservedBytes: number
  /**
   * Where its copies began, if it is one: the volume whose file system it holds. Absent on copies
   * made before this was written.
   */
  readonly rootId?: string | undefined
  /** When its dataset was made, as ZFS tells it. */
  readonly bornSeconds?: number | undefined
  /** The snapshot it was cloned from, as a ZFS name. */
  readonly origin: string | undefined
  /** Bytes the dataset refers to; more than a blank volume's means that something was written. */
  readonly referencedBytes: number
  /** What a volume of this pool refers to before anything was written to it, at the most. */
  readonly blankBytes: number
}

export interface Snapshot {
  readonly id: string // <volume id>@<leaf>
  readonly name: string
  readonly volumeId: string
  readonly sizeBytes: number // 0: not known, in dialects that keep no size on snapshots
  readonly createdAtSeconds: number // ZFS's own time of the cut
  readonly groupId: string | undefined
}

/** `<machine>/<guest>`: guest names repeat across machines. */
export interface GuestId {
  readonly machine: string
  readonly guest: string
}

export type AttachMode = 'rw' | 'ro'

export type Sharing = 'exclusive' | 'shared'

export interface AttachRequest {
  readonly volumeId: string
  readonly guest: GuestId
  readonly mode: AttachMode
  readonly format: VolumeFormat
  /**
   * `shared`: other guests may have the volume at the same time, each with a record and an export
   * of its own.
   */
  readonly sharing: Sharing
  /** Slot asked for by the caller (annotation), else computed. */
  readonly slot?: number
}

/** The record of a volume given to a guest, as written beside the volume. */
export interface Attachment {
  readonly volumeId: string
  readonly guest: GuestId
  readonly sharing: Sharing
  readonly mode: AttachMode
  readonly slot: number
  readonly lun: number | undefined // design lun only
  readonly sizeBytes: number // at attach
  /** Its size of now, where it has grown since; not recorded. */
  readonly grownTo?: number
  readonly written: boolean // at attach: the volume held more than a blank volume's bytes
  /** Of the volume as it is now, for the guest to know it by; not recorded. */
  readonly content?: { readonly of: string; readonly bornSeconds: number | undefined }
}

/**
 * The entries of a list after an id: up to `limit` of them, and one more if there is one, so that
 * the caller sees that the list goes on.
 */
export interface ListRange {
  readonly after: string | undefined
  readonly limit: number
}
