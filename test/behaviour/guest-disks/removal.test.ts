// A disk that is deleted leaves its guest first. What is not safe waits, and says for what.

import { GUEST_DISK_FINALIZER } from '../../../src/kubernetes/disk-writes.ts'
import { CLAIMS, DISKS, NAMESPACE } from './objects.ts'
import { type GuestDisksWorld, guestDisksWorld } from './world.ts'

let world: GuestDisksWorld
beforeEach(async () => {
  world = await guestDisksWorld()
  await world.claim('orders')
  world.putDisk('orders', { guest: 'm1/ldg1', mountPath: '/export/orders' })
  await world.pass(5)
})
afterEach(() => world.end())

const claim = () => world.cluster.objects.get(`${CLAIMS}/orders`)
const machine = () => world.world.machine('m1')
const guestHost = () => {
  const host = world.world.guests.get('m1/ldg1')?.host
  if (host === undefined) throw new Error('no host')
  return host
}
const hasDisk = () => machine().guestDisks('ldg1').list().length > 0

test('unmounted, detached, then gone; the claim stays', async () => {
  world.deleteDisk('orders')
  await world.pass(10)

  expect(world.disk('orders')).toBeUndefined()
  expect(hasDisk()).toBe(false)
  expect(claim()?.metadata.finalizers ?? []).toEqual([])
  expect(await world.driver.audit()).toEqual([])
})

test('a claim that is deleted waits for its disk, and says so', async () => {
  world.cluster.delete(`${CLAIMS}/orders`)
  await world.pass(70)
  expect(claim()).toBeDefined()
  expect(world.condition('orders', 'Ready')).toBe('True Ready')
  expect(world.events('orders')).toContain('StillUsed')

  world.deleteDisk('orders')
  await world.pass(10)
  expect(world.disk('orders')).toBeUndefined()
  expect(claim()).toBeUndefined()
})

test('a claim is held until the last of its disks has left', async () => {
  const held = () => claim()?.metadata.finalizers?.includes(GUEST_DISK_FINALIZER) === true
  world.putDisk('second', { claimName: 'orders', guest: 'm1/ldg1', mountPath: '/export/second' })
  await world.claim('shared', { mode: 'Block', accessModes: ['ReadWriteMany'] })
  for (const guest of ['m1/ldg1', 'm2/ldg1']) {
    const spec = { claimName: 'shared', guest, devicePath: '/dev/shared' }
    world.putDisk(`shared-${guest.slice(0, 2)}`, spec)
  }
  await world.pass(5)
  const from = world.cluster.changes.length

  world.deleteDisk('shared-m1')
  await world.pass(10)
  expect(world.disk('shared-m1')).toBeUndefined()
  const versions = world.cluster.changes
    .slice(from)
    .flatMap(({ path, object }) => (path === `${CLAIMS}/shared` ? [object.metadata] : []))
  expect(versions).toEqual([])

  // Somebody takes all finalizers away, and with them what would have let the claim go.
  const disks = world.cluster.of(DISKS).filter(({ metadata }) => metadata.name !== 'shared-m2')
  expect(held()).toBe(true)
  for (const { metadata } of disks) {
    world.cluster.removeFinalizer(`${DISKS}/${metadata.name}`, GUEST_DISK_FINALIZER)
    world.deleteDisk(metadata.name)
  }
  await world.pass(10)
  expect(held()).toBe(false)
})

test('what a claim that is being deleted has lost is not given back', async () => {
  world.cluster.delete(`${CLAIMS}/orders`)
  world.world.machine('m1').rebootGuest('ldg1')
  await world.driver.attachments.detach(world.disk('orders')?.status.volume ?? '', {
    machine: 'm1',
    guest: 'ldg1',
  })
  await world.pass(70)

  expect(world.condition('orders', 'Ready')).toBe('False ClaimLeaving')
  expect(hasDisk()).toBe(false)
})

test('a namespace that is deleted takes everything along, in its own order', async () => {
  world.cluster.deleteNamespace(NAMESPACE)
  await world.pass(30)

  expect(world.disk('orders')).toBeUndefined()
  expect(claim()).toBeUndefined()
  expect(hasDisk()).toBe(false)
})

test('a guest that is off is detached without being asked', async () => {
  machine().setGuest('ldg1', { state: 'bound' })
  guestHost().down = true

  world.deleteDisk('orders')
  await world.pass(10)

  expect(world.disk('orders')).toBeUndefined()
  expect(hasDisk()).toBe(false)
})

test('a guest that is in no configuration any more keeps its disk, and the status says what to do', async () => {
  const [, ...others] = world.around.guests
  world.around.guests = others
  await world.restart()
  world.deleteDisk('orders')
  await world.pass(10)

  expect(world.condition('orders', 'Ready')).toBe('False NoLogin')
  expect(world.condition('orders', 'Bound')).toBe('True Bound')
  expect(hasDisk()).toBe(true)
})

test('a running guest that does not answer keeps its disk, until it answers', async () => {
  guestHost().down = true
  world.deleteDisk('orders')
  await world.pass(30)
  expect(world.condition('orders', 'Ready')).toBe('False GuestSilent')
  expect(world.message('orders')).toMatch(/kubectl annotate guestdisk/)
  expect(hasDisk()).toBe(true)

  guestHost().down = false
  await world.pass(70)
  expect(world.disk('orders')).toBeUndefined()
  expect(hasDisk()).toBe(false)
})

test('a silent Linux guest, which would not object, keeps its disk, too', async () => {
  const host = world.world.guests.get('m1/ldg2')?.host
  if (host === undefined) throw new Error('no host')
  await world.claim('linux')
  world.putDisk('linux', { guest: 'm1/ldg2', mountPath: '/srv/linux' })
  await world.pass(5)
  expect(world.condition('linux', 'Ready')).toBe('True Ready')

  host.down = true
  world.deleteDisk('linux')
  await world.pass(30)
  expect(world.condition('linux', 'Ready')).toBe('False GuestSilent')
  expect(machine().guestDisks('ldg2').list()).toHaveLength(1)
})

describe('abandoned', () => {
  const abandon = (guest = 'm1/ldg1') => {
    const path = `/apis/ldom-csi.io/v1alpha1/namespaces/${NAMESPACE}/guestdisks/orders`
    const disk = world.cluster.objects.get(path)
    if (disk === undefined) throw new Error('no disk')
    const annotations = { 'ldom-csi.io/abandon': `${guest} is gone` }
    world.cluster.put(path, { ...disk, metadata: { ...disk.metadata, annotations } })
  }

  test('a guest that runs is not given up', async () => {
    guestHost().down = true
    world.deleteDisk('orders')
    abandon()
    await world.pass(30)

    expect(world.condition('orders', 'Ready')).toBe('False GuestNotGone')
    expect(hasDisk()).toBe(true)
  })

  test('a guest whose pool is silent is not given up: it may well run', async () => {
    world.world.host('storage1').down = true
    world.deleteDisk('orders')
    abandon()
    await world.pass(30)

    expect(world.condition('orders', 'Ready')).toBe('False NotObserved')
  })

  test('a guest of a silent machine is: the object goes, and nobody else gets the volume', async () => {
    guestHost().down = true
    for (const host of ['m1-primary', 'm1-alternate']) world.world.host(host).down = true
    world.deleteDisk('orders')
    await world.pass(30)
    expect(world.disk('orders')).toBeDefined()

    abandon('m1/ldg2')
    await world.pass(30)
    expect(world.disk('orders')).toBeDefined()

    abandon()
    await world.pass(30)
    expect(world.disk('orders')).toBeUndefined()
    expect(world.events('orders')).toContain('Abandoned')
  })
})
