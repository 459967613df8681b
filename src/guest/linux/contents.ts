// What a disk of a Linux guest contains, and whose mark it has. The driver uses whole disks,
// without a label or a layout that would have to grow with the disk.

import { StorageError } from '../../errors.ts'
import type { Command, CommandResult, Shell } from '../../shell/shell.ts'
import { Tool } from '../../shell/tool.ts'
import { fileSystemUuid, isFileSystemUuid } from '../identity.ts'
import {
  type Content,
  type Contents,
  type GuestDevice,
  PROBE_BYTES,
  parseZeroDump,
} from '../platform.ts'
import { LINUX_FAILURES } from './failures.ts'
import { readBlockBytes } from './sysfs.ts'
import { parseBlkid } from './tables.ts'

const BLKID = '/sbin/blkid'
const WIPEFS = '/sbin/wipefs'
const OD = '/usr/bin/od'

export class LinuxContents implements Contents {
  readonly #tool: Tool

  constructor(shell: Shell) {
    this.#tool = new Tool(shell, LINUX_FAILURES)
  }

  async read(device: GuestDevice, signal?: AbortSignal): Promise<Content> {
    const about = device.blockPath
    const size = await readBlockBytes(this.#tool, about, signal)
    if (size !== device.sizeBytes) {
      throw new StorageError(
        'unavailable',
        `${about}: its size changed from ${device.sizeBytes} to ${size} bytes; try again`,
      )
    }
    const { probe, found } = await this.#probe(device, signal)
    if (found.exitStatus === 0) return parseBlkid(found.stdout)
    if (found.exitStatus === 8) return { kind: 'other', description: 'several signatures at once' }
    if (found.exitStatus !== 2 || found.stderr.trim() !== '') {
      this.#tool.accept(probe, found, { about })
    }
    // blkid gives this answer for a blank disk and for a disk that it cannot read. The next reading
    // fails on the latter.
    const zero = await this.#readsZero(device, signal)
    const signatures = await this.#tool.read([WIPEFS, '-n', about], { about, signal })
    const lines = signatures.stdout.split('\n').filter(line => /0x[0-9a-f]+/.test(line))
    if (lines.length > 0) return { kind: 'other', description: `a signature (${lines[0]?.trim()})` }
    return zero ? { kind: 'blank' } : { kind: 'other', description: 'data that no tool knows' }
  }

  async #probe(
    { blockPath }: GuestDevice,
    signal?: AbortSignal,
  ): Promise<{ readonly probe: Command; readonly found: CommandResult }> {
    const probe: Command = [BLKID, '-p', '-o', 'export', blockPath]
    return { probe, found: await this.#tool.ask(probe, { effect: 'read', signal }) }
  }

  async #readsZero({ blockPath }: GuestDevice, signal?: AbortSignal): Promise<boolean> {
    const command: Command = [OD, '-N', String(PROBE_BYTES), blockPath]
    const dump = await this.#tool.read(command, { about: blockPath, signal })
    const zero = parseZeroDump(dump.stdout)
    if (zero === undefined) {
      throw new StorageError(
        'unavailable',
        `${blockPath}: its first ${PROBE_BYTES} bytes could not be read`,
      )
    }
    return zero
  }

  async readMark(device: GuestDevice, signal?: AbortSignal): Promise<string | undefined> {
    const { probe, found } = await this.#probe(device, signal)
    if (found.exitStatus === 0) return parseBlkid(found.stdout).mark
    // blkid found nothing that it knows, or several signatures at once. The driver creates neither.
    if (found.exitStatus !== 2 && found.exitStatus !== 8) {
      this.#tool.accept(probe, found, { about: device.blockPath })
    }
    return undefined
  }

  markOf(volumeId: string): string {
    return fileSystemUuid(volumeId)
  }

  isDriverMark(mark: string): boolean {
    return isFileSystemUuid(mark)
  }

  async isUnlabelled(): Promise<boolean> {
    return false
  }

  async label(device: GuestDevice): Promise<void> {
    throw new StorageError(
      'internal',
      `${device.blockPath}: the driver does not label disks of Linux guests`,
    )
  }

  async widen(): Promise<undefined> {
    return undefined
  }
}
