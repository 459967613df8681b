// Random histories in which commands are cut, come late or cannot be started, besides all other
// troubles.

import { playHistories, report } from './run.ts'

test('the promises hold after every step of any history in which answers are lost', async () => {
  const tally = await playHistories({ share: 0.5, faults: true })
  process.stdout.write(`\n${report('histories with faults', tally)}\n`)
}, 600_000)
