// The only place that knows gRPC codes: turns an error into the status that a CSI caller sees.
// Callers act on the code alone, so the table is total. CSI requires that details stay empty and
// that no secret appears.

import { status } from '@grpc/grpc-js'
import { describeError, type ErrorKind, StorageError } from '../../errors.ts'

// UNAVAILABLE and ABORTED say "it may be in flight, call again". Every other code says "nothing is
// in flight" and lets the caller undo or forget (read in the provisioner and the attacher).
const CODES: Readonly<Record<ErrorKind, status>> = {
  'invalid-argument': status.INVALID_ARGUMENT,
  unsupported: status.INVALID_ARGUMENT,
  'not-found': status.NOT_FOUND,
  'already-exists': status.ALREADY_EXISTS,
  'out-of-range': status.OUT_OF_RANGE,
  'in-use': status.FAILED_PRECONDITION,
  'failed-precondition': status.FAILED_PRECONDITION,
  'no-space': status.RESOURCE_EXHAUSTED,
  busy: status.ABORTED,
  unavailable: status.UNAVAILABLE,
  'permission-denied': status.PERMISSION_DENIED,
  internal: status.INTERNAL,
}

// The message travels percent-encoded in an HTTP/2 trailer. Receivers limit trailers (Node: 64 KiB
// for all headers together).
const LONGEST_MESSAGE = 2000

export interface RpcStatus {
  readonly code: status
  readonly message: string
}

/**
 * Accepts anything that was thrown. Everything except a StorageError is a bug, so its code is
 * INTERNAL.
 */
export function statusOf(error: unknown, secrets: readonly string[] = []): RpcStatus {
  const kind = error instanceof StorageError ? error.kind : 'internal'
  const said =
    describeError(error).trim() ||
    `no message (${error instanceof Error ? error.name : typeof error})`
  // Redact before cutting: half a secret would not be recognised.
  const text = redact(said, secrets)
  // A cut through a surrogate pair would make the message impossible to encode.
  const message = text.length > LONGEST_MESSAGE ? `${text.slice(0, LONGEST_MESSAGE)}…` : text
  return { code: CODES[kind], message: message.toWellFormed() }
}

const REDACTED = '***'

export function redact(text: string, secrets: readonly string[]): string {
  // The longest first, because one secret may contain another.
  const longestFirst = secrets.filter(secret => secret !== '').sort((a, b) => b.length - a.length)
  return longestFirst.reduce((shown, secret) => shown.replaceAll(secret, REDACTED), text)
}

/** The name of a code as logs and messages show it, e.g. `NOT_FOUND`. */
export function codeName(code: number): string {
  return status[code] ?? `code ${code}`
}
