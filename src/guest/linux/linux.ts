// A Linux guest on sparc64 (driver sunvdc): its tools, their texts and what this kernel does
// differently from others. It asks only the guest's own tools and files; nothing here decides
// whether a disk may be formatted.

import { StorageError } from '../../errors.ts'
import { expectSuccess } from '../../shell/failures.ts'
import type { Command, CommandResult, Shell } from '../../shell/shell.ts'
import { fileSystemUuid, isFileSystemUuid } from '../identity.ts'
import { Paths } from '../paths.ts'
import {
  type Amounts,
  type Content,
  type FormatRequest,
  type GuestDevice,
  MEASURE_MS,
  type MountRequest,
  type Platform,
  PROBE_BYTES,
  parseZeroDump,
  type Sighting,
  SLOW_MS,
  STATE_DIRECTORY,
  type UseTable,
} from '../platform.ts'
import { LINUX_FAILURES } from './failures.ts'
import {
  diskName,
  diskSlot,
  findProcess,
  findUnseen,
  LAST_NAMED_SLOT,
  LinuxUses,
  parseBlkid,
  parseFileSystemStat,
  parseMountInfo,
} from './tables.ts'

const BLOCKDEV = '/sbin/blockdev'
const BLKID = '/sbin/blkid'
const WIPEFS = '/sbin/wipefs'
const OD = '/usr/bin/od'
const DD = '/bin/dd'
// Debian has it in /bin, Red Hat and Oracle Linux in /sbin.
const FUSERS = ['/bin/fuser', '/sbin/fuser'] as const
const MOUNT = '/bin/mount'
const UMOUNT = '/bin/umount'
const READLINK = '/bin/readlink'
const STAT = '/usr/bin/stat'
const MKFS = { ext4: '/sbin/mkfs.ext4', xfs: '/sbin/mkfs.xfs' } as const
const E2FSCK = '/sbin/e2fsck'
const RESIZE2FS = '/sbin/resize2fs'
const XFS_GROWFS = '/usr/sbin/xfs_growfs'

/**
 * mkfs.xfs before 4.3 knows no `-m uuid=`, before 3.2 no `-m` at all (recalled; the words for an
 * unknown option are recorded in linux-guest-tools-4.txt, the others are those of getopt).
 */
const UNKNOWN_UUID_OPTION = /unknown option -m uuid=|invalid option -- '?m'?/

/** Status 8, as for a disk that cannot be read (linux-guest-tools-4.txt). */
const NEWER_FORMAT = /has unsupported feature\(s\)|Get a newer version of e2fsck/

const FIND = '/usr/bin/find'
const GREP = '/bin/grep'
// Printed when the scan of the processes has worked.
const SCANNED = '/proc/uptime'

type FileSystem = keyof typeof MKFS

export interface LinuxOptions {
  readonly shell: Shell
  /**
   * Prefix of /sys, /dev and the driver's notes, for a guest whose files stand in a directory of
   * their own.
   */
  readonly root?: string | undefined
}

export class LinuxPlatform implements Platform {
  readonly fileSystems = ['ext4', 'xfs']
  // sunvdc keeps the size in 32 bits of 512-byte sectors: a larger disk appears modulo 2 TiB
  // (drivers/block/sunvdc.c).
  readonly maximumSizeBytes = (2 ** 32 - 1) * 512
  // It reads the size of a disk once, when the disk appears (drivers/block/sunvdc.c).
  readonly seesGrowth = false
  readonly slots = { first: 0, last: LAST_NAMED_SLOT }
  readonly stateDirectory: string
  readonly #shell: Shell
  readonly #root: string
  readonly #paths: Paths

  constructor(options: LinuxOptions) {
    this.#shell = options.shell
    this.#root = options.root ?? ''
    this.stateDirectory = `${this.#root}${STATE_DIRECTORY}`
    this.#paths = new Paths(options.shell)
  }

  async findDevice(slot: number, _sizeBytes: number, signal?: AbortSignal): Promise<Sighting> {
    const bus = `${this.#root}/sys/bus/vio/devices`
    const entries = await this.#paths.list(bus, signal)
    if (entries === undefined) {
      throw new StorageError(
        'failed-precondition',
        `disk ${slot}: ${bus} does not exist; this is not a guest with virtual disks (sunvdc)`,
      )
    }
    const names = new Set<string>()
    // With several ports for one disk the kernel probes the first only: the others have no block
    // directory.
    for (const entry of entries.filter(
      name => name.match(/^vdc-port-(\d+)-\d+$/)?.[1] === String(slot),
    )) {
      for (const name of await this.#listDisks(`${bus}/${entry}/block`, signal)) names.add(name)
    }
    const [name] = names
    if (name === undefined) return { kind: 'absent' }
    if (names.size > 1 || name !== diskName(slot)) {
      throw new StorageError(
        'failed-precondition',
        `disk ${slot}: the kernel calls it ${[...names].join(' and ')}, not ${diskName(slot)}`,
      )
    }
    const blockPath = `${this.#root}/dev/${name}`
    const identity = await this.identify(blockPath, signal)
    if (identity === undefined) return { kind: 'absent' }
    // The node in /dev follows the kernel's entry by a moment.
    if ((await this.#paths.readEntry(blockPath, signal)).kind === 'absent') {
      return { kind: 'absent' }
    }
    const sizeBytes = await this.measureDevice(blockPath, 0, signal)
    return { kind: 'present', device: { slot, blockPath, rawPath: blockPath, identity, sizeBytes } }
  }

  /**
   * Block device names in a directory of the kernel; none when there is no such directory. What a
   * login script prints has blanks.
   */
  async #listDisks(directory: string, signal?: AbortSignal): Promise<readonly string[]> {
    return ((await this.#paths.list(directory, signal)) ?? []).filter(name => !/\s/.test(name))
  }

  // The kernel adds and removes disks by itself; there is nobody to ask.
  async discover(): Promise<void> {}

  async identify(blockPath: string, signal?: AbortSignal): Promise<string | undefined> {
    // A node that is bound elsewhere has only its numbers; whether there is still a disk behind
    // them shows when it is read.
    if (!blockPath.startsWith(`${this.#root}/dev/`)) {
      const entry = await this.#paths.readEntry(blockPath, signal)
      if (entry.kind === 'device') return entry.numbers
    }
    const name = blockPath.slice(blockPath.lastIndexOf('/') + 1)
    const text = await this.#paths.readText(`${this.#root}/sys/class/block/${name}/dev`, signal)
    if (text === undefined) return undefined
    const numbers = text.trim().split('\n').at(-1) ?? ''
    if (!/^\d+:\d+$/.test(numbers)) {
      throw new StorageError(
        'internal',
        `${blockPath}: the kernel gives its numbers as ${JSON.stringify(text)}`,
      )
    }
    return numbers
  }

  async readContent(device: GuestDevice, signal?: AbortSignal): Promise<Content> {
    const size = await this.measureDevice(device.blockPath, device.sizeBytes, signal)
    if (size !== device.sizeBytes) {
      throw new StorageError(
        'unavailable',
        `${device.blockPath}: its size changed from ${device.sizeBytes} to ${size}`,
      )
    }
    const probe: Command = [BLKID, '-p', '-o', 'export', device.blockPath]
    const found = await this.#shell.run(probe, { effect: 'read', signal })
    if (found.exitStatus === 0) return parseBlkid(found.stdout)
    if (found.exitStatus === 8) return { kind: 'other', description: 'several signatures at once' }
    if (found.exitStatus !== 2 || found.stderr.trim() !== '') {
      expectSuccess(probe, found, LINUX_FAILURES, device.blockPath)
    }
    // blkid answers so both for a blank disk and for one that it cannot read: the next reading
    // fails on the latter.
    const zero = await this.#readsZero(device, signal)
    const signatures = await this.#read([WIPEFS, '-n', device.blockPath], device.blockPath, signal)
    const lines = signatures.stdout.split('\n').filter(line => /0x[0-9a-f]+/.test(line))
    if (lines.length > 0) return { kind: 'other', description: `a signature (${lines[0]?.trim()})` }
    return zero ? { kind: 'blank' } : { kind: 'other', description: 'data that no tool knows' }
  }

  async #readsZero(device: GuestDevice, signal?: AbortSignal): Promise<boolean> {
    const dump = await this.#read(
      [OD, '-N', String(PROBE_BYTES), device.blockPath],
      device.blockPath,
      signal,
    )
    const zero = parseZeroDump(dump.stdout)
    if (zero === undefined) {
      throw new StorageError(
        'unavailable',
        `${device.blockPath}: its first ${PROBE_BYTES} bytes could not be read`,
      )
    }
    return zero
  }

  async readMark(device: GuestDevice, signal?: AbortSignal): Promise<string | undefined> {
    const probe: Command = [BLKID, '-p', '-o', 'export', device.blockPath]
    const found = await this.#shell.run(probe, { effect: 'read', signal })
    if (found.exitStatus === 0) return parseBlkid(found.stdout).mark
    // Nothing that it knows, or several things at once: nothing that the driver has made.
    if (found.exitStatus !== 2 && found.exitStatus !== 8) {
      expectSuccess(probe, found, LINUX_FAILURES, device.blockPath)
    }
    return undefined
  }

  markOf(volumeId: string): string {
    return fileSystemUuid(volumeId)
  }

  isDriverMark(mark: string): boolean {
    return isFileSystemUuid(mark)
  }

  async listHolders(
    device: { readonly identity: string; readonly blockPath: string },
    signal?: AbortSignal,
  ): Promise<readonly string[]> {
    const name = device.blockPath.slice(device.blockPath.lastIndexOf('/') + 1)
    const stacked = await this.#listDisks(`${this.#root}/sys/class/block/${name}/holders`, signal)
    const swaps = await this.#read(['/bin/cat', '/proc/swaps'], 'swap areas', signal)
    const swap = swaps.stdout.split('\n').some(line => line.split(/\s/)[0] === device.blockPath)
    const kernel: string[] = []
    for (const type of this.fileSystems) {
      // The kernel lists a file system here for as long as it works on it, in whatever namespace,
      // and also when it was unmounted lazily (fs/ext4/sysfs.c, fs/xfs/xfs_mount.c).
      const live = await this.#paths.list(`${this.#root}/sys/fs/${type}/${name}/`, signal)
      if (live !== undefined) {
        kernel.push(
          `its ${type}, which the kernel has not let go: a container or a lazy unmount keeps it`,
        )
      }
    }
    const processes = [
      ...(await this.#processesOn(device.blockPath, signal)),
      ...(await this.#processesOf(device, signal)),
    ]
    return [...stacked, ...(swap ? ['the swap area'] : []), ...kernel, ...new Set(processes)]
  }

  /**
   * Processes with the device open through any node of its numbers, or that see it mounted in a
   * namespace of their own. An exclusive open would not tell the first, and the ordinary tools that
   * make one (mkfs, wipefs) are a letter away from destroying.
   */
  async #processesOf(
    device: { readonly identity: string; readonly blockPath: string },
    signal?: AbortSignal,
  ): Promise<string[]> {
    const mounts = [
      '(',
      '-path',
      '/proc/[0-9]*/mountinfo',
      '-exec',
      GREP,
      '-lF',
      ` ${device.identity} `,
      '{}',
      '+',
      ')',
    ]
    const opened = [
      '(',
      '-path',
      '/proc/[0-9]*/fd/*',
      '-xtype',
      'b',
      '-exec',
      STAT,
      '-L',
      '-c',
      '%t:%T %n',
      '{}',
      '+',
      ')',
    ]
    const command: Command = [
      FIND,
      '/proc',
      '-maxdepth',
      '3',
      '(',
      '-path',
      SCANNED,
      '-print',
      ')',
      '-o',
      ...mounts,
      '-o',
      ...opened,
    ]
    const result = await this.#shell.run(command, { effect: 'read', signal, timeoutMs: MEASURE_MS })
    const lines = result.stdout.split('\n')
    // Its status says only that some process ended meanwhile, or that grep found nothing.
    if (!lines.includes(SCANNED)) {
      expectSuccess(command, result, LINUX_FAILURES, device.blockPath)
      throw new StorageError(
        'unavailable',
        `${device.blockPath}: the processes of the guest could not be looked at`,
      )
    }
    const unseen = result.stderr.split('\n').flatMap(line => findUnseen(line))
    return [...lines.flatMap(line => findProcess(line, device.identity)), ...unseen]
  }

  async #processesOn(blockPath: string, signal?: AbortSignal): Promise<readonly string[]> {
    for (const fuser of FUSERS) {
      const command: Command = [fuser, blockPath]
      const result = await this.#shell.run(command, { effect: 'read', signal })
      if (result.exitStatus === 127) continue
      const words = result.exitStatus === 0 ? result.stdout.split(/\s+/) : []
      const found = words.flatMap(word =>
        /^\d+/.test(word) ? [`process ${word.replace(/\D/g, '')}`] : [],
      )
      const complaints = result.stderr.split('\n').filter(line => line.trim() !== '')
      const processes = [...found, ...new Set(complaints.flatMap(line => findUnseen(line)))]
      if (result.exitStatus === 0) return processes
      // Any other complaint means that fuser did not look.
      const complaint = complaints.find(line => !line.startsWith('Cannot stat file /proc/'))
      if (
        result.exitStatus === 1 &&
        (complaint === undefined || /does not exist/.test(complaint))
      ) {
        return processes
      }
      throw new StorageError(
        'unavailable',
        `${blockPath}: fuser could not tell who uses it: ` +
          `${complaint ?? `status ${result.exitStatus}`}`,
      )
    }
    throw new StorageError(
      'failed-precondition',
      `${blockPath}: the guest has no fuser; install psmisc`,
    )
  }

  async isUnlabelled(): Promise<boolean> {
    return false
  }

  async label(device: GuestDevice): Promise<void> {
    throw new StorageError(
      'internal',
      `${device.blockPath}: a Linux guest uses whole disks and labels none`,
    )
  }

  async format(device: GuestDevice, request: FormatRequest, signal?: AbortSignal): Promise<void> {
    const kind = fileSystem(request.type)
    const uuid = fileSystemUuid(request.volumeId)
    // Neither program is forced. mkfs.ext4 asks only on a terminal and would overwrite here: the
    // caller has proved the disk blank.
    if (kind === 'ext4') {
      const options = [
        '-q',
        '-m0',
        '-E',
        'lazy_itable_init=1,lazy_journal_init=1',
        '-U',
        uuid,
        ...request.options,
      ]
      await this.#write(
        [MKFS.ext4, ...options, device.blockPath],
        device.blockPath,
        signal,
        SLOW_MS,
      )
      return
    }
    const command: Command = [
      MKFS.xfs,
      '-q',
      '-m',
      `uuid=${uuid}`,
      ...request.options,
      device.blockPath,
    ]
    const result = await this.#shell.run(command, { effect: 'write', signal, timeoutMs: SLOW_MS })
    if (result.exitStatus === 1 && UNKNOWN_UUID_OPTION.test(result.stderr)) {
      // It stopped at its arguments. The file system then bears no mark, like those made before
      // there were any.
      await this.#write(
        [MKFS.xfs, '-q', ...request.options, device.blockPath],
        device.blockPath,
        signal,
        SLOW_MS,
      )
      return
    }
    expectSuccess(command, result, LINUX_FAILURES, device.blockPath)
  }

  async check(device: GuestDevice, type: string, signal?: AbortSignal): Promise<void> {
    // xfs replays its log when it is mounted; there is nothing to run before.
    if (fileSystem(type) === 'xfs') return
    const command: Command = [E2FSCK, '-p', device.blockPath]
    const result = await this.#shell.run(command, { effect: 'write', signal, timeoutMs: SLOW_MS })
    // Bits: 1 repaired, 2 repaired and reboot (only of a mounted root), 4 errors left, 8 did not
    // run (e2fsck(8)).
    if (result.exitStatus >= 0 && (result.exitStatus & ~3) === 0) return
    // It says so on standard output (linux-guest-tools-4.txt).
    if (result.exitStatus === 8 && /^\S+ is in use\.$/m.test(result.stdout)) {
      throw new StorageError(
        'busy',
        `${device.blockPath}: something else in the guest holds the disk; see what it is and ` +
          `end it`,
      )
    }
    if (NEWER_FORMAT.test(result.stdout + result.stderr)) {
      throw new StorageError(
        'failed-precondition',
        `${device.blockPath}: its ext4 was made by a newer system than this guest; nothing is ` +
          'damaged: attach it to that one, or bring e2fsprogs and the kernel of this guest up ' +
          `to date`,
      )
    }
    if ((result.exitStatus & 4) === 4) {
      throw new StorageError(
        'failed-precondition',
        `${device.blockPath}: e2fsck left errors uncorrected; run e2fsck by hand on the guest, ` +
          `or restore a snapshot`,
      )
    }
    expectSuccess(command, result, LINUX_FAILURES, device.blockPath)
  }

  async mount(device: GuestDevice, request: MountRequest, signal?: AbortSignal): Promise<void> {
    const kind = fileSystem(request.type)
    const options = [request.readonly ? 'ro' : 'rw', ...request.options]
    // A log that has to be replayed is written to, also by a read-only mount; without the replay
    // what was synced is not there. sunvdc takes no read-only flag from the export
    // (drivers/block/sunvdc.c). Told by us, the kernel decides: a clean file system is mounted and
    // not written to, one with a log is refused.
    if (request.diskReadonly) {
      await this.#write([BLOCKDEV, '--setro', device.blockPath], device.blockPath, signal)
    }
    // A copy has the identity of its original, and xfs refuses the second of two equal ones, in
    // either order.
    if (request.copy && kind === 'xfs') options.push('nouuid')
    await this.#write(
      [MOUNT, '-t', kind, '-o', options.join(','), device.blockPath, request.path],
      device.blockPath,
      signal,
    )
  }

  // Whole disks are used: there is no layout that could stay behind.
  async widen(): Promise<undefined> {
    return undefined
  }

  async grow(
    device: { readonly blockPath: string },
    mounted: { readonly path: string; readonly type: string },
    signal?: AbortSignal,
  ): Promise<void> {
    const command: Command =
      fileSystem(mounted.type) === 'ext4'
        ? [RESIZE2FS, device.blockPath]
        : [XFS_GROWFS, mounted.path]
    await this.#write(command, device.blockPath, signal, SLOW_MS)
  }

  async readUses(signal?: AbortSignal): Promise<UseTable> {
    const text = await this.#read(['/bin/cat', '/proc/self/mountinfo'], 'mount table', signal)
    return new LinuxUses(parseMountInfo(text.stdout))
  }

  async resolvePath(path: string, signal?: AbortSignal): Promise<string> {
    // As the mount table will spell it, also where directories of it are still to be made.
    const result = await this.#shell.run([READLINK, '-m', path], { effect: 'read', signal })
    const line = result.stdout.split('\n').findLast(at => at !== '')
    return result.exitStatus === 0 && line?.startsWith('/') ? line : path
  }

  async bindFileSystem(
    request: { source: string; target: string; readonly: boolean },
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#bind(request.source, request.target, request.readonly, signal)
  }

  // A read-only bind keeps the node from being replaced; what keeps its bytes from being written is
  // a read-only attachment.
  async bindDevice(
    request: { device: GuestDevice; target: string; readonly: boolean },
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#paths.ensureFile(request.target, signal)
    await this.#bind(request.device.blockPath, request.target, request.readonly, signal)
  }

  // One command, so that a cut cannot leave a writable mount where a read-only one was asked for.
  // mount before util-linux 2.27 ignores `ro` here (mount(8)); the second command is for that one.
  async #bind(
    source: string,
    target: string,
    readonly: boolean,
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#write([MOUNT, '-o', readonly ? 'bind,ro' : 'bind', source, target], target, signal)
    if (readonly && (await this.readUses(signal)).at(target)?.readonly === false) {
      await this.#write([MOUNT, '-o', 'remount,bind,ro', target], target, signal)
    }
  }

  async readDeviceAt(path: string, signal?: AbortSignal): Promise<string | undefined> {
    const entry = await this.#paths.readEntry(path, signal)
    return entry.kind === 'device' ? path : undefined
  }

  async unmount(path: string, signal?: AbortSignal): Promise<void> {
    const command: Command = [UMOUNT, path]
    const result = await this.#shell.run(command, { effect: 'write', signal })
    if (
      result.exitStatus === 32 &&
      /: not mounted\.|no mount point specified\./.test(result.stderr)
    ) {
      return
    }
    expectSuccess(command, result, LINUX_FAILURES, path)
  }

  async measureFileSystem(
    path: string,
    signal?: AbortSignal,
  ): Promise<{ bytes: Amounts; inodes: Amounts | undefined }> {
    const result = await this.#read(
      [STAT, '-f', '-c', '%S %b %f %a %c %d', path],
      path,
      signal,
      MEASURE_MS,
    )
    return parseFileSystemStat(result.stdout)
  }

  async measureDevice(
    blockPath: string,
    _expectedBytes: number,
    signal?: AbortSignal,
  ): Promise<number> {
    const result = await this.#read(
      [BLOCKDEV, '--getsize64', blockPath],
      blockPath,
      signal,
      MEASURE_MS,
    )
    const size = Number(result.stdout.trim().split('\n').at(-1))
    if (!Number.isSafeInteger(size) || size <= 0) {
      throw new StorageError(
        'unavailable',
        `${blockPath}: blockdev gives its size as ${JSON.stringify(result.stdout)}`,
      )
    }
    return size
  }

  async touchDevice(blockPath: string, signal?: AbortSignal): Promise<void> {
    await this.#read(
      [DD, `if=${blockPath}`, 'of=/dev/null', 'bs=4096', 'count=1', 'iflag=direct'],
      blockPath,
      signal,
      MEASURE_MS,
    )
  }

  slotOf(blockPath: string): number | undefined {
    return diskSlot(blockPath)
  }

  namesOf(blockPath: string): readonly string[] {
    return [blockPath]
  }

  async #read(
    command: Command,
    object: string,
    signal?: AbortSignal,
    timeoutMs?: number,
  ): Promise<CommandResult> {
    const result = await this.#shell.run(command, {
      effect: 'read',
      signal,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    })
    return expectSuccess(command, result, LINUX_FAILURES, object)
  }

  async #write(
    command: Command,
    object: string,
    signal?: AbortSignal,
    timeoutMs?: number,
  ): Promise<CommandResult> {
    const result = await this.#shell.run(command, {
      effect: 'write',
      signal,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    })
    return expectSuccess(command, result, LINUX_FAILURES, object)
  }
}

function fileSystem(type: string): FileSystem {
  if (type === 'ext4' || type === 'xfs') return type
  throw new StorageError(
    'unsupported',
    `this guest cannot use the file system ${type}, only ext4 and xfs`,
  )
}
