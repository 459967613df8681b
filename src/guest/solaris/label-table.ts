// Labels of whole disks as the tools of a Solaris guest print them. It parses a label, judges it,
// and plans its extension to the end of a disk that has grown. Pure functions; they throw on text
// that they do not understand.

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
   * What fmthard -n wrote: the volume name in a VTOC label, the name of the reserved slice in an
   * EFI label (prtvtoc.c).
   */
  readonly name?: string | undefined
  /** Only VTOC labels have cylinders. */
  readonly sectorsPerCylinder: number | undefined
  /**
   * EFI label: sectors of the disk as it is now. VTOC label: sectors when it was labelled, or
   * undefined.
   */
  readonly sectors: number | undefined
  readonly slices: readonly Slice[]
}

/**
 * `prtvtoc`: comment lines with the dimensions, then one row per slice that is not empty
 * (prtvtoc.c).
 */
export function parseLabel(text: string): Label {
  const dimension = (name: string) => {
    const match = text.match(new RegExp(`^\\* +(\\d+) ${name}$`, 'm'))
    return match ? Number(match[1]) : undefined
  }
  const slices: Slice[] = []
  const lines = text.split('\n')
  // Output of a login script precedes the table.
  const start = lines.findIndex(line => /^\* .* partition map$/.test(line))
  for (const line of lines.slice(Math.max(start, 0))) {
    // The last column is where the slice is mounted, or where vfstab says. It may be any path, with
    // blanks (getmntpt of prtvtoc.c).
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

/** The tag of the slice that covers the whole disk. */
const BACKUP = 5

/**
 * For a disk without a label the disk server makes up a table with the backup slice only (vds.c).
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

/** A label ends at whole units of its own kind, so a smaller difference is no growth. */
const SPARE_SECTORS = 2048

export type Extension =
  | { readonly kind: 'complete' }
  | { readonly kind: 'possible'; readonly slices: readonly [Slice, Slice] }
  | { readonly kind: 'refused'; readonly reason: string }

/**
 * Plans how slice 0 reaches the end of the disk. It extends only the table that format writes by
 * itself: one data slice, then the reserved one. The data slice keeps its first sector. The
 * reserved slice holds no part of a file system and moves to the end.
 */
export function planExtension(label: Label, seenSectors: number): Extension {
  const isVtoc = label.sectorsPerCylinder !== undefined
  // fmthard checks its table against the size that the label tools report for an EFI disk.
  const diskSectors = isVtoc ? seenSectors : (label.sectors ?? seenSectors)
  const used = Math.max(...label.slices.map(slice => slice.first + slice.count))
  // With VTOC, two cylinders belong to the label, and up to one more is the remainder.
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

// For a backend exported as a slice the disk server makes up a label, which adds to the size. VTOC
// adds 3 cylinders; EFI adds both tables and a reserved slice (vd_setup_partition_vtoc and _efi in
// vds.c).
const EFI_OVERHEAD_SECTORS = 34 + 16_384 + 33

/**
 * The size of the backend, computed from the disk size that the guest sees. The guest cannot tell a
 * slice from a whole disk with the same layout. So both readings are compared with the expected
 * size: an equal one wins, else the smallest that is large enough.
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
