// The hypervisor port on a simulated machine: from a wanted disk to one that is there, and from
// uses to none.

import type { ExposedDisk } from '../../../src/hypervisors/hypervisor.ts'
import { LdomMachine } from '../../../src/hypervisors/ldoms/machine.ts'
import { machineWorld } from './world.ts'

const DEVICE = '/dev/dsk/c0t6001d0s2'

const WANTED: ExposedDisk = {
  about: 'volume gold/v-1',
  key: 'v-1',
  guest: 'ldg1',
  slot: 100,
  mode: 'rw',
  shape: 'full',
  timeoutSeconds: 0,
  paths: [
    { domain: 'primary', service: 'primary-vds0', device: DEVICE },
    { domain: 'alternate', service: 'alternate-vds0', device: DEVICE },
  ],
  isDevice: device => device === DEVICE,
}

function world() {
  const simulated = machineWorld()
  simulated.lun(DEVICE)
  return { ...simulated, machine: new LdomMachine({ machine: 'm1', host: simulated.host }) }
}

test('a wanted disk is there afterwards, and nothing of it is missing', async () => {
  const { machine, disks } = world()
  const before = await machine.observe()
  expect(before.missing(WANTED)).toBe('guest m1/ldg1 has no disk v-1')
  const after = await machine.attach(WANTED, before)
  expect(after.missing(WANTED)).toBeUndefined()
  expect(after.uses.map(({ kind, label }) => `${kind} ${label}`)).toEqual([
    'export v-1@primary-vds0',
    'export v-1@alternate-vds0',
    'disk v-1',
  ])
  expect(disks('ldg1')).toMatchObject([{ id: 100 }])
})

test('of a disk that is partly there only the rest is made', async () => {
  const { machine, ldm, ldmCommands } = world()
  await ldm(`add-vdsdev mpgroup=v-1 ${DEVICE} v-1@primary-vds0`)
  const view = await machine.observe()
  const before = ldmCommands().length
  await machine.attach(WANTED, view)
  expect(ldmCommands().slice(before)).toEqual([
    `add-vdsdev mpgroup=v-1 ${DEVICE} v-1@alternate-vds0`,
    'add-vdisk id=100 v-1 v-1@primary-vds0 ldg1',
    'list-bindings -p',
  ])
})

test('what was made meanwhile by somebody else is no failure', async () => {
  const { machine } = world()
  const view = await machine.observe()
  await machine.attach(WANTED, view)
  await expect(machine.attach(WANTED, view)).resolves.toMatchObject({ frozen: undefined })
})

test('a disk that lacks a path while its guest has it is refused before anything is changed', async () => {
  const { machine, ldm, ldmCommands } = world()
  await ldm(`add-vdsdev mpgroup=v-1 ${DEVICE} v-1@primary-vds0`)
  await ldm('add-vdisk id=100 v-1 v-1@primary-vds0 ldg1')
  const view = await machine.observe()
  const before = ldmCommands().length
  await expect(machine.attach(WANTED, view)).rejects.toMatchObject({
    kind: 'failed-precondition',
    message: expect.stringMatching(/^volume gold\/v-1: .*lacks its path through alternate-vds0/),
  })
  expect(ldmCommands().slice(before)).toEqual([])
})

test('a service that the machine does not have is named, with what to type', async () => {
  const { machine } = world()
  const nowhere = { domain: 'primary', service: 'nowhere', device: DEVICE }
  const wanted = { ...WANTED, paths: [nowhere] }
  await expect(machine.attach(wanted, await machine.observe())).rejects.toMatchObject({
    kind: 'failed-precondition',
    message: expect.stringMatching(/nowhere in primary.*ldm add-vds/),
  })
})

test('removed uses are gone, and once more is no error', async () => {
  const { machine } = world()
  const { uses } = await machine.attach(WANTED, await machine.observe())
  await machine.remove(uses)
  expect((await machine.observe()).uses).toEqual([])
  await machine.remove(uses)
})

test('what a use says that a person would type takes it away', async () => {
  const { machine, ldm } = world()
  const { uses } = await machine.attach(WANTED, await machine.observe())
  for (const { removal } of [...uses].reverse()) await ldm(removal.replace(/^ldm /, ''))
  expect((await machine.observe()).uses).toEqual([])
})

test('a view is good for the machine that gave it only', async () => {
  const [one, other] = [world().machine, world().machine]
  await expect(one.attach(WANTED, await other.observe())).rejects.toThrow('has not given this view')
})

test('callers that share a listing share its view', async () => {
  const { machine } = world()
  const [one, other] = await Promise.all([machine.observe(), machine.observe()])
  expect(one).toBe(other)
})
