// Parses texts of a Solaris guest: device links, the mount table, sizes. Pure functions; they throw
// on text that they do not understand.

import { StorageError } from '../../errors.ts'
import { type Amounts, findVisible, isUnder, type Use, type UseTable } from '../platform.ts'

/**
 * Names in `ls -l /dev/dsk` whose link leads to slice 0 of the disk number. The unit address in the
 * target is hexadecimal, the number in the name decimal. The guest chooses the controller number
 * freely (disk_link.c, cnex.c).
 */
export function findDiskLinks(listing: string, slot: number): readonly string[] {
  const target = `/virtual-devices@100/channel-devices@200/disk@${slot.toString(16)}:a`
  const names: string[] = []
  for (const line of listing.split('\n')) {
    const match = line.match(/ (c\d+d(\d+))s0 -> (\S+)$/)
    if (match?.[1] && match[2] === String(slot) && match[3]?.endsWith(target)) names.push(match[1])
  }
  return names.sort()
}

/**
 * `iostat -En <disk>`: the item `Size: 1.07GB <1073741824 bytes>`. Newer releases print it on its
 * own line, older ones after the product or the serial number (captured on Solaris 10;
 * show_disk_errors of iostat.c).
 */
export function parseDiskBytes(text: string): number | undefined {
  const match = text.match(/(?:^|\S +)Size: \S+ <(\d+) bytes>/m)
  const size = match ? Number(match[1]) : undefined
  return size !== undefined && Number.isSafeInteger(size) && size > 0 ? size : undefined
}

interface MountRow {
  readonly special: string
  readonly path: string
  readonly type: string
  readonly options: readonly string[]
}

/** `/etc/mnttab`: special, path, type, options, time, separated by tabs (mnttab(4)). */
export function parseMountTable(text: string): readonly MountRow[] {
  const rows: MountRow[] = []
  for (const line of text.split('\n')) {
    const fields = line.split('\t')
    const [special, path, type, options] = fields
    if (
      fields.length !== 5 ||
      !special ||
      !path?.startsWith('/') ||
      !type ||
      options === undefined
    ) {
      // Text of a login script precedes the table.
      if (line !== '' && rows.length > 0) {
        throw new StorageError('internal', `mnttab: ${JSON.stringify(line)} is not a mount`)
      }
      continue
    }
    rows.push({ special, path, type, options: options.split(',') })
  }
  if (rows.length === 0) {
    throw new StorageError('unavailable', 'mnttab: the guest showed no mounts at all')
  }
  return rows
}

/** The disk number in a slice's name. Names of other drivers' targets contain a `t`. */
export function diskSlot(path: string): number | undefined {
  const digits = path.match(/^\/dev\/dsk\/c\d+d(\d+)s\d+$/)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/**
 * A loopback mount (lofs) names the directory that it shows. Its device is that of the mount there.
 */
export class SolarisUses implements UseTable {
  readonly #rows: readonly MountRow[]

  constructor(rows: readonly MountRow[]) {
    this.#rows = rows
  }

  at(path: string): Use | undefined {
    const row = findVisible(this.#rows, path)
    return row && this.#use(row)
  }

  of(device: { readonly identity: string }): readonly Use[] {
    return this.#rows.map(row => this.#use(row)).filter(use => use.identity === device.identity)
  }

  from(blockPath: string): readonly Use[] {
    return this.#rows.map(row => this.#use(row)).filter(use => use.source === blockPath)
  }

  inside(directory: string): readonly string[] {
    return this.#rows
      .map(row => row.path)
      .filter(path => path !== directory && isUnder(path, directory))
  }

  #use(row: MountRow): Use {
    const shown = this.#followLoops(row)
    return {
      path: row.path,
      kind: shown.whole ? 'filesystem' : 'part',
      identity: shown.row.special,
      source: shown.row.special,
      slot: diskSlot(shown.row.special),
      type: shown.row.type,
      readonly: row.options.includes('ro'),
      // On an error UFS panics or is unmounted (mount_ufs(1M), onerror): the table shows nothing.
      state: 'sound',
    }
  }

  #followLoops(row: MountRow): { row: MountRow; whole: boolean } {
    let at = row
    let whole = true
    for (let depth = 0; at.type === 'lofs' && depth < 16; depth += 1) {
      const directory = at.special
      const below: MountRow | undefined = this.#rows
        .filter(candidate => candidate !== at && isUnder(directory, candidate.path))
        .reduce<MountRow | undefined>(
          (best, next) => (best && best.path.length > next.path.length ? best : next),
          undefined,
        )
      if (!below) break
      whole &&= below.path === directory
      at = below
    }
    return { row: at, whole }
  }
}

/** `df -g <path>`: totals in units of the fragment size, each number before its name (df.c). */
export function parseFileSystemTotals(text: string): {
  bytes: Amounts
  inodes: Amounts | undefined
} {
  const number = (name: string) => {
    const match = text.match(new RegExp(`(\\d+) ${name}`))
    if (!match) {
      throw new StorageError('internal', `df -g printed no ${name}: ${JSON.stringify(text)}`)
    }
    return Number(match[1])
  }
  const unit = number('frag size')
  const [total, free, available] = [
    number('total blocks'),
    number('free blocks'),
    number('available'),
  ]
  const [files, freeFiles] = [number('total files'), number('free files')]
  return {
    bytes: { total: total * unit, used: (total - free) * unit, available: available * unit },
    inodes:
      files === 0 ? undefined : { total: files, used: files - freeFiles, available: freeFiles },
  }
}

/**
 * `fstyp -v` of UFS: `size <fragments>` and `fsize <bytes>` among its many numbers (fstyp of ufs,
 * recalled).
 */
export function parseUfsBytes(text: string): number | undefined {
  const fragments = text.match(/(?:^|\s)size\s+(\d+)(?:\s|$)/)
  const unit = text.match(/(?:^|\s)fsize\s+(\d+)(?:\s|$)/)
  return fragments && unit ? Number(fragments[1]) * Number(unit[1]) : undefined
}
