// How a Solaris guest names a disk. cXdN is the disk. Its slices are nodes in /dev/dsk, and
// character devices without a cache in /dev/rdsk.

import { StorageError } from '../../errors.ts'

const SLICE = /^\/dev\/dsk\/(c\d+d\d+)s\d$/

/** The disk of a slice; undefined if the path is not a slice. */
export function findDisk(blockPath: string): string | undefined {
  return blockPath.match(SLICE)?.[1]
}

export function diskOf(blockPath: string): string {
  const name = findDisk(blockPath)
  if (name === undefined) {
    throw new StorageError('internal', `${blockPath} is not a slice of a virtual disk`)
  }
  return name
}

/** The character device of slice 0. */
export function rawSliceZero(name: string): string {
  return `/dev/rdsk/${name}s0`
}

export function diskGone(blockPath: string): StorageError {
  return new StorageError(
    'unavailable',
    `${blockPath}: the disk is gone; check that it is attached`,
  )
}
