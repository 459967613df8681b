// How ZFS's figures tell whether something was written to a volume: a loose measure for every zfs,
// and an exact one where the disks are known (decision 028). Pure.

import { KiB, MiB } from '../../model/volumes.ts'
import { parseBytes } from '../../zfs/bytes.ts'
import type { Properties } from '../../zfs/zfs.ts'

const SMALLEST_BLANK_BYTES = 64 * KiB
const LARGEST_BLANK_BYTES = 2 * MiB

/**
 * The loose measure: whether a volume refers to more than any empty one of its pool. An empty
 * volume takes 12 KiB on one disk, 75 KiB and more on raidz of 4K disks. The parent dataset is a
 * file system without files on the same disks. It always takes more than an empty volume. The upper
 * bound is for a parent with files in it, the lower bound for one that was not read.
 */
export function holdsData(
  volume: Properties,
  parent: Properties | undefined,
  dataset: string,
): boolean {
  const of = (properties: Properties, what: string) => bytesOf(properties, 'referenced', what)
  const beside = parent === undefined ? 0 : of(parent, `the parent of ${dataset}`)
  const most = Math.min(LARGEST_BLANK_BYTES, Math.max(SMALLEST_BLANK_BYTES, beside))
  return of(volume, dataset) > most
}

/** What the exact measure reads. Solaris has neither. */
export const COUNTED_PROPERTIES = ['logicalreferenced', 'logicalused'] as const
/** What both measures read. */
export const MEASURED_PROPERTIES = [...COUNTED_PROPERTIES, 'referenced'] as const

/** Whether a zfs that knows these properties counts blocks. */
export function countsBlocks(known: ReadonlySet<string>): boolean {
  return COUNTED_PROPERTIES.every(name => known.has(name))
}

/**
 * What is counted of an empty file system, and of an empty volume beside it: `logicalreferenced`,
 * recorded with OpenZFS 2.1.11 and 2.3.2 (test/transcripts/openzfs-empty.txt). It depends on the
 * least that the pool allocates: a sector, or a row of dRAID. Mirrors, raidz, the parameters of a
 * volume, growth, snapshots, discards and `zfs receive` change nothing. ZFS pools without the
 * features `lz4_compress` and `embedded_data` have other figures, which are not known here.
 */
const EMPTY_KIB: ReadonlyMap<number, number> = new Map([
  [12, 6], // 512 bytes
  [14.5, 7],
  [24, 14],
  [42, 28], // 4 KiB
  [78, 52],
  [150, 100],
  [230, 180],
  [390, 340], // 64 KiB
  [49, 25.5], // 512 bytes, encrypted
  [69, 40.5], // 4 KiB, encrypted
])

/**
 * The exact measure: whether a volume refers to just what an empty one does. `fileSystem` is one
 * without files in the same ZFS pool. It tells the disks. Undefined: they are not known, or the
 * volume was not made on such disks.
 *
 * ZFS counts a block of data with its whole size before compression, and a block of its own with
 * what it takes. So every written block counts, and only those of ZFS itself depend on the disks.
 * The figure of a volume alone proves nothing: on disks of 512 bytes, four blocks of 4 KiB can make
 * the 28 KiB of an empty volume on disks of 4 KiB (recorded).
 */
export function isBlank(
  volume: Properties,
  fileSystem: Properties,
  dataset: string,
): boolean | undefined {
  const of = (properties: Properties, what: string) =>
    bytesOf(properties, 'logicalreferenced', what) / KiB
  const blank = EMPTY_KIB.get(of(fileSystem, `a file system beside ${dataset}`))
  const counted = of(volume, dataset)
  return blank === undefined || counted < blank ? undefined : counted === blank
}

/** A clone has at most the block that describes it anew (recorded). */
const CLONE_BYTES = 4 * KiB

/**
 * Whether it is known that nothing was written to a volume since it was created or cloned. Whatever
 * is written to a clone renews all blocks of ZFS above it: 6 KiB and more, next to the data.
 */
export function isUntouched(volume: Properties, fileSystem: Properties, dataset: string): boolean {
  return volume.get('origin')?.value === '-'
    ? isBlank(volume, fileSystem, dataset) === true
    : bytesOf(volume, 'logicalused', dataset) <= CLONE_BYTES
}

function bytesOf(properties: Properties, name: string, dataset: string): number {
  return parseBytes(properties.get(name)?.value, `${name} of ${dataset}`)
}
