// Names as `zfs list -H -o name` prints them, and what is no list of names.

import { parseNames } from '../../src/zfs/listing.ts'

const everything = () => true

test('names below the parent are told, sorted, without the parent', () => {
  expect(parseNames('tank/k\ntank/k/v-b\ntank/k/v-a\ntank/k@mine\n', 'tank/k', everything)).toEqual(
    ['tank/k/v-a', 'tank/k/v-b', 'tank/k@mine'],
  )
})

test('a parent without anything below it has no names', () => {
  expect(parseNames('tank/k\n', 'tank/k', everything)).toEqual([])
})

test('names with blanks are names, and only those that are wanted are kept', () => {
  expect(
    parseNames('tank/k\ntank/k/a b\ntank/k/c\n', 'tank/k', name => name.includes(' ')),
  ).toEqual(['tank/k/a b'])
})

test('a login banner stands before the parent', () => {
  expect(parseNames('Welcome to storage1\n\ntank/k\ntank/k/v-a\n', 'tank/k', everything)).toEqual([
    'tank/k/v-a',
  ])
})

test.each([
  ['nothing at all', ''],
  ['names without the parent, which may be the end of a longer list', 'tank/k/v-a\n'],
  ['a name elsewhere', 'tank/k\ntank/kk/v-a\n'],
  ['a line that is no name', 'tank/k\ntank/k/v-a\nno datasets available\n'],
  ['an empty line', 'tank/k\n\ntank/k/v-a\n'],
])('%s is not believed', (_, text) => {
  expect(() => parseNames(text, 'tank/k', everything)).toThrow(
    expect.objectContaining({ kind: 'internal' }),
  )
})
