// A Solaris guest (10 and 11, driver vdc): its tools and their texts. A disk is found by where its
// link leads, never by a controller number. It asks only the guest's own tools and files; nothing
// here decides whether a disk may be formatted.

import { StorageError } from '../../errors.ts'
import { expectSuccess } from '../../shell/failures.ts'
import type { Command, CommandResult, Shell } from '../../shell/shell.ts'
import { isLabelName, labelName } from '../identity.ts'
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
import { SOLARIS_FAILURES } from './failures.ts'
import { SolarisLabels } from './label.ts'
import {
  backendBytes,
  diskSlot,
  findDiskLinks,
  findSliceZero,
  parseDiskBytes,
  parseFileSystemTotals,
  parseMountTable,
  parseUfsBytes,
  SECTOR,
  SolarisUses,
} from './tables.ts'

const DEVFSADM = '/usr/sbin/devfsadm'
const IOSTAT = '/usr/bin/iostat'
const FSTYP = '/usr/sbin/fstyp'
const OD = '/usr/bin/od'
const DD = '/usr/bin/dd'
const FUSER = '/usr/sbin/fuser'
const NEWFS = '/usr/sbin/newfs'
const FSCK = '/usr/sbin/fsck'
const MOUNT = '/sbin/mount'
const UMOUNT = '/sbin/umount'
const GROWFS = '/usr/sbin/growfs'
const DF = '/usr/sbin/df'

// newfs needs to be told that a file system is, or may become, larger (newfs(1M)).
const MULTI_TERABYTE = 1024 ** 4
// A file system ends at a whole number of its own units: less than this is no growth.
const GROWTH_SLACK = 1024 ** 2

export class SolarisPlatform implements Platform {
  readonly fileSystems = ['ufs']
  readonly maximumSizeBytes = undefined
  readonly stateDirectory = STATE_DIRECTORY
  readonly seesGrowth = true
  readonly slots = { first: 0, last: 0xffff }
  readonly #shell: Shell
  readonly #paths: Paths
  readonly #labels: SolarisLabels

  constructor(shell: Shell) {
    this.#shell = shell
    this.#paths = new Paths(shell)
    this.#labels = new SolarisLabels(shell)
  }

  async findDevice(slot: number, sizeBytes: number, signal?: AbortSignal): Promise<Sighting> {
    const listing = await this.#read(['/bin/ls', '-l', '/dev/dsk'], `disk ${slot}`, signal)
    const names = findDiskLinks(listing.stdout, slot)
    if (names.length > 1) return { kind: 'stale' }
    const [name] = names
    if (name === undefined) return { kind: 'absent' }
    const state = await this.#labels.read(name, signal)
    if (state.kind === 'gone') return { kind: 'stale' }
    const diskBytes = await this.#diskBytes(name, signal)
    const label = state.kind === 'labelled' ? state.label : undefined
    const blockPath = `/dev/dsk/${name}s0`
    const device = {
      slot,
      blockPath,
      rawPath: `/dev/rdsk/${name}s0`,
      identity: blockPath,
      sizeBytes: backendBytes(diskBytes, label, sizeBytes),
    }
    return { kind: 'present', device }
  }

  async discover(sighting: 'absent' | 'stale', signal?: AbortSignal): Promise<void> {
    // Names of disks that are gone stay until somebody asks (vdc does not clean up); they could
    // hide a disk of the same number.
    const command: Command =
      sighting === 'stale' ? [DEVFSADM, '-C', '-c', 'disk'] : [DEVFSADM, '-i', 'vdc']
    await this.#write(command, 'device names', signal)
  }

  async readContent(device: GuestDevice, signal?: AbortSignal): Promise<Content> {
    const name = diskOf(device.blockPath)
    const state = await this.#labels.read(name, signal)
    if (state.kind === 'gone') {
      throw new StorageError(
        'unavailable',
        `${device.blockPath}: the disk has gone; see whether it is attached`,
      )
    }
    if (state.kind === 'unlabelled') return this.#provedUnlabelled(name, signal)
    const { name: mark } = state.label
    if (!findSliceZero(state.label)) {
      return { kind: 'other', description: 'a label without slice 0', mark }
    }
    const probe: Command = [FSTYP, device.rawPath]
    const result = await this.#shell.run(probe, { effect: 'read', signal })
    const said = `${result.stdout}\n${result.stderr}`
    if (result.exitStatus === 0) return { kind: 'filesystem', type: lastLine(result.stdout), mark }
    if (result.exitStatus === 2 && /multiple matches/i.test(said)) {
      return { kind: 'other', description: 'several file systems at once', mark }
    }
    // fstyp also fails on a device that it cannot read: only this status with these words is an
    // answer.
    if (result.exitStatus !== 1 || !/unknown_fstyp \(no matches\)/i.test(said)) {
      expectSuccess(probe, result, SOLARIS_FAILURES, device.rawPath)
    }
    const zero = await this.#readsZero(device.blockPath, signal)
    if (zero === undefined) {
      throw new StorageError(
        'unavailable',
        `${device.blockPath}: its first ${PROBE_BYTES} bytes could not be read`,
      )
    }
    return zero
      ? { kind: 'blank', mark }
      : { kind: 'other', description: 'data that no tool knows', mark }
  }

  // Slices of an unlabelled disk cannot be opened for reading (vdc), so a slice 2 that can be read
  // and is not zero means that the disk is not what the label tool said.
  async #provedUnlabelled(name: string, signal?: AbortSignal): Promise<Content> {
    const zero = await this.#readsZero(`/dev/dsk/${name}s2`, signal)
    return zero === false
      ? { kind: 'other', description: 'data, but no label' }
      : { kind: 'unlabelled' }
  }

  /**
   * Undefined when the slice cannot be opened: that is how an unlabelled disk answers, and a dead
   * one.
   */
  async #readsZero(path: string, signal?: AbortSignal): Promise<boolean | undefined> {
    const command: Command = [OD, '-N', String(PROBE_BYTES), path]
    const result = await this.#shell.run(command, { effect: 'read', signal })
    if (result.exitStatus !== 0 && /I\/O error/.test(result.stderr)) return undefined
    return parseZeroDump(expectSuccess(command, result, SOLARIS_FAILURES, path).stdout)
  }

  async listHolders(
    device: { readonly blockPath: string },
    signal?: AbortSignal,
  ): Promise<readonly string[]> {
    // -d asks for users of any slice of the disk; process numbers come on standard output, names on
    // standard error (fuser(1M), recalled).
    const command: Command = [FUSER, '-d', device.blockPath]
    const result = await this.#shell.run(command, { effect: 'read', signal })
    // Nobody has a disk open that is not there any more.
    if (result.exitStatus !== 0 && /No such file or directory|No such device/.test(result.stderr)) {
      return []
    }
    expectSuccess(command, result, SOLARIS_FAILURES, device.blockPath)
    // A line of anything else is what a login script printed.
    const lines = result.stdout.split('\n').filter(line => /^(\s*\d+[a-z]*)+\s*$/.test(line))
    return lines
      .flatMap(line => line.trim().split(/\s+/))
      .map(word => `process ${Number.parseInt(word, 10)}`)
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

  // UFS bears no mark: what tells a volume apart is the name in its label, and a backend exported
  // as a slice has none of its own.
  async format(device: GuestDevice, request: FormatRequest, signal?: AbortSignal): Promise<void> {
    if (request.type !== 'ufs') {
      throw new StorageError(
        'unsupported',
        `${device.blockPath}: this guest cannot make ${request.type}, only ufs`,
      )
    }
    // It asks only on a terminal (newfs.c): the caller has proved the slice blank.
    const options = device.sizeBytes > MULTI_TERABYTE ? ['-T'] : []
    await this.#write(
      [NEWFS, ...options, ...request.options, device.rawPath],
      device.rawPath,
      signal,
      SLOW_MS,
    )
  }

  async check(device: GuestDevice, type: string, signal?: AbortSignal): Promise<void> {
    if (type !== 'ufs') {
      throw new StorageError(
        'unsupported',
        `${device.blockPath}: this guest cannot mount ${type}, only ufs`,
      )
    }
    const sane: Command = [FSCK, '-F', 'ufs', '-m', device.rawPath]
    const state = await this.#shell.run(sane, { effect: 'read', signal })
    if (state.exitStatus === 0) return
    if (state.exitStatus !== 32 || !/needs checking/.test(state.stderr)) {
      expectSuccess(sane, state, SOLARIS_FAILURES, device.rawPath)
    }
    const preen: Command = [FSCK, '-F', 'ufs', '-o', 'p', device.rawPath]
    const result = await this.#shell.run(preen, { effect: 'write', signal, timeoutMs: SLOW_MS })
    if (result.exitStatus === 0) return
    throw new StorageError(
      'failed-precondition',
      `${device.rawPath}: fsck cannot repair it by itself (status ${result.exitStatus}); run ` +
        `fsck by hand on the guest, or restore a snapshot`,
    )
  }

  async mount(device: GuestDevice, request: MountRequest, signal?: AbortSignal): Promise<void> {
    if (request.type !== 'ufs') {
      throw new StorageError(
        'unsupported',
        `${device.blockPath}: this guest cannot mount ${request.type}, only ufs`,
      )
    }
    const options = [...(request.readonly ? ['ro'] : ['rw', 'logging']), ...request.options]
    await this.#write(
      [MOUNT, '-F', 'ufs', '-o', options.join(','), device.blockPath, request.path],
      device.blockPath,
      signal,
    )
  }

  async widen(
    device: { readonly blockPath: string },
    signal?: AbortSignal,
  ): Promise<string | undefined> {
    const name = diskOf(device.blockPath)
    return this.#labels.extend(
      name,
      Math.floor((await this.#diskBytes(name, signal)) / SECTOR),
      signal,
    )
  }

  async grow(
    device: { readonly blockPath: string },
    mounted: { readonly path: string; readonly type: string },
    signal?: AbortSignal,
  ): Promise<void> {
    const name = diskOf(device.blockPath)
    const rawPath = `/dev/rdsk/${name}s0`
    const state = await this.#labels.read(name, signal)
    const slice = state.kind === 'labelled' ? findSliceZero(state.label) : undefined
    const ufsBytes = parseUfsBytes(
      (await this.#read([FSTYP, '-v', rawPath], rawPath, signal)).stdout,
    )
    if (slice === undefined || ufsBytes === undefined) {
      throw new StorageError(
        'internal',
        `${rawPath}: its size or that of its file system is not readable`,
      )
    }
    if (slice.count * SECTOR - ufsBytes < GROWTH_SLACK) return
    // It write-locks the file system while it runs and never shrinks (growfs(1M)).
    await this.#write([GROWFS, '-M', mounted.path, rawPath], rawPath, signal, SLOW_MS)
  }

  async readUses(signal?: AbortSignal): Promise<UseTable> {
    const text = await this.#read(['/bin/cat', '/etc/mnttab'], 'mount table', signal)
    return new SolarisUses(parseMountTable(text.stdout))
  }

  // Solaris 10 has no tool that follows links in a path; the caller's spelling is what it mounts.
  async resolvePath(path: string): Promise<string> {
    return path
  }

  async bindFileSystem(
    request: { source: string; target: string; readonly: boolean },
    signal?: AbortSignal,
  ): Promise<void> {
    const options = request.readonly ? ['-o', 'ro'] : []
    await this.#write(
      [MOUNT, '-F', 'lofs', ...options, request.source, request.target],
      request.target,
      signal,
    )
  }

  // There is no bind mount of a device node; a link is what can appear at a path without a second
  // node of the same numbers.
  async bindDevice(
    request: { device: GuestDevice; target: string; readonly: boolean },
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#paths.createLink(request.target, request.device.blockPath, signal)
  }

  async readDeviceAt(path: string, signal?: AbortSignal): Promise<string | undefined> {
    const entry = await this.#paths.readEntry(path, signal)
    return entry.kind === 'link' && /^\/dev\/dsk\/c\d+d\d+s0$/.test(entry.target)
      ? entry.target
      : undefined
  }

  async unmount(path: string, signal?: AbortSignal): Promise<void> {
    const command: Command = [UMOUNT, path]
    const result = await this.#shell.run(command, { effect: 'write', signal })
    if (
      result.exitStatus === 1 &&
      / not mounted$| not in mnttab$| no such file or directory$/m.test(result.stderr)
    ) {
      return
    }
    expectSuccess(command, result, SOLARIS_FAILURES, path)
  }

  async measureFileSystem(
    path: string,
    signal?: AbortSignal,
  ): Promise<{ bytes: Amounts; inodes: Amounts | undefined }> {
    return parseFileSystemTotals(
      (await this.#read([DF, '-g', path], path, signal, MEASURE_MS)).stdout,
    )
  }

  async measureDevice(
    blockPath: string,
    expectedBytes: number,
    signal?: AbortSignal,
  ): Promise<number> {
    const name = diskOf(blockPath)
    const state = await this.#labels.read(name, signal)
    if (state.kind === 'gone') {
      throw new StorageError(
        'unavailable',
        `${blockPath}: the disk has gone; see whether it is attached`,
      )
    }
    return backendBytes(
      await this.#diskBytes(name, signal),
      state.kind === 'labelled' ? state.label : undefined,
      expectedBytes,
    )
  }

  async identify(blockPath: string, signal?: AbortSignal): Promise<string | undefined> {
    return (await this.#labels.read(diskOf(blockPath), signal)).kind === 'gone'
      ? undefined
      : blockPath
  }

  // Character devices have no cache. A disk without a label has no slice that could be opened; that
  // there is none is an answer that was read from the disk.
  async touchDevice(blockPath: string, signal?: AbortSignal): Promise<void> {
    const name = diskOf(blockPath)
    const state = await this.#labels.read(name, signal)
    if (state.kind === 'gone') {
      throw new StorageError(
        'unavailable',
        `${blockPath}: the disk has gone; see whether it is attached`,
      )
    }
    if (state.kind === 'unlabelled') return
    const rawPath = `/dev/rdsk/${name}s0`
    await this.#read(
      [DD, `if=${rawPath}`, 'of=/dev/null', 'bs=8192', 'count=1'],
      rawPath,
      signal,
      MEASURE_MS,
    )
  }

  slotOf(blockPath: string): number | undefined {
    return diskSlot(blockPath)
  }

  // Some commands name the disk, some a slice of it, some its character device.
  namesOf(blockPath: string): readonly string[] {
    return [blockPath.match(SLICE)?.[1] ?? blockPath]
  }

  async #diskBytes(name: string, signal?: AbortSignal): Promise<number> {
    const size = parseDiskBytes(
      (await this.#read([IOSTAT, '-En', name], name, signal, MEASURE_MS)).stdout,
    )
    if (size === undefined) {
      throw new StorageError(
        'unavailable',
        `${name}: the guest does not tell its size; see whether its service domain is up`,
      )
    }
    return size
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
    return expectSuccess(command, result, SOLARIS_FAILURES, object)
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
    return expectSuccess(command, result, SOLARIS_FAILURES, object)
  }
}

const SLICE = /^\/dev\/dsk\/(c\d+d\d+)s\d$/

function diskOf(blockPath: string): string {
  const match = blockPath.match(SLICE)
  if (!match?.[1]) {
    throw new StorageError('internal', `${blockPath} is not a slice of a virtual disk`)
  }
  return match[1]
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.trim() ?? ''
}
