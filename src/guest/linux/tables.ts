// Parses texts of a Linux guest: the mount table, blkid's report, file system totals. Pure
// functions; they throw on text that they do not understand.

import { StorageError } from '../../errors.ts'
import {
  type Amounts,
  type Content,
  findVisible,
  isUnder,
  type Use,
  type UseTable,
} from '../platform.ts'
import type { LinuxBus } from './bus.ts'

export interface MountRow {
  readonly device: string // major:minor
  readonly root: string
  readonly path: string
  readonly readonly: boolean
  readonly type: string
  readonly source: string
  readonly state: Use['state']
}

/**
 * `/proc/self/mountinfo` (proc(5)): id parent major:minor root path options … - type source
 * superoptions. Blanks are written as \040.
 */
export function parseMountInfo(text: string): readonly MountRow[] {
  const rows: MountRow[] = []
  for (const line of text.split('\n')) {
    // Skip what a login script printed before the table.
    if (!/^\d+ \d+ \d+:\d+ /.test(line)) {
      if (rows.length > 0 && line !== '') {
        throw new StorageError('internal', `mountinfo: ${JSON.stringify(line)} is not a mount`)
      }
      continue
    }
    const [left = '', right = ''] = splitOnce(line, ' - ')
    const [, , device = '', root = '', path = '', options = ''] = left.split(' ')
    const [type = '', source = '', superOptions = ''] = right.split(' ')
    if (options === '' || source === '') {
      throw new StorageError('internal', `mountinfo: ${JSON.stringify(line)} is cut short`)
    }
    const readonly = options.split(',').includes('ro')
    rows.push({
      device,
      root: decodeOctal(root),
      path: decodeOctal(path),
      readonly,
      type,
      source: decodeOctal(source),
      state: stateOf(superOptions.split(','), readonly),
    })
  }
  if (rows.length === 0) {
    throw new StorageError('unavailable', 'mountinfo: the guest showed no mounts at all')
  }
  return rows
}

// After an error ext4 shows `emergency_ro`; older kernels show plain `ro` although it was mounted
// writable. After its disk is gone it shows `shutdown` (linux-guest-tools-3.txt; the older form
// from fs/ext4/super.c). xfs shows nothing: every access fails with EIO.
function stateOf(superOptions: readonly string[], mountedReadonly: boolean): Use['state'] {
  if (superOptions.includes('shutdown')) return 'shut-down'
  if (superOptions.includes('emergency_ro')) return 'turned-readonly'
  return superOptions.includes('ro') && !mountedReadonly ? 'turned-readonly' : 'sound'
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + separator.length)]
}

function decodeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  )
}

/** Answers the questions of the platform-neutral code. */
export class LinuxUses implements UseTable {
  readonly #rows: readonly MountRow[]
  readonly #bus: Pick<LinuxBus, 'diskSlot'>

  constructor(rows: readonly MountRow[], bus: Pick<LinuxBus, 'diskSlot'>) {
    this.#rows = rows
    this.#bus = bus
  }

  at(
    path: string,
    device?: { readonly identity: string; readonly blockPath: string },
  ): Use | undefined {
    const row = findVisible(this.#rows, path)
    return row && this.#use(row, device)
  }

  of(device: { readonly identity: string; readonly blockPath: string }): readonly Use[] {
    return this.#rows
      .map(row => this.#use(row, device))
      .filter(use => use.identity === device.identity)
  }

  from(blockPath: string): readonly Use[] {
    return this.#rows.filter(row => row.source === blockPath).map(row => this.#use(row, undefined))
  }

  inside(directory: string): readonly string[] {
    return this.#rows
      .map(row => row.path)
      .filter(path => path !== directory && isUnder(path, directory))
  }

  // For a bound device node the table shows the file system that holds the node, and the node's
  // name in it. It does not show the device (recorded).
  #use(
    row: MountRow,
    device: { readonly identity: string; readonly blockPath: string } | undefined,
  ): Use {
    const { diskSlot } = this.#bus
    const node = device && this.#whereIs(device.blockPath)
    if (device && node && row.device === node.device && row.root === node.root) {
      const slot = diskSlot(device.blockPath)
      return { ...row, kind: 'device', identity: device.identity, source: device.blockPath, slot }
    }
    // For a bound node the table has only the node's name.
    const slot = diskSlot(row.source) ?? (row.root === '/' ? undefined : diskSlot(row.root))
    return { ...row, kind: row.root === '/' ? 'filesystem' : 'part', identity: row.device, slot }
  }

  /** The file system that holds a path, and the path inside it. */
  #whereIs(path: string): { device: string; root: string } | undefined {
    let holder: MountRow | undefined
    for (const row of this.#rows) {
      if (isUnder(path, row.path) && row.path.length >= (holder?.path.length ?? 0)) holder = row
    }
    if (!holder) return undefined
    const rest = holder.path === '/' ? path : path.slice(holder.path.length)
    return { device: holder.device, root: `${holder.root === '/' ? '' : holder.root}${rest}` }
  }
}

/** `blkid -p -o export`, status 0: KEY=value lines. */
export function parseBlkid(text: string): Content {
  const values = new Map(
    text
      .split('\n')
      .filter(line => /^[A-Z][A-Z0-9_]*=/.test(line))
      .map(line => splitOnce(line, '=')),
  )
  const type = values.get('TYPE')
  const table = values.get('PTTYPE')
  if (table !== undefined) return { kind: 'other', description: `a partition table (${table})` }
  if (type === undefined) {
    throw new StorageError(
      'internal',
      `blkid reported neither a type nor a partition table: ${JSON.stringify(text)}`,
    )
  }
  if (values.get('USAGE') === 'filesystem') {
    return { kind: 'filesystem', type, mark: values.get('UUID') }
  }
  return { kind: 'other', description: `${type} (${values.get('USAGE') ?? 'unknown use'})` }
}

/** `stat -f -c '%S %b %f %a %c %d'`: block size, blocks, free, available, inodes, free inodes. */
export function parseFileSystemStat(text: string): { bytes: Amounts; inodes: Amounts | undefined } {
  const line = text.trim().split('\n').at(-1) ?? ''
  const match = line.match(/^(\d+) (\d+) (\d+) (\d+) (\d+) (\d+)$/)
  if (!match) throw new StorageError('internal', `stat -f printed ${JSON.stringify(text)}`)
  const [size = 0, blocks = 0, free = 0, available = 0, inodes = 0, freeInodes = 0] = match
    .slice(1)
    .map(Number)
  return {
    bytes: { total: blocks * size, used: (blocks - free) * size, available: available * size },
    // Some file systems have no fixed number of inodes and report 0.
    inodes:
      inodes === 0
        ? undefined
        : { total: inodes, used: inodes - freeInodes, available: freeInodes },
  }
}

/**
 * A process that the scan of /proc found with the device. The line shows either an open file, with
 * hexadecimal device numbers, or a mount table.
 */
export function findProcess(line: string, identity: string): readonly string[] {
  const [, major = '', minor = '', opener] =
    line.match(/^([0-9a-f]+):([0-9a-f]+) \/proc\/(\d+)\/fd\/\d+$/) ?? []
  if (opener !== undefined) {
    const numbers = `${Number.parseInt(major, 16)}:${Number.parseInt(minor, 16)}`
    return numbers === identity ? [`process ${opener}`] : []
  }
  const mounter = line.match(/^\/proc\/(\d+)\/mountinfo$/)?.[1]
  return mounter === undefined ? [] : [`process ${mounter}, which has it mounted`]
}

/**
 * A process that a tool could not look into: its open files are unknown. Process 1 of the system,
 * or of the plugin's container, does not count. It starts other processes and opens no volume, and
 * some kernels hide it from everybody.
 */
export function findUnseen(line: string): readonly string[] {
  const process = line.match(/\/proc\/(\d+)\/.*(Permission denied|Operation not permitted)/)?.[1]
  return process === undefined || process === '1'
    ? []
    : [`process ${process}, which cannot be looked into`]
}
