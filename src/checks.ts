// The results of `doctor`, one per thing checked. Each tool, design and hypervisor checks its own
// things and returns these. `doctor` only asks and prints.

import { describeError, isStorageError } from './errors.ts'

export interface Check {
  /** `skip`: not checked, because something else has failed. */
  readonly level: 'ok' | 'warn' | 'FAIL' | 'skip'
  readonly object: string
  readonly what: string
  /** What a person can do. */
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

/** Not checked: the host failed its own check, which has the way out. */
export function skip(object: string, host: string): Check {
  return { level: 'skip', object, what: `not checked, because host ${host} failed` }
}

/** The results of `look`, or one FAIL with the error that it threw. */
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
