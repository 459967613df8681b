// Random sequences of the driver's commands, on the real storage host and on the simulated one:
// both say the same. `SEEDS=7,8,9` runs those sequences instead of the usual ones; a failure prints
// its seed and the shortest sequence that still differs.

import fc from 'fast-check'
import type { Answer } from '../support/machines/answers.ts'
import { shrinkingFor } from '../support/machines/shrinking.ts'
import { type Action, poolBytes, runOnRealHost, SimulatedHost } from './differential/both-hosts.ts'
import { transcripts } from './differential/compare.ts'
import { actionOf, CHOICE, type Choice, LAST_LOOK } from './differential/steps.ts'
import type { StorageMachine } from './machine.ts'
import { sharedMachine, testedVersion } from './shared.ts'

const USUAL_SEEDS = [1, 2, 3, 4]
const SEEDS = process.env.SEEDS?.split(',').map(Number) ?? USUAL_SEEDS
const LENGTH = { minLength: 40, maxLength: 40 }
// Shorter sequences are sought that long; each attempt takes seconds.
const SHRINK_MS = Number(process.env.SHRINK_SECONDS ?? 120) * 1000

let machine: StorageMachine

beforeAll(async () => {
  machine = await sharedMachine()
})

test.each(SEEDS)('sequence %i: both hosts answer alike', async seed => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(CHOICE, LENGTH),
      shrinkingFor(SHRINK_MS, async choices => {
        const { real, simulated } = await onBoth(choices)
        expect(simulated).toBe(real)
      }),
    ),
    { seed, numRuns: 1 },
  )
})

async function onBoth(choices: readonly Choice[]) {
  const host = new SimulatedHost(`openzfs-${testedVersion()}`, await poolBytes(machine))
  const actions: Action[] = []
  const simulated: Answer[] = []
  const run = async (action: Action) => {
    actions.push(action)
    simulated.push(await host.run(action))
  }
  for (const choice of choices) await run(await actionOf(choice, host.zfs))
  for (const action of LAST_LOOK) await run(action)
  return transcripts(actions, { real: await runOnRealHost(machine, actions), simulated })
}
