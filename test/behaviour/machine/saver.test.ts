// Saving a machine's configuration to its service processor, on a simulated machine and a clock
// that is turned by hand.

import type { Clock } from '../../../src/clock.ts'
import { ConfigurationSaver } from '../../../src/hypervisors/ldoms/configuration-saver.ts'
import { Ldm } from '../../../src/hypervisors/ldoms/ldm.ts'
import { savedPrefix } from '../../../src/hypervisors/ldoms/saved-configurations.ts'
import { type LogFields, silentLog } from '../../../src/log.ts'
import { machineWorld } from './world.ts'

class HandClock implements Clock {
  #nowMs = 0
  #sleepers: { readonly atMs: number; readonly wake: () => void }[] = []

  nowMs(): number {
    return this.#nowMs
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#sleepers.push({ atMs: this.#nowMs + ms, wake: resolve })
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
  }

  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms
    await turns()
    for (;;) {
      const next = this.#sleepers
        .filter(({ atMs }) => atMs <= untilMs)
        .sort((a, b) => a.atMs - b.atMs)[0]
      if (!next) break
      this.#sleepers = this.#sleepers.filter(sleeper => sleeper !== next)
      this.#nowMs = next.atMs
      next.wake()
      await turns()
    }
    this.#nowMs = untilMs
  }
}

const turns = async () => {
  for (let i = 0; i < 200; i++) await Promise.resolve()
}

function world() {
  const simulated = machineWorld()
  const clock = new HandClock()
  const errors: LogFields[] = []
  const options = {
    machine: 'm1',
    ldm: new Ldm(simulated.shell),
    clock,
    prefix: 'csi',
    quietMs: 10_000,
    maxDelayMs: 60_000,
    log: { ...silentLog, error: (fields: LogFields) => void errors.push(fields) },
  }
  const saver = new ConfigurationSaver(options)
  let volumes = 0
  return {
    ...simulated,
    clock,
    saver,
    errors,
    /** Another process of the driver, which knows nothing. */
    restarted: () => new ConfigurationSaver(options),
    /** A change of the machine that a power cycle would undo. */
    async change() {
      await simulated.ldm(`add-vdsdev /dev/v${volumes} v${volumes++}@primary-vds0`)
      saver.changed()
    },
    configurations: () => simulated.sim.state().configurations,
    saves: () => simulated.ldmCommands().filter(line => line.startsWith('add-spconfig')),
    exported: () => simulated.sim.state().domains[0]?.vds[0]?.volumes.length,
  }
}

test('a change is saved when it has been quiet for a while, and survives a power cycle', async () => {
  const { change, clock, saves, sim, exported, configurations } = world()
  await change()
  await clock.advance(9_999)
  expect(saves()).toEqual([])
  await clock.advance(1)
  expect(configurations()).toEqual(['factory-default', 'initial', 'csi-a.5 [current]'])
  sim.powerCycle()
  expect(exported()).toBe(1)
})

test('changes that never stop are saved all the same', async () => {
  const { change, clock, saves } = world()
  for (let i = 0; i < 8; i++) {
    await change()
    await clock.advance(9_000)
  }
  expect(saves()).toEqual(['add-spconfig csi-a.5'])
})

test('the two names take turns, and only one of them remains', async () => {
  const { change, clock, saves, configurations } = world()
  for (let i = 0; i < 3; i++) {
    await change()
    await clock.advance(10_000)
  }
  expect(saves()).toEqual(['add-spconfig csi-a.5', 'add-spconfig csi-b.5', 'add-spconfig csi-a.5'])
  expect(configurations()).toEqual(['factory-default', 'initial', 'csi-a.5 [current]'])
})

test('nothing is saved when nothing changed', async () => {
  const { saver, clock, ldmCommands } = world()
  await saver.flush()
  await clock.advance(1_000_000)
  expect(ldmCommands()).toEqual([])
})

test('flush saves at once, and the wait that was under way finds nothing left', async () => {
  const { change, saver, clock, saves } = world()
  await change()
  await saver.flush()
  expect(saves()).toHaveLength(1)
  await clock.advance(100_000)
  expect(saves()).toHaveLength(1)
})

test('a save that fails is logged once and tried again until it succeeds', async () => {
  const { change, clock, timeline, errors, configurations } = world()
  timeline.rules.push(argv => (argv[1] === 'add-spconfig' ? { kind: 'refuse' } : undefined))
  await change()
  await clock.advance(1_000_000)
  expect(errors).toEqual([{ machine: 'm1', error: expect.stringContaining('connection refused') }])
  timeline.rules.length = 0
  await clock.advance(60_000)
  expect(configurations()).toContain('csi-a.5 [current]')
})

test('flush says that it could not save', async () => {
  const { change, saver, primary } = world()
  await change()
  primary.down = true
  await expect(saver.flush()).rejects.toMatchObject({ kind: 'unavailable' })
  primary.down = false
  await expect(saver.flush()).resolves.toBeUndefined()
})

test('stop ends the wait without a save', async () => {
  const { change, saver, clock, saves } = world()
  await change()
  saver.stop()
  await clock.advance(1_000_000)
  await change()
  await clock.advance(1_000_000)
  expect(saves()).toEqual([])
})

test('a configuration that somebody chose for the next power-on is left alone', async () => {
  const { change, saver, ldm, configurations } = world()
  await ldm('set-spconfig factory-default')
  await change()
  await expect(saver.flush()).rejects.toMatchObject({ kind: 'failed-precondition' })
  expect(configurations()).toEqual(['factory-default [next poweron]', 'initial [current]'])
})

test('a change during a save is saved by the next', async () => {
  const { change, saver, holdLdm, exported, sim } = world()
  await change()
  const started = holdLdm()
  const saved = saver.flush()
  const drain = async () => {
    for (let i = 0; i < 20; i++) {
      await turns()
      started.shift()?.go()
    }
  }
  await turns()
  saver.changed()
  await drain()
  await saved
  const again = saver.flush()
  await drain()
  await again
  expect(sim.state().configurations).toContain('csi-b.5 [current]')
  sim.powerCycle()
  expect(exported()).toBe(1)
})

// Every command of a second save is cut, before or after its effect: the machine always comes up
// with all that the first one saved.
const CUTS = [0, 1, 2, 3].flatMap(index => [
  { index, kind: 'cut-before' as const },
  { index, kind: 'cut-after' as const },
])

test.each(CUTS)(
  'a save cut at command $index ($kind) leaves a complete configuration, and the next one succeeds',
  async ({ index, kind }) => {
    const { change, saver, timeline, sim, exported, configurations } = world()
    await change()
    await saver.flush()
    await change()
    let command = 0
    timeline.rules.push(() => (command++ === index ? { kind } : undefined))
    await expect(saver.flush()).rejects.toMatchObject({ kind: 'unavailable', fate: 'unknown' })
    const before = sim.state()
    sim.powerCycle()
    expect(exported()).toBeGreaterThanOrEqual(1)
    expect(before.domains[0]?.vds[0]?.volumes).toHaveLength(2)
    timeline.rules.length = 0
    await change()
    await saver.flush()
    const ours = configurations().filter(line => line.startsWith('csi-'))
    expect(ours).toEqual([expect.stringContaining('[current]')])
  },
)

const OBSTACLES: readonly {
  name: string
  says: string
  prepare: (w: ReturnType<typeof world>) => unknown
}[] = [
  {
    name: 'our own configuration is to be loaded next, and another one runs',
    says: 'it runs maint, but the next power-on loads csi-a.5',
    prepare: async ({ ldm, sim }) => {
      await ldm('add-spconfig maint')
      sim.powerCycle()
      await ldm('set-spconfig csi-a.5')
    },
  },
  {
    name: 'the firmware fell back to factory-default after a fault',
    says: 'it runs factory-default, but the next power-on loads csi-a.5',
    prepare: ({ sim }) => sim.powerCycle({ boots: 'factory-default' }),
  },
  {
    name: 'factory-default was chosen and runs',
    says: 'it runs factory-default, not what a driver saved (csi-a.5)',
    prepare: async ({ ldm, sim }) => {
      await ldm('set-spconfig factory-default')
      sim.powerCycle()
    },
  },
  {
    name: 'an administrator saved another one',
    says: 'it runs mine, not what a driver saved (csi-a.5)',
    prepare: ({ ldm }) => ldm('add-spconfig mine'),
  },
  {
    name: 'it runs degraded',
    says: 'it runs degraded (csi-a.5)',
    prepare: ({ sim }) => sim.powerCycle({ missing: [] }),
  },
  {
    name: 'it has fewer domains than were saved',
    says: 'it has 4 domains, but csi-a.5 was saved with 5',
    prepare: ({ sim }) => sim.removeGuest('ldg3'),
  },
]

describe.each(OBSTACLES)('while $name', ({ says, prepare }) => {
  test('nothing is added and nothing removed, one line says so, and a new process does the same', async () => {
    const w = world()
    await w.change()
    await w.saver.flush()
    await prepare(w)
    const before = w.configurations()
    const saves = w.saves().length
    await w.change()
    await w.clock.advance(1_000_000)
    await w.change()
    await w.clock.advance(1_000_000)
    expect(w.errors).toEqual([{ machine: 'm1', error: expect.stringContaining(says) }])
    const restarted = w.restarted()
    await restarted.resume()
    restarted.changed()
    await expect(restarted.flush()).rejects.toMatchObject({ kind: 'failed-precondition' })
    expect(w.configurations()).toEqual(before)
    expect(w.saves()).toHaveLength(saves)
  })
})

test('a change that could not be saved is given up with the configuration that it was made in', async () => {
  const { change, saver, clock, sim, configurations, saves } = world()
  await change()
  await saver.flush()
  sim.powerCycle({ boots: 'factory-default' })
  saver.changed()
  await clock.advance(1_000_000)
  sim.powerCycle()
  await clock.advance(1_000_000)
  expect(configurations()).toContain('csi-a.5 [current]')
  expect(saves()).toHaveLength(1)
})

test('what a process left unsaved is saved by the next, and what it saved is not saved again', async () => {
  const { change, saver, restarted, clock, exported, sim, saves } = world()
  await change()
  await saver.flush()
  await restarted().resume()
  await clock.advance(1_000_000)
  expect(saves()).toHaveLength(1)
  await change()
  saver.stop()
  await restarted().resume()
  await clock.advance(10_000)
  expect(saves()).toHaveLength(2)
  sim.powerCycle()
  expect(exported()).toBe(2)
})

test('clusters that share a machine save it in turn and leave each other’s configurations alone', async () => {
  const { shell, clock, saves, configurations } = world()
  const saverOf = (cluster: string) =>
    new ConfigurationSaver({
      ...{ machine: 'm1', ldm: new Ldm(shell), clock, prefix: savedPrefix(cluster) },
      ...{ quietMs: 10_000, maxDelayMs: 60_000, log: silentLog },
    })
  const [one, two] = [saverOf('one'), saverOf('two')]
  for (const saver of [one, two, one, two]) {
    saver.changed()
    await saver.flush()
  }
  expect(saves()).toHaveLength(4)
  expect(configurations().filter(line => line.startsWith(savedPrefix('one')))).toHaveLength(1)
  expect(configurations().filter(line => line.startsWith(savedPrefix('two')))).toEqual([
    expect.stringContaining('[current]'),
  ])
})

test('a configuration of version 0.1.0 is replaced by one that names its cluster', async () => {
  const { ldm, saver, configurations } = world()
  await ldm('add-spconfig ldom-csi-b')
  saver.changed()
  await saver.flush()
  expect(configurations()).toEqual(['factory-default', 'initial', 'csi-a.5 [current]'])
})
