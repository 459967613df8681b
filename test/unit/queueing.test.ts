// The time that a call spends behind others.

import type { Clock } from '../../src/clock.ts'
import { KeyedLock, Semaphore } from '../../src/locks.ts'
import { Queueing } from '../../src/queueing.ts'
import { SshShell } from '../../src/shell/ssh/ssh.ts'

function world() {
  let nowMs = 1000
  const clock: Clock = { nowMs: () => nowMs, sleep: async () => {} }
  return {
    queueing: new Queueing(clock),
    pass: (ms: number) => {
      nowMs += ms
    },
  }
}

const turns = () => new Promise(resolve => setImmediate(resolve))

test.each([
  {
    what: 'a lock',
    queue: () => new KeyedLock(),
    enter: (lock: unknown, work: () => Promise<void>) =>
      (lock as KeyedLock).hold('a', undefined, work),
  },
  {
    what: 'a turn',
    queue: () => new Semaphore('turns', 1),
    enter: (turns_: unknown, work: () => Promise<void>) =>
      (turns_ as Semaphore).take(AbortSignal.timeout(60_000), work),
  },
])('the wait for $what counts, the work does not', async ({ queue, enter }) => {
  const { queueing, pass } = world()
  const place = queue()
  const before = Promise.withResolvers<void>()
  const holding = enter(place, () => before.promise)
  const work = Promise.withResolvers<void>()
  const waiting = queueing.during(() => enter(place, () => work.promise))
  await turns()
  pass(300)
  expect(queueing.ms).toBe(300)
  before.resolve()
  await holding
  await turns()
  pass(5000)
  work.resolve()
  await waiting
  expect(queueing.ms).toBe(300)
})

test('waits at the same time count once, and a wait is left once', () => {
  const { queueing, pass } = world()
  const first = queueing.enter()
  pass(10)
  const second = queueing.enter()
  pass(10)
  first()
  first()
  pass(10)
  second()
  pass(100)
  expect(queueing.ms).toBe(30)
})

test('a command that waits for a connection of a host waits in a queue', async () => {
  const { queueing, pass } = world()
  const target = {
    name: 'h',
    address: '127.0.0.1',
    port: 1,
    user: 'u',
    privateKeyFile: '/dev/null',
    knownHostsFile: '/dev/null',
  }
  const running = queueing.during(() => new SshShell(target).run(['/bin/true'], { effect: 'read' }))
  pass(40)
  await expect(running).rejects.toMatchObject({ fate: 'not-started' })
  pass(500)
  expect(queueing.ms).toBe(40)
})
