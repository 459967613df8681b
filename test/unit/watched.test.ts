import { GUEST_DISKS, type GuestDiskObject } from '../../src/kubernetes/cluster-objects.ts'
import { readGuestDisk } from '../../src/kubernetes/cluster-readers.ts'
import { Watched } from '../../src/kubernetes/watched.ts'
import { type LogFields, silentLog } from '../../src/log.ts'
import { Cluster } from '../support/cluster-api/cluster.ts'
import { diskObject, SHOP_DISKS } from '../support/cluster-objects.ts'
import { VirtualTime } from '../support/virtual-clock.ts'

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

function scene() {
  const time = new VirtualTime()
  const cluster = new Cluster()
  const changed: string[] = []
  const lines: string[] = []
  const tell = (level: string) => (_: LogFields, message: string) =>
    void lines.push(`${level} ${message}`)
  const disks = new Watched<GuestDiskObject>({
    api: cluster.api,
    clock: time.clock(),
    log: { ...silentLog, info: tell('info'), warn: tell('warn') },
    path: GUEST_DISKS,
    read: readGuestDisk,
  })
  disks.onChange(key => changed.push(`${key} ${disks.get(key)?.status.volume ?? 'gone'}`))
  const start = async () => {
    const stop = disks.start()
    stops.push(stop)
    await time.pass(0)
    return stop
  }
  const put = (name: string, volume: string) =>
    cluster.put(`${SHOP_DISKS}/${name}`, diskObject({ status: { volume } }))
  const names = () => [...disks.all()].map(({ meta }) => meta.name).toSorted()
  const lists = () => cluster.requests.filter(each => !each.includes('watch=1')).length
  return { time, cluster, changed, lines, disks, start, put, names, lists }
}

test('what is there is known when the first list has arrived, and not before', async () => {
  const { cluster, time, disks, changed, put, start } = scene()
  put('a', 'v1')
  cluster.faults.set('GET', 500)
  await start()
  expect(disks.isComplete()).toBe(false)
  cluster.faults.clear()
  await time.pass(1_000)

  expect(disks.isComplete()).toBe(true)
  expect(disks.get('shop/a')?.status.volume).toBe('v1')
  expect(changed).toEqual(['shop/a v1'])
})

test('each change is told once, with the state that it led to', async () => {
  const { cluster, time, changed, put, start, lists } = scene()
  await start()
  put('a', 'v1')
  await time.pass(0)
  put('a', 'v2')
  put('a', 'v3')
  await time.pass(0)
  cluster.delete(`${SHOP_DISKS}/a`)
  await time.pass(0)

  expect(changed).toEqual(['shop/a v1', 'shop/a v2', 'shop/a v3', 'shop/a gone'])
  expect(lists()).toBe(1)
})

test('a list is read page by page, and all pages are of one moment', async () => {
  const { cluster, names, put, start, lists } = scene()
  const all = Array.from({ length: 600 }, (_, at) => `d${String(at).padStart(3, '0')}`)
  for (const name of all) put(name, 'v1')
  cluster.before = asked => {
    if (asked.includes('continue')) put('d000', `changed by ${cluster.requests.length}`)
  }
  await start()

  expect(names()).toEqual(all)
  expect(lists()).toBe(3)
  expect(cluster.requests.at(-1)).toContain('resourceVersion=600&')
})

test('a page that is too old begins the list again, and shows no half of it', async () => {
  const { cluster, time, disks, names, put, start } = scene()
  for (let at = 0; at < 300; at++) put(`d${at}`, 'v1')
  let isFirst = true
  cluster.before = asked => {
    if (isFirst && asked.includes('continue')) {
      cluster.compact()
      isFirst = false
    }
  }
  await start()
  expect([disks.isComplete(), names()]).toEqual([false, []])
  await time.pass(1_000)

  expect([disks.isComplete(), names().length]).toEqual([true, 300])
})

test('a watch that the server ends goes on where it was, without another list', async () => {
  const { cluster, time, changed, put, start, lists } = scene()
  await start()
  put('a', 'v1')
  await time.pass(480_000)
  cluster.endWatches()
  cluster.put(`${SHOP_DISKS}/a`, diskObject({ status: { volume: 'v2' } }))
  await time.pass(0)

  expect(changed).toEqual(['shop/a v1', 'shop/a v2'])
  expect(lists()).toBe(1)
})

test('a bookmark carries a quiet watch over what the server forgets', async () => {
  const { cluster, time, put, start, lists, changed } = scene()
  await start()
  cluster.put('/api/v1/namespaces/shop/persistentvolumeclaims/other', {})
  cluster.bookmarks()
  cluster.compact()
  await time.pass(480_000)
  cluster.endWatches()
  await time.pass(0)
  put('a', 'v1')
  await time.pass(0)

  expect([lists(), changed]).toEqual([1, ['shop/a v1']])
})

test.each([
  { what: 'cut', break: (cluster: Cluster) => cluster.endWatches('cut') },
  {
    what: 'ended, and its version too old',
    break: (cluster: Cluster) => {
      cluster.put('/api/v1/persistentvolumes/other', {})
      cluster.compact()
      cluster.endWatches()
    },
  },
])('a deletion behind a watch that is $what is not lost', async ({ break: breakIt }) => {
  const { cluster, time, changed, names, put, start } = scene()
  put('a', 'v1')
  put('b', 'v1')
  await start()
  cluster.isHeldBack = true
  cluster.delete(`${SHOP_DISKS}/a`)
  put('c', 'v1')
  await time.pass(2_000)
  breakIt(cluster)
  await time.pass(2_000)

  expect(names()).toEqual(['b', 'c'])
  expect(changed.slice(2).toSorted()).toEqual(['shop/a gone', 'shop/c v1'])
})

test('another object of the same name is a change, with the uid of the new one', async () => {
  const { cluster, time, changed, disks, put, start } = scene()
  put('a', 'v1')
  await start()
  const before = disks.get('shop/a')?.meta.uid
  cluster.isHeldBack = true
  cluster.delete(`${SHOP_DISKS}/a`)
  put('a', 'v1')
  cluster.endWatches('cut')
  await time.pass(2_000)

  expect(changed).toEqual(['shop/a v1', 'shop/a v1'])
  expect(disks.get('shop/a')?.meta.uid).not.toBe(before)
})

test('an event that the server loses for good is found by the next list', async () => {
  const { cluster, time, names, put, start } = scene()
  put('a', 'v1')
  await start()
  cluster.loseNextEvents(1)
  cluster.delete(`${SHOP_DISKS}/a`)
  put('b', 'v1')
  await time.pass(0)
  expect(names()).toEqual(['a', 'b'])
  await time.pass(30 * 60_000)
  cluster.endWatches()
  await time.pass(0)

  expect(names()).toEqual(['b'])
})

test('an event of before does not bring an older state back: everything is listed', async () => {
  const { cluster, time, changed, put, start, lists } = scene()
  await start()
  put('a', 'v1')
  const [first] = cluster.changes
  put('a', 'v2')
  await time.pass(0)
  cluster.say({ type: 'MODIFIED', object: first?.object })
  await time.pass(2_000)

  expect(changed).toEqual(['shop/a v1', 'shop/a v2'])
  expect(lists()).toBe(2)
})

test('versions are numbers: what comes after 99 is no step back', async () => {
  const { time, changed, put, start, lists } = scene()
  await start()
  for (let at = 1; at <= 101; at++) put('a', `v${at}`)
  await time.pass(0)

  expect([lists(), changed.length]).toEqual([1, 101])
})

test('an error within a watch is followed by a list, even if the watch goes on', async () => {
  const { cluster, time, names, put, start } = scene()
  put('a', 'v1')
  await start()
  await time.pass(60_000)
  cluster.loseNextEvents(1)
  cluster.delete(`${SHOP_DISKS}/a`)
  cluster.say({ type: 'ERROR', object: { kind: 'Status', code: 410, message: 'too old' } })
  await time.pass(2_000)

  expect(names()).toEqual([])
})

test('a server that goes back to a backup is believed', async () => {
  const { cluster, time, names, put, start } = scene()
  put('a', 'v1')
  await start()
  put('b', 'v1')
  await time.pass(0)
  cluster.objects.delete(`${SHOP_DISKS}/b`)
  cluster.say({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '1' } } })
  await time.pass(2_000)

  expect(names()).toEqual(['a'])
})

test('while the server is away it is asked less and less often, and every half minute at least', async () => {
  const { cluster, time, lines, put, names, start } = scene()
  await start()
  cluster.stop()
  const asked = async (ms: number) => {
    const before = cluster.requests.length
    await time.pass(ms)
    return cluster.requests.length - before
  }
  expect(await asked(15_000)).toBe(4)
  await asked(16_000)
  expect(await asked(300_000)).toBe(10)
  expect(new Set(lines)).toEqual(
    new Set([
      'info objects of the cluster must be listed again',
      'warn objects of the cluster must be listed again',
    ]),
  )
  cluster.start()
  put('a', 'v1')
  await time.pass(30_000)

  expect(names()).toEqual(['a'])
})

test('a server that ends every watch at once is not asked without a pause', async () => {
  const { cluster, time, start } = scene()
  cluster.endsWatchesAtOnce = true
  await start()
  await time.pass(60_000)

  expect(cluster.requests.length).toBeLessThan(20)
})

test('an object that nobody can read is no reason to forget the others', async () => {
  const { cluster, time, names, put, start } = scene()
  put('a', 'v1')
  await start()
  cluster.put(`${SHOP_DISKS}/b`, { spec: { guest: 7 } })
  put('c', 'v1')
  await time.pass(10_000)
  expect(names()).toEqual(['a'])
  put('b', 'v1')
  await time.pass(30_000)

  expect(names()).toEqual(['a', 'b', 'c'])
})

test('whoever stops it waits for its end, and hears of nothing afterwards', async () => {
  const { cluster, time, changed, put, start } = scene()
  const stop = await start()
  await stop()
  put('a', 'v1')
  cluster.bookmarks()
  await time.pass(60_000)

  expect(changed).toEqual([])
  expect(cluster.requests).toHaveLength(2)
})
