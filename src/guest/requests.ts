// What the node plugin is asked to do with a volume in its guest. Types only.

export interface FileSystemFormat {
  readonly kind: 'filesystem'
  /** Empty: the platform's default. */
  readonly type: string
  readonly mountOptions: readonly string[]
  /** Shape of a file system that is made now; see mkfs-options.ts. */
  readonly mkfsOptions?: string
}

export type GuestFormat = { readonly kind: 'block' } | FileSystemFormat

/** Which volume is wanted, and what it is known by. */
export interface WantedVolume {
  readonly volumeId: string
  /** The volume was made from nothing: the first of the three witnesses that allow formatting. */
  readonly createdEmpty: boolean
  /**
   * The volume whose file system it holds: its own id, or where its copies began. Undefined: not
   * told.
   */
  readonly contentOf?: string | undefined
  /** When its dataset was made: a volume of the same name can be made anew. */
  readonly bornSeconds?: number | undefined
}

/** What decides, beside the content of its disk, whether a volume may be formatted. */
export interface Witnesses {
  readonly createdEmpty: boolean
  /** The storage side saw bytes on it when it was attached: forbids formatting. */
  readonly written: boolean
  readonly mode: 'rw' | 'ro'
  readonly sizeBytes: number
  /**
   * Its size of now, where it has grown since the guest got the disk: some guests see that at once,
   * some never.
   */
  readonly grownTo?: number | undefined
}

export interface StageRequest extends WantedVolume, Witnesses {
  readonly slot: number
  readonly format: GuestFormat
  /** How the disk is attached, where that is not how it is to be mounted. */
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
  /** How the disk is attached. */
  readonly mode: 'rw' | 'ro'
  /** A second target of the same volume is refused. */
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
