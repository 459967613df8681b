// Random histories of disks of guests. Whatever happens, and wherever the process ends, no volume
// is written by two, formatted twice or lost, and in the end everything is as it was asked for.

import { LDOMS, XEN } from './grounds.ts'
import { History } from './history.ts'

const HISTORIES = Number(process.env.DISK_HISTORIES ?? 20)
const FIRST_SEED = Number(process.env.DISK_SEED ?? 1)
const STEPS = 60

test.each([LDOMS, XEN])(
  'the promises hold in every history: $setting',
  async ground => {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + HISTORIES; seed += 1) {
      const history = await History.begin(seed, ground)
      try {
        await history.play(STEPS)
      } catch (error) {
        const again = `DISK_SEED=${seed} DISK_HISTORIES=1 npm test -- test/behaviour/guest-disks/histories`
        const text = ['play it again:', again, ...history.story].join('\n  ')
        throw new Error(`${String(error)}\n${text}`, { cause: error })
      } finally {
        await history.end()
      }
    }
  },
  600_000,
)
