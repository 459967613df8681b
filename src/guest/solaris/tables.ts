// Texts of a Solaris guest turned into values: device links, labels, the mount table, sizes. Pure;
// throws on what it does not understand.

import { StorageError } from '../../errors.ts'
import { type Amounts, findVisible, isUnder, type Use, type UseTable } from '../platform.ts'

export const SECTOR = 512

/** A slice as a label describes it, in sectors. */
export interface Slice {
  readonly number: number
  readonly tag: number
  /** Two hexadecimal digits. */
  readonly flags: string
  readonly first: number
  readonly count: number
}

export interface Label {
  /**
   * What fmthard -n wrote: the volume name of a VTOC label, the name of the reserved slice of an
   * EFI label (prtvtoc.c).
   */
  readonly name?: string | undefined
  /** Only VTOC labels have cylinders. */
  readonly sectorsPerCylinder: number | undefined
  /**
   * Of the disk as it is now under an EFI label; of the disk as it was labelled, or not told at
   * all, under a VTOC label.
   */
  readonly sectors: number | undefined
  readonly slices: readonly Slice[]
}

/**
 * Names in /dev/dsk whose link leads to slice 0 of the disk number, by `ls -l /dev/dsk`. The unit
 * address in the target is hexadecimal, the number in the name decimal, and the controller number
 * is whatever the guest gave (disk_link.c, cnex.c).
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
 * `prtvtoc`: comment lines with the dimensions, then one row a slice that is not empty (prtvtoc.c).
 */
export function parseLabel(text: string): Label {
  const dimension = (name: string) => {
    const match = text.match(new RegExp(`^\\* +(\\d+) ${name}$`, 'm'))
    return match ? Number(match[1]) : undefined
  }
  const slices: Slice[] = []
  const lines = text.split('\n')
  // What a login script prints comes before the table.
  const start = lines.findIndex(line => /^\* .* partition map$/.test(line))
  for (const line of lines.slice(Math.max(start, 0))) {
    // The last column is where the slice is mounted, or was when vfstab was written: any path,
    // blanks and all (getmntpt of prtvtoc.c).
    const match = line.match(/^ +(\d+) +(\d+) +([0-9a-f]{2}) +(\d+) +(\d+) +(\d+)(?: +.*)?$/)
    if (!match) {
      if (start < 0 || line.trim() === '' || line.startsWith('*')) continue
      throw new StorageError(
        'internal',
        `prtvtoc printed ${JSON.stringify(line)}, which is not a slice`,
      )
    }
    const [number, tag, first, count] = [match[1], match[2], match[4], match[5]].map(Number)
    if (number === undefined || tag === undefined || first === undefined || count === undefined) {
      continue
    }
    slices.push({ number, tag, flags: match[3] ?? '00', first, count })
  }
  if (dimension('bytes/sector') !== SECTOR) {
    throw new StorageError('internal', `prtvtoc printed ${JSON.stringify(text.slice(0, 300))}`)
  }
  const name = text.match(/^\* \S+ \(volume "(.*)"\) partition map$/m)?.[1]
  return {
    name,
    sectorsPerCylinder: dimension('sectors/cylinder'),
    sectors: dimension('sectors'),
    slices,
  }
}

/** The tag of the slice that stands for the whole disk. */
const BACKUP = 5

/**
 * The disk server shows a disk without a label with a table of its own: the backup slice and
 * nothing else (vds.c).
 */
export function isDefaultTable(label: Label): boolean {
  return (
    label.slices.length === 1 &&
    label.slices[0]?.number === 2 &&
    label.slices[0].tag === BACKUP &&
    label.slices[0].first === 0
  )
}

export function findSliceZero(label: Label): Slice | undefined {
  return label.slices.find(slice => slice.number === 0 && slice.count > 0)
}

const DATA = 4 // V_USR
const RESERVED = 11
const RESERVED_SLICE = 8
const RESERVED_SECTORS = 16_384
// The table and its header at the end of the disk, and the sector before them that format leaves
// unused (label.c).
const EFI_END_SECTORS = 34
/** A label ends at whole units of its own kind: less than this is no growth. */
const SPARE_SECTORS = 2048

export type Extension =
  | { readonly kind: 'complete' }
  | { readonly kind: 'possible'; readonly slices: readonly [Slice, Slice] }
  | { readonly kind: 'refused'; readonly reason: string }

/**
 * What makes slice 0 reach the end of the disk. Only the table that format writes by itself is
 * extended: one data slice, then the reserved one. Its data slice keeps its first sector; the
 * reserved slice, which holds nothing of a file system, moves to the end.
 */
export function planExtension(label: Label, seenSectors: number): Extension {
  const isVtoc = label.sectorsPerCylinder !== undefined
  // What the label tools say of an EFI disk is what fmthard measures its table against.
  const diskSectors = isVtoc ? seenSectors : (label.sectors ?? seenSectors)
  const used = Math.max(...label.slices.map(slice => slice.first + slice.count))
  // With VTOC two cylinders belong to the label, and a third is the remainder.
  const spare = diskSectors - used - (isVtoc ? 3 * label.sectorsPerCylinder : EFI_END_SECTORS)
  if (spare < SPARE_SECTORS) return { kind: 'complete' }
  if (isVtoc) return { kind: 'refused', reason: 'it has a VTOC label' }
  const data = findSliceZero(label)
  const reserved = label.slices.find(slice => slice.number === RESERVED_SLICE)
  const isOurs =
    label.slices.length === 2 &&
    data?.tag === DATA &&
    reserved?.tag === RESERVED &&
    reserved.count === RESERVED_SECTORS &&
    Math.abs(reserved.first - data.first - data.count) < SPARE_SECTORS
  if (!isOurs) return { kind: 'refused', reason: 'its label is not one data slice over everything' }
  const first = diskSectors - EFI_END_SECTORS - RESERVED_SECTORS
  return {
    kind: 'possible',
    slices: [
      { ...data, count: first - data.first },
      { ...reserved, first },
    ],
  }
}

// The label that the disk server makes up around a backend exported as a slice adds to its size: 3
// cylinders with VTOC, or both tables and a reserved slice with EFI (vd_setup_partition_vtoc and
// _efi in vds.c).
const EFI_OVERHEAD_SECTORS = 34 + 16_384 + 33

/**
 * The size of the backend, from the size of the disk as the guest sees it. The guest cannot tell a
 * slice from a whole disk with the same layout, so both readings are tried against the expected
 * size: equal, else the smallest that is large enough.
 */
export function backendBytes(
  diskBytes: number,
  label: Label | undefined,
  expectedBytes: number,
): number {
  const overhead =
    label === undefined
      ? 0
      : label.sectorsPerCylinder === undefined
        ? EFI_OVERHEAD_SECTORS
        : 3 * label.sectorsPerCylinder
  const asSlice = diskBytes - overhead * SECTOR
  if (diskBytes === expectedBytes || asSlice === expectedBytes) return expectedBytes
  return asSlice >= expectedBytes ? asSlice : diskBytes
}

/**
 * `iostat -En <disk>`: the item `Size: 1.07GB <1073741824 bytes>`. It has a line of its own only in
 * newer releases, else it stands behind the product or the serial number (captured of Solaris 10;
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
      // Text of a login script comes before the table.
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

/**
 * The number of the disk that a name of a slice has; targets of other drivers have a `t` in theirs.
 */
export function diskSlot(path: string): number | undefined {
  const digits = path.match(/^\/dev\/dsk\/c\d+d(\d+)s\d+$/)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/** A loopback mount (lofs) names the directory it shows; the device is that of the mount there. */
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
      // UFS panics or is unmounted by an error (mount_ufs(1M), onerror): the table tells nothing.
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

/** `df -g <path>`: totals in units of the fragment size, numbers before their names (df.c). */
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
