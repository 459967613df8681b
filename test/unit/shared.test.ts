import { Shared } from '../../src/kubernetes/shared.ts'

test('equal values are one, and others stay what they are', () => {
  const shared = new Shared<readonly string[]>()
  const first = shared.keep(['a', 'b'])

  expect(shared.keep(['a', 'b'])).toBe(first)
  expect(shared.keep(['b', 'a'])).toEqual(['b', 'a'])
})

test('more different values than there should be cost memory, and nothing else', () => {
  const shared = new Shared<string>()
  const first = shared.keep('0')
  for (let at = 1; at <= 25_000; at++) expect(shared.keep(String(at))).toBe(String(at))

  expect(shared.keep('0')).toBe(first)
})
