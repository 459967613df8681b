// A process that ends at any exchange with the API server, the driver or a guest: the next one
// completes what was begun, once.

import { type Death, Life } from './life.ts'
import { CLAIMS, NAMESPACE } from './objects.ts'
import { type GuestDisksWorld, guestDisksWorld } from './world.ts'

const PATH = '/export/orders'
const GUEST = 'm1/ldg1'

interface Scenario {
  /** Before the process that dies. */
  readonly prepare: (world: GuestDisksWorld) => Promise<void>
  /** What it has to do. */
  readonly ask: (world: GuestDisksWorld) => void
  readonly check: (world: GuestDisksWorld) => Promise<void>
}

const give = (world: GuestDisksWorld) => world.putDisk('orders', { guest: GUEST, mountPath: PATH })

async function given(world: GuestDisksWorld): Promise<void> {
  await world.claim('orders')
  give(world)
  await world.pass(5)
  world.world.guest(GUEST).writeFile(`${PATH}/file`, 'kept')
}

const formats = (world: GuestDisksWorld) =>
  world.world.guest(GUEST).formatCount(world.disk('orders')?.status.vdisk ?? -1)

async function isWhole(world: GuestDisksWorld): Promise<void> {
  expect(world.condition('orders', 'Ready')).toBe('True Ready')
  expect(formats(world)).toBe(1)
  expect(await world.driver.audit()).toEqual([])
}

async function isKept(world: GuestDisksWorld): Promise<void> {
  await isWhole(world)
  expect(world.world.guest(GUEST).readFile(`${PATH}/file`)).toBe('kept')
}

async function isGone(world: GuestDisksWorld): Promise<void> {
  expect(world.disk('orders')).toBeUndefined()
  expect(world.world.machine('m1').guestDisks('ldg1').list()).toHaveLength(0)
  expect(await world.driver.audit()).toEqual([])
}

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'a new disk': {
    prepare: world => world.claim('orders'),
    ask: give,
    check: isWhole,
  },
  'a guest that has booted anew': {
    prepare: given,
    ask: world => world.world.machine('m1').rebootGuest('ldg1'),
    check: isKept,
  },
  'a machine that lost power': {
    prepare: given,
    ask: world => world.world.machine('m1').powerCycle(),
    check: isKept,
  },
  'a disk that is deleted': {
    prepare: given,
    ask: world => world.deleteDisk('orders'),
    check: isGone,
  },
  'a namespace that is deleted': {
    prepare: given,
    ask: world => world.cluster.deleteNamespace(NAMESPACE),
    check: async world => {
      await isGone(world)
      expect(world.cluster.objects.get(`${CLAIMS}/orders`)).toBeUndefined()
    },
  },
  'a claim whose annotations ask for a disk': {
    prepare: async () => {},
    ask: world => {
      void world.claim('orders', {
        annotations: { 'ldom-csi.io/guest': GUEST, 'ldom-csi.io/mount-path': PATH },
      })
    },
    check: async world => {
      expect(world.condition('orders-m1-ldg1', 'Ready')).toBe('True Ready')
      expect(await world.driver.audit()).toEqual([])
    },
  },
}

/** The first look is at the beginning of each life. */
const LIFE_S = 8
const NEXT_LIFE_S = 15

async function play({ prepare, ask, check }: Scenario, death?: Death): Promise<Life> {
  const world = await guestDisksWorld()
  try {
    await prepare(world)
    ask(world)
    const life = new Life(death)
    await world.restart(life)
    await world.pass(LIFE_S)
    if (death !== undefined) {
      await world.restart()
      await world.pass(NEXT_LIFE_S)
    }
    await check(world)
    return life
  } finally {
    await world.end()
  }
}

describe.each(Object.entries(SCENARIOS))('%s', (_, scenario) => {
  test('the process ends at every exchange', async () => {
    const { exchanges } = await play(scenario)
    expect(exchanges).toBeGreaterThan(10)

    // Before the next exchange is after this one.
    for (let at = 1; at <= exchanges; at += 1) {
      const life = await play(scenario, { at, when: 'after' }).catch(error => {
        throw new Error(`ended after exchange ${at} of ${exchanges}`, { cause: error })
      })
      expect(life.isOver).toBe(true)
    }
  }, 300_000)
})
