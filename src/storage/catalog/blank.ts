// What an empty volume and an untouched clone take of a pool. Measured by what their parent takes,
// because the metadata depends on the disks.

import { KiB, MiB } from '../../model/volumes.ts'
import { parseBytes } from '../../zfs/bytes.ts'
import type { Properties } from '../../zfs/zfs.ts'

const SMALLEST_BLANK_BYTES = 64 * KiB
const LARGEST_BLANK_BYTES = 2 * MiB

/**
 * The most that an empty volume takes. Its metadata depends on the disks: 12 KiB on one, 90 KiB and
 * more on raidz of 4K disks (published). The parent dataset is a file system without files on the
 * same disks. It always takes more than an empty volume. The upper bound is for a parent with files
 * in it, the lower bound for one that was not read. A blank volume that counts as written is
 * refused, not lost.
 */
export function blankBytesOf(parent: Properties | undefined, dataset: string): number {
  if (parent === undefined) return SMALLEST_BLANK_BYTES
  const referenced = referencedOf(parent, dataset)
  return Math.min(LARGEST_BLANK_BYTES, Math.max(SMALLEST_BLANK_BYTES, referenced))
}

const LARGEST_UNTOUCHED_CLONE_BYTES = 32 * KiB

/**
 * The most that a clone has of its own before anything is written to it. A clone of an empty volume
 * has nothing. Any other takes two copies of one block: a twelfth of what an empty file system
 * takes on the same disks, or less. A clone whose size was changed takes half of that, and one with
 * a single written block more than eight tenths (OpenZFS 2.1.11 and 2.3.2; disks of 512 bytes and
 * of 4 KiB, raidz1). The bound is for a parent with files in it.
 */
export function untouchedCloneBytes(parent: Properties | undefined, dataset: string): number {
  if (parent === undefined) return 0
  return Math.min(LARGEST_UNTOUCHED_CLONE_BYTES, referencedOf(parent, dataset) / 4)
}

function referencedOf(parent: Properties, dataset: string): number {
  return parseBytes(parent.get('referenced')?.value, `referenced of the parent of ${dataset}`)
}
