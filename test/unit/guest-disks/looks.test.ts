import { type GuestAccess, Looks } from '../../../src/guest-disks/looks.ts'

type Answer = Awaited<ReturnType<ConstructorParameters<typeof Looks>[0]['controller']['ListDisks']>>

/** Looks whose answers a test gives, in whatever order. */
function looks(guests: ReadonlyMap<string, GuestAccess> = new Map()) {
  const asked: ((answer: Answer) => void)[] = []
  const controller = { ListDisks: () => new Promise<Answer>(resolve => asked.push(resolve)) }
  return { looks: new Looks({ controller, guests }), asked }
}

const EMPTY: Answer = { disks: [], silences: [] }
const SILENT: Answer = { disks: [], silences: [{ pool: 'gold', machine: '', reason: 'silent' }] }

test('an older look never replaces a younger one, whichever answers first', async () => {
  const { looks: seen, asked } = looks()
  const older = seen.lookAt('gold/v-1')
  const younger = seen.lookAtAll(new Set(), () => {})
  asked[1]?.(SILENT)
  await younger
  asked[0]?.(EMPTY)
  await older
  expect(seen.attachment('gold/v-1', 'm1/ldg1').kind).toBe('unknown')

  const all = seen.lookAtAll(new Set(), () => {})
  const one = seen.lookAt('gold/v-1')
  asked[3]?.(EMPTY)
  await one
  asked[2]?.(SILENT)
  await all
  expect(seen.attachment('gold/v-1', 'm1/ldg1').kind).toBe('none')
})

test('what was seen in a guest that has no disks any more is forgotten', async () => {
  let count = 0
  const look = async () => {
    count += 1
    return []
  }
  const guests = new Map([['m1/ldg1', { calls: Object.create(null), look }]])
  const { looks: seen, asked } = looks(guests)
  await seen.lookFirstInto('m1/ldg1')
  await seen.lookFirstInto('m1/ldg1')
  expect(count).toBe(1)

  const all = seen.lookAtAll(new Set(), () => {})
  asked[0]?.(EMPTY)
  await all
  await seen.lookFirstInto('m1/ldg1')

  expect(count).toBe(2)
})

test('a guest that does not answer holds up the look at no other', async () => {
  const silent = { calls: Object.create(null), look: () => new Promise<never>(() => {}) }
  const quick = { calls: Object.create(null), look: async () => [] }
  const guests = new Map([
    ['m1/ldg1', silent],
    ['m1/ldg2', quick],
  ])
  const { looks: seen, asked } = looks(guests)
  const looked: string[] = []

  void seen.lookAtAll(new Set(guests.keys()), guest => looked.push(guest))
  asked[0]?.(EMPTY)
  await new Promise(resolve => setImmediate(resolve))

  expect(looked).toEqual(['m1/ldg2'])
  expect(seen.mount('gold/v-1', 'm1/ldg2').kind).toBe('none')
})
