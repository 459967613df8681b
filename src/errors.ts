// The driver's error type. Lower layers throw it with a kind. Only csi/wire/status.ts knows gRPC
// codes. A message names the object and says only what its own level knows. describeError joins the
// causes once, at the top.

import { types } from 'node:util'

export type ErrorKind =
  | 'invalid-argument' // malformed request or parameter
  | 'unsupported' // well formed, but a combination this driver cannot serve
  | 'not-found' // the object was looked for and is not there: never the result of a failed look-up
  | 'already-exists' // same name, other content
  | 'out-of-range' // capacity limits
  | 'in-use' // attached elsewhere
  // a person must first change the state of the installation or the object
  | 'failed-precondition'
  | 'no-space' // pool full, disk numbers used up, channels used up
  // another request holds the object, or the device is open: the same call may succeed later
  | 'busy'
  | 'unavailable' // host unreachable, fate of a command unknown, guest in transition
  | 'permission-denied' // the driver's account may not do this
  | 'internal' // a command that did exit, with an answer that is not in its failure table

export class StorageError extends Error {
  readonly kind: ErrorKind

  constructor(kind: ErrorKind, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'StorageError'
    this.kind = kind
  }
}

/** `object`: kind and id, as in "volume gold/v-x". It was looked for and does not exist. */
export function doesNotExist(object: string): StorageError {
  return new StorageError('not-found', `${object} does not exist`)
}

export function isStorageError(
  error: unknown,
  ...kinds: readonly ErrorKind[]
): error is StorageError {
  return error instanceof StorageError && (kinds.length === 0 || kinds.includes(error.kind))
}

/**
 * The message and the messages of its causes, outermost first, for the RPC status and the command
 * line.
 */
export function describeError(error: unknown): string {
  const parts: string[] = []
  for (
    let at: unknown = error;
    at !== undefined;
    at = types.isNativeError(at) ? at.cause : undefined
  ) {
    parts.push(types.isNativeError(at) ? at.message : String(at))
  }
  return parts.join(': ')
}
