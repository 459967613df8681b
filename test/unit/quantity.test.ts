// Kubernetes quantities, and sizes for people.

import { formatBytes, formatQuantity, parseQuantity } from '../../src/model/quantity.ts'

test.each([
  ['1', 1],
  ['10Gi', 10 * 1024 ** 3],
  ['1.5Gi', 1.5 * 1024 ** 3],
  ['500M', 500_000_000],
  ['1k', 1000],
  ['2e9', 2_000_000_000],
  ['1E', 'too large'],
  ['1E3', 1000],
  ['1500m', 2],
  ['.5Ki', 512],
  ['+1Ki', 1024],
  ['0.1Ki', 103],
  ['-1', 'not a quantity'],
  ['1GiB', 'not a quantity'],
  ['', 'not a quantity'],
  ['.', 'not a quantity'],
  ['1 Gi', 'not a quantity'],
  ['0', 'must be more than 0'],
  ['9Pi', 'too large'],
])('the quantity %j is %s', (text, expected) => {
  if (typeof expected === 'number') expect(parseQuantity(text)).toBe(expected)
  else expect(() => parseQuantity(text)).toThrow(expected)
})

test.each([
  [512, '512B'],
  [1024, '1KiB'],
  [67_108_864, '64MiB'],
  [1.5 * 1024 ** 3, '1.5GiB'],
])('%d bytes read %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text)
})

test.each([
  { bytes: 2 * 1024 ** 3, text: '2Gi' },
  { bytes: 1536 * 1024 ** 2, text: '1536Mi' },
  { bytes: 1000, text: '1000' },
  { bytes: 2 ** 50, text: '1Pi' },
])('$bytes bytes are the quantity $text, and read as the same', ({ bytes, text }) => {
  expect(formatQuantity(bytes)).toBe(text)
  expect(parseQuantity(text)).toBe(bytes)
})
