import { getEventListeners } from 'node:events'
import { StorageError } from '../../src/errors.ts'
import { KeyedLock, Semaphore, shared } from '../../src/locks.ts'
import { limited } from '../../src/shell/limited-shell.ts'
import type { Command, Shell } from '../../src/shell/shell.ts'

function gate() {
  return Promise.withResolvers<void>()
}

test('work for one key runs in order of arrival, work for another key beside it', async () => {
  const lock = new KeyedLock()
  const order: string[] = []
  const first = gate()
  const one = lock.hold('a', undefined, async () => {
    await first.promise
    order.push('a1')
  })
  const two = lock.hold('a', undefined, async () => void order.push('a2'))
  await lock.hold('b', undefined, async () => void order.push('b'))
  first.resolve()
  await Promise.all([one, two])
  expect(order).toEqual(['b', 'a1', 'a2'])
})

test('a waiter whose deadline passes leaves with busy and the next one still gets its turn', async () => {
  const lock = new KeyedLock()
  const first = gate()
  const deadline = new AbortController()
  const holder = lock.hold('a', undefined, () => first.promise)
  const waiter = lock.hold('a', deadline.signal, async () => 'never')
  const last = lock.hold('a', undefined, async () => 'last')
  deadline.abort()
  await expect(waiter).rejects.toMatchObject({ kind: 'busy' })
  first.resolve()
  await holder
  await expect(last).resolves.toBe('last')
})

test('a failure releases the key', async () => {
  const lock = new KeyedLock()
  await expect(lock.hold('a', undefined, () => Promise.reject(new Error('no')))).rejects.toThrow(
    'no',
  )
  await expect(lock.hold('a', undefined, async () => 'yes')).resolves.toBe('yes')
})

test('no more than the limit run at a time, and a turn given up is handed on', async () => {
  const semaphore = new Semaphore('pool gold', 2)
  const gates = [gate(), gate(), gate(), gate()]
  let running = 0
  let peak = 0
  const work = (at: number) => async () => {
    running += 1
    peak = Math.max(peak, running)
    await gates[at]?.promise
    running -= 1
  }
  const deadline = new AbortController()
  const all = [semaphore.take(undefined, work(0)), semaphore.take(undefined, work(1))]
  const leaving = semaphore.take(deadline.signal, work(2))
  all.push(semaphore.take(undefined, work(3)))
  deadline.abort()
  await expect(leaving).rejects.toMatchObject({ kind: 'busy' })
  for (const { resolve } of gates) resolve()
  await Promise.all(all)
  expect(peak).toBe(2)
})

test('who holds a key may not wait for another, or for the same one', async () => {
  const lock = new KeyedLock()
  await lock.hold('a', undefined, async () => {
    for (const key of ['a', 'b']) {
      await expect(lock.hold(key, undefined, async () => {})).rejects.toThrow('take them together')
    }
  })
  expect(lock.size).toBe(0)
})

test('what was begun under a key and goes on after it may ask for others', async () => {
  const lock = new KeyedLock()
  const after = gate()
  let later: Promise<string> = Promise.resolve('not begun')
  await lock.hold('a', undefined, async () => {
    later = after.promise.then(() => lock.hold('b', undefined, async () => 'done'))
  })
  after.resolve()
  await expect(later).resolves.toBe('done')
})

type Hold = <T>(signal: AbortSignal | undefined, work: () => Promise<T>) => Promise<T>
const [lock, semaphore] = [new KeyedLock(), new Semaphore('writes', 1)]

test.each<{ what: string; hold: Hold }>([
  { what: 'a key', hold: (signal, work) => lock.hold('a', signal, work) },
  { what: 'a turn', hold: (signal, work) => semaphore.take(signal, work) },
])(
  'whose deadline has passed does not wait for $what, and does not begin where it is free',
  async ({ hold }) => {
    const first = gate()
    const began: string[] = []
    const holder = hold(undefined, () => first.promise)
    const late = () => hold(AbortSignal.abort(), async () => void began.push('late'))
    await expect(late()).rejects.toMatchObject({ kind: 'busy' })
    first.resolve()
    await holder
    await expect(late()).rejects.toMatchObject({ kind: 'busy' })
    expect(began).toEqual([])
  },
)

test('a wait that is over leaves nothing on its signal, however it ended', async () => {
  const { signal } = new AbortController()
  const lock = new KeyedLock()
  const semaphore = new Semaphore('writes', 1)
  const late = () => new StorageError('unavailable', 'late')
  const failing = () => Promise.reject(new Error('failed'))
  await lock.hold('a', signal, async () => {})
  await semaphore.take(signal, async () => {})
  await shared(Promise.resolve(), signal, late)
  for (const work of [
    lock.hold('a', signal, failing),
    semaphore.take(signal, failing),
    shared(failing(), signal, late),
  ]) {
    await expect(work).rejects.toThrow('failed')
  }
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

test('a waiter for a turn that may not come leaves with what its semaphore says', async () => {
  const semaphore = new Semaphore('changes of machine m1', 1, 'unavailable')
  const first = gate()
  const deadline = new AbortController()
  const holder = semaphore.take(undefined, () => first.promise)
  const waiter = semaphore.take(deadline.signal, async () => {})
  deadline.abort()
  await expect(waiter).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringContaining('changes of machine m1'),
  })
  first.resolve()
  await holder
})

test('a read of a limited shell passes while every turn is taken', async () => {
  const first = gate()
  const ran: Command[] = []
  const result = { exitStatus: 0, stdout: '', stderr: '', durationMs: 0 }
  const inner: Shell = {
    run: async (command, { effect }) => {
      ran.push(command)
      if (effect === 'write') await first.promise
      return result
    },
  }
  const shell = limited(inner, new Semaphore('writes', 1))
  const writes = ['one', 'two'].map(name => shell.run(['write', name], { effect: 'write' }))
  const read = shell.run(['read'], { effect: 'read' })
  await new Promise(resolve => setImmediate(resolve))
  expect(ran.toSorted()).toEqual([['read'], ['write', 'one']])
  first.resolve()
  expect(await read).toBe(result)
  await Promise.all(writes)
  expect(ran.at(-1)).toEqual(['write', 'two'])
})
