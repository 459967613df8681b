// A volume that has grown grows in its guests, and only then the claim says so.

import { MiB } from '../../../src/model/volumes.ts'
import { CLAIMS, partOf, resizeClaim, resizeVolume, VOLUMES } from './objects.ts'
import { type GuestDisksWorld, guestDisksWorld } from './world.ts'

let world: GuestDisksWorld
beforeEach(async () => {
  world = await guestDisksWorld()
})
afterEach(() => world.end())

const SIZE = 64 * MiB

const claim = (name: string) => partOf(world.cluster.objects.get(`${CLAIMS}/${name}`)?.status)

async function grow(name: string): Promise<void> {
  const [disk] = world.cluster.of(`${VOLUMES}/pvc-${name}`)
  const { volumeHandle } = partOf(partOf(disk?.spec).csi)
  const range = { requiredBytes: SIZE, limitBytes: 0 }
  await world.driver.changes.expandVolume(String(volumeHandle), range)
}

test('the file system grows, and the claim has the new size', async () => {
  await world.claim('orders')
  world.putDisk('orders', { guest: 'm1/ldg1', mountPath: '/export/orders' })
  await world.pass(5)

  await grow('orders')
  world.resize('orders', SIZE)
  await world.pass(10)

  expect(claim('orders')).toMatchObject({ capacity: { storage: '64Mi' }, conditions: [] })
  await world.pass(60)
  expect(world.disk('orders')?.status.size).toBe('64Mi')
})

test('a claim that arrives before its volume waits for the size', async () => {
  await world.claim('orders')
  world.putDisk('orders', { guest: 'm1/ldg1', mountPath: '/export/orders' })
  await world.pass(5)

  await grow('orders')
  resizeClaim(world.cluster, 'orders', SIZE)
  await world.pass(10)
  expect(claim('orders')).toMatchObject({ conditions: [{ type: 'FileSystemResizePending' }] })

  resizeVolume(world.cluster, 'orders', SIZE)
  await world.pass(10)
  expect(claim('orders')).toMatchObject({ capacity: { storage: '64Mi' }, conditions: [] })
})

test('a shared volume has grown when all its guests have seen it', async () => {
  const host = world.world.guests.get('m2/ldg1')?.host
  if (host === undefined) throw new Error('no host')
  await world.claim('shared', { mode: 'Block', accessModes: ['ReadWriteMany'] })
  for (const guest of ['m1/ldg1', 'm2/ldg1']) {
    const name = `shared-${guest.slice(0, 2)}`
    world.putDisk(name, { claimName: 'shared', guest, devicePath: '/dev/shared' })
  }
  await world.pass(5)

  await grow('shared')
  host.down = true
  world.resize('shared', SIZE)
  await world.pass(20)
  expect(claim('shared')).toMatchObject({ conditions: [{ type: 'FileSystemResizePending' }] })

  host.down = false
  await world.pass(70)
  expect(claim('shared')).toMatchObject({ capacity: { storage: '64Mi' }, conditions: [] })
})
