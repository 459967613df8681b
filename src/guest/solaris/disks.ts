// Disks of a Solaris guest (10 and 11, driver vdc). The driver finds a disk by the target of its
// link, never by a controller number.

import type { Command, Shell } from '../../shell/shell.ts'
import { isNotFound, Tool } from '../../shell/tool.ts'
import { type DeviceAddress, type Disks, MEASURE_MS, type Sighting } from '../platform.ts'
import { FUSER_FAILURES, SOLARIS_FAILURES } from './failures.ts'
import { SolarisLabels } from './label.ts'
import { backendBytes } from './label-table.ts'
import { readDiskBytes } from './size.ts'
import { diskGone, diskOf, findDisk, rawSliceZero } from './slices.ts'
import { diskSlot, findDiskLinks } from './tables.ts'

const DEVFSADM = '/usr/sbin/devfsadm'
const DD = '/usr/bin/dd'
const FUSER = '/usr/sbin/fuser'

export class SolarisDisks implements Disks {
  readonly maximumSizeBytes = undefined
  readonly seesGrowth = true
  readonly slots = { first: 0, last: 0xffff }
  readonly #tool: Tool
  readonly #fuser: Tool
  readonly #labels: SolarisLabels

  constructor(shell: Shell) {
    this.#tool = new Tool(shell, SOLARIS_FAILURES)
    this.#fuser = new Tool(shell, FUSER_FAILURES)
    this.#labels = new SolarisLabels(shell)
  }

  async find(slot: number, sizeBytes: number, signal?: AbortSignal): Promise<Sighting> {
    const about = `disk ${slot}`
    const listing = await this.#tool.read(['/bin/ls', '-l', '/dev/dsk'], { about, signal })
    const names = findDiskLinks(listing.stdout, slot)
    if (names.length > 1) return { kind: 'stale' }
    const [name] = names
    if (name === undefined) return { kind: 'absent' }
    const state = await this.#labels.read(name, signal)
    if (state.kind === 'gone') return { kind: 'stale' }
    const diskBytes = await readDiskBytes(this.#tool, name, signal)
    const label = state.kind === 'labelled' ? state.label : undefined
    const blockPath = `/dev/dsk/${name}s0`
    const device = {
      slot,
      blockPath,
      rawPath: rawSliceZero(name),
      identity: blockPath,
      sizeBytes: backendBytes(diskBytes, label, sizeBytes),
    }
    return { kind: 'present', device }
  }

  async discover(sighting: 'absent' | 'stale', signal?: AbortSignal): Promise<void> {
    // vdc keeps names of disks that are gone until somebody asks for cleaning. Such a name could
    // hide a disk of the same number.
    const command: Command =
      sighting === 'stale' ? [DEVFSADM, '-C', '-c', 'disk'] : [DEVFSADM, '-i', 'vdc']
    await this.#tool.write(command, { about: 'device names', signal })
  }

  async listHolders(
    { blockPath }: DeviceAddress,
    signal?: AbortSignal,
  ): Promise<readonly string[]> {
    // -d asks for users of any slice of the disk. Process numbers come on standard output, names on
    // standard error (fuser(1M), recalled).
    const result = await this.#fuser.attempt([FUSER, '-d', blockPath], {
      about: blockPath,
      effect: 'read',
      // Nobody can have a disk open that is gone.
      expected: isNotFound,
      signal,
    })
    if (result === undefined) return []
    // Other lines come from a login script.
    const lines = result.stdout.split('\n').filter(line => /^(\s*\d+[a-z]*)+\s*$/.test(line))
    return lines
      .flatMap(line => line.trim().split(/\s+/))
      .map(word => `process ${Number.parseInt(word, 10)}`)
  }

  async measure(blockPath: string, expectedBytes: number, signal?: AbortSignal): Promise<number> {
    const name = diskOf(blockPath)
    const state = await this.#labels.read(name, signal)
    if (state.kind === 'gone') throw diskGone(blockPath)
    return backendBytes(
      await readDiskBytes(this.#tool, name, signal),
      state.kind === 'labelled' ? state.label : undefined,
      expectedBytes,
    )
  }

  async identify(blockPath: string, signal?: AbortSignal): Promise<string | undefined> {
    return (await this.#labels.read(diskOf(blockPath), signal)).kind === 'gone'
      ? undefined
      : blockPath
  }

  // Character devices have no cache. A disk without a label has no slice to open. The answer that
  // it has no label was itself read from the disk.
  async touch(blockPath: string, signal?: AbortSignal): Promise<void> {
    const name = diskOf(blockPath)
    const state = await this.#labels.read(name, signal)
    if (state.kind === 'gone') throw diskGone(blockPath)
    if (state.kind === 'unlabelled') return
    const about = rawSliceZero(name)
    await this.#tool.read([DD, `if=${about}`, 'of=/dev/null', 'bs=8192', 'count=1'], {
      about,
      signal,
      timeoutMs: MEASURE_MS,
    })
  }

  slotOf(blockPath: string): number | undefined {
    return diskSlot(blockPath)
  }

  // Some commands name the disk, some a slice of it, some its character device. All contain this
  // name.
  namesOf(blockPath: string): readonly string[] {
    return [findDisk(blockPath) ?? blockPath]
  }
}
