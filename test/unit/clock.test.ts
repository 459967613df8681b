import { systemClock } from '../../src/clock.ts'

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
