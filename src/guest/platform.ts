// What every guest platform offers for its disks, in words that belong to no platform. Types and
// small pure functions only. Commands and their texts are in the platform's own files.

/**
 * A disk of this guest, as the platform addresses it. `identity` is how the mount table names it.
 */
export interface GuestDevice {
  readonly slot: number
  readonly blockPath: string
  readonly rawPath: string
  readonly sizeBytes: number
  readonly identity: string
}

/** What identifies a device in the mount table. */
export type DeviceAddress = Pick<GuestDevice, 'identity' | 'blockPath'>

/**
 * What a device contains. Only `blank` and `unlabelled` are proofs of emptiness; anything unclear
 * throws. A blank slice of a disk with a label is `labelled`. `mark` says whose it is: the UUID of
 * the file system or the name in the label.
 */
export type Content = (
  | { readonly kind: 'blank'; readonly labelled?: true }
  // a whole disk without a label: it has no slices to read yet
  | { readonly kind: 'unlabelled' }
  | { readonly kind: 'filesystem'; readonly type: string }
  | { readonly kind: 'other'; readonly description: string }
) & { readonly mark?: string | undefined }

/** One line of the mount table, or one published device node. */
export interface Use {
  readonly path: string
  /** `part`: a directory of a file system that somebody else has bound elsewhere. */
  readonly kind: 'filesystem' | 'part' | 'device'
  readonly identity: string
  readonly source: string
  /** Number of the virtual disk behind it; undefined for anything else. */
  readonly slot: number | undefined
  readonly type: string
  readonly readonly: boolean
  /**
   * What happened to a file system since it was mounted. After an error the kernel stops writing,
   * or stops altogether.
   */
  readonly state: 'sound' | 'turned-readonly' | 'shut-down'
}

/**
 * Describes, for a person, a mounted file system that does not work any more. Undefined while the
 * table shows no failure.
 */
export function describeFailure(use: Use | undefined): string | undefined {
  switch (use?.state) {
    case 'turned-readonly':
      return 'was made read-only by the kernel after an error'
    case 'shut-down':
      return 'was shut down by the kernel: its disk is gone or has failed'
    default:
      return undefined
  }
}

/** The mount table of one reading. */
export interface UseTable {
  /**
   * The mount visible at the path: the topmost if several cover it, and undefined if a mount above
   * hides it. A bound node of `device` is recognised as such.
   */
  at(path: string, device?: DeviceAddress): Use | undefined
  /** Everything that is mounted or bound from the device. */
  of(device: DeviceAddress): readonly Use[]
  /**
   * Every file system whose source has this name, also where the device of that name is another one
   * by now.
   */
  from(blockPath: string): readonly Use[]
  /** The paths inside a directory where something is mounted. */
  inside(directory: string): readonly string[]
}

export interface FormatRequest {
  readonly type: string
  readonly options: readonly string[]
  /** The volume whose mark the file system gets, if the platform marks file systems. */
  readonly volumeId: string
}

export interface MountRequest {
  readonly path: string
  readonly type: string
  readonly readonly: boolean
  /** Exported read-only: nobody can write a byte to the disk. */
  readonly diskReadonly: boolean
  /**
   * The content is a copy of another volume, whose identity on disk may already be mounted here.
   */
  readonly copy: boolean
  readonly options: readonly string[]
}

export interface Amounts {
  readonly total: number
  readonly used: number
  readonly available: number
}

// `stale`: names are left over from a disk that is gone.
export type Sighting =
  | { readonly kind: 'present'; readonly device: GuestDevice }
  | { readonly kind: 'absent' }
  | { readonly kind: 'stale' }

/**
 * A guest's operating system. Every method of its parts throws when it could not look. None treats
 * a failed look as an answer.
 */
export interface Platform {
  /**
   * Where the driver keeps its notes; see volume-notes.ts and use-notes.ts. The directory survives
   * a restart of the guest.
   */
  readonly stateDirectory: string
  readonly disks: Disks
  readonly contents: Contents
  readonly fileSystems: FileSystems
  readonly mounts: Mounts
}

/** Virtual disks as the guest shows them. */
export interface Disks {
  /**
   * The largest disk that this platform can address without damaging it; undefined if there is no
   * limit.
   */
  readonly maximumSizeBytes: number | undefined
  /**
   * Whether the guest sees the new size of a disk that grew while attached, without attaching it
   * again.
   */
  readonly seesGrowth: boolean
  readonly slots: { readonly first: number; readonly last: number }

  /**
   * Looks once. `sizeBytes` is the size that the caller expects: some guests may see one export in
   * two layouts.
   */
  find(slot: number, sizeBytes: number, signal?: AbortSignal): Promise<Sighting>
  /** Asks the operating system to look for disks, after a sighting that was not `present`. */
  discover(sighting: 'absent' | 'stale', signal?: AbortSignal): Promise<void>
  /** Who has the device open, apart from mounts; empty if nobody has. */
  listHolders(device: DeviceAddress, signal?: AbortSignal): Promise<readonly string[]>
  /** Size of the disk. `expectedBytes` is as for `find`; 0 means that nothing is expected. */
  measure(blockPath: string, expectedBytes: number, signal?: AbortSignal): Promise<number>
  /** Identity of the device behind a block path; undefined if the device is gone. */
  identify(blockPath: string, signal?: AbortSignal): Promise<string | undefined>
  /**
   * Reads from the disk itself, bypassing every cache. Throws `unavailable` soon if the disk does
   * not answer.
   */
  touch(blockPath: string, signal?: AbortSignal): Promise<void>
  /** Number of the virtual disk that a block path names. */
  slotOf(blockPath: string): number | undefined
  /** The names that this platform's commands use for the disk. */
  namesOf(blockPath: string): readonly string[]
}

/** What a disk contains, its label included, and whose mark it has. */
export interface Contents {
  /** Reads in two independent ways. */
  read(device: GuestDevice, signal?: AbortSignal): Promise<Content>
  /** The mark on a disk whose content belongs to its user; undefined if it has none. */
  readMark(device: GuestDevice, signal?: AbortSignal): Promise<string | undefined>
  /** The mark that this platform writes for a volume. */
  markOf(volumeId: string): string
  /** Whether the driver wrote the mark, for any volume. */
  isDriverMark(mark: string): boolean

  /**
   * Whether the disk is a whole disk that is proved to have no label, so that no slice can be
   * opened.
   */
  isUnlabelled(device: GuestDevice, signal?: AbortSignal): Promise<boolean>
  /**
   * Labels an unlabelled disk with one slice over everything. Call it only after `read` or
   * `isUnlabelled` said that the disk has no label.
   */
  label(device: GuestDevice, volumeId: string, signal?: AbortSignal): Promise<void>
  /**
   * Extends the used part of the disk to the end of a disk that has grown; nothing to do is
   * success. It leaves a layout that the driver did not create as it is, and returns the reason.
   */
  widen(device: { readonly blockPath: string }, signal?: AbortSignal): Promise<string | undefined>
}

/** The file systems that this platform can use. */
export interface FileSystems {
  /** The first is the default. */
  readonly types: readonly string[]
  /** Creates a file system, never by force. Call it only after `Contents.read` said blank. */
  format(device: GuestDevice, request: FormatRequest, signal?: AbortSignal): Promise<void>
  /** Repairs what a crash leaves behind; throws `failed-precondition` if a person must decide. */
  check(device: GuestDevice, type: string, signal?: AbortSignal): Promise<void>
  /** Grows the mounted file system to the size of its device; nothing to do is success. */
  grow(
    device: { readonly blockPath: string },
    mounted: { readonly path: string; readonly type: string },
    signal?: AbortSignal,
  ): Promise<void>
  /** Throws `unavailable` soon if the mounted path does not answer. */
  measure(
    path: string,
    signal?: AbortSignal,
  ): Promise<{ bytes: Amounts; inodes: Amounts | undefined }>
}

/** The mount table, and what is visible at paths. */
export interface Mounts {
  readUses(signal?: AbortSignal): Promise<UseTable>
  /**
   * The path as the mount table spells it. The caller passes the shortest spelling (spelling.ts).
   */
  resolvePath(path: string, signal?: AbortSignal): Promise<string>
  mount(device: GuestDevice, request: MountRequest, signal?: AbortSignal): Promise<void>
  bindFileSystem(
    request: { source: string; target: string; readonly: boolean },
    signal?: AbortSignal,
  ): Promise<void>
  /** Makes the device node appear at `target`. */
  bindDevice(
    request: { device: GuestDevice; target: string; readonly: boolean },
    signal?: AbortSignal,
  ): Promise<void>
  /**
   * The device that a published path shows, as a link or as a device node; undefined if the path is
   * something else or absent.
   */
  readDeviceAt(path: string, signal?: AbortSignal): Promise<string | undefined>
  unmount(path: string, signal?: AbortSignal): Promise<void>
}

export const STATE_DIRECTORY = '/var/lib/ldom-csi'

/** Number of bytes that are read to prove that a disk is empty. */
export const PROBE_BYTES = 128 * 1024

/** Time limit for commands that may work through a whole disk. */
export const SLOW_MS = 600_000

/** Time limit for reads: a disk whose service domain is gone blocks its readers for ever. */
export const MEASURE_MS = 10_000

/**
 * Reads the octal dump of the first PROBE_BYTES. True: every byte is zero; false: one is not.
 * Undefined: the dump does not reach its end, because the read failed or was cut. `od` prints
 * repeated lines as one `*` (POSIX).
 */
export function parseZeroDump(dump: string): boolean | undefined {
  const lines = dump.split('\n').map(line => line.trimEnd())
  const start = lines.findIndex(line => /^0000000 /.test(line))
  if (start < 0) return undefined
  const records = lines.slice(start).filter(line => line !== '')
  const last = records.at(-1) ?? ''
  if (!/^0*[0-7]+$/.test(last) || Number.parseInt(last, 8) !== PROBE_BYTES) return undefined
  return records.length === 3 && records[1] === '*' && /^0000000( +0+)+$/.test(records[0] ?? '')
}

/** Compares whole path components. */
export function isUnder(path: string, directory: string): boolean {
  return directory === '/' || path === directory || path.startsWith(`${directory}/`)
}

/**
 * The mount visible at a path. `rows` is in mount order; a later mount further up hides an earlier
 * one.
 */
export function findVisible<T extends { readonly path: string }>(
  rows: readonly T[],
  path: string,
): T | undefined {
  const index = rows.findLastIndex(row => row.path === path)
  const isHidden = rows.slice(index + 1).some(row => isUnder(path, row.path))
  return index < 0 || isHidden ? undefined : rows[index]
}
