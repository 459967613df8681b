// `npm run test:defects` checks that the test suite notices wrong code. It puts defects into a copy
// of the sources, one at a time, and runs the tests that should fail. It prints which test caught
// which defect. The exit status is 1 if one was not caught. Arguments select the defects whose
// names contain one of them.

import { DEFECTS } from './defects/table.ts'
import { Workshop } from './defects/workshop.ts'

const BENCHES = 2

const words = process.argv.slice(2)
const wanted = DEFECTS.filter(
  ({ name }) => words.length === 0 || words.some(word => name.includes(word)),
)
const root = new URL('..', import.meta.url).pathname
const benches = Array.from({ length: BENCHES }, () => new Workshop(root))

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    for (const bench of benches) bench.dispose()
    process.exit(130)
  })
}

/**
 * Each bench takes the next job until none is left. The first failure is thrown after all benches
 * have stopped.
 */
async function shareOut<T>(
  jobs: readonly T[],
  work: (bench: Workshop, job: T) => Promise<void>,
): Promise<void> {
  const waiting = [...jobs]
  const ends = await Promise.allSettled(
    benches.map(async bench => {
      for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
        await work(bench, job)
      }
    }),
  )
  for (const end of ends) if (end.status === 'rejected') throw end.reason
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

let status = 0
try {
  for (const defect of wanted) benches[0]?.takeOut(benches[0].putIn(defect))
  // The tests must first pass without a defect, or a failure would prove nothing.
  const proofs = [...new Set(wanted.flatMap(({ tests }) => tests))]
  await shareOut(proofs, async (bench, tests) => {
    const failure = await bench.firstFailure(tests)
    if (failure !== undefined) throw new Error(`${tests} fails without any defect: ${failure}`)
  })
  const verdicts = new Map<string, string | undefined>()
  await shareOut(wanted, async (bench, defect) => {
    const verdict = await bench.catches(defect)
    verdicts.set(defect.name, verdict)
    process.stdout.write(`${defect.name}\n    ${verdict ?? 'NOT CAUGHT'}\n`)
  })
  status = wanted.every(({ name }) => verdicts.get(name) !== undefined) ? 0 : 1
  process.stdout.write(
    status === 0 ? `all ${wanted.length} defects were caught\n` : 'not every defect was caught\n',
  )
} catch (error) {
  status = 1
  process.stderr.write(`${describe(error)}\n`)
} finally {
  for (const bench of benches) bench.dispose()
}
process.exit(status)
