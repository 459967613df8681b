// The objects of a simulated machine: what is listed of them, what steps do, and how calls share
// the machine.

import type { LdmSettings } from '../../../sim/ldom/model.ts'
import { type AttachStep, LdomObjects } from '../../../src/hypervisors/ldoms/objects.ts'
import type { ExportedBackend } from '../../../src/hypervisors/ldoms/state.ts'
import { machineWorld } from './world.ts'

const PATH = '/dev/dsk/c0t6001d0s2'

function world(options: Parameters<typeof machineWorld>[0] = {}) {
  const simulated = machineWorld(options)
  simulated.lun(PATH)
  let changes = 0
  const machine = new LdomObjects({
    machine: 'm1',
    host: simulated.host,
    onChanged: () => changes++,
  })
  return { ...simulated, machine, changes: () => changes }
}

function backend(change: Partial<ExportedBackend> = {}): ExportedBackend {
  return {
    name: 'v-1',
    service: 'primary-vds0',
    serviceDomain: 'primary',
    device: PATH,
    mode: 'rw',
    shape: 'full',
    group: undefined,
    ...change,
  }
}

function attachSteps(guest = 'ldg1', change: Partial<ExportedBackend> = {}): AttachStep[] {
  const exported = backend(change)
  return [
    { kind: 'export-backend', backend: exported, shared: false },
    {
      kind: 'add-disk',
      name: 'v-1',
      guest,
      slot: 100,
      timeoutSeconds: 0,
      backend: { name: exported.name, service: exported.service },
    },
  ]
}

const MPGROUP_STEPS: AttachStep[] = [
  { kind: 'export-backend', backend: backend({ group: 'v-1' }), shared: false },
  {
    kind: 'export-backend',
    backend: backend({ group: 'v-1', service: 'alternate-vds0', serviceDomain: 'alternate' }),
    shared: false,
  },
  {
    kind: 'add-disk',
    name: 'v-1',
    guest: 'ldg1',
    slot: 100,
    timeoutSeconds: 0,
    backend: { name: 'v-1', service: 'primary-vds0' },
  },
]

const turns = async (count = 20) => {
  for (let i = 0; i < count; i++) await Promise.resolve()
}

test('an attached disk is observed with its guest, slot and backend, and works in the guest', async () => {
  const { machine, disks, changes } = world()
  await machine.attach(attachSteps())
  const state = await machine.observe()
  expect(state.backends).toEqual([backend()])
  expect(state.disks).toEqual([
    {
      name: 'v-1',
      guest: 'ldg1',
      slot: 100,
      timeoutSeconds: 0,
      backends: [
        { name: 'v-1', service: 'primary-vds0', serviceDomain: 'primary', state: 'unknown' },
      ],
    },
  ])
  expect(state.frozen).toBeUndefined()
  expect(disks('ldg1')).toMatchObject([{ id: 100 }])
  expect(changes()).toBe(2)
})

test.each([
  { mode: 'ro', shape: 'full' },
  { mode: 'rw', shape: 'slice' },
  { mode: 'ro', shape: 'slice' },
] as const)('a backend exported $mode and $shape is observed so', async options => {
  const { machine } = world()
  await machine.attach(attachSteps('ldg1', options))
  expect((await machine.observe()).backends).toEqual([backend(options)])
})

test('the paths of a group are observed with their states, the configured one first', async () => {
  const { machine, sim, disks } = world()
  await machine.attach(MPGROUP_STEPS)
  const paths = async () =>
    (await machine.observe()).disks[0]?.backends.map(path => `${path.serviceDomain} ${path.state}`)
  expect(await paths()).toEqual(['primary active', 'alternate standby'])
  sim.setServiceDomain('alternate', 'down')
  expect(disks('ldg1')[0]?.activeServiceDomain()).toBe('primary')
  sim.setServiceDomain('alternate', 'up')
  sim.setGuest('ldg1', { state: 'bound' })
  expect(await paths()).toEqual(['primary unknown', 'alternate unknown'])
})

test('without path lines the members of the group are the paths', async () => {
  const { machine } = world({ settings: { pathStates: false } })
  await machine.attach(MPGROUP_STEPS)
  expect((await machine.observe()).disks[0]?.backends).toEqual([
    { name: 'v-1', service: 'primary-vds0', serviceDomain: 'primary', state: 'unknown' },
    { name: 'v-1', service: 'alternate-vds0', serviceDomain: 'alternate', state: 'unknown' },
  ])
})

test('a disk of a guest that is not bound has its slot and its service domains already', async () => {
  const { machine } = world()
  await machine.attach(attachSteps('ldg3'))
  expect((await machine.observe()).disks[0]).toMatchObject({
    guest: 'ldg3',
    slot: 100,
    backends: [{ serviceDomain: 'primary' }],
  })
})

test.each<{
  name: string
  change: (sim: ReturnType<typeof world>['sim']) => void
  readiness: object
}>([
  { name: 'runs', change: () => {}, readiness: { kind: 'running' } },
  {
    name: 'is bound',
    change: sim => sim.setGuest('ldg1', { state: 'bound' }),
    readiness: { kind: 'off' },
  },
  {
    name: 'is inactive',
    change: sim => sim.setGuest('ldg1', { state: 'inactive' }),
    readiness: { kind: 'off' },
  },
  {
    name: 'is at the firmware prompt',
    change: sim => sim.setGuest('ldg1', { os: false }),
    readiness: { kind: 'no-os' },
  },
  {
    name: 'migrates',
    change: sim => sim.setMigrating('ldg1', true),
    readiness: { kind: 'changing', reason: expect.any(String) },
  },
  {
    name: 'was left over by a migration that failed',
    change: sim => sim.setMigrating('ldg1', 'failed'),
    readiness: {
      kind: 'changing',
      reason: expect.stringContaining('if it runs on the other machine, destroy it here'),
    },
  },
  {
    name: 'is being stopped',
    change: sim => sim.setGuest('ldg1', { state: 'stopping' }),
    readiness: { kind: 'changing' },
  },
  {
    name: 'is in a state of an unknown word',
    change: sim => sim.setGuest('ldg1', { state: 'resting' }),
    readiness: { kind: 'changing' },
  },
])('a guest that $name is reported so', async ({ change, readiness }) => {
  const { machine, sim } = world()
  change(sim)
  const { guests } = await machine.observe()
  expect(guests.find(({ name }) => name === 'ldg1')?.readiness).toMatchObject(readiness)
})

const RELEASES: (Partial<LdmSettings> & { name: string })[] = [
  {
    name: '1.0',
    formatVersion: '1.0',
    normUtil: false,
    percent: false,
    flagPositions: 5,
    pathStates: false,
  },
  { name: '1.6', formatVersion: '1.6', normUtil: false, percent: true },
  { name: '1.11 with flags in words', formatVersion: '1.11', bindingsFlagWords: true },
]

test.each(RELEASES)('listings of format $name tell the same', async ({ name: _, ...settings }) => {
  const expected = world()
  const other = world({ settings })
  for (const { machine, sim } of [expected, other]) {
    await machine.attach(attachSteps())
    sim.setDelayedReconfiguration(true)
    sim.setGuest('ldg2', { os: false })
  }
  expect(await other.machine.observe()).toEqual(await expected.machine.observe())
})

test('a machine in delayed reconfiguration is frozen, and says why', async () => {
  const { machine, sim } = world()
  sim.setDelayedReconfiguration(true)
  expect((await machine.observe()).frozen).toContain('delayed reconfiguration')
  await expect(machine.attach(attachSteps())).rejects.toMatchObject({ kind: 'unavailable' })
})

test('detaching removes disk and backend, and once more is no error', async () => {
  const { machine, disks } = world()
  await machine.attach(attachSteps())
  const steps = [
    { kind: 'remove-disk', name: 'v-1', guest: 'ldg1' },
    { kind: 'withdraw-backend', name: 'v-1', service: 'primary-vds0' },
  ] as const
  await machine.detach(steps)
  expect(await machine.observe()).toMatchObject({ disks: [], backends: [] })
  expect(disks('ldg1')).toEqual([])
  await machine.detach(steps)
})

test('a guest that uses the disk refuses with its reasons, and later steps are not run', async () => {
  const { machine, disks } = world()
  await machine.attach(attachSteps())
  disks('ldg1')[0]?.holders.set('mount', {
    resource: '/dev/dsk/c0d100s0',
    information: 'mounted filesystem "/data"',
  })
  const detached = machine.detach([
    { kind: 'remove-disk', name: 'v-1', guest: 'ldg1' },
    { kind: 'withdraw-backend', name: 'v-1', service: 'primary-vds0' },
  ])
  await expect(detached).rejects.toMatchObject({
    kind: 'busy',
    message: expect.stringContaining('mounted filesystem "/data"'),
  })
  expect((await machine.observe()).backends).toHaveLength(1)
})

test('a backend shared by two guests is exported for each', async () => {
  const { machine } = world()
  await machine.attach(attachSteps())
  const second = backend({ name: 'v-2' })
  await expect(
    machine.attach([{ kind: 'export-backend', backend: second, shared: false }]),
  ).rejects.toMatchObject({ kind: 'in-use' })
  await machine.attach([{ kind: 'export-backend', backend: second, shared: true }])
  expect((await machine.observe()).backends).toEqual([backend(), second])
})

test('a step that is done already fails: the caller looks again', async () => {
  const { machine } = world()
  await machine.attach(attachSteps())
  await expect(machine.attach(attachSteps())).rejects.toMatchObject({ kind: 'already-exists' })
})

test('a silent machine is unavailable, never empty', async () => {
  const { machine, primary } = world()
  primary.down = true
  await expect(machine.observe()).rejects.toMatchObject({
    kind: 'unavailable',
    fate: 'not-started',
  })
})

test('a change of unknown fate is reported as such, and counts as a change', async () => {
  const { machine, timeline, changes } = world()
  timeline.rules.push(argv => (argv[1] === 'add-vdsdev' ? { kind: 'cut-after' } : undefined))
  await expect(machine.attach(attachSteps())).rejects.toMatchObject({
    kind: 'unavailable',
    fate: 'unknown',
  })
  expect(changes()).toBe(1)
})

test('a banner before the listing changes nothing', async () => {
  const { machine, primary } = world()
  const before = await machine.observe()
  primary.banner = 'Oracle Corporation  SunOS 5.11\nYou have new mail.\n'
  expect(await machine.observe()).toEqual(before)
})

test(
  'callers who ask before a listing has started share it; who asks while it runs gets the ' +
    'next',
  async () => {
    const { machine, holdLdm } = world()
    const started = holdLdm()
    const first = Promise.all([machine.observe(), machine.observe(), machine.observe()])
    await turns()
    const second = Promise.all([machine.observe(), machine.observe()])
    await turns()
    expect(started.map(({ line }) => line)).toEqual(['list-bindings -p'])
    started.shift()?.go()
    await first
    await turns()
    expect(started.map(({ line }) => line)).toEqual(['list-bindings -p'])
    started.shift()?.go()
    await second
    expect(started).toEqual([])
  },
)

test('a listing that fails does not fail the next', async () => {
  const { machine, primary } = world()
  primary.down = true
  await expect(Promise.all([machine.observe(), machine.observe()])).rejects.toMatchObject({
    kind: 'unavailable',
  })
  primary.down = false
  await expect(machine.observe()).resolves.toMatchObject({ frozen: undefined })
})

test('the deadline of one caller ends his wait, not the listing of the others', async () => {
  const { machine, holdLdm } = world()
  const started = holdLdm()
  const controller = new AbortController()
  const impatient = machine.observe(controller.signal)
  const patient = machine.observe(new AbortController().signal)
  await turns()
  controller.abort(new Error('too late'))
  await expect(impatient).rejects.toMatchObject({ kind: 'unavailable' })
  started.shift()?.go()
  await expect(patient).resolves.toMatchObject({ frozen: undefined })
})

test('a listing that all gave up on before it could begin is not begun', async () => {
  const { machine, holdLdm } = world()
  const started = holdLdm()
  const first = machine.observe()
  await turns()
  const controller = new AbortController()
  const late = [machine.observe(controller.signal), machine.observe(controller.signal)]
  await turns()
  controller.abort(new Error('too late'))
  for (const each of late) await expect(each).rejects.toMatchObject({ kind: 'unavailable' })
  started.shift()?.go()
  await first
  await turns()
  expect(started).toEqual([])
  const again = machine.observe()
  await turns()
  started.shift()?.go()
  await expect(again).resolves.toMatchObject({ frozen: undefined })
})

test('changes of one machine run one after the other', async () => {
  const { machine, holdLdm } = world()
  const started = holdLdm()
  const attached = machine.attach(attachSteps())
  const detached = machine.detach([{ kind: 'remove-disk', name: 'v-1', guest: 'ldg1' }])
  const lines: string[] = []
  for (let i = 0; i < 3; i++) {
    await turns()
    expect(started).toHaveLength(1)
    const next = started.shift()
    lines.push(next?.line.split(' ')[0] ?? '')
    next?.go()
  }
  await Promise.all([attached, detached])
  expect(lines).toEqual(['add-vdsdev', 'add-vdisk', 'rm-vdisk'])
})

test('a change that failed does not keep the next from running', async () => {
  const { machine } = world()
  const failing = machine.attach([
    { kind: 'export-backend', backend: backend({ service: 'nowhere' }), shared: false },
  ])
  const next = machine.attach(attachSteps())
  await expect(failing).rejects.toMatchObject({ kind: 'not-found' })
  await next
  expect((await machine.observe()).disks).toHaveLength(1)
})

test('a deadline stops between two steps, never during one', async () => {
  const { machine, holdLdm } = world()
  const started = holdLdm()
  const controller = new AbortController()
  const attached = machine.attach(attachSteps(), controller.signal)
  await turns()
  controller.abort(new Error('too late'))
  await turns()
  let ended = false
  void attached
    .catch(() => {})
    .then(() => {
      ended = true
    })
  await turns()
  expect(ended).toBe(false)
  started.shift()?.go()
  await expect(attached).rejects.toMatchObject({ kind: 'unavailable' })
  expect(started).toEqual([])
})

test('a deadline ends the wait for another change, which goes on', async () => {
  const { machine, holdLdm, ldmCommands } = world()
  const started = holdLdm()
  const first = machine.attach(attachSteps().slice(0, 1))
  const controller = new AbortController()
  const second = machine.detach(
    [{ kind: 'remove-disk', name: 'v-1', guest: 'ldg1' }],
    controller.signal,
  )
  await turns()
  controller.abort(new Error('too late'))
  await expect(second).rejects.toMatchObject({ kind: 'unavailable' })
  started.shift()?.go()
  await first
  await machine.settled([])
  expect(ldmCommands()).toEqual([`add-vdsdev ${PATH} v-1@primary-vds0`])
})
