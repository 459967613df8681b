import { type Mode, playHistory } from './history.ts'

const MODES: readonly (Mode & { readonly title: string })[] = [
  { title: 'one controller', controllers: 1, faults: false },
  { title: 'one controller, commands cut, late or refused', controllers: 1, faults: true },
]

/** The same in every run: a change must not fail for a defect that it did not bring. `npm run simulate` looks for those. */
const FIRST_SEED = 20_261_121
const HISTORIES = 400

test.each(MODES)(
  'no order of commands, answers and deadlines gives a volume to two guests or leaves something behind: $title',
  async mode => {
    let releases = 0
    for (let seed = FIRST_SEED; seed < FIRST_SEED + HISTORIES; seed++) releases += (await playHistory(seed, mode)).releases
    expect(releases).toBeGreaterThan(50 * HISTORIES)
  },
  600_000,
)

test('a seed plays the same history again', async () => {
  const mode = { controllers: 1, faults: true } as const
  expect(await playHistory(FIRST_SEED, mode)).toEqual(await playHistory(FIRST_SEED, mode))
})
