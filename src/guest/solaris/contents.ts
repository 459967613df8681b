// What a disk of a Solaris guest contains: its label, the content of slice 0, and whose mark the
// label has. UFS has no mark. Only the name in its label identifies a volume, and a backend
// exported as a slice has no label of its own.

import { StorageError } from '../../errors.ts'
import type { Command, Shell } from '../../shell/shell.ts'
import { Tool } from '../../shell/tool.ts'
import { isLabelName, labelName } from '../identity.ts'
import {
  type Content,
  type Contents,
  type GuestDevice,
  PROBE_BYTES,
  parseZeroDump,
} from '../platform.ts'
import { SOLARIS_FAILURES } from './failures.ts'
import { SolarisLabels } from './label.ts'
import { findSliceZero, SECTOR } from './label-table.ts'
import { readDiskBytes } from './size.ts'
import { diskGone, diskOf } from './slices.ts'

const FSTYP = '/usr/sbin/fstyp'
const OD = '/usr/bin/od'

export class SolarisContents implements Contents {
  readonly #tool: Tool
  readonly #labels: SolarisLabels

  constructor(shell: Shell) {
    this.#tool = new Tool(shell, SOLARIS_FAILURES)
    this.#labels = new SolarisLabels(shell)
  }

  async read(device: GuestDevice, signal?: AbortSignal): Promise<Content> {
    const name = diskOf(device.blockPath)
    const state = await this.#labels.read(name, signal)
    if (state.kind === 'gone') throw diskGone(device.blockPath)
    if (state.kind === 'unlabelled') return this.#provedUnlabelled(name, signal)
    const { name: mark } = state.label
    if (!findSliceZero(state.label)) {
      return { kind: 'other', description: 'a label without slice 0', mark }
    }
    return { ...(await this.#readSlice(device, signal)), mark }
  }

  async #readSlice(device: GuestDevice, signal?: AbortSignal): Promise<Content> {
    const probe: Command = [FSTYP, device.rawPath]
    const result = await this.#tool.ask(probe, { effect: 'read', signal })
    const said = `${result.stdout}\n${result.stderr}`
    if (result.exitStatus === 0) return { kind: 'filesystem', type: lastLine(result.stdout) }
    if (result.exitStatus === 2 && /multiple matches/i.test(said)) {
      return { kind: 'other', description: 'several file systems at once' }
    }
    // fstyp also fails on a device that it cannot read. Only this status with these words is an
    // answer.
    if (result.exitStatus !== 1 || !/unknown_fstyp \(no matches\)/i.test(said)) {
      this.#tool.accept(probe, result, { about: device.rawPath })
    }
    const zero = await this.#readsZero(device.blockPath, signal)
    if (zero === undefined) {
      throw new StorageError(
        'unavailable',
        `${device.blockPath}: its first ${PROBE_BYTES} bytes could not be read`,
      )
    }
    return zero
      ? { kind: 'blank', labelled: true }
      : { kind: 'other', description: 'data that no tool knows' }
  }

  // Slices of an unlabelled disk cannot be opened for reading (vdc). If slice 2 can be read and is
  // not zero, the disk is not what the label tool said.
  async #provedUnlabelled(name: string, signal?: AbortSignal): Promise<Content> {
    const zero = await this.#readsZero(`/dev/dsk/${name}s2`, signal)
    return zero === false
      ? { kind: 'other', description: 'data, but no label' }
      : { kind: 'unlabelled' }
  }

  /**
   * Undefined if the slice cannot be opened: an unlabelled disk answers like that, and so does a
   * dead one.
   */
  async #readsZero(path: string, signal?: AbortSignal): Promise<boolean | undefined> {
    const command: Command = [OD, '-N', String(PROBE_BYTES), path]
    const result = await this.#tool.ask(command, { effect: 'read', signal })
    if (result.exitStatus !== 0 && /I\/O error/.test(result.stderr)) return undefined
    return parseZeroDump(this.#tool.accept(command, result, { about: path }).stdout)
  }

  async isUnlabelled(device: GuestDevice, signal?: AbortSignal): Promise<boolean> {
    const name = diskOf(device.blockPath)
    if ((await this.#labels.read(name, signal)).kind !== 'unlabelled') return false
    return (await this.#provedUnlabelled(name, signal)).kind === 'unlabelled'
  }

  async label(device: GuestDevice, volumeId: string, signal?: AbortSignal): Promise<void> {
    await this.#labels.write(diskOf(device.blockPath), labelName(volumeId), signal)
  }

  async readMark(device: GuestDevice, signal?: AbortSignal): Promise<string | undefined> {
    const state = await this.#labels.read(diskOf(device.blockPath), signal)
    return state.kind === 'labelled' ? state.label.name : undefined
  }

  markOf(volumeId: string): string {
    return labelName(volumeId)
  }

  isDriverMark(mark: string): boolean {
    return isLabelName(mark)
  }

  async widen(
    device: { readonly blockPath: string },
    signal?: AbortSignal,
  ): Promise<string | undefined> {
    const name = diskOf(device.blockPath)
    const sectors = Math.floor((await readDiskBytes(this.#tool, name, signal)) / SECTOR)
    return this.#labels.extend(name, sectors, signal)
  }
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.trim() ?? ''
}
