// The simulated machine by itself: what its ldm accepts and refuses, and where its guests' bytes
// go.

import { machineWorld } from '../machine/world.ts'

const PATH = '/dev/dsk/c0t6001d0s2'

async function withDisk(options: { guest?: string; group?: boolean } = {}) {
  const world = machineWorld()
  const lun = world.lun(PATH)
  const group = options.group ? 'mpgroup=g ' : ''
  await world.ldm(`add-vdsdev ${group}${PATH} v@primary-vds0`)
  if (options.group) await world.ldm(`add-vdsdev ${group}${PATH} v@alternate-vds0`)
  await world.ldm(`add-vdisk id=100 v v@primary-vds0 ${options.guest ?? 'ldg1'}`)
  const disk = world.disks(options.guest ?? 'ldg1')[0]
  if (!disk) throw new Error('the guest has no disk')
  return { ...world, lun, disk }
}

test('bytes written through a disk are in the backend', async () => {
  const { disk, lun } = await withDisk()
  disk.write(4096, Buffer.from('hello'))
  expect(lun.primary.read(4096, 5).toString()).toBe('hello')
  expect(disk).toMatchObject({ id: 100, name: 'v', mode: 'rw', shape: 'full' })
})

test('the disk server holds the backend until the disk is removed', async () => {
  const { ldm, lun, disk } = await withDisk()
  expect(lun.primary.holders).toEqual(['vds v@primary-vds0'])
  expect(await ldm('rm-vdsdev v@primary-vds0')).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('is attached'),
  })
  expect(await ldm('rm-vdisk v ldg1')).toMatchObject({ status: 0, stderr: '' })
  expect(lun.primary.holders).toEqual([])
  expect(() => disk.read(0, 512)).toThrow('gone')
  expect(await ldm('rm-vdsdev v@primary-vds0')).toMatchObject({ status: 0 })
})

test('a Solaris guest finds its bytes through the other path and stays there', async () => {
  const { disk, sim } = await withDisk({ group: true })
  disk.write(0, Buffer.from('kept'))
  sim.setServiceDomain('alternate', 'down')
  expect(disk.activeServiceDomain()).toBe('primary')
  sim.setServiceDomain('alternate', 'up')
  sim.setServiceDomain('primary', 'down')
  expect(disk.read(0, 4).toString()).toBe('kept')
  sim.setServiceDomain('primary', 'up')
  expect(disk.activeServiceDomain()).toBe('alternate')
  sim.rebootGuest('ldg1')
  expect(disk.activeServiceDomain()).toBe('primary')
})

test('a path whose backend fails is left for the other', async () => {
  const { disk, lun } = await withDisk({ group: true })
  lun.primary.failure = 'EIO'
  expect(disk.activeServiceDomain()).toBe('alternate')
  lun.alternate.failure = 'EIO'
  expect(disk.activeServiceDomain()).toBeUndefined()
  expect(() => disk.read(0, 512)).toThrow('test device')
})

test('a Linux guest stays with its first path', async () => {
  const { disk, sim } = await withDisk({ guest: 'ldg2', group: true })
  sim.setServiceDomain('primary', 'down')
  expect(() => disk.read(0, 512)).toThrow('does not answer')
  sim.setServiceDomain('primary', 'up')
  expect(disk.activeServiceDomain()).toBe('primary')
})

test('a backend that was missing is found when it is there', async () => {
  const { ldm, device, disks, sim } = machineWorld()
  await ldm('add-vdsdev /dev/late late@primary-vds0')
  expect(await ldm('add-vdisk id=101 late late@primary-vds0 ldg1')).toMatchObject({ status: 0 })
  expect(sim.serviceLog('primary')).toEqual([
    'vd_setup_vd():  /dev/late is currently inaccessible (error 2)',
  ])
  expect(() => disks('ldg1')[0]?.sizeBytes()).toThrow('missing')
  device('/dev/late')
  expect(disks('ldg1')[0]?.sizeBytes()).toBe(1024 * 1024)
})

test('a backend that could not be opened stays dead until the guest is bound again', async () => {
  const { ldm, device, disks } = machineWorld()
  const backend = device('/dev/broken')
  backend.failure = 'EIO'
  await ldm('add-vdsdev /dev/broken broken@primary-vds0')
  await ldm('add-vdisk id=102 broken broken@primary-vds0 ldg1')
  backend.failure = undefined
  expect(() => disks('ldg1')[0]?.sizeBytes()).toThrow('dead')
  for (const line of ['stop ldg1', 'unbind ldg1', 'bind ldg1', 'start ldg1']) await ldm(line)
  expect(disks('ldg1')[0]?.sizeBytes()).toBe(1024 * 1024)
})

test('a read-only export refuses writes', async () => {
  const { ldm, device, disks } = machineWorld()
  device('/dev/a')
  await ldm('add-vdsdev options=ro,slice /dev/a a@primary-vds0')
  await ldm('add-vdisk id=100 a a@primary-vds0 ldg1')
  const [disk] = disks('ldg1')
  expect(disk).toMatchObject({ mode: 'ro', shape: 'slice' })
  expect(() => disk?.write(0, Buffer.alloc(1))).toThrow('read-only')
})

test('a guest that objects gives its reasons, and force only skips those', async () => {
  const { ldm, disk } = await withDisk()
  disk.holders.set('mount', {
    resource: '/dev/dsk/c0d5s0',
    information: 'mounted filesystem "/mnt"',
  })
  const refused = await ldm('rm-vdisk v ldg1')
  expect(refused.status).toBe(1)
  // Layout from illumos drd_rcm.c; the sentences around it are recalled.
  expect(refused.stderr).toContain(
    [
      '',
      '    Resource             Information       ',
      '----------------  -------------------------',
      '/dev/dsk/c0d5s0   mounted filesystem "/mnt"',
      '',
    ].join('\n'),
  )
  expect(await ldm('rm-vdisk -f v ldg1')).toMatchObject({
    status: 1,
    stderr: 'Error: Vdisk v could not be removed from domain ldg1\n',
  })
  disk.holders.clear()
  disk.holders.set('raw', undefined)
  expect(await ldm('rm-vdisk v ldg1')).toMatchObject({
    status: 1,
    stderr: expect.not.stringContaining('Resource'),
  })
  disk.holders.clear()
  expect(await ldm('rm-vdisk v ldg1')).toMatchObject({ status: 0 })
})

test('a Linux guest loses a disk that it has mounted', async () => {
  const { ldm, disk } = await withDisk({ guest: 'ldg2' })
  disk.holders.set('mount', { resource: '/dev/vdiskdw', information: 'mounted' })
  expect(await ldm('rm-vdisk v ldg2')).toMatchObject({ status: 0 })
  expect(() => disk.read(0, 1)).toThrow('gone')
})

test('a guest that was told not to take hot changes refuses them', async () => {
  const world = machineWorld({ guests: [{ name: 'ldg1', platform: 'linux', hotplug: 'refused' }] })
  world.lun(PATH)
  await world.ldm(`add-vdsdev ${PATH} v@primary-vds0`)
  expect(await world.ldm('add-vdisk id=100 v v@primary-vds0 ldg1')).toMatchObject({ status: 1 })
  world.sim.setGuest('ldg1', { state: 'bound' })
  expect(await world.ldm('add-vdisk id=100 v v@primary-vds0 ldg1')).toMatchObject({ status: 0 })
})

test.each([
  { name: 'is migrating', change: 'migrating' as const, stderr: 'being migrated' },
  { name: 'is in transition', change: 'binding' as const, stderr: 'busy' },
  { name: 'runs no system', change: 'no-os' as const, stderr: 'not responding' },
  {
    name: 'belongs to a machine in delayed reconfiguration',
    change: 'delayed' as const,
    stderr: 'delayed reconfiguration',
  },
])('a guest that $name takes no disks', async ({ change, stderr }) => {
  const { sim, ldm, lun } = machineWorld()
  lun(PATH)
  await ldm(`add-vdsdev ${PATH} v@primary-vds0`)
  if (change === 'migrating') sim.setMigrating('ldg1', true)
  if (change === 'binding') sim.setGuest('ldg1', { state: 'binding' })
  if (change === 'no-os') sim.setGuest('ldg1', { os: false })
  if (change === 'delayed') sim.setDelayedReconfiguration(true)
  const before = sim.state()
  expect(await ldm('add-vdisk id=100 v v@primary-vds0 ldg1')).toMatchObject({
    status: 1,
    stderr: expect.stringContaining(stderr),
  })
  expect(sim.state()).toEqual(before)
})

test('a guest whose migration failed takes no disks until it is cancelled', async () => {
  const { sim, ldm, lun } = machineWorld()
  lun(PATH)
  await ldm(`add-vdsdev ${PATH} v@primary-vds0`)
  sim.setMigrating('ldg1', 'failed')

  expect((await ldm('list -p')).stdout).toContain('name=ldg1|state=active|flags=-n---e|')
  expect(await ldm('add-vdisk id=100 v v@primary-vds0 ldg1')).toMatchObject({ status: 1 })
  expect(await ldm('cancel-operation migration ldg1')).toMatchObject({ status: 0 })
  expect(await ldm('cancel-operation migration ldg1')).toMatchObject({ status: 1 })

  expect(await ldm('add-vdisk id=100 v v@primary-vds0 ldg1')).toMatchObject({ status: 0 })
})

test(
  'a domain that was made anew under another name has the same disks, and the old name has ' +
    'none',
  async () => {
    const { sim, ldm } = await withDisk()

    sim.renameGuest('ldg1', 'ldg9')

    expect((await ldm('list-bindings -p')).stdout).not.toContain('name=ldg1|')
    await ldm('bind ldg9')
    await ldm('start ldg9')
    expect(sim.guestDisks('ldg9').list()).toMatchObject([{ name: 'v' }])
    expect(await ldm('rm-vdsdev v@primary-vds0')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('attached to vdisk v'),
    })
  },
)

test('a change of the control domain waits for its reboot in delayed reconfiguration', async () => {
  const { sim, ldm } = machineWorld()
  sim.setDelayedReconfiguration(true)
  const answer = await ldm(`add-vdsdev ${PATH} v@primary-vds0`)
  expect(answer).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('in the process of a delayed\nreconfiguration'),
  })
  expect((await ldm('list-services -p')).stdout).not.toContain('vol=v|')
  sim.setDelayedReconfiguration(false)
  expect((await ldm('list-services -p')).stdout).toContain('vol=v|')
})

test.each([
  ['add-vdsdev /dev/b v@primary-vds0', 'already exists'],
  [`add-vdsdev ${PATH} w@primary-vds0`, 'already in use'],
  ['add-vdsdev mpgroup=g /dev/b w@primary-vds0', 'already exists'],
  ['add-vdsdev /dev/b w@nowhere', 'does not exist'],
  ['add-vdsdev options=fast /dev/b w@primary-vds0', 'invalid option'],
  ['add-vdsdev -z /dev/b w@primary-vds0', 'unrecognized option'],
  ['add-vdsdev /dev/b', 'missing operand'],
  ['add-vdisk id=100 w free@primary-vds0 ldg1', 'already in use'],
  ['add-vdisk id=101 v free@primary-vds0 ldg1', 'already exists'],
  ['add-vdisk id=101 w v@primary-vds0 ldg2', 'is attached'],
  ['add-vdisk id=101 w v@alternate-vds0 ldg2', 'is attached'],
  ['add-vdisk id=101 w none@primary-vds0 ldg1', 'does not exist'],
  ['add-vdisk id=101 w free@primary-vds0 ldg9', 'was not found'],
  ['add-vdisk id=1 .w free@primary-vds0 ldg1', 'Invalid name'],
  ['rm-vdisk w ldg1', 'does not exist'],
  ['set-vdsdev options=ro v@primary-vds0', 'is attached'],
  ['set-vdisk volume=free@primary-vds0 v ldg1', 'is not inactive'],
  ['rm-vds primary-vds0', 'is attached'],
  ['bind ldg1', 'is not inactive'],
  ['add-vcpu 8 ldg1', 'unknown subcommand'],
])('"ldm %s" is refused', async (line, stderr) => {
  const { ldm, sim } = await withDisk({ group: true })
  await ldm('add-vdsdev /dev/free free@primary-vds0')
  const before = sim.state()
  expect(await ldm(line)).toMatchObject({ status: 1, stderr: expect.stringContaining(stderr) })
  expect(sim.state()).toEqual(before)
})

test('one backend is exported twice only when forced, and never beside an exclusive export', async () => {
  const { ldm } = machineWorld()
  await ldm(`add-vdsdev ${PATH} a@primary-vds0`)
  expect(await ldm(`add-vdsdev -f ${PATH} b@primary-vds0`)).toMatchObject({ status: 0 })
  await ldm('add-vdsdev options=excl /dev/x x@primary-vds0')
  expect(await ldm('add-vdsdev -f /dev/x y@primary-vds0')).toMatchObject({ status: 1 })
  expect(await ldm(`add-vdsdev ${PATH} a@alternate-vds0`)).toMatchObject({ status: 0 })
})

test('a number that was not asked for exists from bind to unbind', async () => {
  const { ldm, sim } = machineWorld()
  await ldm('add-vdsdev /dev/a a@primary-vds0')
  await ldm('add-vdsdev /dev/b b@primary-vds0')
  await ldm('add-vdisk a a@primary-vds0 ldg3')
  await ldm('add-vdisk id=7 b b@primary-vds0 ldg3')
  const numbers = () =>
    sim
      .state()
      .domains.find(({ name }) => name === 'ldg3')
      ?.vdisks.map(({ id }) => id)
  expect(numbers()).toEqual([undefined, 7])
  await ldm('bind ldg3')
  expect(numbers()).toEqual([0, 7])
  await ldm('unbind ldg3')
  expect(numbers()).toEqual([undefined, 7])
})

test('channels run out in the service domain', async () => {
  const { ldm, sim } = await withDisk()
  await ldm('add-vdsdev /dev/free free@primary-vds0')
  sim.ldcBudget = 25
  expect(await ldm('add-vdisk id=101 w free@primary-vds0 ldg1')).toMatchObject({
    status: 1,
    stderr:
      '1 additional LDCs are required on guest primary to meet this request,\nbut only 0 LDCs ' +
      'are available\n',
  })
})

test('a power cycle undoes what was not saved, and takes what is mounted with it', async () => {
  const { ldm, sim, lun, disk } = await withDisk()
  const events: string[] = []
  sim.guestDisks('ldg1').onChange(event => events.push(event))
  disk.holders.set('mount', {
    resource: '/dev/dsk/c0d100s0',
    information: 'mounted filesystem "/mnt"',
  })
  sim.powerCycle()
  expect(sim.guestDisks('ldg1').list()).toEqual([])
  expect(lun.primary.holders).toEqual([])
  expect(disk.holders.size).toBe(0)
  expect(events).toEqual(['boot'])
  await ldm(`add-vdsdev ${PATH} v@primary-vds0`)
  await ldm('add-vdisk id=100 v v@primary-vds0 ldg1')
  await ldm('add-spconfig saved')
  sim.powerCycle()
  expect(sim.guestDisks('ldg1').list()).toMatchObject([{ id: 100, name: 'v' }])
})

test(
  'removing the configuration for the next power-on leaves a machine that comes up without ' +
    'guests',
  async () => {
    const { ldm, sim } = machineWorld()
    await ldm('rm-spconfig initial')
    sim.powerCycle()
    expect(sim.state().domains.map(({ name }) => name)).toEqual(['primary'])
    expect((await ldm('list-spconfig')).stdout).toBe('factory-default [current]\n')
  },
)

test.each([
  { policy: 1 as const, notice: '', second: 0 },
  { policy: 2 as const, notice: 'Notice: ', second: 0 },
  { policy: 3 as const, notice: '', second: 1 },
])('recovery policy $policy', async ({ policy, notice, second }) => {
  const { ldm, sim } = await withDisk()
  sim.settings.autorecoveryPolicy = policy
  expect((await ldm('list-spconfig -r')).stdout).toBe('initial [newer]\n')
  sim.powerCycle()
  expect(sim.guestDisks('ldg1').list()).toHaveLength(0)
  expect((await ldm('list -p')).stdout.startsWith(notice === '' ? 'VERSION' : notice)).toBe(true)
  expect((await ldm('list -p')).stdout.startsWith('VERSION')).toBe(true)
  sim.powerCycle()
  expect(sim.guestDisks('ldg1').list()).toHaveLength(second)
})

test.each([
  ['read' as const, 'list -p', 0],
  ['read' as const, 'rm-vdisk v ldg1', 1],
  ['none' as const, 'list -p', 1],
  ['none' as const, '-V', 1],
])('an account that may %s: "ldm %s" ends with %d', async (authorisation, line, status) => {
  const { ldm, sim } = await withDisk()
  sim.settings.authorisation = authorisation
  expect(await ldm(line)).toMatchObject({ status })
})

test('in configuration mode changes wait for the next power-on', async () => {
  const { ldm, sim } = machineWorld({ settings: { configurationMode: true } })
  expect(await ldm(`add-vdsdev ${PATH} v@primary-vds0`)).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('configuration mode'),
  })
  expect((await ldm('list-services -p')).stdout).not.toContain('vol=v|')
  sim.powerCycle()
  expect((await ldm('list-services -p')).stdout).toContain('vol=v|')
})

test('another path is chosen by hand', async () => {
  const { ldm, disk } = await withDisk({ group: true })
  expect(await ldm('set-vdisk volume=v@alternate-vds0 v ldg1')).toMatchObject({ status: 0 })
  expect(disk.activeServiceDomain()).toBe('alternate')
  const lines = (await ldm('list-bindings -p ldg1')).stdout
    .split('\n')
    .filter(line => line.includes('mpg-path'))
  expect(lines.map(line => line.replace(/.*mpg-server=/, ''))).toEqual([
    'alternate|mpg-path=active',
    'primary|mpg-path=standby',
  ])
})

test('long names work, with a warning', async () => {
  const { ldm } = machineWorld()
  const name = 'v'.repeat(32)
  await ldm('add-vdsdev /dev/a a@primary-vds0')
  expect(await ldm(`add-vdisk id=1 ${name} a@primary-vds0 ldg1`)).toEqual({
    status: 0,
    stdout: '',
    stderr: `Warning: Device name ${name} is too long to create devalias\n`,
  })
})
