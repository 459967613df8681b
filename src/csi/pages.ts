// Lists in pages. A token is the last id of the previous page. Objects that come or go in between
// move no other object across a page boundary. An object that exists throughout is listed exactly
// once.

import { StorageError } from '../errors.ts'
import type { ListRange } from '../model/volumes.ts'
import { invalid } from './fields.ts'

export interface Page {
  readonly maxEntries: number // 0: the driver's choice
  readonly after: string | undefined // the last id of the page before
}

interface PageRequest {
  readonly max_entries: number
  readonly starting_token: string
}

export function parsePage(request: PageRequest, isToken: (token: string) => boolean): Page {
  const { max_entries: maxEntries, starting_token: token } = request
  if (maxEntries < 0) throw invalid('max_entries', `${maxEntries} is negative`)
  if (token === '') return { maxEntries, after: undefined }
  // CSI answers an invalid or expired token with ABORTED. The caller then starts the list again.
  if (!isToken(token)) {
    throw new StorageError(
      'busy',
      'starting_token was not given by this driver; start the list again',
    )
  }
  return { maxEntries, after: token }
}

/** Longer pages would read and hold more than most callers take. */
const LARGEST_PAGE = 1000

/**
 * The part of the list that the page needs. CSI lets a driver return fewer entries than asked for,
 * with a token for the rest.
 */
export function rangeOf({ after, maxEntries }: Page): ListRange {
  return { after, limit: maxEntries === 0 ? LARGEST_PAGE : Math.min(maxEntries, LARGEST_PAGE) }
}

// Go clients accept at most 4 MiB. JSON names every field, so it is never shorter than the wire
// format.
const LARGEST_PAGE_BYTES = 3 * 1024 * 1024

/**
 * The entries of one page as sent, and the token of the next page. The token is empty after the
 * last page.
 */
export function cutPage<Item, Entry>(
  all: readonly Item[],
  page: Page,
  form: { readonly idOf: (item: Item) => string; readonly entry: (item: Item) => Entry },
): { entries: readonly Entry[]; next_token: string } {
  const { idOf, entry } = form
  const { after, limit } = rangeOf(page)
  const sorted = all.toSorted((a, b) => (idOf(a) < idOf(b) ? -1 : 1))
  const rest = sorted.filter(item => after === undefined || idOf(item) > after)
  const entries: Entry[] = []
  let bytes = 0
  for (const item of rest) {
    const next = entry(item)
    bytes += Buffer.byteLength(JSON.stringify(next))
    if (entries.length > 0 && (entries.length === limit || bytes > LARGEST_PAGE_BYTES)) break
    entries.push(next)
  }
  const last = rest[entries.length - 1]
  return {
    entries,
    next_token: entries.length < rest.length && last !== undefined ? idOf(last) : '',
  }
}
