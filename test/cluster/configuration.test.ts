// A configuration that is wrong stops an update, and harms nobody who works with the one before it.

import { waitFor } from '../support/commands.ts'
import { allReady, driver, killDriver, leader, leaseHolder, type Pod } from './driver.ts'
import { allRemoved, cluster, namespace, SLOW_MS } from './fixture.ts'
import { installChart, upgradeChart } from './installation.ts'
import { claim, pod } from './manifests.ts'

/** The chart takes it. The driver does not: the paths of a machine share one host group. */
const REFUSED_BY_DRIVER = 'config.pools.gold.paths[1].hostGroup=other'
beforeEach(allRemoved, SLOW_MS)

afterEach(async () => {
  await installChart(cluster)
  await allReady()
}, SLOW_MS)

/** How often the driver of a pod has started anew. */
const restarts = ({ status }: Pod) =>
  status.containerStatuses?.find(({ name }) => name === 'ldom-csi')?.restartCount ?? 0

const again = ({ metadata }: Pod) => driver.get<Pod>('pod', metadata.name)

const controllers = () =>
  driver.list<Pod>('pods', '--selector=app.kubernetes.io/component=controller')

test(
  'controllers that reject their configuration leave one with the old one, also when it restarts',
  async () => {
    const kubectl = await namespace('bad-configuration')
    await upgradeChart({ set: [REFUSED_BY_DRIVER] })
    await waitFor({ what: 'a controller that ends', limitMs: 120_000 }, async () =>
      (await controllers()).some(each => restarts(each) > 1),
    )
    const old = await leader()
    const [before, holder] = [restarts(old), await leaseHolder()]

    await killDriver(old)

    await waitFor({ what: 'the same controller with a new lease', limitMs: 120_000 }, async () => {
      const now = await leaseHolder()
      return now !== holder && now.startsWith(`${old.metadata.name}_`)
    })
    expect(restarts(await again(old))).toBe(before + 1)
    await kubectl.apply(claim('data'), pod('data'))
    await kubectl.podReady('data')
  },
  2 * SLOW_MS,
)
