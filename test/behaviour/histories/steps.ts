// The steps of random histories as plain data. A number chooses among what the orchestrator knows
// when the step is taken, so that most steps meet something; a history that is cut down by
// fast-check still means the same.

import fc from 'fast-check'

export const GUESTS = ['m1/ldg1', 'm1/ldg2', 'm2/ldg1', 'm2/ldg2'] as const
export const MACHINES = ['m1', 'm2'] as const
const HOSTS = [
  'storage1',
  'm1-primary',
  'm1-alternate',
  'm2-primary',
  'm2-alternate',
  ...GUESTS.map(guest => guest.replace('/', '-')),
]

export type Trouble =
  | { readonly kind: 'host down'; readonly host: string }
  | { readonly kind: 'service domain down'; readonly machine: string; readonly name: string }
  | { readonly kind: 'pool suspended' | 'pool full'; readonly pool: 'silver' | 'gold' }

export type Step =
  | { readonly do: 'list' | 'list snapshots' | 'sweep' }
  | {
      readonly do: 'create'
      readonly volume: number
      readonly block: boolean
      readonly thin: boolean
      readonly megabytes: number
    }
  | {
      readonly do: 'clone'
      readonly volume: number
      readonly source: number
      readonly from: 'snapshot' | 'volume'
      readonly larger: boolean
    }
  | { readonly do: 'create again'; readonly volume: number }
  | {
      readonly do: 'create otherwise'
      readonly volume: number
      readonly what: 'size' | 'format' | 'source' | 'parameters'
    }
  | { readonly do: 'delete' | 'detach from all'; readonly volume: number }
  | { readonly do: 'expand'; readonly volume: number; readonly byMegabytes: number }
  | {
      readonly do: 'attach'
      readonly volume: number
      readonly guest: number
      readonly readonly: boolean
      readonly shared: boolean
    }
  /** Attached, staged, published and written, as far as it goes. */
  | {
      readonly do: 'use'
      readonly volume: number
      readonly guest: number
      readonly shared: boolean
    }
  /** Unpublished, unstaged and detached, as far as it goes. */
  | { readonly do: 'give back'; readonly attachment: number }
  | { readonly do: 'attach again'; readonly attachment: number; readonly otherwise: boolean }
  | {
      readonly do: 'detach' | 'stage' | 'unstage' | 'unpublish' | 'expand in guest' | 'measure'
      readonly attachment: number
    }
  | { readonly do: 'publish'; readonly attachment: number; readonly readonly: boolean }
  | { readonly do: 'write' | 'read'; readonly attachment: number }
  | { readonly do: 'snapshot'; readonly snapshot: number; readonly volume: number }
  | { readonly do: 'delete snapshot'; readonly snapshot: number }
  | Event

/** What happens to the installation and to the driver, not through it. */
export type Event =
  | { readonly do: 'restart driver' | 'restart storage host' }
  | { readonly do: 'restart node plugin'; readonly guest: number }
  | { readonly do: 'power cycle' | 'save configuration'; readonly machine: number }
  | { readonly do: 'trouble'; readonly trouble: Trouble; readonly lastsSteps: number }

export type StepOf<T extends Step['do']> = Extract<Step, { readonly do: T }>

/** What meets one command of a step; nothing happens when the step has fewer commands. */
export interface Fault {
  readonly kind: 'cut-before' | 'cut-after' | 'late' | 'refuse'
  readonly at: number
  /** For `late`: how many commands later the effect comes. */
  readonly afterCommands: number
}

export interface Turn {
  readonly step: Step
  /** The same request a second time while the first is under way. */
  readonly twice: boolean
  readonly fault: Fault | undefined
}

const pick = fc.nat(11)
const one = <T extends Step['do']>(word: T) => fc.constant({ do: word })

const trouble: fc.Arbitrary<Trouble> = fc.oneof(
  fc.record({ kind: fc.constant('host down' as const), host: fc.constantFrom(...HOSTS) }),
  fc.record({
    kind: fc.constant('service domain down' as const),
    machine: fc.constantFrom(...MACHINES),
    name: fc.constantFrom('alternate', 'primary'),
  }),
  fc.record({
    kind: fc.constantFrom('pool suspended', 'pool full'),
    pool: fc.constantFrom('silver', 'gold'),
  }),
)

const create = fc.record({
  do: fc.constant('create' as const),
  volume: pick,
  block: fc.boolean(),
  thin: fc.boolean(),
  megabytes: fc.constantFrom(16, 20, 64),
})

const WEIGHTED: readonly (readonly [number, fc.Arbitrary<Step>])[] = [
  // The first is what fast-check puts in the place of a step that a failure does not need.
  [2, one('list')],
  [1, one('list snapshots')],
  [6, create],
  [2, fc.record({ do: fc.constant('create again'), volume: pick })],
  [
    1,
    fc.record({
      do: fc.constant('create otherwise'),
      volume: pick,
      what: fc.constantFrom('size', 'format', 'source', 'parameters'),
    }),
  ],
  [
    4,
    fc.record({
      do: fc.constant('clone'),
      volume: pick,
      source: pick,
      from: fc.constantFrom('snapshot', 'volume'),
      larger: fc.boolean(),
    }),
  ],
  [3, fc.record({ do: fc.constant('delete'), volume: pick })],
  [
    2,
    fc.record({ do: fc.constant('expand'), volume: pick, byMegabytes: fc.constantFrom(0, 4, 16) }),
  ],
  [
    5,
    fc.record({
      do: fc.constant('attach'),
      volume: pick,
      guest: pick,
      readonly: fc.integer({ min: 0, max: 5 }).map(n => n === 5),
      shared: fc.integer({ min: 0, max: 3 }).map(n => n === 3),
    }),
  ],
  [
    12,
    fc.record({
      do: fc.constant('use'),
      volume: pick,
      guest: pick,
      shared: fc.integer({ min: 0, max: 3 }).map(n => n === 3),
    }),
  ],
  [5, fc.record({ do: fc.constant('give back'), attachment: pick })],
  [
    2,
    fc.record({
      do: fc.constant('attach again'),
      attachment: pick,
      otherwise: fc.integer({ min: 0, max: 3 }).map(n => n === 3),
    }),
  ],
  [3, fc.record({ do: fc.constant('detach'), attachment: pick })],
  [1, fc.record({ do: fc.constant('detach from all'), volume: pick })],
  [4, fc.record({ do: fc.constant('stage'), attachment: pick })],
  [
    3,
    fc.record({
      do: fc.constant('publish'),
      attachment: pick,
      readonly: fc.integer({ min: 0, max: 3 }).map(n => n === 3),
    }),
  ],
  [6, fc.record({ do: fc.constant('write'), attachment: pick })],
  [2, fc.record({ do: fc.constant('read'), attachment: pick })],
  [2, fc.record({ do: fc.constant('unpublish'), attachment: pick })],
  [3, fc.record({ do: fc.constant('unstage'), attachment: pick })],
  [1, fc.record({ do: fc.constantFrom('expand in guest', 'measure'), attachment: pick })],
  [4, fc.record({ do: fc.constant('snapshot'), snapshot: pick, volume: pick })],
  [2, fc.record({ do: fc.constant('delete snapshot'), snapshot: pick })],
  [1, one('sweep')],
  [2, one('restart driver')],
  [1, fc.record({ do: fc.constant('restart node plugin'), guest: pick })],
  [1, one('restart storage host')],
  [2, fc.record({ do: fc.constantFrom('power cycle', 'save configuration'), machine: pick })],
  [
    2,
    fc.record({ do: fc.constant('trouble'), trouble, lastsSteps: fc.integer({ min: 1, max: 4 }) }),
  ],
] as readonly (readonly [number, fc.Arbitrary<Step>])[]

const step: fc.Arbitrary<Step> = fc.oneof(
  { withCrossShrink: true },
  ...WEIGHTED.map(([weight, arbitrary]) => ({ weight, arbitrary })),
)

const fault: fc.Arbitrary<Fault> = fc.record({
  kind: fc.constantFrom('cut-before', 'cut-after', 'late', 'late', 'refuse'),
  at: fc.oneof(fc.nat(2), fc.nat(6), fc.nat(16), fc.nat(40)),
  afterCommands: fc.integer({ min: 1, max: 30 }),
})

/**
 * Histories of 20 to 32 steps, of which the first two make something; with faults, half of the
 * steps meet one.
 */
export function histories({ faults }: { readonly faults: boolean }): fc.Arbitrary<readonly Turn[]> {
  const turn = (steps: fc.Arbitrary<Step>) =>
    fc.record({
      step: steps,
      twice: fc.integer({ min: 0, max: 9 }).map(n => n === 9),
      fault: faults ? fc.option(fault, { nil: undefined, freq: 2 }) : fc.constant(undefined),
    })
  const rest = fc.array(turn(step), { minLength: 18, maxLength: 30, size: 'max' })
  return fc
    .tuple(turn(create), turn(create), rest)
    .map(([first, second, others]) => [first, second, ...others])
}
