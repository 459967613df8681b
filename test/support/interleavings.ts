// Everything that awaits, in an order that fast-check chooses: who asks when, who ends when, whose
// deadline passes when, and how many turns of the microtask queue lie between two of them, so that
// a deadline falls between any two awaits of the code under test.

import fc from 'fast-check'

/** One request: when its deadline passes, and how its work ends. */
export interface Visit {
  readonly keys: readonly string[]
  readonly steps: number
  readonly fails: boolean
  readonly deadline: 'none' | 'passes' | 'has passed'
  /** Microtask turns before it asks, before its deadline passes and after each step. */
  readonly turns: readonly [ask: number, deadline: number, step: number]
}

// The longest way from an event to its last effect in the code under test has fewer.
const TURNS = fc.nat(12)

function visits(keys: fc.Arbitrary<readonly string[]>): fc.Arbitrary<readonly Visit[]> {
  const visit = fc.record({
    keys,
    steps: fc.nat(2),
    fails: fc.boolean(),
    deadline: fc.constantFrom(
      'none' as const,
      'passes' as const,
      'passes' as const,
      'has passed' as const,
    ),
    turns: fc.tuple(TURNS, TURNS, TURNS),
  })
  return fc.array(visit, { minLength: 2, maxLength: 6 })
}

export const ONE_KEY = fc.constant(['a'])
export const A_KEY = fc.constantFrom(['a'], ['b'])

/** The property holds for visits of these keys, in every order that is tried. */
export async function always(
  { keys, numRuns }: { readonly keys: fc.Arbitrary<readonly string[]>; readonly numRuns: number },
  check: (scheduler: fc.Scheduler, all: readonly Visit[]) => Promise<void>,
): Promise<void> {
  await fc.assert(fc.asyncProperty(fc.scheduler(), visits(keys), check), { numRuns })
}

export async function microtasks(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await Promise.resolve()
}

/** Until nothing is scheduled and nothing can go on by itself. */
export async function runOut(scheduler: fc.Scheduler): Promise<void> {
  for (;;) {
    while (scheduler.count() > 0) await scheduler.waitNext(1)
    await new Promise(resolve => setImmediate(resolve))
    if (scheduler.count() === 0) return
  }
}

/** What a visit asks of the code under test: `work` is what it runs at its turn. */
export type Ask = (
  visit: Visit,
  signal: AbortSignal,
  work: () => Promise<string>,
) => Promise<string>

export interface Played {
  /** In the order of their asking. */
  readonly asked: readonly string[]
  /** In the order of their beginning. */
  readonly begun: readonly string[]
  readonly ends: ReadonlyMap<string, 'answered' | 'failed' | 'gave up'>
  /** What must never be: more inside than may be, out of turn, or begun after the deadline. */
  readonly faults: readonly string[]
}

class Refused extends Error {}

/** Plays the visits to the end. `most` is how many may be at work for one key. */
export async function play(
  scheduler: fc.Scheduler,
  all: readonly Visit[],
  { ask, most = 1 }: { ask: Ask; most?: number },
): Promise<Played> {
  const asked: string[] = []
  const begun: string[] = []
  const ends = new Map<string, 'answered' | 'failed' | 'gave up'>()
  const faults: string[] = []
  const inside = new Map<string, number>()
  const waiting = new Map<string, { readonly visit: Visit; readonly signal: AbortSignal }>()

  const visitOne = async (visit: Visit, name: string) => {
    const controller = new AbortController()
    const { signal } = controller
    const [askTurns, deadlineTurns, stepTurns] = visit.turns
    if (visit.deadline === 'has passed') controller.abort()
    const deadline = async () => {
      await scheduler.schedule(Promise.resolve(), `deadline of ${name}`)
      await microtasks(deadlineTurns)
      controller.abort()
    }
    if (visit.deadline === 'passes') void deadline()
    await scheduler.schedule(Promise.resolve(), `${name} asks for ${visit.keys.join(' and ')}`)
    await microtasks(askTurns)
    const work = async () => {
      if (signal.aborted) faults.push(`${name} began after its deadline`)
      for (const [other, { visit: before, signal: its }] of waiting) {
        if (other === name) break
        if (!its.aborted && before.keys.some(key => visit.keys.includes(key))) {
          faults.push(`${name} began before ${other}`)
        }
      }
      waiting.delete(name)
      begun.push(name)
      for (const key of visit.keys) {
        inside.set(key, (inside.get(key) ?? 0) + 1)
        if ((inside.get(key) ?? 0) > most) faults.push(`${name} began beside others of ${key}`)
      }
      for (let step = 0; step < visit.steps; step++) {
        await scheduler.schedule(Promise.resolve(), `step ${step} of ${name}`)
        await microtasks(stepTurns)
      }
      for (const key of visit.keys) inside.set(key, (inside.get(key) ?? 0) - 1)
      if (visit.fails) throw new Refused()
      return name
    }
    asked.push(name)
    waiting.set(name, { visit, signal })
    try {
      const answer = await ask(visit, signal, work)
      if (answer !== name) faults.push(`${name} was answered with ${answer}`)
      ends.set(name, 'answered')
    } catch (error) {
      ends.set(name, error instanceof Refused ? 'failed' : 'gave up')
      if (!(error instanceof Refused) && !signal.aborted) {
        faults.push(`${name} was sent away in time: ${error}`)
      }
      if (!(error instanceof Refused) && begun.includes(name)) {
        faults.push(`${name} was sent away while it was at work`)
      }
    }
    waiting.delete(name)
  }
  for (const [at, visit] of all.entries()) void visitOne(visit, `visit ${at}`)
  await runOut(scheduler)
  for (const name of all.keys()) {
    if (!ends.has(`visit ${name}`)) faults.push(`visit ${name} never ended`)
  }
  return { asked, begun, ends, faults }
}

/**
 * As play, of what has no turns: each visit does something with its signal, and `ends` tells how,
 * one word or the error.
 */
export async function each(
  scheduler: fc.Scheduler,
  all: readonly Visit[],
  act: (name: string, visit: Visit, signal: AbortSignal) => Promise<void>,
): Promise<{ readonly ends: readonly string[] }> {
  const ends = all.map(() => 'never ended')
  const visitOne = async (visit: Visit, at: number) => {
    const controller = new AbortController()
    if (visit.deadline === 'has passed') controller.abort()
    const deadline = async () => {
      await scheduler.schedule(Promise.resolve(), `deadline of visit ${at}`)
      await microtasks(visit.turns[1])
      controller.abort()
    }
    if (visit.deadline === 'passes') void deadline()
    await scheduler.schedule(Promise.resolve(), `visit ${at} asks`)
    await microtasks(visit.turns[0])
    try {
      await act(`visit ${at}`, visit, controller.signal)
      ends[at] = 'answered'
    } catch (error) {
      ends[at] = controller.signal.aborted ? 'gave up' : `visit ${at} in time: ${error}`
    }
  }
  for (const [at, visit] of all.entries()) void visitOne(visit, at)
  await runOut(scheduler)
  return { ends }
}
