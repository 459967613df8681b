import { shrinkingFor } from '../support/machines/shrinking.ts'

test('the first run has all the time; after a failure the search ends with its limit', async () => {
  const tried: number[] = []
  const check = shrinkingFor(-1, async (value: number) => {
    tried.push(value)
    if (value > 1) throw new Error(`${value}`)
  })

  await check(1)
  await expect(check(3)).rejects.toThrow('3')
  await check(2)
  expect(tried).toEqual([1, 3])
})
