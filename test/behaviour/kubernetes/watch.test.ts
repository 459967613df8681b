// A watch over HTTPS, as in a pod.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ApiServer } from '../../../src/kubernetes/api-server.ts'
import { GUEST_DISKS } from '../../../src/kubernetes/cluster-objects.ts'
import { SimApiServer } from '../../support/api-server.ts'
import { diskObject, SHOP_DISKS } from '../../support/cluster-objects.ts'

let directory = ''
let server: SimApiServer
const opened: ApiServer[] = []
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'watch-'))
  server = new SimApiServer(directory)
  await server.listen()
})
afterEach(async () => {
  for (const each of opened.splice(0)) each.close()
  await server.close()
  await rm(directory, { recursive: true })
})

const WATCH = `${GUEST_DISKS}?watch=1&resourceVersion=0`
const endless = new AbortController().signal

function connect(silenceMs = 60_000): ApiServer {
  const { port, serviceAccount } = server
  const api = new ApiServer({
    host: '127.0.0.1',
    port,
    userAgent: 'test/1',
    serviceAccount,
    silenceMs,
  })
  opened.push(api)
  return api
}

test('each change arrives as it happens, until the server ends the watch', async () => {
  const events = connect().watch(WATCH, endless)
  const first = events.next()
  server.put(`${SHOP_DISKS}/a`, diskObject({ metadata: { labels: { of: 'Ærø'.repeat(50_000) } } }))
  expect(await first).toMatchObject({
    value: { type: 'ADDED', object: { spec: diskObject().spec } },
  })
  server.delete(`${SHOP_DISKS}/a`)
  expect(await events.next()).toMatchObject({
    value: { type: 'DELETED', object: { metadata: { labels: { of: 'Ærø'.repeat(50_000) } } } },
  })
  server.endWatches()

  expect(await events.next()).toEqual({ done: true, value: undefined })
})

test.each([
  { what: 'is cut', act: () => server.endWatches('cut') },
  { what: 'ends within a line', act: () => server.breakLines() },
  { what: 'sends what is no JSON', act: () => server.babble() },
])('a watch that $what is a failure, not an end', async ({ act }) => {
  const events = connect().watch(WATCH, endless)
  const next = events.next()
  await server.watched()
  act()

  await expect(next).rejects.toMatchObject({ kind: 'unavailable' })
})

test('silence for longer than the limit is a failure', async () => {
  const events = connect(200).watch(WATCH, endless)

  await expect(events.next()).rejects.toMatchObject({ kind: 'unavailable' })
})

test('whoever may not watch gets the words of the server', async () => {
  server.faults.set(`GET ${GUEST_DISKS}`, 403)
  await expect(connect().watch(WATCH, endless).next()).rejects.toMatchObject({
    kind: 'permission-denied',
    message: `the API server answers GET ${GUEST_DISKS} with: as the test wishes`,
  })
})

test('watches that go on leave connections for requests', async () => {
  const api = connect()
  const watches = Array.from({ length: 6 }, () => api.watch(WATCH, endless).next())
  await server.watched(6)

  expect(await api.send({ method: 'GET', path: GUEST_DISKS })).toMatchObject({ status: 200 })
  server.endWatches()
  await Promise.all(watches)
})

test('whoever does not want it any more ends it, and the server sees it', async () => {
  const stop = new AbortController()
  const next = connect().watch(WATCH, stop.signal).next()
  await server.watched()
  stop.abort()
  await expect(next).rejects.toMatchObject({ kind: 'unavailable' })
  await server.watched(0)
})
