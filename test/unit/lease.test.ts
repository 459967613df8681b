import fc from 'fast-check'
import { StorageError } from '../../src/errors.ts'
import { Lease, type LeaseStore, type StoredLease } from '../../src/kubernetes/lease.ts'
import { silentLog } from '../../src/log.ts'
import { VirtualTime } from '../support/virtual-clock.ts'

/** What becomes of one call: how long each way takes, and what is lost on it. */
interface Way {
  readonly thereMs: number
  readonly backMs: number
  /** `refused`: an answer without any effect. The lost ones never answer. */
  readonly fate: 'answered' | 'refused' | 'request lost' | 'answer lost'
}

const PROMPT: Way = { thereMs: 1, backMs: 1, fate: 'answered' }
const HANGS: Way = { thereMs: 0, backMs: 0, fate: 'request lost' }
const DOWN: Way = { thereMs: 0, backMs: 0, fate: 'refused' }

/** The API server: one lease, and every way to it. */
class Server {
  readonly time: VirtualTime
  lease: StoredLease | undefined
  /** Of the calls of one candidate, in order; PROMPT when it is empty. */
  readonly ways = new Map<string, Way[]>()
  /** Of all calls that have no way of their own. */
  usual: Way = PROMPT
  /** While one candidate is cut off, its calls reach nobody. */
  readonly outages = new Map<string, { readonly fromMs: number; readonly untilMs: number }>()
  #versions = 0

  constructor(time: VirtualTime) {
    this.time = time
  }

  write(lease: Omit<StoredLease, 'version' | 'mark'>): StoredLease {
    this.#versions += 1
    this.lease = { ...lease, version: `v${this.#versions}`, mark: `m${this.#versions}` }
    return this.lease
  }

  store(candidate: string): LeaseStore {
    const clock = this.time.clock()
    const call = async <T>(effect: () => T): Promise<T> => {
      const { fromMs, untilMs } = this.outages.get(candidate) ?? { fromMs: 0, untilMs: 0 }
      const isCutOff = this.time.nowMs >= fromMs && this.time.nowMs < untilMs
      const way = isCutOff ? HANGS : (this.ways.get(candidate)?.shift() ?? this.usual)
      await clock.sleep(way.thereMs)
      if (way.fate === 'request lost') return new Promise<T>(() => {})
      if (way.fate === 'refused') throw new StorageError('unavailable', 'the API server is down')
      const answer = effect()
      await clock.sleep(way.backMs)
      return way.fate === 'answer lost' ? new Promise<T>(() => {}) : answer
    }
    return {
      get: () => call(() => this.lease),
      create: wanted => call(() => (this.lease === undefined ? this.write(wanted) : 'exists')),
      update: (wanted, version) =>
        call(() => (this.lease?.version === version ? this.write(wanted) : 'changed')),
    }
  }
}

/** A controller: it acquires, keeps, and ends when it loses. */
function candidate(server: Server, name: string, clock = server.time.clock()) {
  const lease = new Lease({ store: server.store(name), holder: name, clock, log: silentLog })
  const stopped = new AbortController()
  const state = { lost: undefined as string | undefined, acquired: false }
  const run = async () => {
    await lease.acquire(stopped.signal)
    state.acquired = true
    state.lost = await lease.keep(stopped.signal)
  }
  const running = run().catch(() => {})
  return {
    state,
    isHeld: () => state.lost === undefined && lease.isHeld(),
    stop: async () => {
      stopped.abort()
      await running
      await lease.release()
    },
  }
}

function scene() {
  const time = new VirtualTime()
  const server = new Server(time)
  return { time, server, start: (name: string) => candidate(server, name) }
}

test('the first candidate makes the lease, the second waits as long as it is renewed', async () => {
  const { time, server, start } = scene()
  const a = start('a')
  await time.pass(100)
  const b = start('b')
  await time.pass(120_000)

  expect([a.isHeld(), b.isHeld()]).toEqual([true, false])
  expect(server.lease).toMatchObject({ holder: 'a', durationSeconds: 15, transitions: 0 })
})

test.each([
  { what: 'a lease that nobody has made' },
  { what: 'a lease that nobody holds', lease: { holder: '', durationSeconds: 15, transitions: 2 } },
])('of two that reach for $what at one moment, one gets it', async ({ lease }) => {
  const { time, server, start } = scene()
  if (lease) server.write(lease)
  const both = [start('a'), start('b')]
  await time.pass(1_000)

  expect(both.filter(({ isHeld }) => isHeld())).toHaveLength(1)
})

test('a holder that ends in peace lets the next one in at once', async () => {
  const { time, server, start } = scene()
  const a = start('a')
  await time.pass(100)
  const b = start('b')
  await time.pass(5_000)
  void a.stop()
  await time.pass(10)
  expect(server.lease?.holder).toBe('')
  await time.pass(2_100)

  expect(b.isHeld()).toBe(true)
  expect(server.lease).toMatchObject({ holder: 'b', transitions: 1 })
})

test('a dead holder is waited for as long as the lease lasts, by the time of who waits', async () => {
  const { time, server, start } = scene()
  server.write({ holder: 'dead', durationSeconds: 15, transitions: 3 })
  const b = start('b')
  await time.pass(14_900)
  expect(b.isHeld()).toBe(false)
  await time.pass(2_200)

  expect(b.isHeld()).toBe(true)
  expect(server.lease).toMatchObject({ holder: 'b', transitions: 4 })
})

test('a holder that asked for more than the usual time gets it', async () => {
  const { time, server, start } = scene()
  server.write({ holder: 'dead', durationSeconds: 60, transitions: 0 })
  const b = start('b')
  await time.pass(59_000)
  expect(b.isHeld()).toBe(false)
  await time.pass(4_000)
  expect(b.isHeld()).toBe(true)
})

test('without an API server nobody becomes the holder, and the first answer changes that', async () => {
  const { time, server, start } = scene()
  server.usual = DOWN
  const a = start('a')
  await time.pass(60_000)
  expect(a.isHeld()).toBe(false)
  server.usual = PROMPT
  await time.pass(2_100)
  expect(a.isHeld()).toBe(true)
})

test.each([
  { what: 'refuses calls', usual: DOWN },
  { what: 'does not answer', usual: HANGS },
])('a holder whose API server $what has given up after ten seconds', async ({ usual }) => {
  const { time, server, start } = scene()
  const a = start('a')
  await time.pass(6_000)
  server.usual = usual
  await time.pass(8_900)
  expect(a.state.lost).toBeUndefined()
  await time.pass(500)

  expect(a.state.lost).toContain('it was not renewed for 10 s: ')
  expect(a.isHeld()).toBe(false)
})

test('the ten seconds count from before a call whose answer was slow', async () => {
  const { time, server, start } = scene()
  const a = start('a')
  await time.pass(4_000)
  server.ways.set('a', [{ ...PROMPT, backMs: 1_900 }])
  server.usual = DOWN
  await time.pass(11_200)

  expect(a.isHeld()).toBe(false)
})

test('a silence shorter than that costs nothing', async () => {
  const { time, server, start } = scene()
  const a = start('a')
  await time.pass(6_000)
  server.usual = HANGS
  await time.pass(8_000)
  server.usual = PROMPT
  await time.pass(60_000)

  expect(a.isHeld()).toBe(true)
  expect(server.lease).toMatchObject({ holder: 'a', transitions: 0 })
})

test('an update that took effect without an answer is known for its own', async () => {
  const { time, server, start } = scene()
  const a = start('a')
  await time.pass(4_000)
  server.ways.set('a', [{ ...PROMPT, fate: 'answer lost' }])
  await time.pass(60_000)

  expect(a.isHeld()).toBe(true)
  expect(server.lease?.transitions).toBe(0)
})

test('an acquisition that took effect without an answer is known for its own', async () => {
  const { time, server, start } = scene()
  server.ways.set('a', [PROMPT, { ...PROMPT, fate: 'answer lost' }])
  const a = start('a')
  await time.pass(6_000)

  expect(a.isHeld()).toBe(true)
})

test('an acquisition whose answer was lost is given back by who ends before it knows', async () => {
  const { time, server, start } = scene()
  server.ways.set('a', [PROMPT, { ...PROMPT, fate: 'answer lost' }])
  const a = start('a')
  await time.pass(1_000)
  expect(server.lease?.holder).toBe('a')
  void a.stop()
  await time.pass(1_000)

  expect(server.lease?.holder).toBe('')
})

test.each([
  { what: 'gave it to another', holder: 'b', why: 'it is held by b' },
  { what: 'took it away', holder: '', why: 'it is held by nobody' },
])('a holder ends where somebody $what', async ({ holder, why }) => {
  const { time, server, start } = scene()
  const a = start('a')
  await time.pass(6_000)
  server.write({ holder, durationSeconds: 15, transitions: 1 })
  await time.pass(6_000)

  expect(a.state.lost).toBe(why)
})

test('a lease that somebody annotates is still the same lease', async () => {
  const { time, server, start } = scene()
  const a = start('a')
  await time.pass(6_000)
  if (server.lease) server.lease = { ...server.lease, version: 'annotated' }
  await time.pass(60_000)

  expect(a.isHeld()).toBe(true)
})

test('a lease that somebody deletes is made again by its holder', async () => {
  const { time, server, start } = scene()
  const a = start('a')
  await time.pass(6_000)
  server.lease = undefined
  await time.pass(6_000)

  expect(a.isHeld()).toBe(true)
  expect(server.lease).toMatchObject({ holder: 'a' })
})

test('a process that was stopped for a while does not believe that it still holds the lease', async () => {
  const time = new VirtualTime()
  const server = new Server(time)
  let jumpMs = 0
  const clock = time.clock()
  const a = candidate(server, 'a', { ...clock, nowMs: () => clock.nowMs() + jumpMs })
  await time.pass(6_000)
  expect(a.isHeld()).toBe(true)
  // Before any of its timers has run.
  jumpMs = 30_000

  expect(a.isHeld()).toBe(false)
})

const way: fc.Arbitrary<Way> = fc.record({
  thereMs: fc.nat(30_000),
  backMs: fc.nat(30_000),
  fate: fc.constantFrom('answered', 'answered', 'refused', 'request lost', 'answer lost'),
})
/** Most calls are prompt: otherwise nobody ever holds anything. */
const ways = fc.array(
  fc.oneof({ weight: 3, arbitrary: fc.constant(PROMPT) }, { weight: 2, arbitrary: way }),
  {
    maxLength: 30,
  },
)
const host = fc.record({
  offsetMs: fc.integer({ min: -86_400_000, max: 86_400_000 }),
  rate: fc.double({ min: 0.9, max: 1.1, noNaN: true }),
  startsMs: fc.nat(20_000),
  stopsMs: fc.option(fc.integer({ min: 20_000, max: 120_000 }), { nil: undefined }),
  outage: fc.record({ fromMs: fc.nat(100_000), lengthMs: fc.nat(60_000) }),
  ways,
})

test('two never hold it at one moment, and at last somebody does, whatever the ways and clocks', async () => {
  await fc.assert(
    fc.asyncProperty(host, host, host, async (...hosts) => {
      const time = new VirtualTime()
      const server = new Server(time)
      const running: { name: string; isHeld: () => boolean; isStopped: boolean }[] = []
      for (const [at, { startsMs, stopsMs, outage, ways, offsetMs, rate }] of hosts.entries()) {
        const name = `host ${at}`
        const untilMs = outage.fromMs + outage.lengthMs
        server.outages.set(name, { fromMs: outage.fromMs, untilMs })
        const begin = async () => {
          const clock = time.clock()
          await clock.sleep(startsMs)
          server.ways.set(name, [...ways])
          const { isHeld, stop } = candidate(server, name, time.clock({ offsetMs, rate }))
          const entry = { name, isHeld, isStopped: false }
          running.push(entry)
          if (stopsMs === undefined) return
          await clock.sleep(stopsMs - startsMs)
          entry.isStopped = true
          await stop().catch(() => {})
        }
        void begin()
      }
      const faults: string[] = []
      await time.pass(150_000, () => {
        const holders = running.filter(({ isHeld }) => isHeld())
        if (holders.length > 1) faults.push(`${time.nowMs}: ${holders.map(({ name }) => name)}`)
      })
      expect(faults).toEqual([])

      // Whoever lost it has ended: another one comes in its place, and nothing is in the way.
      server.ways.clear()
      server.outages.clear()
      const last = candidate(server, 'last', time.clock())
      await time.pass(60_000)
      const holders = [...running, last].filter(({ isHeld }) => isHeld())
      expect(holders).toHaveLength(1)
    }),
    { numRuns: 150 },
  )
}, 120_000)
