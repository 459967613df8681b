// Whatever depends on whatever: every deletion succeeds for the caller, in any order and several at
// once, copies keep their bytes while they live, and after the last deletion the pool is empty
// without anybody looking for leftovers.

import fc from 'fast-check'
import { MiB } from '../../../src/model/volumes.ts'
import { births, grow, type Member, remove } from '../../support/family.ts'
import { type Driver, install, type TestInstallation } from '../../support/installation.ts'

const AT = 4 * MiB

function storeOf(installation: TestInstallation, driver: Driver, volumeId: string) {
  const [name = '', leaf = ''] = volumeId.split('/')
  const pool = driver.pools.get(name)
  return pool && installation.world.zfs(pool.host.name).store(`${pool.dataset}/${leaf}`)
}

const familyOf = (installation: TestInstallation, driver: Driver, pool: string) => ({
  ...{ driver, pool },
  write: (id: string, text: string) =>
    storeOf(installation, driver, id)?.write(AT, Buffer.from(text)),
})

function expectBytes(
  installation: TestInstallation,
  driver: Driver,
  nodes: readonly Member[],
): void {
  for (const node of nodes.filter(({ kind }) => kind === 'volume')) {
    expect(storeOf(installation, driver, node.id)?.read(AT, node.bytes.length).toString()).toBe(
      node.bytes,
    )
  }
}

async function expectEmpty(installation: TestInstallation, driver: Driver): Promise<void> {
  const datasets = [...installation.world.zfsHosts.values()].flatMap(zfs =>
    zfs.datasets().map(({ name }) => name),
  )
  expect(datasets.filter(name => name.includes('kubernetes/'))).toEqual([])
  expect(await driver.audit()).toEqual([])
}

describe.each(['silver', 'gold'])('in pool %s', pool => {
  test('one after the other in any order, with a restart somewhere', async () => {
    await fc.assert(
      fc.asyncProperty(
        births(12),
        fc.infiniteStream(fc.nat()),
        fc.nat(20),
        async (plan, order, restartAt) => {
          const installation = install()
          let driver = installation.driver()
          let left = await grow(plan, familyOf(installation, driver, pool))
          for (let step = 0; left.length > 0; step++) {
            if (step === restartAt) driver = installation.driver()
            const next = left[(order.next().value ?? 0) % left.length] as Member
            left = left.filter(node => node !== next)
            await remove(driver, next)
            expectBytes(installation, driver, left)
          }
          await expectEmpty(installation, driver)
        },
      ),
      { numRuns: 60 },
    )
  })

  test('all at once', async () => {
    await fc.assert(
      fc.asyncProperty(births(12), async plan => {
        const installation = install()
        const driver = installation.driver()
        const nodes = await grow(plan, familyOf(installation, driver, pool))
        await Promise.all(nodes.toReversed().map(node => remove(driver, node)))
        await expectEmpty(installation, driver)
      }),
      { numRuns: 40 },
    )
  })
})
