// How much of a list one page takes: never more than the caller asked for, and never more than the
// driver reads at once.

import { cutPage, rangeOf } from '../../src/csi/pages.ts'

test.each([
  { asked: 0, limit: 1000 },
  { asked: 1, limit: 1 },
  { asked: 1000, limit: 1000 },
  { asked: 1001, limit: 1000 },
  { asked: 2 ** 31 - 1, limit: 1000 },
])('a caller that allows $asked entries gets at most $limit', ({ asked, limit }) => {
  expect(rangeOf({ maxEntries: asked, after: 'v-1' })).toEqual({ after: 'v-1', limit })
})

test('a list that goes on after the largest page has a token, and the token leads to its end', () => {
  const all = Array.from({ length: 1001 }, (_, index) => `v-${10_000 + index}`)
  const form = { idOf: (id: string) => id, entry: (id: string) => id }
  const first = cutPage(all, { maxEntries: 0, after: undefined }, form)
  expect(first.entries).toHaveLength(1000)
  expect(cutPage(all, { maxEntries: 0, after: first.next_token }, form)).toEqual({
    entries: ['v-11000'],
    next_token: '',
  })
})
