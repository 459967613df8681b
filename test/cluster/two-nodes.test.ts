// Two nodes, which are guests of two machines: volumes that both reach move between them, and never
// are on both.

import { waitFor } from '../support/commands.ts'
import { allReady, attachmentsOf } from './driver.ts'
import { allRemoved, cluster, namespace, SLOW_MS, storageState } from './fixture.ts'
import type { Kubectl } from './kubectl.ts'
import { claim, pod, podSpec } from './manifests.ts'
import { NODES } from './settings.ts'

const [first, second] = NODES

beforeEach(allRemoved, SLOW_MS)

const guestsWithDisks = async () => {
  const { guests } = await storageState()
  return Object.entries(guests)
    .filter(([, { disks }]) => disks.length > 0)
    .map(([guest]) => guest)
}

const deployment = (name: string, claimName: string) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    replicas: 1,
    strategy: { type: 'Recreate' },
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: podSpec(claimName) },
  },
})

async function podOf(kubectl: Kubectl, app: string): Promise<string> {
  const path = '.items[?(@.status.phase=="Running")].metadata.name'
  const name = await kubectl.value(`pods --selector=app=${app}`, path)
  return name.split(' ')[0] ?? ''
}

test(
  'a volume moves to the other node with its pod, with what was written',
  async () => {
    const kubectl = await namespace('moves')
    await kubectl.apply(claim('data'), pod('one', { claim: 'data', node: first.name }))
    await kubectl.podReady('one')
    await kubectl.exec('one', 'sh', '-c', 'echo kept >/data/file')
    await kubectl.delete('pod', 'one')

    await kubectl.apply(pod('two', { claim: 'data', node: second.name }))
    await kubectl.podReady('two')

    expect(await kubectl.exec('two', 'cat', '/data/file')).toBe('kept\n')
    expect(await guestsWithDisks()).toEqual([second.guest])
  },
  SLOW_MS,
)

test(
  'of two pods on two nodes that want one volume, the second waits until the first is gone',
  async () => {
    const kubectl = await namespace('fight')
    await kubectl.apply(claim('data'), pod('one', { claim: 'data', node: first.name }))
    await kubectl.podReady('one')
    await kubectl.exec('one', 'sh', '-c', 'echo kept >/data/file')

    await kubectl.apply(pod('two', { claim: 'data', node: second.name }))
    await waitFor({ what: 'the event of the second pod' }, async () =>
      (await kubectl.run(['get', 'events'])).includes('already used by pod'),
    )
    expect(await guestsWithDisks()).toEqual([first.guest])
    await kubectl.delete('pod', 'one')

    await kubectl.podReady('two', 180_000)
    expect(await kubectl.exec('two', 'cat', '/data/file')).toBe('kept\n')
  },
  SLOW_MS,
)

test(
  'a node is drained: its pod goes on elsewhere, on its volume',
  async () => {
    const kubectl = await namespace('drain')
    await cluster.kubectl.run(['cordon', first.name])
    await kubectl.apply(claim('data'), deployment('app', 'data'))
    await kubectl
      .wait('deployment/app', 'status.readyReplicas=1')
      .finally(() => cluster.kubectl.run(['uncordon', first.name]))
    await kubectl.exec(await podOf(kubectl, 'app'), 'sh', '-c', 'echo kept >/data/file')

    const options = ['--ignore-daemonsets', '--delete-emptydir-data', '--force', '--timeout=120s']
    try {
      await cluster.kubectl.run(['drain', second.name, ...options])
      const moved = await waitFor({ what: 'the pod', limitMs: 180_000 }, async () => {
        await kubectl.wait('deployment/app', 'status.readyReplicas=1', 1000)
        const name = await podOf(kubectl, 'app')
        return (await kubectl.value(`pod ${name}`, '.spec.nodeName')) === first.name && name
      })

      expect(await kubectl.exec(moved, 'cat', '/data/file')).toBe('kept\n')
    } finally {
      await cluster.kubectl.run(['uncordon', second.name])
    }
  },
  SLOW_MS,
)

test(
  'a node dies and is tainted out-of-service: its volume is detached, and its pod goes on elsewhere',
  async () => {
    const kubectl = await namespace('dies')
    await cluster.kubectl.run(['cordon', first.name])
    await kubectl.apply(claim('data'), deployment('app', 'data'))
    await kubectl
      .wait('deployment/app', 'status.readyReplicas=1')
      .finally(() => cluster.kubectl.run(['uncordon', first.name]))
    const old = await podOf(kubectl, 'app')
    await kubectl.exec(old, 'sh', '-c', 'echo kept >/data/file; sync')
    const volume = await kubectl.value('pvc data', '.spec.volumeName')
    const taint = 'node.kubernetes.io/out-of-service=nodeshutdown:NoExecute'

    await cluster.node(second.name).die()
    try {
      await waitFor(
        { what: 'the end of the node', limitMs: 120_000 },
        async () => (await ready(second.name)) !== 'True',
      )
      await cluster.kubectl.run(['taint', 'node', second.name, taint])
      const moved = await waitFor({ what: 'the pod elsewhere', limitMs: 180_000 }, async () => {
        const name = await podOf(kubectl, 'app')
        return name !== '' && name !== old && name
      })
      await kubectl.podReady(moved)

      expect(await kubectl.exec(moved, 'cat', '/data/file')).toBe('kept\n')
      const nodes = (await attachmentsOf(volume)).map(({ spec }) => spec.nodeName)
      expect(nodes).toEqual([first.name])
    } finally {
      await cluster.bootAgain(second.name)
      await waitFor(
        { what: 'the node', limitMs: 120_000 },
        async () => (await ready(second.name)) === 'True',
      )
      await cluster.kubectl.run(['taint', 'node', second.name, `${taint}-`])
      await allReady()
    }
  },
  SLOW_MS,
)

const ready = (node: string) =>
  cluster.kubectl.value(`node ${node}`, '.status.conditions[?(@.type=="Ready")].status')

test(
  'a machine loses power and comes back: pods of its guest get their volumes without hands',
  async () => {
    const kubectl = await namespace('power')
    await kubectl.apply(claim('data'), pod('data', { node: second.name }))
    await kubectl.podReady('data')
    await kubectl.exec('data', 'sh', '-c', 'echo kept >/data/file; sync')

    await cluster.node(second.name).die()
    await cluster.simulation.control({ op: 'power-cycle', machine: 'm2' })
    await cluster.bootAgain(second.name)

    await waitFor(
      { what: 'the file again', limitMs: 240_000, everyMs: 1000 },
      async () => (await kubectl.exec('data', 'cat', '/data/file')) === 'kept\n',
    )
    await allReady()
  },
  SLOW_MS,
)
