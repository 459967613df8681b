import { KeyedLock, Semaphore } from '../../src/locks.ts'

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
  await expect(lock.hold('a', undefined, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
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
    for (const key of ['a', 'b']) await expect(lock.hold(key, undefined, async () => {})).rejects.toThrow('take them together')
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
