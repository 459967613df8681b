// The driver's own types: volumes, attachments, and requests for them. Data only, no behaviour.

import type { MutableParameters, VolumeParameters } from './parameters.ts'

export const KiB = 1024
export const MiB = 1024 * KiB
export const GiB = 1024 * MiB
export const TiB = 1024 * GiB

export type FileSystemType = 'ext4' | 'xfs' | 'ufs'

/** What the volume was created for. `any`: the platform of the first guest chooses the type. */
export type VolumeFormat =
  | { readonly kind: 'block' }
  | { readonly kind: 'filesystem'; readonly type: FileSystemType | 'any' }

/** The source of the volume's first bytes. A volume with a source is never formatted. */
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
   * Overrides `parameters`, is not compared when a create call is repeated, and can be changed
   * later.
   */
  readonly mutable: MutableParameters
  /**
   * At least one of these machines must reach the volume. Empty: any. Preferences have no effect,
   * because the pool decides the machines.
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
   * The size it was created for. It is larger than `sizeBytes` only while the growth of a clone was
   * cut.
   */
  readonly createdSizeBytes: number
  readonly format: VolumeFormat
  readonly parameters: VolumeParameters
  readonly source: VolumeSource
  /** Machines from which the volume can be reached. */
  readonly machines: readonly string[]
  /** Bytes that are reserved beyond those used; 0 for a thin volume. */
  readonly reservedBytes: number
  /**
   * For a copy: the volume that its chain of copies started from, whose file system it holds.
   * Absent on copies created before this was recorded.
   */
  readonly rootId?: string | undefined
  /** Creation time of the dataset, from ZFS. */
  readonly bornSeconds?: number | undefined
  /** The snapshot it was cloned from, as a ZFS name. */
  readonly origin: string | undefined
  /** It refers to more bytes than any empty volume of its pool. One with few bytes may not. */
  readonly holdsData: boolean
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
   * `shared`: the volume may be attached to other guests at the same time, each with its own record
   * and export.
   */
  readonly sharing: Sharing
  /** The slot that the caller asks for. Absent: the driver computes one. */
  readonly slot?: number
}

/** The record of an attachment, as written beside the volume. */
export interface Attachment {
  readonly volumeId: string
  readonly guest: GuestId
  readonly sharing: Sharing
  readonly mode: AttachMode
  readonly slot: number
  readonly lun: number | undefined // design lun only
  readonly sizeBytes: number // at attach
  /** The current size, if the volume has grown since. Not recorded. */
  readonly grownTo?: number
  /** Recorded: whether the volume held data at attach. Answered: whether a block is written now. */
  readonly written: boolean
  /** Written, but no more than the label of a disk takes. Not recorded. */
  readonly little?: boolean
  /** By this the guest recognises the volume's current content. Not recorded. */
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
