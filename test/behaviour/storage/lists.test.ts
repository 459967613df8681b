// Lists in ranges: whole however they are cut, and a page costs what it holds, not what the pools
// hold. Work is counted in what the hosts were asked, never timed.

import type { SimFaultRule } from '../../../sim/host.ts'
import {
  attachRequest,
  type Driver,
  install,
  type TestInstallation,
  volumeSpec,
} from '../../support/installation.ts'

const POOLS = ['silver', 'gold', 'silver-m2'] as const

/** `count` volumes shared out over the pools, each with `cuts` snapshots; ids of volumes. */
async function populate(driver: Driver, count: number, cuts = 1): Promise<readonly string[]> {
  const ids: string[] = []
  for (let index = 0; index < count; index++) {
    const { id } = await driver.volumes.ensureVolume(
      volumeSpec({ name: `pvc-${index}`, pool: POOLS[index % POOLS.length] }),
    )
    for (let cut = 0; cut < cuts; cut++) {
      await driver.snapshots.createSnapshot({ name: `snap-${index}-${cut}`, volumeId: id })
    }
    ids.push(id)
  }
  return ids
}

type ReadPage = (after: string | undefined) => Promise<readonly string[]>

/** As a caller of pages does: so many of what comes, then on after the last of those. */
async function inPages(limit: number, read: ReadPage): Promise<readonly string[]> {
  const all: string[] = []
  for (;;) {
    const page = (await read(all.at(-1))).slice(0, limit + 1)
    all.push(...page.slice(0, limit))
    if (page.length <= limit) return all
  }
}

function pagesOf(
  { attachments, snapshots }: Driver,
  limit: number,
): Record<'volumes' | 'snapshots', ReadPage> {
  return {
    volumes: async after =>
      (await attachments.listPublished(undefined, { after, limit })).map(({ volume }) => volume.id),
    snapshots: async after =>
      (await snapshots.listSnapshots({ range: { after, limit } })).map(({ id }) => id),
  }
}

/** Datasets whose properties were asked for by name, and the longest command line. */
function asked({ world }: TestInstallation): {
  readonly datasets: number
  readonly longest: number
} {
  const reads = world.timeline.commands.filter(
    ({ argv }) => argv[0]?.endsWith('/zfs') && argv[1] === 'get',
  )
  const lines = reads.map(({ argv }) => argv.join(' ').length)
  return {
    datasets: reads.flatMap(({ argv }) => argv.slice(6)).length,
    longest: Math.max(0, ...lines),
  }
}

/** At the first `zfs get` something else happens first. */
function beforeTheFirstRead({ world }: TestInstallation, work: () => void): void {
  const rule: SimFaultRule = argv => {
    if (argv[1] !== 'get') return undefined
    world.timeline.rules.splice(world.timeline.rules.indexOf(rule), 1)
    work()
    return undefined
  }
  world.timeline.rules.push(rule)
}

describe.each([1, 2, 3, 7, 100])('in pages of %i', limit => {
  test('volumes and snapshots of all pools come in the order of their ids, each once', async () => {
    const installation = install()
    const driver = installation.driver()
    const ids = await populate(driver, 10, 2)
    const pages = pagesOf(driver, limit)
    expect(await inPages(limit, pages.volumes)).toEqual(ids.toSorted())
    const snapshots = (await driver.snapshots.listSnapshots({})).map(({ id }) => id)
    expect(snapshots).toHaveLength(20)
    expect(await inPages(limit, pages.snapshots)).toEqual(snapshots.toSorted())
  })

  test(
    'deleted volumes, hidden snapshots and what others made stand between the names and are ' +
      'not listed',
    async () => {
      const installation = install()
      const driver = installation.driver()
      const ids = await populate(driver, 9)
      const deleted = ids.filter((_, index) => index % 2 === 0)
      for (const id of deleted) await driver.volumes.deleteVolume(id)
      const source = { kind: 'volume', id: ids[1] ?? '' } as const
      const copy = await driver.volumes.ensureVolume(
        volumeSpec({ name: 'copy', pool: undefined, source }),
      )
      for (const line of [
        'create tank/kubernetes/v-aaaaaaaaaaaaaaaaaaaa',
        'snapshot tank/kubernetes/v-aaaaaaaaaaaaaaaaaaaa@mine',
      ]) {
        await installation.world.host('storage1').perform(['/usr/sbin/zfs', ...line.split(' ')], '')
      }
      const pages = pagesOf(driver, limit)
      const live = [...ids.filter(id => !deleted.includes(id)), copy.id]
      expect(await inPages(limit, pages.volumes)).toEqual(live.toSorted())
      expect(await inPages(limit, pages.snapshots)).toHaveLength(9)
    },
  )
})

test('a volume that goes between the names and the properties is left out, the others are listed', async () => {
  const installation = install()
  const driver = installation.driver()
  const ids = await populate(driver, 6, 0)
  const silver = ids.filter(id => id.startsWith('silver/'))
  beforeTheFirstRead(installation, () => {
    const [pool] = installation.world.zfs('m1-primary').pools.values()
    const dataset = pool?.datasets.get(`mtank/kubernetes/${silver[0]?.slice('silver/'.length)}`)
    if (dataset) pool?.remove(dataset)
  })
  const listed = await driver.attachments.listPublished()
  expect(listed.map(({ volume }) => volume.id)).toEqual(
    ids.filter(id => id !== silver[0]).toSorted(),
  )
})

test(
  'a pool that is exported between the names and the properties makes the list unavailable, ' +
    'never shorter',
  async () => {
    const installation = install()
    const driver = installation.driver()
    await populate(driver, 3)
    for (const list of [
      () => driver.attachments.listPublished(),
      () => driver.snapshots.listSnapshots({}),
    ]) {
      const pool = installation.world.zfs('storage1').pool('tank')
      beforeTheFirstRead(installation, () => {
        pool.imported = false
      })
      await expect(list()).rejects.toMatchObject({ kind: 'unavailable' })
      pool.imported = true
    }
  },
)

test('a page asks for as many datasets as it holds, however many there are', async () => {
  const askedWith = async (count: number) => {
    const installation = install()
    const driver = installation.driver()
    const ids = await populate(driver, count)
    for (const id of ids.slice(0, 3)) {
      await driver.attachments.attach(
        attachRequest(id, id.startsWith('silver-m2/') ? 'm2/ldg1' : 'm1/ldg1'),
      )
    }
    const pages = pagesOf(driver, 5)
    installation.world.timeline.commands.length = 0
    await pages.volumes(undefined)
    await pages.snapshots(undefined)
    return asked(installation).datasets
  }
  // Six of each, the parent of each of the pools they are in, and the records of those that are
  // attached.
  expect(await askedWith(30)).toBeLessThanOrEqual(2 * (6 + POOLS.length) + 3)
  expect(await askedWith(90)).toBeLessThanOrEqual(2 * (6 + POOLS.length) + 3)
})

test('no command line is longer than an ssh packet may be', async () => {
  const installation = install()
  const driver = installation.driver()
  await populate(driver, 600, 1)
  installation.world.timeline.commands.length = 0
  expect(await driver.attachments.listPublished()).toHaveLength(600)
  expect(await driver.snapshots.listSnapshots({})).toHaveLength(600)
  expect(asked(installation).datasets).toBeGreaterThanOrEqual(1200)
  expect(asked(installation).longest).toBeLessThan(32_000)
})

test('no operation but a list asks for names, once the controller has made its first snapshot', async () => {
  const installation = install()
  const driver = installation.driver()
  const [id = ''] = await populate(driver, 3)
  await driver.snapshots.deleteSnapshot(
    (await driver.snapshots.createSnapshot({ name: 'warm', volumeId: id })).id,
  )
  const { commands } = installation.world.timeline
  commands.length = 0
  const snapshot = await driver.snapshots.createSnapshot({ name: 'cut', volumeId: id })
  const restored = await driver.volumes.ensureVolume(
    volumeSpec({
      name: 'restored',
      pool: undefined,
      source: { kind: 'snapshot', id: snapshot.id },
    }),
  )
  await driver.attachments.attach(attachRequest(restored.id, 'm1/ldg1'))
  await driver.attachments.detach(restored.id, attachRequest(restored.id, 'm1/ldg1').guest)
  const group = await driver.groups.createGroup({ name: 'group', volumeIds: [id] })
  await driver.groups.deleteGroup(
    group.id,
    group.snapshots.map(member => member.id),
  )
  await driver.snapshots.deleteSnapshot(snapshot.id)
  await driver.volumes.deleteVolume(restored.id)
  await driver.volumes.deleteVolume(id)
  const isWhole = (argv: readonly string[]) =>
    argv[0]?.endsWith('/zfs') && argv.includes('-r') && argv.at(-1)?.endsWith('/kubernetes')
  // A new attachment asks for the numbers in the records: of file systems only, which are as many
  // as there are attachments.
  const areNumbers = (argv: readonly string[]) =>
    argv.includes('filesystem') && argv.some(word => word.endsWith('ldom-csi:vdisk'))
  const wholePools = commands.filter(({ argv }) => isWhole(argv) && !areNumbers(argv))
  expect(commands.filter(({ argv }) => areNumbers(argv))).toHaveLength(2)
  expect(wholePools.map(({ argv }) => argv.join(' '))).toEqual([])
})
