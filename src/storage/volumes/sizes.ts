// Sizes of volumes: exact multiples of the block size inside what the caller allows. Pure.

import { StorageError } from '../../errors.ts'
import { GiB, MiB, type SizeRange, TiB } from '../../model/volumes.ts'

/** For a request that names no size. */
export const DEFAULT_SIZE_BYTES = 1 * GiB
/** COMSTAR refuses smaller logical units (source). */
export const MINIMUM_SIZE_BYTES = 1 * MiB
/** Far below the maximum of any dialect, and safe to represent as a number. */
const MAXIMUM_SIZE_BYTES = 1024 * TiB

/** The smallest multiple of `stepBytes` inside the range; `out-of-range` when there is none. */
export function sizeWithin(
  range: SizeRange,
  rule: {
    readonly stepBytes: number
    readonly minimumBytes: number
    readonly defaultBytes: number
  },
): number {
  const { requiredBytes, limitBytes } = range
  const unbounded =
    requiredBytes === 0
      ? limitBytes === 0
        ? rule.defaultBytes
        : Math.min(rule.defaultBytes, limitBytes)
      : requiredBytes
  const atLeast = Math.max(unbounded, rule.minimumBytes)
  // Without a lower bound any size up to the limit is allowed, so the size is rounded down.
  const rounded =
    requiredBytes === 0 && limitBytes > 0
      ? Math.floor(atLeast / rule.stepBytes) * rule.stepBytes
      : Math.ceil(atLeast / rule.stepBytes) * rule.stepBytes
  if (rounded > MAXIMUM_SIZE_BYTES) {
    throw new StorageError(
      'out-of-range',
      `${rounded} bytes are more than the largest volume, ${MAXIMUM_SIZE_BYTES / GiB} GiB`,
    )
  }
  if (limitBytes > 0 && rounded > limitBytes) {
    throw new StorageError(
      'out-of-range',
      `no size fits: at least ${Math.max(requiredBytes, rule.minimumBytes)} bytes in steps of ` +
        `${rule.stepBytes} is ${rounded}, over the limit of ${limitBytes}`,
    )
  }
  return rounded
}
