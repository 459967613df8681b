// GuestDisks of guests of Xen: given, back after a guest or dom0 was started anew, and taken away.

import { type GuestDisksWorld, guestDisksWorld } from '../guest-disks/world.ts'

let world: GuestDisksWorld
beforeEach(async () => {
  world = await guestDisksWorld({ setting: 'xen' })
})
afterEach(() => world.end())

const ORDERS = { guest: 'x1/web', mountPath: '/srv/orders' }
const FILE = '/srv/orders/file'
const LOOK_S = 65

const xen = () => world.world.xen('x1')
const guest = () => world.world.guest('x1/web')
const vbds = (name = 'web') => [...(xen().domain(name)?.vbds.values() ?? [])]

async function mounted(): Promise<void> {
  await world.claim('orders')
  world.putDisk('orders', ORDERS)
  await world.pass(5)
  expect(world.condition('orders', 'Ready')).toBe('True Ready')
  guest().writeFile(FILE, 'kept')
}

test('a disk is attached and mounted, and its status says where', async () => {
  await mounted()

  expect(world.disk('orders')?.status).toMatchObject({
    vdisk: expect.any(Number),
    device: expect.stringMatching(/^\/dev\/xvd[a-z]+$/),
    pathsWorking: '1/1',
  })
})

describe.each([
  ['a guest that reboots', () => xen().rebootGuest('web')],
  [
    'a guest that is destroyed and created',
    () => {
      xen().destroy('web')
      xen().create('web')
    },
  ],
  ['a dom0 that lost power', () => xen().powerCycle()],
])('%s', (_, happen) => {
  test('has its disk again, under its number, with its files', async () => {
    await mounted()
    const number = world.disk('orders')?.status.vdisk

    happen()
    await world.pass(LOOK_S)

    expect(world.condition('orders', 'Ready')).toBe('True Ready')
    expect(world.disk('orders')?.status.vdisk).toBe(number)
    expect(guest().readFile(FILE)).toBe('kept')
    expect(world.events('orders')).toContain('Restored')
  })
})

test('a guest that is off is waited for: its volume stays its own', async () => {
  await mounted()
  const host = world.world.guests.get('x1/web')?.host
  xen().destroy('web')
  if (host !== undefined) host.down = true
  await world.pass(2 * LOOK_S)
  expect(world.condition('orders', 'Ready')).toMatch(/^False /)

  xen().create('web')
  if (host !== undefined) host.down = false
  await world.pass(3 * LOOK_S)
  expect(world.condition('orders', 'Ready')).toBe('True Ready')
  expect(guest().readFile(FILE)).toBe('kept')
})

test('a paused guest keeps its disk when that is to go, and loses it when it goes on', async () => {
  await mounted()
  const domain = xen().domain('web')!
  const host = world.world.guests.get('x1/web')?.host
  xen().pause(domain)
  if (host !== undefined) host.down = true
  world.deleteDisk('orders')
  await world.pass(LOOK_S)
  expect(vbds()).toMatchObject([{ front: 4, back: 4 }])

  if (host !== undefined) host.down = false
  xen().unpause(domain)
  await world.pass(5 * LOOK_S)
  expect(world.disk('orders')).toBeUndefined()
  expect(vbds()).toEqual([])
})
