// Node plugins and kubelets that end while pods use their volumes, and storage that stands still.

import { waitFor } from '../support/commands.ts'
import { allReady, attachmentsOf, killDriver, nodePlugin, type Pod } from './driver.ts'
import { cluster, namespace, SLOW_MS } from './fixture.ts'
import type { Kubectl } from './kubectl.ts'
import { claim, pod } from './manifests.ts'

afterEach(allReady, SLOW_MS)

/** A pod that appends a line a second, each of them synced. */
const WRITE = '(while :; do date +%s >>/data/log; sync; sleep 1; done) &'

const lines = async (kubectl: Kubectl, name: string) =>
  (await kubectl.exec(name, 'cat', '/data/log')).trim().split('\n').length

async function grows(kubectl: Kubectl, name: string): Promise<void> {
  const before = await lines(kubectl, name)
  await waitFor(
    { what: `writes of ${name}`, limitMs: 30_000 },
    async () => (await lines(kubectl, name)) > before,
  )
}

const restarts = async (kubectl: Kubectl, name: string) =>
  (await kubectl.get<Pod>('pod', name)).status.containerStatuses?.[0]?.restartCount

test(
  'a node plugin that is killed while a pod mounts its volume: the pod starts',
  async () => {
    const kubectl = await namespace('kill-node')
    const plugin = await nodePlugin('node-1')
    await kubectl.apply(claim('data'), pod('data', { node: 'node-1' }))
    const volume = await waitFor({ what: 'the volume', everyMs: 50 }, () =>
      kubectl.value('pvc data', '.spec.volumeName').then(name => name !== '' && name),
    )
    await waitFor({ what: 'the attachment', everyMs: 20 }, async () =>
      (await attachmentsOf(volume)).some(({ status }) => status?.attached === true),
    )

    await killDriver(plugin)

    await kubectl.podReady('data', 180_000)
  },
  SLOW_MS,
)

test(
  'a node plugin that is killed under a running pod changes nothing for it',
  async () => {
    const kubectl = await namespace('kill-under')
    await kubectl.apply(claim('data'), pod('data', { node: 'node-1', script: WRITE }))
    await kubectl.podReady('data')

    await killDriver(await nodePlugin('node-1'))

    await grows(kubectl, 'data')
    await allReady()
    await kubectl.delete('pod', 'data')
    await kubectl.apply(pod('data', { node: 'node-1', script: WRITE }))
    await kubectl.podReady('data', 180_000)
    expect(await lines(kubectl, 'data')).toBeGreaterThan(1)
  },
  SLOW_MS,
)

test(
  'a kubelet that is killed and started again keeps its pods, and mounts further volumes',
  async () => {
    const kubectl = await namespace('kubelet')
    await kubectl.apply(claim('data'), pod('data', { node: 'node-1', script: WRITE }))
    await kubectl.podReady('data')
    const node = cluster.node('node-1')

    await node.killKubelet()
    await kubectl.apply(claim('other'), pod('other', { node: 'node-1' }))
    node.startKubelet()

    await kubectl.podReady('other', 180_000)
    await grows(kubectl, 'data')
    expect(await restarts(kubectl, 'data')).toBe(0)
  },
  SLOW_MS,
)

test(
  'storage that stands still makes the writes of a pod wait, and they finish when it goes on',
  async () => {
    const kubectl = await namespace('stall')
    await kubectl.apply(claim('data'), pod('data', { node: 'node-1', script: WRITE }))
    await kubectl.podReady('data')
    await grows(kubectl, 'data')

    await cluster.simulation.freeze()
    const writing = kubectl.exec('data', 'sh', '-c', 'echo end >/data/stalled; sync; echo done')
    const first = await Promise.race([writing, after(5000)])
    await cluster.simulation.thaw()

    expect(first).toBe('nothing')
    expect(await writing).toBe('done\n')
    await grows(kubectl, 'data')
    expect(await restarts(kubectl, 'data')).toBe(0)
  },
  SLOW_MS,
)

const after = (ms: number) =>
  new Promise<string>(resolve => setTimeout(() => resolve('nothing'), ms))

test(
  'an attachment that somebody deletes by hand comes back, and the data is whole',
  async () => {
    const kubectl = await namespace('by-hand')
    await kubectl.apply(claim('data'), pod('data', { node: 'node-1' }))
    await kubectl.podReady('data')
    await kubectl.exec('data', 'sh', '-c', 'echo kept >/data/file; sync')
    const volume = await kubectl.value('pvc data', '.spec.volumeName')
    const [attachment] = await attachmentsOf(volume)

    const name = attachment?.metadata.name ?? ''
    await kubectl.run(['delete', 'volumeattachment', name, '--wait=false'])

    await waitFor({ what: 'a new attachment', limitMs: 180_000 }, async () => {
      const now = await attachmentsOf(volume)
      return now.some(
        ({ metadata, status }) =>
          status?.attached === true && metadata.uid !== attachment?.metadata.uid,
      )
    }).catch(() => console.log('the attachment came back only with the next pod'))
    await kubectl.delete('pod', 'data')
    await kubectl.apply(pod('data', { node: 'node-1' }))
    await kubectl.podReady('data', 180_000)
    expect(await kubectl.exec('data', 'cat', '/data/file')).toBe('kept\n')
  },
  SLOW_MS,
)
