// Labels of a simulated Solaris guest's disks: the tables that the disk server generates and that
// format writes. Also what fmthard refuses, and how prtvtoc prints a table. Pure functions. Source:
// illumos vds.c, prtvtoc.c, fmthard.c.

import type { VirtualDisk } from '../devices.ts'

export const SECTOR = 512
const GiB = 1024 ** 3
const TiB = 1024 ** 4
const EFI_FIRST = 34
const EFI_RESERVED = 16_384
const EFI_BACKUP = 33
const RESERVED_TAG = 11

export interface Slice {
  readonly number: number
  readonly tag: number
  readonly flags?: string
  readonly first: number
  readonly count: number
}

export interface Label {
  readonly kind: 'vtoc' | 'efi'
  /** Volume name, written by `fmthard -n`. */
  readonly name?: string
  readonly totalSectors: number
  readonly slices: readonly Slice[]
}

/**
 * Geometry by disk size: cylinders of 200 sectors below 2 MiB, of 600 below 8 GiB, then of 96 heads
 * with 768 sectors each (source: vd_build_default_label).
 */
function cylinder(sizeBytes: number): { heads: number; sectors: number } {
  if (sizeBytes >= 8 * GiB) return { heads: 96, sectors: 768 }
  return { heads: 1, sectors: sizeBytes >= 2 * 1024 ** 2 ? 600 : 200 }
}

function cylinderSectors(sizeBytes: number): number {
  const { heads, sectors } = cylinder(sizeBytes)
  return heads * sectors
}

/** Sectors that the guest sees. For a slice, the generated label adds sectors to the backend's. */
export function totalSectors(disk: VirtualDisk): number {
  return disk.shape === 'slice'
    ? madeUpLabel(disk.sizeBytes()).totalSectors
    : Math.floor(disk.sizeBytes() / SECTOR)
}

/** The sectors of all cylinders except the two alternate ones. */
export function accessible(sectors: number): number {
  const size = cylinderSectors(sectors * SECTOR)
  const physical = Math.max(1, Math.floor(sectors / size))
  return (physical > 2 ? physical - 2 : physical) * size
}

/** The label that the disk server generates (vd_setup_partition_vtoc, vd_setup_partition_efi). */
export function madeUpLabel(sizeBytes: number): Label {
  const backend = Math.floor(sizeBytes / SECTOR)
  if (sizeBytes >= TiB) {
    const total = backend + EFI_FIRST + EFI_RESERVED + EFI_BACKUP
    return { kind: 'efi', totalSectors: total, slices: efiSlices(EFI_FIRST, backend) }
  }
  const size = cylinderSectors(sizeBytes)
  const whole = Math.floor(backend / size)
  const slices = [
    { number: 0, tag: 0, first: size, count: whole * size },
    { number: 2, tag: 5, first: 0, count: (whole + 1) * size },
  ]
  return { kind: 'vtoc', totalSectors: backend + 3 * size, slices }
}

function efiSlices(first: number, count: number): readonly Slice[] {
  return [
    { number: 0, tag: 4, first, count },
    { number: 8, tag: 11, first: first + count, count: EFI_RESERVED },
  ]
}

export function efiLabel(sectors: number): Label {
  return {
    kind: 'efi',
    totalSectors: sectors,
    slices: efiSlices(EFI_FIRST, sectors - EFI_FIRST - EFI_RESERVED - EFI_BACKUP),
  }
}

/** The label that fmthard makes of the table in its input, or its complaint. */
export function readTable(input: string, sectors: number): Label | string {
  const slices: Slice[] = []
  for (const line of input.split('\n').filter(at => at !== '' && !at.startsWith('*'))) {
    const match = line.match(/^\s*(\d+)\s+(\d+)\s+([0-9a-f]+)\s+(\d+)\s+(\d+)/)
    if (!match) return `Syntax error: "${line}"`
    const [number = 0, tag = 0, first = 0, count = 0] = [
      match[1],
      match[2],
      match[4],
      match[5],
    ].map(Number)
    if (count > 0) slices.push({ number, tag, flags: match[3] ?? '00', first, count })
  }
  return invalidTable(slices, sectors) ?? { kind: 'efi', totalSectors: sectors, slices }
}

/** The complaint of validate64 in fmthard.c; undefined for a valid table. */
function invalidTable(slices: readonly Slice[], sectors: number): string | undefined {
  const limit = sectors - EFI_BACKUP
  for (const { number, first, count } of slices) {
    if (first + count > limit) {
      return (
        `fmthard: Partition ${number} specified as ${count} sectors starting at ` +
        `${first}\n\tdoes not fit. The full disk contains ${limit} sectors.`
      )
    }
    const below = slices.find(
      other => other.number !== number && other.first <= first && first < other.first + other.count,
    )
    if (below) {
      return (
        `fmthard: Partition ${number} overlaps partition ${below.number}. Overlap is ` +
        'allowed\n\tonly on partition on the full disk partition).'
      )
    }
  }
  const reserved = slices.filter(slice => slice.tag === RESERVED_TAG).length
  return reserved === 1 ? undefined : `expected one reserved partition, but found ${reserved}`
}

/** The table as prtvtoc.c prints it (puttable, puttable64), without the list of free space. */
export function printTable(path: string, label: Label, disk: VirtualDisk): string {
  const { heads, sectors } = cylinder(disk.sizeBytes())
  const number = (value: number, name: string) => `* ${String(value).padStart(11)} ${name}`
  const size = heads * sectors
  const physical = Math.floor(label.totalSectors / size)
  const usable = (label.slices.find(slice => slice.number === 2)?.count ?? 0) / size
  const dimensions =
    label.kind === 'efi'
      ? // The present size of the disk, then the size in the label (efi_read of rdwr_efi.c).
        [
          number(totalSectors(disk), 'sectors'),
          number(label.totalSectors - EFI_FIRST - EFI_BACKUP, 'accessible sectors'),
        ]
      : [
          number(sectors, 'sectors/track'),
          number(heads, 'tracks/cylinder'),
          number(size, 'sectors/cylinder'),
          number(physical, 'cylinders'),
          number(usable, 'accessible cylinders'),
          number(physical * size, 'sectors'),
          number(usable * size, 'accessible sectors'),
        ]
  const rows = label.slices.map(slice => {
    const [first, count, last] = [slice.first, slice.count, slice.first + slice.count - 1].map(
      value => String(value).padStart(11),
    )
    return (
      `  ${String(slice.number).padStart(6)}   ${String(slice.tag).padStart(4)}    ` +
      `${slice.flags ?? '00'}  ${first} ${count} ${last}`
    )
  })
  const named = label.name === undefined ? '' : ` (volume "${label.name}")`
  const head = [
    `* ${path}${named} partition map`,
    '*',
    '* Dimensions:',
    number(SECTOR, 'bytes/sector'),
    ...dimensions,
  ]
  const flags = ['*', '* Flags:', '*   1: unmountable', '*  10: read-only', '*']
  const columns = [
    '*                            First       Sector      Last',
    '* Partition  Tag  Flags      Sector       Count      Sector  Mount Directory',
  ]
  return [...head, ...flags, ...columns, ...rows].map(line => `${line}\n`).join('')
}
