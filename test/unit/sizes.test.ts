import { GiB, KiB, MiB } from '../../src/model/volumes.ts'
import { sizeWithin } from '../../src/storage/volumes/sizes.ts'

const rule = { stepBytes: 8 * KiB, minimumBytes: 1 * MiB, defaultBytes: 1 * GiB }

test.each([
  { name: 'nothing asked gives the default', required: 0, limit: 0, size: 1 * GiB },
  { name: 'an exact multiple is kept', required: 16 * MiB, limit: 16 * MiB, size: 16 * MiB },
  { name: 'an odd size is rounded up', required: 16 * MiB + 1, limit: 0, size: 16 * MiB + 8 * KiB },
  { name: 'a tiny size becomes the smallest', required: 1, limit: 0, size: 1 * MiB },
  { name: 'a limit below the default is taken', required: 0, limit: 10 * MiB + 5, size: 10 * MiB },
  { name: 'the largest volume is possible', required: 2 ** 50, limit: 2 ** 50, size: 2 ** 50 },
  {
    name: 'a limit at the smallest volume gives the smallest',
    required: 0,
    limit: 1 * MiB,
    size: 1 * MiB,
  },
  {
    name: 'a limit that the rounded size reaches is kept',
    required: 16 * MiB + 1,
    limit: 16 * MiB + 8 * KiB,
    size: 16 * MiB + 8 * KiB,
  },
  {
    name: 'a limit above the default leaves the default',
    required: 0,
    limit: 2 * GiB,
    size: 1 * GiB,
  },
])('$name', ({ required, limit, size }) => {
  expect(sizeWithin({ requiredBytes: required, limitBytes: limit }, rule)).toBe(size)
})

test('a default between two steps is rounded up, as nothing limits it', () => {
  const size = sizeWithin(
    { requiredBytes: 0, limitBytes: 0 },
    { ...rule, defaultBytes: 1 * GiB + 1 },
  )
  expect(size).toBe(1 * GiB + 8 * KiB)
})

test.each([
  { name: 'a limit below the smallest volume', required: 0, limit: 4096 },
  {
    name: 'no multiple of the block size inside the range',
    required: 16 * MiB + 1,
    limit: 16 * MiB + 2,
  },
  { name: 'more than the largest volume', required: 2 ** 52, limit: 0 },
  { name: 'a byte more than the largest volume', required: 2 ** 50 + 1, limit: 0 },
])('$name is out of range', ({ required, limit }) => {
  expect(() => sizeWithin({ requiredBytes: required, limitBytes: limit }, rule)).toThrow(
    expect.objectContaining({ kind: 'out-of-range' }),
  )
})
