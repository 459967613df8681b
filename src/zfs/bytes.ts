// Numbers of bytes, as every zfs prints them with -p.

import { StorageError } from '../errors.ts'

/** `what`: named in the error. */
export function parseBytes(text: string | undefined, what: string): number {
  const value = Number(text)
  if (text === undefined || !/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw new StorageError(
      'internal',
      `${what} should be a number of bytes and is ${JSON.stringify(text)}`,
    )
  }
  return value
}
