// Numbers of bytes as every zfs prints them with -p.

import { StorageError } from '../errors.ts'

/** `what` names the value in the error. */
export function parseBytes(text: string | undefined, what: string): number {
  const value = Number(text)
  if (text === undefined || !/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw new StorageError('internal', `${what} is not a number of bytes: ${JSON.stringify(text)}`)
  }
  return value
}
