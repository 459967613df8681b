// What `doctor` says of one thing that it looked at. Each tool, design and hypervisor looks at its
// own things and answers in these words; `doctor` only asks and prints.

import { describeError, isStorageError } from './errors.ts'

export interface Check {
  readonly level: 'ok' | 'warn' | 'FAIL'
  readonly object: string
  readonly what: string
  /** What a person can do about it. */
  readonly wayOut?: string
}

export function ok(object: string, what: string): Check {
  return { level: 'ok', object, what }
}

export function warn(object: string, what: string, wayOut: string): Check {
  return { level: 'warn', object, what, wayOut }
}

export function fail(object: string, what: string, wayOut: string): Check {
  return { level: 'FAIL', object, what, wayOut }
}

/** What a look says, or one FAIL with what went wrong while looking. */
export async function attempt(
  object: string,
  wayOut: string,
  look: () => Promise<readonly Check[]>,
): Promise<readonly Check[]> {
  try {
    return await look()
  } catch (error) {
    if (!isStorageError(error)) throw error
    return [fail(object, describeError(error), wayOut)]
  }
}
