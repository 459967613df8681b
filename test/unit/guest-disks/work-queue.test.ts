import { type Outcome, WorkQueue } from '../../../src/guest-disks/work-queue.ts'
import { VirtualTime } from '../../support/virtual-clock.ts'

const settle = () => new Promise<void>(resolve => setImmediate(resolve))

interface Run {
  readonly key: string
  end(outcome?: Outcome): Promise<void>
}

function queueOf({ limit = 10, limitOfGroup = 10 } = {}) {
  const time = new VirtualTime()
  const asked: string[] = []
  const begun: Run[] = []
  const queue = new WorkQueue({
    clock: time.clock(),
    limit,
    limitOfGroup,
    groupOf: key => {
      asked.push(key)
      return key.split('/')[0] ?? ''
    },
    random: () => 0,
    work: key =>
      new Promise<Outcome>(resolve => {
        const end = async (outcome: Outcome = 'done') => {
          resolve(outcome)
          await settle()
        }
        begun.push({ key, end })
      }),
  })
  return { queue, time, begun, asked, keys: () => begun.map(({ key }) => key) }
}

test('a key is at work once; what is asked for meanwhile is done once more afterwards', async () => {
  const { queue, begun, keys } = queueOf()
  queue.add('m1/a')
  queue.add('m1/a')
  queue.add('m1/a')
  expect(keys()).toEqual(['m1/a'])

  await begun[0]?.end()
  expect(keys()).toEqual(['m1/a', 'm1/a'])

  await begun[1]?.end()
  expect(keys()).toHaveLength(2)
  await queue.idle()
})

test('so many at once, in all and of one machine: a slow machine does not hold up another', async () => {
  const { queue, begun, keys } = queueOf({ limit: 3, limitOfGroup: 2 })
  for (const key of ['m1/a', 'm1/b', 'm1/c', 'm2/a', 'm2/b']) queue.add(key)
  expect(keys()).toEqual(['m1/a', 'm1/b', 'm2/a'])

  await begun[2]?.end()
  expect(keys().slice(3)).toEqual(['m2/b'])
  await begun[0]?.end()
  expect(keys().slice(4)).toEqual(['m1/c'])
})

test('keys that wait for a machine are not gone through for each that ends', async () => {
  const { queue, begun, asked, keys } = queueOf({ limitOfGroup: 2 })
  const all = Array.from({ length: 100 }, (_, index) => `m1/${index}`)
  for (const key of all) queue.add(key)
  for (let at = 0; at < all.length; at += 1) await begun[at]?.end()

  expect(keys()).toEqual(all)
  expect(asked).toHaveLength(all.length)
  await queue.idle()
})

test('a key that fails comes back after a pause that doubles, up to five minutes', async () => {
  const { queue, time, begun, keys } = queueOf()
  queue.add('m1/a')
  const pauses: number[] = []
  for (let round = 0; round < 11; round += 1) {
    await begun[round]?.end('again')
    const failedMs = time.nowMs
    while (keys().length === round + 1) await time.pass(500)
    pauses.push(time.nowMs - failedMs)
  }

  expect(pauses.slice(0, 4)).toEqual([1_000, 2_000, 4_000, 8_000])
  expect(pauses.at(-1)).toBe(300_000)
})

test('a change ends the pause of a failed key, a reminder does not', async () => {
  const { queue, begun, keys } = queueOf()
  queue.add('m1/a')
  await begun[0]?.end('again')

  queue.remind('m1/a')
  await settle()
  expect(keys()).toHaveLength(1)
  queue.add('m1/a')
  await settle()
  expect(keys()).toHaveLength(2)
})

test('a change while a key fails: it comes back after the shortest pause, and not at once', async () => {
  const { queue, begun, time, keys } = queueOf()
  queue.add('m1/a')
  for (let round = 0; round < 8; round += 1) {
    if (round === 7) queue.add('m1/a')
    await begun[round]?.end('again')
    if (round < 7) await time.pass(300_000)
  }

  expect(keys()).toHaveLength(8)
  await time.pass(1_000)
  expect(keys()).toHaveLength(9)
})

test('a success begins the pauses anew', async () => {
  const { queue, begun, time, keys } = queueOf()
  queue.add('m1/a')
  await begun[0]?.end('again')
  await time.pass(1_000)
  await begun[1]?.end('again')
  await time.pass(2_000)
  await begun[2]?.end()
  queue.add('m1/a')
  await begun[3]?.end('again')

  await time.pass(999)
  expect(keys()).toHaveLength(4)
  await time.pass(1)
  expect(keys()).toHaveLength(5)
})

test('the end waits for what is at work, and begins nothing', async () => {
  const { queue, begun, keys } = queueOf({ limit: 1 })
  queue.add('m1/a')
  queue.add('m1/b')
  let isOver = false
  const stopping = queue.stop().then(() => {
    isOver = true
  })
  await settle()
  expect(isOver).toBe(false)

  await begun[0]?.end()
  await stopping
  expect(keys()).toEqual(['m1/a'])
})
