import { findRival } from '../../../src/guest-disks/rivals.ts'
import { readGuestDisk } from '../../../src/kubernetes/cluster-readers.ts'
import type { DiskWrites } from '../../../src/kubernetes/disk-writes.ts'

const disk = (name: string, second: number, volume?: string) =>
  readGuestDisk({
    metadata: {
      ...{ name, namespace: 'shop', uid: name, resourceVersion: '1' },
      creationTimestamp: `2026-11-29T00:00:0${second}Z`,
    },
    spec: { claimName: 'orders', guest: 'm1/ldg1', mountPath: '/data' },
    status: volume === undefined ? {} : { volume },
  })

/** As a cache has them, and as the API server has them by now. */
async function rivalOf(name: string, cached: readonly ReturnType<typeof disk>[], now = cached) {
  const [own] = cached.filter(({ meta }) => meta.name === name)
  if (own === undefined) throw new Error(`no disk ${name}`)
  const readDisk: DiskWrites['readDisk'] = async asked =>
    now.find(({ meta }) => meta.name === asked.name)
  const view = { disksOfClaim: () => cached }
  const tools = Object.assign(Object.create(null), { view, writes: { readDisk } })
  return (await findRival(own, tools))?.meta.name
}

test('the older of two acts', async () => {
  const both = [disk('a', 2), disk('b', 1)]
  expect(await rivalOf('a', both)).toBe('b')
  expect(await rivalOf('b', both)).toBeUndefined()
})

test('the one that has begun acts, although a cache does not know it yet', async () => {
  const cached = [disk('a', 1), disk('b', 2)]
  const now = [disk('a', 1), disk('b', 2, 'gold/v-1')]
  expect(await rivalOf('a', cached, now)).toBe('b')
  expect(await rivalOf('b', now)).toBeUndefined()
})

test('a rival that has gone meanwhile is none', async () => {
  expect(await rivalOf('a', [disk('a', 2), disk('b', 1)], [disk('a', 2)])).toBeUndefined()
})
