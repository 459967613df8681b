// What callers ask the node plugin to do with a volume in its guest. Types only.

export interface FileSystemFormat {
  readonly kind: 'filesystem'
  /** Empty: the platform's default. */
  readonly type: string
  readonly mountOptions: readonly string[]
  /** Options for creating the file system; see mkfs-options.ts. */
  readonly mkfsOptions?: string
}

export type GuestFormat = { readonly kind: 'block' } | FileSystemFormat

/** Which volume is wanted, and how its disk is recognised. */
export interface WantedVolume {
  readonly volumeId: string
  /** The volume was created empty: the first of the three witnesses that allow formatting. */
  readonly createdEmpty: boolean
  /**
   * The volume whose file system it holds: itself, or the first source of its copies. Undefined if
   * the controller did not say.
   */
  readonly contentOf?: string | undefined
  /**
   * When its dataset was created. A volume can be deleted and created again under the same name.
   */
  readonly bornSeconds?: number | undefined
}

/** What decides, together with the content of its disk, whether a volume may be formatted. */
export interface Witnesses {
  readonly createdEmpty: boolean
  /** The storage side counted data on it when it was attached: forbids formatting. */
  readonly written: boolean
  /** What it counted may be the label that a cut call wrote. */
  readonly little?: boolean | undefined
  readonly mode: 'rw' | 'ro'
  readonly sizeBytes: number
  /**
   * Its present size, if it has grown since the guest got the disk. Some guests see that at once,
   * some never.
   */
  readonly grownTo?: number | undefined
}

export interface StageRequest extends WantedVolume, Witnesses {
  readonly slot: number
  readonly format: GuestFormat
  /** How the disk is attached, if that differs from how it is to be mounted. */
  readonly attached?: 'rw' | 'ro'
  readonly stagingPath: string
}

export interface MountedRequest extends StageRequest {
  readonly format: FileSystemFormat
}

export interface UnstageRequest {
  readonly volumeId: string
  readonly stagingPath: string
}

export interface PublishRequest {
  readonly volumeId: string
  readonly slot: number
  readonly sizeBytes: number
  readonly format: GuestFormat
  readonly stagingPath: string
  readonly targetPath: string
  readonly readonly: boolean
  readonly mode: 'rw' | 'ro'
  /** Reject a second target of the same volume. */
  readonly exclusive: boolean
}

export interface UnpublishRequest {
  readonly volumeId: string
  readonly targetPath: string
}

/** A staged or published path. */
export interface PathRequest {
  readonly volumeId: string
  readonly path: string
}
