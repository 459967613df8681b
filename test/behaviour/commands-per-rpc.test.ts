// What each controller operation may cost in remote commands when nothing goes wrong. A larger number fails.

import { attachRequest, type Driver, install, type TestInstallation, volumeSpec } from '../support/installation.ts'

type Pool = 'silver' | 'gold'

interface Step {
  readonly name: string
  readonly budget: Readonly<Record<Pool, number>>
  run(driver: Driver, volumeId: string): Promise<unknown>
}

const guest = { machine: 'm1', guest: 'ldg1' }

// The numbers are those of the design's table: reads + writes. `gold` has two machines, each with two paths, so a deletion lists two machines.
const STEPS: readonly Step[] = [
  {
    name: 'ControllerPublish',
    budget: { silver: 3 + 3 + 1, gold: 7 - 1 + 1 + 2 + 2 * 3 },
    run: ({ attachments }, id) => attachments.attach(attachRequest(id, guest)),
  },
  {
    name: 'ControllerPublish again',
    budget: { silver: 2, gold: 2 },
    run: ({ attachments }, id) => attachments.attach(attachRequest(id, guest)),
  },
  { name: 'ListVolumes', budget: { silver: 5, gold: 5 }, run: ({ attachments }) => attachments.listPublished() },
  {
    name: 'ControllerUnpublish',
    budget: { silver: 2 + 3 + 1, gold: 2 + 4 + 1 + 2 + 2 * 2 },
    run: ({ attachments }, id) => attachments.detach(id, guest),
  },
  { name: 'ControllerUnpublish again', budget: { silver: 2, gold: 2 }, run: ({ attachments }, id) => attachments.detach(id, guest) },
  { name: 'DeleteVolume', budget: { silver: 3, gold: 3 + 1 + 2 }, run: ({ volumes }, id) => volumes.deleteVolume(id) },
  {
    name: 'GetCapacity',
    budget: { silver: 1, gold: 1 },
    run: ({ volumes }) => volumes.capacity({ pool: 'gold', machine: undefined, parameters: {} }),
  },
]

async function count(installation: TestInstallation, work: () => Promise<unknown>): Promise<number> {
  const { commands } = installation.world.timeline
  const before = commands.length
  await work()
  return commands.length - before
}

/** A driver that has asked its hosts the one question of the start. */
async function warmDriver(installation: TestInstallation, pool: Pool): Promise<Driver> {
  const driver = installation.driver()
  const { id } = await driver.volumes.ensureVolume(volumeSpec({ name: 'warm', pool }))
  await driver.attachments.attach(attachRequest(id, guest))
  await driver.attachments.detach(id, guest)
  await driver.volumes.deleteVolume(id)
  return driver
}

const table: string[] = []
afterAll(() => {
  process.stdout.write(`\nremote commands per RPC\n${table.join('\n')}\n`)
})

describe.each<Pool>(['silver', 'gold'])('in pool %s', pool => {
  test('every operation stays inside its budget', async () => {
    const installation = install()
    const driver = await warmDriver(installation, pool)
    const row = (name: string, used: number, budget: number) => table.push(`  ${pool.padEnd(8)}${name.padEnd(28)}${used} of ${budget}`)

    let id = ''
    const created = await count(installation, async () => {
      id = (await driver.volumes.ensureVolume(volumeSpec({ pool }))).id
    })
    const createBudget = { silver: 1, gold: 3 }[pool]
    row('CreateVolume', created, createBudget)
    expect(created).toBe(createBudget)
    for (const step of STEPS) {
      const used = await count(installation, () => step.run(driver, id))
      row(step.name, used, step.budget[pool])
      expect({ step: step.name, used }).toEqual({ step: step.name, used: Math.min(used, step.budget[pool]) })
    }
  })
})
