// Random sequences of the driver's commands of xl and xenstore, on the real Xen host and on the
// simulated one: both say the same. `SEEDS=7,8,9` runs those sequences instead of the usual ones; a
// failure prints its seed and the shortest sequence that still differs.

import fc from 'fast-check'
import type { Command } from '../../src/shell/shell.ts'
import { comparable } from '../conformance/xen-transcript.ts'
import type { Answer } from '../support/machines/answers.ts'
import { shrinkingFor } from '../support/machines/shrinking.ts'
import {
  cleanUp,
  prepare,
  runOnRealMachine,
  SimulatedMachine,
  shown,
} from './differential/both-machines.ts'
import { CHOICE, type Choice, commandOfChoice, lastLook } from './differential/steps.ts'
import type { XenHost } from './machine.ts'
import { hostWithGuests } from './shared.ts'

const USUAL_SEEDS = [1, 2]
const SEEDS = process.env.SEEDS?.split(',').map(Number) ?? USUAL_SEEDS
const LENGTH = { minLength: 25, maxLength: 25 }
// Shorter sequences are sought that long; each attempt takes a minute.
const SHRINK_MS = Number(process.env.SHRINK_SECONDS ?? 300) * 1000

let host: XenHost

beforeAll(async () => {
  host = await hostWithGuests('web', 'db')
  await host.guest('pvh').destroy()
})

afterAll(() => host && cleanUp(host))

test.each(SEEDS)('sequence %i: both machines answer alike', async seed => {
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
  const machine = new SimulatedMachine(await prepare(host))
  const commands: Command[] = []
  const answers: Answer[] = []
  const run = async (command: Command) => {
    commands.push(command)
    answers.push(await machine.run(command))
  }
  for (const choice of choices) await run(await commandOfChoice(choice, machine.xen))
  for (const command of await lastLook(machine.xen)) await run(command)
  const real = await runOnRealMachine(host, commands)
  return { real: transcript(commands, real), simulated: transcript(commands, answers) }
}

function transcript(commands: readonly Command[], answers: readonly Answer[]): string {
  return commands
    .map((command, at) => {
      const { status, stdout, stderr } = answers[at] ?? { status: -1, stdout: '', stderr: '' }
      const said = comparable(stdout) + comparable(stderr)
      return `$ ${shown(command)}\n${said}[status ${status}]\n`
    })
    .join('')
}
