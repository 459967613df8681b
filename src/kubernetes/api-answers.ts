// What the API server asks and answers, as far as it does not matter how it comes here: which
// answers are failures, and what they say.

import { V1Status } from '@kubernetes/client-node/dist/gen/models/V1Status.js'
import { type ErrorKind, StorageError } from '../errors.ts'
import { readObject } from './objects.ts'

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly body?: string
}

export interface ApiAnswer {
  readonly status: number
  /** What JSON.parse made of it. */
  readonly body: unknown
}

export interface RawAnswer {
  readonly status: number
  readonly text: string
}

const KINDS: Readonly<Record<number, ErrorKind>> = {
  401: 'permission-denied',
  403: 'permission-denied',
  404: 'not-found',
  409: 'already-exists',
  422: 'invalid-argument',
}

/** An answer of 2xx, or one of the accepted others. Any other is an error with its own words. */
export function judge(
  { method, path }: ApiRequest,
  { status, text }: RawAnswer,
  accept: readonly number[],
): ApiAnswer {
  const asked = `${method} ${path.split('?', 1)[0]}`
  const body = parseJson(text, `the API server answers ${asked} with status ${status} and no JSON`)
  if (isSuccess(status) || accept.includes(status)) return { status, body }
  const message = messageOf(body) ?? `status ${status}`
  throw new StorageError(
    KINDS[status] ?? 'unavailable',
    `the API server answers ${asked} with: ${message}`,
  )
}

export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300
}

/** Something between the API server and us answers in its stead where it is no JSON. */
export function parseJson(text: string, otherwise: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new StorageError('unavailable', otherwise, { cause })
  }
}

/** The words of a Status. */
export function messageOf(body: unknown): string | undefined {
  try {
    return readObject(V1Status, body).message
  } catch {
    return undefined
  }
}
