// Labels of whole disks as the tools of a Solaris guest print them: parsed, judged, and what makes
// one reach the end of a disk that has grown. Pure; throws on what it does not understand.

import { StorageError } from '../../errors.ts'

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
