// Random commands as the driver issues them, and what an administrator does beside. Most fit what is
// there by then; the others name what is missing, or taken.

import fc from 'fast-check'
import type { SimXen } from '../../../sim/xen/sim-xen.ts'
import { Xl } from '../../../src/hypervisors/xen/xl.ts'
import { vdevNumber } from '../../../src/model/vdev.ts'
import type { Command } from '../../../src/shell/shell.ts'
import { Chance } from '../../support/machines/chance.ts'
import { firstCommand } from '../../support/machines/written-down.ts'
import { DEVICES, PLAYERS } from './both-machines.ts'

/** Of the driver, and one of a claim that names it. */
const SLOTS = [1, 16, 17, 25, 42]
const MISSING = '/dev/zvol/tank/differential/missing'
/** No domain has it. */
const NOBODY = 30_000

const commandOf = (work: (xl: Xl) => Promise<unknown>) => firstCommand(shell => work(new Xl(shell)))

class Around {
  readonly #xen: SimXen
  readonly #chance: Chance

  constructor(xen: SimXen, chance: Chance) {
    this.#xen = xen
    this.#chance = chance
  }

  get ids(): readonly number[] {
    return this.#xen.domains.map(({ id }) => id)
  }

  domainId(): number {
    return this.#chance.once(12) ? NOBODY : this.#chance.one(this.ids)
  }

  /** A disk of the domain, once in a while any. */
  numberOf(domainId: number): number {
    const numbers = [...(this.#xen.domain(String(domainId))?.vbds.keys() ?? [])]
    return this.#chance.known(numbers, SLOTS.map(vdevNumber))
  }
}

type Step = (around: Around, chance: Chance) => Promise<Command>

const STEPS: Readonly<Record<string, { readonly weight: number; readonly step: Step }>> = {
  attach: {
    weight: 10,
    step: (around, chance) =>
      commandOf(xl =>
        xl.attachDisk({
          domainId: around.domainId(),
          slot: chance.one(SLOTS),
          mode: chance.one(['rw', 'rw', 'ro', 'ro', 'ro']),
          device: chance.once(8) ? MISSING : chance.one(DEVICES),
        }),
      ),
  },
  detach: {
    weight: 6,
    step: around => {
      const domainId = around.domainId()
      return commandOf(xl => xl.detachDisk({ domainId, number: around.numberOf(domainId) }))
    },
  },
  listDomains: { weight: 2, step: () => commandOf(xl => xl.listDomains()) },
  listFrontEnds: {
    weight: 3,
    step: (around, chance) =>
      commandOf(xl => xl.listFrontEnds(chance.once(4) ? [...around.ids, NOBODY] : around.ids)),
  },
  listBackEnds: { weight: 4, step: () => commandOf(xl => xl.listBackEnds()) },
  // What administrators do.
  pause: { weight: 1, step: (_, chance) => Promise.resolve(['xl', 'pause', chance.one(PLAYERS)]) },
  unpause: {
    weight: 2,
    step: (_, chance) => Promise.resolve(['xl', 'unpause', chance.one(PLAYERS)]),
  },
}

export interface Choice {
  readonly name: string
  readonly numbers: readonly number[]
}

/** A step whose command is known only once those before it have run on the simulated machine. */
export const CHOICE: fc.Arbitrary<Choice> = fc.record({
  name: fc.oneof(
    ...Object.entries(STEPS).map(([name, { weight }]) => ({
      weight,
      arbitrary: fc.constant(name),
    })),
  ),
  numbers: fc.array(fc.nat({ max: 999 }), { minLength: 6, maxLength: 6 }),
})

export function commandOfChoice({ name, numbers }: Choice, xen: SimXen): Promise<Command> {
  const step = STEPS[name]?.step
  if (step === undefined) throw new Error(`no step ${name}`)
  const chance = new Chance(numbers)
  return step(new Around(xen, chance), chance)
}

/** Everything that the driver reads. */
export async function lastLook(xen: SimXen): Promise<readonly Command[]> {
  const ids = xen.domains.map(({ id }) => id)
  return Promise.all([
    commandOf(xl => xl.listDomains()),
    commandOf(xl => xl.listFrontEnds(ids)),
    commandOf(xl => xl.listBackEnds()),
  ])
}
