// File systems of a Linux guest: create, repair, grow, measure. Nothing here decides whether a disk
// may be formatted.

import { StorageError } from '../../errors.ts'
import type { Command, Shell } from '../../shell/shell.ts'
import { Tool } from '../../shell/tool.ts'
import { fileSystemUuid } from '../identity.ts'
import {
  type Amounts,
  type FileSystems,
  type FormatRequest,
  type GuestDevice,
  MEASURE_MS,
  SLOW_MS,
} from '../platform.ts'
import { LINUX_FAILURES, MKFS_XFS_FAILURES, NO_UUID_OPTION } from './failures.ts'
import { parseFileSystemStat } from './tables.ts'

const MKFS = { ext4: '/sbin/mkfs.ext4', xfs: '/sbin/mkfs.xfs' } as const
const E2FSCK = '/sbin/e2fsck'
const RESIZE2FS = '/sbin/resize2fs'
const XFS_GROWFS = '/usr/sbin/xfs_growfs'
const STAT = '/usr/bin/stat'

/** e2fsck exits with 8, as it does for a disk that cannot be read (linux-guest-tools-4.txt). */
const NEWER_FORMAT = /has unsupported feature\(s\)|Get a newer version of e2fsck/

type FileSystem = keyof typeof MKFS

/** The first is the default. */
export const FILE_SYSTEMS: readonly FileSystem[] = ['ext4', 'xfs']

export class LinuxFileSystems implements FileSystems {
  readonly types = FILE_SYSTEMS
  readonly #tool: Tool
  readonly #mkfsXfs: Tool

  constructor(shell: Shell) {
    this.#tool = new Tool(shell, LINUX_FAILURES)
    this.#mkfsXfs = new Tool(shell, MKFS_XFS_FAILURES)
  }

  /**
   * Neither program is forced. Without a terminal mkfs.ext4 does not ask and would overwrite data;
   * the caller has proved that the disk is blank.
   */
  async format(device: GuestDevice, request: FormatRequest, signal?: AbortSignal): Promise<void> {
    const uuid = fileSystemUuid(request.volumeId)
    const call = { about: device.blockPath, signal, timeoutMs: SLOW_MS }
    const options = [...request.options, device.blockPath]
    if (checkType(request.type) === 'ext4') {
      const lazy = ['-E', 'lazy_itable_init=1,lazy_journal_init=1']
      await this.#tool.write([MKFS.ext4, '-q', '-m0', ...lazy, '-U', uuid, ...options], call)
      return
    }
    const marked = await this.#mkfsXfs.attempt([MKFS.xfs, '-q', '-m', `uuid=${uuid}`, ...options], {
      ...call,
      effect: 'write',
      expected: ({ row }) => row === NO_UUID_OPTION,
    })
    if (marked !== undefined) return
    // mkfs.xfs rejected its arguments and wrote nothing. The file system gets no mark, like those
    // that are older than marks.
    await this.#mkfsXfs.write([MKFS.xfs, '-q', ...options], call)
  }

  async check(device: GuestDevice, type: string, signal?: AbortSignal): Promise<void> {
    // The kernel replays the log of xfs at mount; there is nothing to run before.
    if (checkType(type) === 'xfs') return
    const about = device.blockPath
    const command: Command = [E2FSCK, '-p', about]
    const result = await this.#tool.ask(command, { effect: 'write', signal, timeoutMs: SLOW_MS })
    // Status bits: 1 repaired, 2 repaired and reboot (mounted root only), 4 errors left, 8 did not
    // run (e2fsck(8)).
    if (result.exitStatus >= 0 && (result.exitStatus & ~3) === 0) return
    // e2fsck says this on standard output (linux-guest-tools-4.txt).
    if (result.exitStatus === 8 && /^\S+ is in use\.$/m.test(result.stdout)) {
      throw new StorageError(
        'busy',
        `${about}: something else in the guest uses the disk; find out what it is and stop it`,
      )
    }
    if (NEWER_FORMAT.test(result.stdout + result.stderr)) {
      throw new StorageError(
        'failed-precondition',
        `${about}: a newer system than this guest created its ext4; nothing is damaged; attach ` +
          'the volume to that system, or update e2fsprogs and the kernel of this guest',
      )
    }
    if ((result.exitStatus & 4) === 4) {
      throw new StorageError(
        'failed-precondition',
        `${about}: e2fsck left errors uncorrected; run e2fsck by hand on the guest, or restore a ` +
          'snapshot',
      )
    }
    this.#tool.accept(command, result, { about })
  }

  async grow(
    { blockPath }: { readonly blockPath: string },
    mounted: { readonly path: string; readonly type: string },
    signal?: AbortSignal,
  ): Promise<void> {
    const command: Command =
      checkType(mounted.type) === 'ext4' ? [RESIZE2FS, blockPath] : [XFS_GROWFS, mounted.path]
    await this.#tool.write(command, { about: blockPath, signal, timeoutMs: SLOW_MS })
  }

  async measure(
    path: string,
    signal?: AbortSignal,
  ): Promise<{ bytes: Amounts; inodes: Amounts | undefined }> {
    const command: Command = [STAT, '-f', '-c', '%S %b %f %a %c %d', path]
    const result = await this.#tool.read(command, { about: path, signal, timeoutMs: MEASURE_MS })
    return parseFileSystemStat(result.stdout)
  }
}

export function checkType(type: string): FileSystem {
  if (type === 'ext4' || type === 'xfs') return type
  throw new StorageError(
    'unsupported',
    `this guest cannot use the file system ${type}; use ext4 or xfs`,
  )
}
