// What an empty volume and an untouched clone take of a pool.

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
  const referenced = parseBytes(
    parent.get('referenced')?.value,
    `referenced of the parent of ${dataset}`,
  )
  return Math.min(LARGEST_BLANK_BYTES, Math.max(SMALLEST_BLANK_BYTES, referenced))
}

/** What tells whether something was written. Solaris does not have them. */
export const WRITTEN_PROPERTIES = ['logicalreferenced', 'logicalused'] as const

/**
 * Whether nothing was ever written to a volume, to the byte. ZFS counts a written block with its
 * whole size before compression: `volblocksize`, 4 KiB and more. What is counted without any block
 * depends on the disks. Recorded, with sectors of 512 bytes and of 4 KiB (OpenZFS 2.1.11 and 2.3.2,
 * one disk and raidz1): 6 and 28 KiB for an empty volume; nothing, 512 bytes and 4 KiB for what a
 * clone has of its own. No number of blocks leads from one of these values to another. With other
 * disks the answer is no.
 */
export function isUntouched(properties: Properties, dataset: string): boolean {
  const of = (name: string) => parseBytes(properties.get(name)?.value, `${name} of ${dataset}`)
  if (of('volblocksize') < SMALLEST_BLOCK_BYTES) return false
  return properties.get('origin')?.value === '-'
    ? EMPTY_LOGICAL_BYTES.includes(of('logicalreferenced'))
    : CLONE_LOGICAL_BYTES.includes(of('logicalused'))
}

const SMALLEST_BLOCK_BYTES = 4 * KiB
const EMPTY_LOGICAL_BYTES: readonly number[] = [6 * KiB, 28 * KiB]
const CLONE_LOGICAL_BYTES: readonly number[] = [0, 512, 4 * KiB]
