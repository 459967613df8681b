// How a caller may spell a path, the same for every platform. A path that could not be found again
// is rejected. Of several spellings of one path the shortest is used. Mount tables and notes know a
// path by its spelling, so two spellings would be two places.

import { StorageError } from '../errors.ts'
import type { Mounts } from './platform.ts'

/**
 * A path that tools print on one line, so that it can be found again. `..` is not allowed. Behind a
 * link it leads elsewhere than the text says, and some guests have no tool that follows it.
 */
export function isPlain(path: string): boolean {
  return path.startsWith('/') && !/[\p{Cc}\u2028\u2029]/u.test(path) && !hasDots(path)
}

export function checkPath(path: string): void {
  if (isPlain(path)) return
  const refusal = hasDots(path)
    ? 'contains `..`; use the path that it leads to'
    : 'is not an absolute path on one line'
  throw new StorageError('invalid-argument', `${JSON.stringify(path)} ${refusal}`)
}

/** The path as the mount table spells it. */
export function resolveSpelling(
  mounts: Pick<Mounts, 'resolvePath'>,
  path: string,
  signal?: AbortSignal,
): Promise<string> {
  return mounts.resolvePath(path.startsWith('/') ? shorten(path) : path, signal)
}

/** Removes doubled slashes, `.` parts and a trailing slash. */
function shorten(path: string): string {
  const parts = path.split('/').filter(part => part !== '' && part !== '.')
  return `/${parts.join('/')}`
}

function hasDots(path: string): boolean {
  return path.split('/').includes('..')
}
