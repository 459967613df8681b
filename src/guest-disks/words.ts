// What a refused call becomes in a condition: one word, and the words of whoever refused it.

import { RpcError } from '../csi/wire/client.ts'
import { describeError, isStorageError, type StorageError } from '../errors.ts'

/** One word in CamelCase for each code of gRPC that the driver answers with. */
const REASONS: Readonly<Record<string, string>> = {
  ABORTED: 'Busy',
  ALREADY_EXISTS: 'Refused',
  DEADLINE_EXCEEDED: 'NotAnswering',
  FAILED_PRECONDITION: 'Refused',
  INVALID_ARGUMENT: 'Refused',
  NOT_FOUND: 'NotFound',
  OUT_OF_RANGE: 'Refused',
  PERMISSION_DENIED: 'NotPermitted',
  RESOURCE_EXHAUSTED: 'NoRoom',
  UNAVAILABLE: 'NotAnswering',
}

/** Whether a step was refused, or met silence; anything else is a mistake of our own. */
export function isAnswer(error: unknown): error is RpcError | StorageError {
  return error instanceof RpcError || isStorageError(error)
}

export function reasonOf(error: unknown): string {
  return error instanceof RpcError ? (REASONS[error.code] ?? 'Failed') : 'Failed'
}

export function messageOf(error: unknown): string {
  return error instanceof RpcError ? error.details : describeError(error)
}

/** Whether nobody answered, so that somebody else may be asked. */
export function isSilence(error: unknown): boolean {
  return error instanceof RpcError && REASONS[error.code] === 'NotAnswering'
}
