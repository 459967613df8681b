// Whatever depends on whatever: every deletion succeeds for the caller, in any order and several at
// once, copies keep their bytes while they live, and after the last deletion the pool is empty
// without anybody looking for leftovers.

import fc from 'fast-check'
import { MiB, type VolumeSource } from '../../../src/model/volumes.ts'
import {
  type Driver,
  install,
  type TestInstallation,
  volumeSpec,
} from '../../support/installation.ts'

const AT = 4 * MiB

type Node = { readonly kind: 'volume' | 'snapshot'; readonly id: string; readonly bytes: string }

interface Growth {
  readonly what: 'empty' | 'snapshot' | 'restore' | 'clone'
  readonly of: number
}

const growths = fc.array(
  fc.record<Growth>({
    what: fc.constantFrom('empty', 'snapshot', 'snapshot', 'restore', 'restore', 'clone', 'clone'),
    of: fc.nat(50),
  }),
  { minLength: 3, maxLength: 12 },
)

async function grow(
  driver: Driver,
  installation: TestInstallation,
  pool: string,
  plan: readonly Growth[],
): Promise<Node[]> {
  const nodes: Node[] = []
  const pick = (kind: Node['kind'], of: number) => {
    const all = nodes.filter(node => node.kind === kind)
    return all[of % Math.max(1, all.length)]
  }
  const make = async (name: string, source: VolumeSource) =>
    (
      await driver.volumes.ensureVolume(
        volumeSpec({
          pool,
          name,
          source,
          size: { requiredBytes: source.kind === 'empty' ? 16 * MiB : 0, limitBytes: 0 },
        }),
      )
    ).id
  for (const [step, { what, of }] of plan.entries()) {
    const name = `n${step}`
    const source = pick(what === 'restore' ? 'snapshot' : 'volume', of)
    if (what === 'empty' || source === undefined) {
      const id = await make(name, { kind: 'empty' })
      storeOf(installation, driver, id)?.write(AT, Buffer.from(name))
      nodes.push({ kind: 'volume', id, bytes: name })
    } else if (what === 'snapshot') {
      const { id } = await driver.snapshots.createSnapshot({ name, volumeId: source.id })
      nodes.push({ kind: 'snapshot', id, bytes: source.bytes })
    } else {
      const id = await make(name, { kind: source.kind, id: source.id })
      nodes.push({ kind: 'volume', id, bytes: source.bytes })
    }
  }
  return nodes
}

function storeOf(installation: TestInstallation, driver: Driver, volumeId: string) {
  const [name = '', leaf = ''] = volumeId.split('/')
  const pool = driver.pools.get(name)
  return pool && installation.world.zfs(pool.host.name).store(`${pool.dataset}/${leaf}`)
}

function expectBytes(installation: TestInstallation, driver: Driver, nodes: readonly Node[]): void {
  for (const node of nodes.filter(({ kind }) => kind === 'volume')) {
    expect(storeOf(installation, driver, node.id)?.read(AT, node.bytes.length).toString()).toBe(
      node.bytes,
    )
  }
}

function remove(driver: Driver, node: Node): Promise<void> {
  return node.kind === 'volume'
    ? driver.volumes.deleteVolume(node.id)
    : driver.snapshots.deleteSnapshot(node.id)
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
        growths,
        fc.infiniteStream(fc.nat()),
        fc.nat(20),
        async (plan, order, restartAt) => {
          const installation = install()
          let driver = installation.driver()
          let left = await grow(driver, installation, pool, plan)
          for (let step = 0; left.length > 0; step++) {
            if (step === restartAt) driver = installation.driver()
            const next = left[(order.next().value ?? 0) % left.length] as Node
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
      fc.asyncProperty(growths, async plan => {
        const installation = install()
        const driver = installation.driver()
        const nodes = await grow(driver, installation, pool, plan)
        await Promise.all(nodes.toReversed().map(node => remove(driver, node)))
        await expectEmpty(installation, driver)
      }),
      { numRuns: 40 },
    )
  })
})
