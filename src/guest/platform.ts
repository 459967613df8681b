// What any guest platform offers for the disks it was given, in words that no platform owns. Types
// and small pure functions only: commands and their texts stand in the platform's own files.

/**
 * A disk of this guest as the platform addresses it. `identity` is the word by which the mount
 * table knows it.
 */
export interface GuestDevice {
  readonly slot: number
  readonly blockPath: string
  readonly rawPath: string
  readonly sizeBytes: number
  readonly identity: string
}

/** By what a device is told apart in the mount table. */
export type DeviceAddress = Pick<GuestDevice, 'identity' | 'blockPath'>

/**
 * What lies on a device. Only `blank` and `unlabelled` are proofs of emptiness; everything unclear
 * throws instead.
 */
/** `mark`: whose it says it is, the UUID of the file system or the name in the label. */
export type Content = (
  | { readonly kind: 'blank' }
  // a whole disk that nobody has given a label, so it has no slices to read yet
  | { readonly kind: 'unlabelled' }
  | { readonly kind: 'filesystem'; readonly type: string }
  | { readonly kind: 'other'; readonly description: string }
) & { readonly mark?: string | undefined }

/** One line of the mount table, or one published device node. */
export interface Use {
  readonly path: string
  /** `part`: a directory of a file system, bound elsewhere by somebody else. */
  readonly kind: 'filesystem' | 'part' | 'device'
  readonly identity: string
  readonly source: string
  /** Number of the virtual disk that it comes from; undefined for anything else. */
  readonly slot: number | undefined
  readonly type: string
  readonly readonly: boolean
  /**
   * What became of a file system since it was mounted: the kernel stops writing after an error, or
   * stops altogether.
   */
  readonly state: 'sound' | 'turned-readonly' | 'shut-down'
}

/**
 * What a person reads about a mounted file system that does not work any more; undefined while the
 * table tells of nothing.
 */
export function describeFailure(use: Use | undefined): string | undefined {
  switch (use?.state) {
    case 'turned-readonly':
      return 'was made read-only by the kernel after an error'
    case 'shut-down':
      return 'was shut down by the kernel: its disk has gone, or failed'
    default:
      return undefined
  }
}

/** The mount table as of one reading. */
export interface UseTable {
  /**
   * What is seen at the path (the topmost, if several cover it; not what a mount above has hidden);
   * a bound node of `device` is recognised as such.
   */
  at(path: string, device?: DeviceAddress): Use | undefined
  /** Everything that is mounted or bound from the device. */
  of(device: DeviceAddress): readonly Use[]
  /** The paths inside a directory where something is mounted. */
  inside(directory: string): readonly string[]
}

export interface FormatRequest {
  readonly type: string
  readonly options: readonly string[]
  /** Whose mark it bears, where the platform's file systems bear one. */
  readonly volumeId: string
}

export interface MountRequest {
  readonly path: string
  readonly type: string
  readonly readonly: boolean
  /** Exported read-only: not a byte of the disk can be written, whoever asks. */
  readonly diskReadonly: boolean
  /** The bytes are a copy of another volume's: its identity on disk may be mounted here already. */
  readonly copy: boolean
  readonly options: readonly string[]
}

export interface Amounts {
  readonly total: number
  readonly used: number
  readonly available: number
}

// names are left over from a disk that is gone
export type Sighting =
  | { readonly kind: 'present'; readonly device: GuestDevice }
  | { readonly kind: 'absent' }
  | { readonly kind: 'stale' }

/**
 * A guest's operating system. Every method of its parts throws when it could not look; none takes a
 * failed look for an answer.
 */
export interface Platform {
  /**
   * Where the driver's notes are; see volume-notes.ts and use-notes.ts. It outlives a restart of
   * the guest.
   */
  readonly stateDirectory: string
  readonly disks: Disks
  readonly contents: Contents
  readonly fileSystems: FileSystems
  readonly mounts: Mounts
}

/** Virtual disks as the guest shows them. */
export interface Disks {
  /** The largest disk this platform can address without damage, if there is such a limit. */
  readonly maximumSizeBytes: number | undefined
  /**
   * Whether a disk that grew while it was attached is ever seen with its new size before it is
   * attached anew.
   */
  readonly seesGrowth: boolean
  readonly slots: { readonly first: number; readonly last: number }

  /**
   * Looks once. `sizeBytes` is what the caller expects: some guests see one export through two
   * possible layouts.
   */
  find(slot: number, sizeBytes: number, signal?: AbortSignal): Promise<Sighting>
  /** Asks the operating system to look for disks, after a sighting that was not `present`. */
  discover(sighting: 'absent' | 'stale', signal?: AbortSignal): Promise<void>
  /** Who has the device open, besides mounts; empty when nobody. */
  listHolders(device: DeviceAddress, signal?: AbortSignal): Promise<readonly string[]>
  /** Size of the disk; `expectedBytes` as for find, 0 when nothing is expected. */
  measure(blockPath: string, expectedBytes: number, signal?: AbortSignal): Promise<number>
  /** Identity of the device behind a block path; undefined when the device has gone. */
  identify(blockPath: string, signal?: AbortSignal): Promise<string | undefined>
  /**
   * Reads from the disk itself, past every cache; a disk that does not answer is `unavailable`
   * after a short time.
   */
  touch(blockPath: string, signal?: AbortSignal): Promise<void>
  /** Number of the virtual disk that a block path names. */
  slotOf(blockPath: string): number | undefined
  /** Words by which this platform's commands name the disk. */
  namesOf(blockPath: string): readonly string[]
}

/** What lies on a disk, label included, and whose it says it is. */
export interface Contents {
  /** Reads by two independent means. */
  read(device: GuestDevice, signal?: AbortSignal): Promise<Content>
  /** The mark on a disk whose content is its user's own; undefined when there is none. */
  readMark(device: GuestDevice, signal?: AbortSignal): Promise<string | undefined>
  /** The mark that this platform puts on what it makes for a volume. */
  markOf(volumeId: string): string
  /** Whether a mark is one of this driver's, of whichever volume. */
  isDriverMark(mark: string): boolean

  /**
   * Whether the disk is a whole one that is proved to have no label, so that nothing of it can be
   * opened.
   */
  isUnlabelled(device: GuestDevice, signal?: AbortSignal): Promise<boolean>
  /**
   * Gives an unlabelled disk one slice over everything; only after `read` or `isUnlabelled` said
   * so.
   */
  label(device: GuestDevice, volumeId: string, signal?: AbortSignal): Promise<void>
  /**
   * Makes the part of the disk that is used reach the end of a disk that has grown; nothing to do
   * is success. A layout that the driver did not make stays as it is: the reason is returned.
   */
  widen(device: { readonly blockPath: string }, signal?: AbortSignal): Promise<string | undefined>
}

/** File systems of the kinds that this platform can use. */
export interface FileSystems {
  /** The first is the default. */
  readonly types: readonly string[]
  /** Makes a file system, never by force; only after `Contents.read` said blank. */
  format(device: GuestDevice, request: FormatRequest, signal?: AbortSignal): Promise<void>
  /** Repairs what a crash leaves behind; throws `failed-precondition` when a person must decide. */
  check(device: GuestDevice, type: string, signal?: AbortSignal): Promise<void>
  /** Grows the mounted file system to its device; nothing to do is success. */
  grow(
    device: { readonly blockPath: string },
    mounted: { readonly path: string; readonly type: string },
    signal?: AbortSignal,
  ): Promise<void>
  /** A mounted path that does not answer is `unavailable` after a short time. */
  measure(
    path: string,
    signal?: AbortSignal,
  ): Promise<{ bytes: Amounts; inodes: Amounts | undefined }>
}

/** The mount table, and what appears at paths. */
export interface Mounts {
  readUses(signal?: AbortSignal): Promise<UseTable>
  /** The path as the mount table spells it; it is given in its shortest spelling (spelling.ts). */
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
   * The device to which a published path leads: by a link, or by being its node; undefined when it
   * is something else or absent.
   */
  readDeviceAt(path: string, signal?: AbortSignal): Promise<string | undefined>
  unmount(path: string, signal?: AbortSignal): Promise<void>
}

export const STATE_DIRECTORY = '/var/lib/ldom-csi'

/** Blocks of `od` output that are read to prove that nothing is there. */
export const PROBE_BYTES = 128 * 1024

/** Time for commands that may work through a whole disk. */
export const SLOW_MS = 600_000

/** A disk whose service domain is gone blocks its readers for ever. */
export const MEASURE_MS = 10_000

/**
 * Reads the octal dump of the first PROBE_BYTES: true when every byte is zero, false when one is
 * not. A dump that does not reach its end is undefined: the read failed or was cut. Repeated lines
 * are printed as one `*` (od, POSIX).
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

/** Mount points nest by whole path components. */
export function isUnder(path: string, directory: string): boolean {
  return directory === '/' || path === directory || path.startsWith(`${directory}/`)
}

/**
 * The mount that is seen at a path: of a table in order of time, one that a later mount further up
 * has not hidden.
 */
export function findVisible<T extends { readonly path: string }>(
  rows: readonly T[],
  path: string,
): T | undefined {
  const index = rows.findLastIndex(row => row.path === path)
  const isHidden = rows.slice(index + 1).some(row => isUnder(path, row.path))
  return index < 0 || isHidden ? undefined : rows[index]
}
