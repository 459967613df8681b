// Helm changes the installation under volumes in use, and takes it away: neither touches a volume.

import { join } from 'node:path'
import { waitFor } from '../support/commands.ts'
import { driver, type Pod } from './driver.ts'
import { allRemoved, cluster, namespace, SLOW_MS, storageState } from './fixture.ts'
import { becomesReady, LINUX, linuxDisk, readDisk, readFile, writeFile } from './guest-disks.ts'
import { CONTROLLER, installChart, uninstallChart } from './installation.ts'
import type { Kubectl } from './kubectl.ts'
import { claim, pod } from './manifests.ts'

/** Packaged from the chart of that version; both name the image of today. */
const OLD_CHART = join(import.meta.dirname, 'charts/ldom-csi-0.1.0.tgz')
const GUEST_CLASSES = join(
  import.meta.dirname,
  '../../examples/kubernetes/guest-disks/classes.yaml',
)
const WRITE = '(while :; do date +%s >>/data/log; sync; sleep 1; done) &'

const lines = async (kubectl: Kubectl) =>
  (await kubectl.exec('data', 'cat', '/data/log')).trim().split('\n').length

async function writes(kubectl: Kubectl): Promise<void> {
  const before = await lines(kubectl)
  await waitFor({ what: 'writes', limitMs: 30_000 }, async () => (await lines(kubectl)) > before)
}

const installedChart = () =>
  driver.value(`deployment ${CONTROLLER}`, '.metadata.labels.helm\\.sh/chart')

const volumes = async () => {
  const { storage } = await storageState()
  return Object.values(storage)
    .flat()
    .filter(({ kind }) => kind === 'volume')
    .map(({ name }) => name)
}

beforeEach(allRemoved, SLOW_MS)

test(
  'a chart without guest-disks, then an upgrade: disks of guests stay, and are looked after again',
  async () => {
    const kubectl = await namespace('upgrade-disks')
    await kubectl.applyFile(GUEST_CLASSES)
    await kubectl.apply(...linuxDisk('data'))
    await becomesReady(kubectl, 'data')
    await writeFile(LINUX, '/srv/data/file', 'kept')
    const before = await readDisk(kubectl, 'data')

    await installChart(cluster, { chart: OLD_CHART })

    await writeFile(LINUX, '/srv/data/file', 'written without a controller')
    expect(await readDisk(kubectl, 'data')).toEqual(before)
    await kubectl.run(['delete', 'guestdisk', 'data', '--wait=false'])
    await installChart(cluster)
    await kubectl.gone('guestdisk', 'data')
    await kubectl.apply(...linuxDisk('data'))
    await becomesReady(kubectl, 'data')
    expect(await readFile(LINUX, '/srv/data/file')).toBe('written without a controller')
  },
  2 * SLOW_MS,
)

test(
  'an upgrade from chart 0.1.0 leaves a pod alone that writes, and serves further claims',
  async () => {
    const kubectl = await namespace('upgrade')
    await installChart(cluster, { chart: OLD_CHART })
    expect(await installedChart()).toBe('ldom-csi-0.1.0')
    await kubectl.apply(claim('data'), pod('data', { script: WRITE }))
    await kubectl.podReady('data')
    const before = await kubectl.get<Pod>('pod', 'data')

    await installChart(cluster, { set: ['controller.logLevel=debug', 'node.logLevel=debug'] })

    expect(await installedChart()).toBe('ldom-csi-0.2.0')
    await writes(kubectl)
    const now = await kubectl.get<Pod>('pod', 'data')
    expect(now.metadata.uid).toBe(before.metadata.uid)
    expect(now.status.containerStatuses?.[0]?.restartCount).toBe(0)
    await kubectl.apply(claim('other'), pod('other'))
    await kubectl.podReady('other')
    await kubectl.delete('pod', 'data')
    await kubectl.apply(pod('data', { script: WRITE }))
    await kubectl.podReady('data')
  },
  2 * SLOW_MS,
)

test(
  'an upgrade that changes the parameters of a StorageClass is refused, and changes nothing',
  async () => {
    const state = async () => ({
      parameters: await cluster.kubectl.value('storageclass gold', '.parameters'),
      controller: await driver.value(`deployment ${CONTROLLER}`, '.metadata.generation'),
      revisions: (await driver.list('secrets', '--selector=owner=helm')).map(
        ({ metadata }) => metadata.name,
      ),
    })
    const before = await state()

    const upgrade = installChart(cluster, {
      set: ['storageClasses.gold.parameters.compression=lz4', 'controller.logLevel=warn'],
    })

    await expect(upgrade).rejects.toThrow(
      'StorageClass gold exists with parameters {"pool":"gold"}, and the values say ' +
        '{"compression":"lz4","pool":"gold"}. Kubernetes cannot change that: keep the old class ' +
        'as it is and add one of another name',
    )
    expect(await state()).toEqual(before)
  },
  SLOW_MS,
)

test(
  'an uninstall leaves volumes and running pods alone, and an install finds them again',
  async () => {
    const kubectl = await namespace('uninstall')
    await kubectl.apply(claim('data'), pod('data', { script: WRITE }))
    await kubectl.podReady('data')
    const before = await volumes()

    await uninstallChart()

    await writes(kubectl)
    expect(await volumes()).toEqual(before)
    expect(await kubectl.value('pvc data', '.status.phase')).toBe('Bound')
    await installChart(cluster)
    await kubectl.delete('pod', 'data')
    await kubectl.apply(pod('data', { script: WRITE }))
    await kubectl.podReady('data')
    expect(await lines(kubectl)).toBeGreaterThan(1)
  },
  2 * SLOW_MS,
)
