// Many changes of one machine at once: each is made in its turn, and a few at a time are looked at
// together.

import { ALL_CHANGES } from '../../../src/bin/compose/changes.ts'
import { type AttachStep, LdomObjects } from '../../../src/hypervisors/ldoms/objects.ts'
import { createHost } from '../../../src/shell/late-effects.ts'
import type { Shell } from '../../../src/shell/shell.ts'
import { attachRequest, install, LeapingClock, volumeSpec } from '../../support/installation.ts'

const MANY = 50

test.each(['silver', 'gold'])(
  'fifty attachments of pool %s at once take a handful of listings, and so do fifty detachments',
  async pool => {
    const clock = new LeapingClock()
    clock.leaps = false
    const installation = install(undefined, {}, clock)
    const driver = installation.driver()
    const names = Array.from({ length: MANY }, (_, index) => `pvc-${index}`)
    const volumes = await Promise.all(
      names.map(name => driver.volumes.ensureVolume(volumeSpec({ name, pool }))),
    )
    const { commands } = installation.world.timeline
    const listings = () =>
      commands.splice(0).filter(({ argv }) => argv[1] === 'list-bindings').length
    listings()
    await Promise.all(
      volumes.map(({ id }) => driver.attachments.attach(attachRequest(id, 'm1/ldg1'))),
    )
    expect(listings()).toBeLessThanOrEqual(10)
    expect(installation.world.machine('m1').guestDisks('ldg1').list()).toHaveLength(MANY)
    await Promise.all(
      volumes.map(({ id }) => driver.attachments.detach(id, { machine: 'm1', guest: 'ldg1' })),
    )
    expect(listings()).toBeLessThanOrEqual(10)
    expect(installation.world.machine('m1').guestDisks('ldg1').list()).toHaveLength(0)
  },
)

function step(name: string): AttachStep {
  return {
    kind: 'add-disk',
    name,
    guest: 'ldg1',
    slot: 100,
    timeoutSeconds: 0,
    backend: { name, service: 'vds0' },
  }
}

/** A machine whose `ldm add-vdisk slow` ends when it is told how. */
function slowMachine() {
  let end = (_status: number) => {}
  const ended = new Promise<number>(resolve => {
    end = resolve
  })
  const shell: Shell = {
    run: async command => ({
      exitStatus: command.includes('slow') ? await ended : 0,
      ...{ stdout: '', stderr: '', durationMs: 0 },
    }),
  }
  const clock = new LeapingClock()
  clock.leaps = false
  return {
    machine: new LdomObjects({
      machine: 'm1',
      host: createHost({ changes: ALL_CHANGES, name: 'm1-primary', shell }),
      clock,
    }),
    clock,
    end,
  }
}

async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  const settle = () => {
    settled = true
  }
  promise.then(settle, settle)
  for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve))
  return settled
}

test('a change waits for those right behind it, and fails none of them', async () => {
  const { machine, end } = slowMachine()
  const first = machine.attach([step('quick')])
  const second = machine.attach([step('slow')])
  expect(await isSettled(first)).toBe(false)
  end(1)
  await expect(second).rejects.toMatchObject({ kind: 'internal' })
  await expect(first).resolves.toBeUndefined()
})

test('who has no more time does not wait for the others', async () => {
  const { machine, end } = slowMachine()
  const deadline = new AbortController()
  const first = machine.attach([step('quick')], deadline.signal)
  const second = machine.attach([step('slow')])
  expect(await isSettled(first)).toBe(false)
  deadline.abort()
  await expect(first).resolves.toBeUndefined()
  end(0)
  await expect(second).resolves.toBeUndefined()
})

test('a change that hangs keeps those before it no longer than a moment', async () => {
  const { machine, clock, end } = slowMachine()
  clock.leaps = true
  const before = clock.nowMs()
  const first = machine.attach([step('quick')])
  const second = machine.attach([step('slow')])
  expect(await isSettled(first)).toBe(true)
  expect(clock.nowMs() - before).toBeLessThanOrEqual(2_000)
  expect(await isSettled(second)).toBe(false)
  end(0)
  await second
})

test('a change alone waits for nobody', async () => {
  const { machine } = slowMachine()
  await expect(machine.attach([step('quick')])).resolves.toBeUndefined()
})

test('never more than ten wait for one another', async () => {
  const { machine, end } = slowMachine()
  const quick = Array.from({ length: 12 }, (_, index) => machine.attach([step(`quick-${index}`)]))
  const slow = machine.attach([step('slow')])
  expect(await isSettled(Promise.all(quick.slice(0, 10)))).toBe(true)
  expect(await isSettled(Promise.all(quick.slice(10)))).toBe(false)
  end(0)
  await Promise.all([...quick, slow])
})
