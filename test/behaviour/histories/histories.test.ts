// Random histories on an installation that has its troubles but loses no answer: hosts and service
// domains go and come, machines lose power.

import { playHistories, report } from './run.ts'

test('the promises hold after every step of any history', async () => {
  const tally = await playHistories({ share: 0.5, faults: false })
  process.stdout.write(`\n${report('histories', tally)}\n`)
}, 600_000)
