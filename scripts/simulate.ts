// `npm run simulate` plays histories of the deterministic simulation for a given time or count. At
// the end it prints what it played and how fast.

import { parseArgs } from 'node:util'
import { type Mode, playHistory } from '../test/simulation/history.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    seconds: { type: 'string' },
    histories: { type: 'string' },
    controllers: { type: 'string' },
    faults: { type: 'boolean', default: false },
  },
})
const first = Number(values.seed)
const most = values.histories === undefined ? Number.POSITIVE_INFINITY : Number(values.histories)
const milliseconds =
  1000 * Number(values.seconds ?? (values.histories === undefined ? 60 : Number.POSITIVE_INFINITY))
const asked: Mode = { controllers: values.controllers === '2' ? 2 : 1, faults: values.faults }
const modes: readonly Mode[] =
  values.controllers === undefined && !values.faults
    ? ([1, 2] as const).flatMap(controllers =>
        [false, true].map(faults => ({ controllers, faults })),
      )
    : [asked]

const startedAt = performance.now()
const answers = new Map<string, number>()
let [histories, releases, calls] = [0, 0, 0]
for (; histories < most && performance.now() - startedAt < milliseconds; histories++) {
  for (const mode of modes) {
    const played = await playHistory(first + histories, mode)
    releases += played.releases
    calls += played.calls
    for (const [answer, count] of played.answers) {
      answers.set(answer, (answers.get(answer) ?? 0) + count)
    }
  }
}
const seconds = (performance.now() - startedAt) / 1000
console.log(
  `seeds ${first} to ${first + histories - 1}, each in ${modes.length} modes: ` +
    `${histories * modes.length} histories held`,
)
console.log(`${calls} calls, ${releases} steps, ${Math.round(releases / seconds)} steps a second`)
console.log(
  `answers: ${[...answers]
    .sort(([, a], [, b]) => b - a)
    .map(([answer, count]) => `${answer} ${count}`)
    .join(', ')}`,
)
