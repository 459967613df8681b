// Disks of a Linux guest, as the kernel shows them in /sys and /dev.

import { StorageError } from '../../errors.ts'
import type { Shell } from '../../shell/shell.ts'
import { Tool } from '../../shell/tool.ts'
import { Paths } from '../paths.ts'
import { type DeviceAddress, type Disks, MEASURE_MS, type Sighting } from '../platform.ts'
import type { LinuxBus } from './bus.ts'
import { LINUX_FAILURES } from './failures.ts'
import { LinuxHolders } from './holders.ts'
import { deviceName, listBlockDevices, readBlockBytes } from './sysfs.ts'

const DD = '/bin/dd'

export class LinuxDisks implements Disks {
  readonly maximumSizeBytes: number | undefined
  readonly seesGrowth: boolean
  readonly slots: Disks['slots']
  readonly #bus: LinuxBus
  readonly #root: string
  readonly #paths: Paths
  readonly #tool: Tool
  readonly #holders: LinuxHolders

  /** `root`: prefix of /sys and /dev. */
  constructor(shell: Shell, { root, bus }: { readonly root: string; readonly bus: LinuxBus }) {
    this.maximumSizeBytes = bus.maximumSizeBytes
    this.seesGrowth = bus.seesGrowth
    this.slots = { first: 0, last: bus.lastSlot }
    this.#bus = bus
    this.#root = root
    this.#paths = new Paths(shell)
    this.#tool = new Tool(shell, LINUX_FAILURES)
    this.#holders = new LinuxHolders(shell, root)
  }

  async find(slot: number, _sizeBytes: number, signal?: AbortSignal): Promise<Sighting> {
    const { driver, directory } = this.#bus
    const bus = `${this.#root}${directory}`
    const entries = await this.#paths.list(bus, signal)
    if (entries === undefined) {
      throw new StorageError(
        'failed-precondition',
        `disk ${slot}: ${bus} does not exist: this machine has no virtual disks (${driver}); ` +
          'check that the node plugin runs in the right guest, and the hypervisor in its file',
      )
    }
    const names = new Set<string>()
    for (const entry of entries.filter(each => this.#bus.isEntryOf(each, slot))) {
      const found = await listBlockDevices(this.#paths, `${bus}/${entry}/block`, signal)
      for (const name of found) names.add(name)
    }
    const [name] = names
    if (name === undefined) return { kind: 'absent' }
    const expected = this.#bus.diskName(slot)
    if (names.size > 1 || name !== expected) {
      throw new StorageError(
        'failed-precondition',
        `disk ${slot}: the kernel calls it ${[...names].join(' and ')}, not ${expected}`,
      )
    }
    const blockPath = `${this.#root}/dev/${name}`
    const identity = await this.identify(blockPath, signal)
    if (identity === undefined) return { kind: 'absent' }
    // The node in /dev appears a moment after the kernel's entry.
    if ((await this.#paths.readEntry(blockPath, signal)).kind === 'absent') {
      return { kind: 'absent' }
    }
    const sizeBytes = await this.measure(blockPath, 0, signal)
    return { kind: 'present', device: { slot, blockPath, rawPath: blockPath, identity, sizeBytes } }
  }

  // The kernel adds and removes disks by itself; there is nothing to start.
  async discover(): Promise<void> {}

  async identify(blockPath: string, signal?: AbortSignal): Promise<string | undefined> {
    // A node bound elsewhere shows only its numbers. Whether a disk is still behind them shows when
    // it is read.
    if (!blockPath.startsWith(`${this.#root}/dev/`)) {
      const entry = await this.#paths.readEntry(blockPath, signal)
      if (entry.kind === 'device') return entry.numbers
    }
    const name = deviceName(blockPath)
    const text = await this.#paths.readText(`${this.#root}/sys/class/block/${name}/dev`, signal)
    if (text === undefined) return undefined
    const numbers = text.trim().split('\n').at(-1) ?? ''
    if (!/^\d+:\d+$/.test(numbers)) {
      throw new StorageError(
        'internal',
        `${blockPath}: the kernel printed no device numbers: ${JSON.stringify(text)}`,
      )
    }
    return numbers
  }

  listHolders(device: DeviceAddress, signal?: AbortSignal): Promise<readonly string[]> {
    return this.#holders.list(device, signal)
  }

  measure(blockPath: string, _expected: number, signal?: AbortSignal): Promise<number> {
    return readBlockBytes(this.#tool, blockPath, signal)
  }

  async touch(blockPath: string, signal?: AbortSignal): Promise<void> {
    await this.#tool.read(
      [DD, `if=${blockPath}`, 'of=/dev/null', 'bs=4096', 'count=1', 'iflag=direct'],
      { about: blockPath, signal, timeoutMs: MEASURE_MS },
    )
  }

  slotOf(blockPath: string): number | undefined {
    return this.#bus.diskSlot(blockPath)
  }

  namesOf(blockPath: string): readonly string[] {
    return [blockPath]
  }
}
