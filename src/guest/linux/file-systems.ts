// File systems of a Linux guest: made, repaired, grown, measured. Nothing here decides whether a
// disk may be formatted.

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

/** Status 8, as for a disk that cannot be read (linux-guest-tools-4.txt). */
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
   * Neither program is forced. mkfs.ext4 asks only on a terminal and would overwrite here: the
   * caller has proved the disk blank.
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
    // It stopped at its arguments. The file system then bears no mark, like those made before
    // there were any.
    await this.#mkfsXfs.write([MKFS.xfs, '-q', ...options], call)
  }

  async check(device: GuestDevice, type: string, signal?: AbortSignal): Promise<void> {
    // xfs replays its log when it is mounted; there is nothing to run before.
    if (checkType(type) === 'xfs') return
    const about = device.blockPath
    const command: Command = [E2FSCK, '-p', about]
    const result = await this.#tool.ask(command, { effect: 'write', signal, timeoutMs: SLOW_MS })
    // Bits: 1 repaired, 2 repaired and reboot (only of a mounted root), 4 errors left, 8 did not
    // run (e2fsck(8)).
    if (result.exitStatus >= 0 && (result.exitStatus & ~3) === 0) return
    // It says so on standard output (linux-guest-tools-4.txt).
    if (result.exitStatus === 8 && /^\S+ is in use\.$/m.test(result.stdout)) {
      throw new StorageError(
        'busy',
        `${about}: something else in the guest holds the disk; see what it is and end it`,
      )
    }
    if (NEWER_FORMAT.test(result.stdout + result.stderr)) {
      throw new StorageError(
        'failed-precondition',
        `${about}: its ext4 was made by a newer system than this guest; nothing is ` +
          'damaged: attach it to that one, or bring e2fsprogs and the kernel of this guest up ' +
          'to date',
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
    `this guest cannot use the file system ${type}, only ext4 and xfs`,
  )
}
