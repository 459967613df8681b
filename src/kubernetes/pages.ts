// A list of the API server, page by page: a large one in a single answer would cost both sides
// memory.

import { StorageError } from '../errors.ts'
import type { ApiServer } from './api-server.ts'
import { isRecord } from './objects.ts'

export interface Page {
  readonly items: readonly unknown[]
  /** Of the whole list. */
  readonly version: string
}

/** The API server keeps the pages of a list consistent for minutes. A page is below 1 MiB. */
const PAGE = 250

export async function* pagesOf(
  api: Pick<ApiServer, 'send'>,
  {
    path,
    query = {},
  }: { readonly path: string; readonly query?: Readonly<Record<string, string>> | undefined },
  signal?: AbortSignal,
): AsyncGenerator<Page, void, undefined> {
  let next = ''
  do {
    const asked = new URLSearchParams({ ...query, limit: String(PAGE) })
    if (next !== '') asked.set('continue', next)
    const { body } = await api.send({ method: 'GET', path: `${path}?${asked}` }, {}, signal)
    const { items, metadata } = isRecord(body) ? body : {}
    const { resourceVersion: version, continue: rest = '' } = isRecord(metadata) ? metadata : {}
    if (!Array.isArray(items) || typeof version !== 'string' || typeof rest !== 'string') {
      throw new StorageError('internal', 'the API server answered with a list that is none')
    }
    yield { items, version }
    next = rest
  } while (next !== '')
}
