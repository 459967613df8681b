import { systemClock, until } from '../../src/clock.ts'

test('waits do not know the time of day: it may be set back while they last', () => {
  const before = systemClock.nowMs()
  const timeOfDay = Date.now
  Date.now = () => timeOfDay() - 3_600_000
  try {
    expect(systemClock.nowMs()).toBeGreaterThanOrEqual(before)
  } finally {
    Date.now = timeOfDay
  }
})

describe('until', () => {
  function ticking() {
    let nowMs = 0
    return {
      nowMs: () => nowMs,
      sleep: async (ms: number) => {
        nowMs += ms
      },
    }
  }

  test('what is there at once is answered without waiting', async () => {
    const clock = ticking()

    expect(await until({ clock, limitMs: 10, pollMs: 3 }, async () => 'found')).toBe('found')
    expect(clock.nowMs()).toBe(0)
  })

  test('it looks for the last time when the limit has passed, and then says that nothing is there', async () => {
    const clock = ticking()
    const looks: number[] = []

    const found = await until({ clock, limitMs: 10, pollMs: 4 }, async () => {
      looks.push(clock.nowMs())
      return undefined
    })

    expect(found).toBeUndefined()
    expect(looks).toEqual([0, 4, 8, 12])
  })
})
