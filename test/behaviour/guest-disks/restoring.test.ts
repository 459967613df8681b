// What was taken from a guest comes back by itself, under its number, with its data; and nothing is
// done where nothing is wrong.

import { byHand } from '../../support/meddling.ts'
import { type GuestDisksWorld, guestDisksWorld } from './world.ts'

let world: GuestDisksWorld
beforeEach(async () => {
  world = await guestDisksWorld()
})
afterEach(() => world.end())

const ORDERS = { guest: 'm1/ldg1', mountPath: '/export/orders' }
const FILE = '/export/orders/file'

async function mounted(spec: { guest: string; mountPath: string } = ORDERS): Promise<void> {
  await world.claim('orders')
  world.putDisk('orders', spec)
  await world.pass(5)
  expect(world.condition('orders', 'Ready')).toBe('True Ready')
  world.world.guest(spec.guest).writeFile(`${spec.mountPath}/file`, 'kept')
}

const machine = () => world.world.machine('m1')
const read = () => world.world.guest('m1/ldg1').readFile(FILE)

const LOOK_S = 65

test('a guest that has booted anew gets its mount again', async () => {
  await mounted()

  machine().rebootGuest('ldg1')
  await world.pass(LOOK_S)

  expect(world.condition('orders', 'Ready')).toBe('True Ready')
  expect(read()).toBe('kept')
  expect(world.events('orders')).toContain('Restored')
})

test('a machine that lost power gives every disk back under its number', async () => {
  await mounted()
  const number = world.disk('orders')?.status.vdisk

  machine().powerCycle()
  await world.pass(LOOK_S)

  expect(world.condition('orders', 'Ready')).toBe('True Ready')
  expect(world.disk('orders')?.status.vdisk).toBe(number)
  expect(read()).toBe('kept')
})

test('a service domain that goes down and comes back is followed by paths and events', async () => {
  await mounted()

  machine().setServiceDomain('alternate', 'down')
  await world.pass(LOOK_S)
  expect(world.disk('orders')?.status.pathsWorking).toBe('1/2')
  expect(world.condition('orders', 'Ready')).toBe('True PathsDown')
  expect(world.events('orders')).toContain('PathLost')
  world.world.guest('m1/ldg1').writeFile(FILE, 'on one path')

  machine().setServiceDomain('alternate', 'up')
  await world.pass(LOOK_S)
  expect(world.disk('orders')?.status.pathsWorking).toBe('2/2')
  expect(world.condition('orders', 'Ready')).toBe('True Ready')
  expect(world.events('orders')).toContain('PathBack')
  expect(read()).toBe('on one path')
})

test('what changes while a disk fails is told after the next look, not at the next try', async () => {
  world.world.timeline.rules.push(([program = '']) =>
    program.endsWith('mount') ? { kind: 'refuse' } : undefined,
  )
  await world.claim('orders')
  world.putDisk('orders', ORDERS)
  await world.pass(1800)
  expect(world.condition('orders', 'Mounted')).toMatch(/^False/)
  expect(world.disk('orders')?.status.pathsWorking).toBe('2/2')

  machine().setServiceDomain('alternate', 'down')
  await world.pass(LOOK_S)

  expect(world.disk('orders')?.status.pathsWorking).toBe('1/2')
})

test('a guest that is shut down on purpose is left alone, and served again when it runs', async () => {
  await mounted()
  const commands: string[] = []
  world.world.timeline.rules.push(argv => {
    commands.push(argv.join(' '))
    return undefined
  })
  const host = world.world.guests.get('m1/ldg1')?.host

  machine().setGuest('ldg1', { state: 'bound' })
  if (host !== undefined) host.down = true
  await world.pass(2 * LOOK_S)
  expect(world.condition('orders', 'Ready')).toBe('False GuestOff')
  expect(commands.filter(command => /add-|rm-|set-|mount /.test(command))).toEqual([])

  machine().setGuest('ldg1', { state: 'active', os: true })
  machine().rebootGuest('ldg1')
  if (host !== undefined) host.down = false
  await world.pass(LOOK_S)
  expect(world.condition('orders', 'Ready')).toBe('True Ready')
  expect(read()).toBe('kept')
})

test('a machine that is silent is no machine without disks', async () => {
  await mounted()
  const before = world.disk('orders')?.status

  world.world.host('m1-primary').down = true
  await world.pass(LOOK_S)
  expect(world.condition('orders', 'Attached')).toBe('Unknown NotObserved')
  expect(world.condition('orders', 'Mounted')).toBe('True Mounted')
  expect(world.disk('orders')?.status.volume).toBe(before?.volume)

  world.world.host('m1-primary').down = false
  await world.pass(LOOK_S)
  expect(world.condition('orders', 'Ready')).toBe('True Ready')
  expect(world.disk('orders')?.status.vdisk).toBe(before?.vdisk)
})

test('a guest that does not answer is no guest without a mount', async () => {
  await mounted()
  const host = world.world.guests.get('m1/ldg1')?.host
  if (host === undefined) throw new Error('no host')

  host.down = true
  await world.pass(LOOK_S)
  expect(world.condition('orders', 'Mounted')).toBe('Unknown GuestSilent')
  host.down = false
  await world.pass(LOOK_S)

  expect(world.condition('orders', 'Ready')).toBe('True Ready')
  expect(read()).toBe('kept')
})

test('a mount that somebody took away comes back', async () => {
  await mounted({ guest: 'm1/ldg2', mountPath: '/srv/orders' })
  await byHand(world.installation, 'm1-ldg2', 'umount /srv/orders')

  await world.pass(LOOK_S)

  expect(world.condition('orders', 'Ready')).toBe('True Ready')
  expect(world.world.guest('m1/ldg2').readFile('/srv/orders/file')).toBe('kept')
})

test('another process that goes on, and an hour in which nothing happens, change nothing', async () => {
  await mounted()
  const version = () => world.disk('orders')?.meta.resourceVersion
  const before = version()
  const changes: string[] = []
  world.world.timeline.rules.push(argv => {
    const command = argv.join(' ')
    if (/ldm (add|rm|set)|zfs (create|set|rename|destroy)|mount |stmfadm/.test(command)) {
      changes.push(command)
    }
    return undefined
  })

  await world.restart()
  await world.pass(3600)

  expect(changes.filter(command => !/list|get/.test(command))).toEqual([])
  expect(version()).toBe(before)
})
