// File systems of a Solaris guest: create, repair, grow, measure. Only UFS. Nothing here decides
// whether a disk may be formatted.

import { StorageError } from '../../errors.ts'
import type { Command, Shell } from '../../shell/shell.ts'
import { Tool } from '../../shell/tool.ts'
import {
  type Amounts,
  type FileSystems,
  type FormatRequest,
  type GuestDevice,
  MEASURE_MS,
  SLOW_MS,
} from '../platform.ts'
import { FSCK_FAILURES, NEEDS_CHECKING, SOLARIS_FAILURES } from './failures.ts'
import { SolarisLabels } from './label.ts'
import { findSliceZero, SECTOR } from './label-table.ts'
import { diskOf, rawSliceZero } from './slices.ts'
import { parseFileSystemTotals, parseUfsBytes } from './tables.ts'

const FSTYP = '/usr/sbin/fstyp'
const NEWFS = '/usr/sbin/newfs'
const FSCK = '/usr/sbin/fsck'
const GROWFS = '/usr/sbin/growfs'
const DF = '/usr/sbin/df'

// newfs needs an option for a file system that is, or may become, larger (newfs(1M)).
const MULTI_TERABYTE = 1024 ** 4
// A file system ends at a whole number of its own units, so a smaller difference is no growth.
const GROWTH_SLACK = 1024 ** 2

export class SolarisFileSystems implements FileSystems {
  readonly types = ['ufs']
  readonly #tool: Tool
  readonly #fsck: Tool
  readonly #labels: SolarisLabels

  constructor(shell: Shell) {
    this.#tool = new Tool(shell, SOLARIS_FAILURES)
    this.#fsck = new Tool(shell, FSCK_FAILURES)
    this.#labels = new SolarisLabels(shell)
  }

  async format(device: GuestDevice, request: FormatRequest, signal?: AbortSignal): Promise<void> {
    if (request.type !== 'ufs') {
      throw new StorageError(
        'unsupported',
        `${device.blockPath}: this guest cannot create ${request.type}; use ufs`,
      )
    }
    const { rawPath } = device
    // Without a terminal newfs does not ask (newfs.c); the caller has proved that the slice is
    // blank.
    const options = device.sizeBytes > MULTI_TERABYTE ? ['-T'] : []
    await this.#tool.write([NEWFS, ...options, ...request.options, rawPath], {
      about: rawPath,
      signal,
      timeoutMs: SLOW_MS,
    })
  }

  async check(device: GuestDevice, type: string, signal?: AbortSignal): Promise<void> {
    checkMountable(device, type)
    const { rawPath } = device
    const clean = await this.#fsck.attempt([FSCK, '-F', 'ufs', '-m', rawPath], {
      about: rawPath,
      effect: 'read',
      expected: ({ row }) => row === NEEDS_CHECKING,
      signal,
    })
    if (clean !== undefined) return
    const preen: Command = [FSCK, '-F', 'ufs', '-o', 'p', rawPath]
    const result = await this.#fsck.ask(preen, { effect: 'write', signal, timeoutMs: SLOW_MS })
    if (result.exitStatus === 0) return
    throw new StorageError(
      'failed-precondition',
      `${rawPath}: fsck cannot repair it without a person (status ${result.exitStatus}); run ` +
        'fsck by hand on the guest, or restore a snapshot',
    )
  }

  async grow(
    device: { readonly blockPath: string },
    mounted: { readonly path: string; readonly type: string },
    signal?: AbortSignal,
  ): Promise<void> {
    const name = diskOf(device.blockPath)
    const about = rawSliceZero(name)
    const state = await this.#labels.read(name, signal)
    const slice = state.kind === 'labelled' ? findSliceZero(state.label) : undefined
    const described = await this.#tool.read([FSTYP, '-v', about], { about, signal })
    const ufsBytes = parseUfsBytes(described.stdout)
    if (slice === undefined || ufsBytes === undefined) {
      throw new StorageError(
        'internal',
        `${about}: the size of the slice or of its file system cannot be read`,
      )
    }
    if (slice.count * SECTOR - ufsBytes < GROWTH_SLACK) return
    // growfs write-locks the file system while it runs, and never shrinks it (growfs(1M)).
    const command: Command = [GROWFS, '-M', mounted.path, about]
    await this.#tool.write(command, { about, signal, timeoutMs: SLOW_MS })
  }

  async measure(
    path: string,
    signal?: AbortSignal,
  ): Promise<{ bytes: Amounts; inodes: Amounts | undefined }> {
    const call = { about: path, signal, timeoutMs: MEASURE_MS }
    return parseFileSystemTotals((await this.#tool.read([DF, '-g', path], call)).stdout)
  }
}

export function checkMountable(device: GuestDevice, type: string): void {
  if (type === 'ufs') return
  throw new StorageError(
    'unsupported',
    `${device.blockPath}: this guest cannot mount ${type}; use ufs`,
  )
}
