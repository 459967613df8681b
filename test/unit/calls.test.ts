// Requests in flight by themselves: who joins which work, and until when the work goes on.

import { once } from 'node:events'
import { type Caller, Calls } from '../../src/csi/wire/calls.ts'

const gate = () => Promise.withResolvers<string>()

function caller(forMs = Number.POSITIVE_INFINITY): Caller & { leave: () => void } {
  const gone = new AbortController()
  return { deadlineMs: Date.now() + forMs, gone: gone.signal, leave: () => gone.abort() }
}

/** Ends when a deadline of that many ms has passed for somebody else. */
async function deadlineOf(ms: number): Promise<void> {
  await new Calls().run(undefined, caller(ms), signal => once(signal, 'abort'))
}

/** Work that goes on until it is told to end, and can be asked whether anybody waits for it. */
function work() {
  const { promise, resolve } = gate()
  let signal: AbortSignal | undefined
  const begin = (its: AbortSignal) => {
    signal = its
    return promise
  }
  return {
    begin,
    end: resolve,
    isAborted: () => signal?.aborted,
    reason: () => signal?.reason,
    began: () => signal !== undefined,
  }
}

test('a call without a key is joined by nobody', async () => {
  const calls = new Calls()
  const [one, two] = [work(), work()]
  const answers = [one, two].map(({ begin }) => calls.run(undefined, caller(), begin))
  expect(calls.size).toBe(0)
  one.end('one')
  two.end('two')
  expect(await Promise.all(answers)).toEqual(['one', 'two'])
})

test('work goes on while one of its callers waits, however often another one ends', async () => {
  const calls = new Calls()
  const { begin, end, isAborted } = work()
  const [patient, leaving] = [caller(), caller(20)]
  const answers = [calls.run('key', leaving, begin), calls.run('key', patient, begin)]
  leaving.leave()
  await deadlineOf(40)
  expect(isAborted()).toBe(false)
  patient.leave()
  expect(isAborted()).toBe(true)
  end('done')
  expect(await Promise.all(answers)).toEqual(['done', 'done'])
})

test('a caller who has gone before the call is waited for by nobody', async () => {
  const calls = new Calls()
  const { begin, end, isAborted, reason } = work()
  const gone = caller()
  gone.leave()
  const answer = calls.run('key', gone, begin)
  expect(isAborted()).toBe(true)
  expect(reason()).toMatchObject({ kind: 'unavailable', message: 'the caller gave up waiting' })
  end('done')
  await answer
})

test('a call without a deadline, or with one in a year, goes on', async () => {
  const calls = new Calls()
  const works = [Number.POSITIVE_INFINITY, 365 * 86_400_000].map(ms => ({ ms, ...work() }))
  const answers = works.map(({ ms, begin }) => calls.run(undefined, caller(ms), begin))
  await deadlineOf(20)
  expect(works.map(({ isAborted }) => isAborted())).toEqual([false, false])
  for (const { end } of works) end('done')
  await Promise.all(answers)
})

// Else the caller hears only that its own clock ended the call. Timers are told in the order of
// their times, however late they are.
test('work ends a little before the deadline of its caller', async () => {
  const order: unknown[] = []
  const deadline = gate()
  setTimeout(() => order.push('most of the time'), 700)
  setTimeout(() => deadline.resolve('deadline'), 1_000)
  const signalled = new Calls().run('key', caller(1_000), async signal => {
    await once(signal, 'abort')
    order.push(signal.reason)
    return 'ended'
  })
  order.push(await Promise.race([deadline.promise, signalled]))
  expect(order).toEqual([
    'most of the time',
    expect.objectContaining({
      kind: 'unavailable',
      message: "the caller's deadline ended the wait",
    }),
    'ended',
  ])
})

test(
  'work that everybody has given up on is not joined, and its end does not end what came ' +
    'after it',
  async () => {
    const calls = new Calls()
    const [old, next] = [work(), work()]
    const leaving = caller()
    const first = calls.run('key', leaving, old.begin)
    leaving.leave()
    const second = calls.run('key', caller(), next.begin)
    old.end('old')
    expect(await first).toBe('old')
    const third = calls.run('key', caller(), () =>
      Promise.reject(new Error('begun beside the same request')),
    )
    next.end('next')
    expect(await Promise.all([second, third])).toEqual(['next', 'next'])
    expect(calls.size).toBe(0)
  },
)

test('what is done hears nothing more of its callers', async () => {
  const calls = new Calls()
  const leaving = caller(20)
  const seen: AbortSignal[] = []
  const see = async (signal: AbortSignal) => void seen.push(signal)
  await calls.run('key', leaving, see)
  await calls.run('key', caller(20), see)
  leaving.leave()
  await deadlineOf(40)
  expect(seen.map(({ aborted }) => aborted)).toEqual([false, false])
})
