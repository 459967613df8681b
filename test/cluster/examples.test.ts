// Every file of examples/kubernetes, applied as it stands.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { waitFor } from '../support/commands.ts'
import { cluster, namespace, SLOW_MS, storageState, volumeHandle } from './fixture.ts'
import type { Kubectl } from './kubectl.ts'
import { claim, pod } from './manifests.ts'

const EXAMPLES = join(import.meta.dirname, '../../examples/kubernetes')
const file = (name: string) => join(EXAMPLES, `${name}.yaml`)

async function withData(): Promise<Kubectl> {
  const kubectl = await namespace('example')
  await kubectl.applyFile(file('claim-and-pod'))
  await kubectl.podReady('writer')
  return kubectl
}

const firstLine = (kubectl: Kubectl, name: string) =>
  kubectl.exec(name, 'head', '-n', '1', '/data/log')

test(
  'a claim and its pod: the pod writes to the volume',
  async () => {
    const kubectl = await withData()

    const line = await waitFor({ what: 'a line of the log' }, async () =>
      firstLine(kubectl, 'writer'),
    )

    expect(line).toMatch(/UTC/)
    expect(await kubectl.value('pvc data', '.status.phase')).toBe('Bound')
  },
  SLOW_MS,
)

test(
  'a snapshot, a volume restored from it, and a clone: each has what the source had',
  async () => {
    const kubectl = await withData()
    const line = await waitFor({ what: 'a line of the log' }, async () =>
      firstLine(kubectl, 'writer'),
    )

    await kubectl.applyFile(file('snapshot'))
    await kubectl.wait('volumesnapshot/data-before', 'status.readyToUse=true')
    await kubectl.applyFile(file('restore'))
    await kubectl.applyFile(file('clone'))
    await kubectl.podReady('restored-reader')
    await kubectl.podReady('cloned-reader')

    expect(await firstLine(kubectl, 'restored-reader')).toBe(line)
    expect(await firstLine(kubectl, 'cloned-reader')).toBe(line)
    await kubectl.delete('pod', 'restored-reader')
    await kubectl.delete('pvc', 'restored')
    await kubectl.delete('volumesnapshot', 'data-before')
  },
  SLOW_MS,
)

test(
  'a group snapshot: both volumes are restored to one moment',
  async () => {
    const kubectl = await namespace('example')
    await kubectl.applyFile(file('group-claims'))
    await kubectl.podReady('shop')

    await kubectl.applyFile(file('group-snapshot'))
    await kubectl.wait('volumegroupsnapshot/shop', 'status.readyToUse=true')

    const snapshots = await kubectl.list('volumesnapshots')
    expect(snapshots).toHaveLength(2)
    await kubectl.delete('volumegroupsnapshot', 'shop')
    await kubectl.gone('volumesnapshots')
  },
  SLOW_MS,
)

// That the file system follows is tested with xfs in workloads.test.ts: a mounted ext4 grows only
// with CAP_SYS_RESOURCE, which this machine may lack.
test(
  'an expansion: the volume grows while its pod runs, and the claim says what the pod needs',
  async () => {
    const kubectl = await withData()

    await kubectl.applyFile(file('expansion'))

    const handle = await volumeHandle(kubectl, 'data')
    await waitFor({ what: 'the larger volume' }, async () => (await sizeOf(handle)) === 128 * MiB)
    await waitFor({ what: 'what the guest sees' }, async () =>
      (await kubectl.value('pvc data', '.status.conditions[*].message')).includes(
        'detach and attach the volume so that it reads the size again',
      ),
    )
    await kubectl.exec('writer', 'sh', '-c', 'echo more >>/data/log')
  },
  SLOW_MS,
)

const MiB = 1024 ** 2

async function sizeOf(handle: string): Promise<number | undefined> {
  const name = handle.split('/').at(-1) ?? ''
  const { storage } = await storageState()
  return Object.values(storage)
    .flat()
    .find(dataset => dataset.name.endsWith(`/${name}`))?.sizeBytes
}

test(
  'an attributes class: the claim of a running pod takes it',
  async () => {
    const kubectl = await withData()

    await kubectl.applyFile(file('attributes-class'))

    await kubectl.wait('pvc/data', 'status.currentVolumeAttributesClassName=batch')
  },
  SLOW_MS,
)

test(
  'a raw volume: the pod has the device itself, of the size that was asked for',
  async () => {
    const kubectl = await namespace('example')
    await kubectl.applyFile(file('raw-block'))
    await kubectl.podReady('raw-writer')

    await waitFor(
      { what: 'what the pod writes' },
      async () => (await kubectl.exec('raw-writer', 'head', '-c', '7', '/dev/raw')) === 'written',
    )
    const size = await kubectl.exec('raw-writer', 'blockdev', '--getsize64', '/dev/raw')
    expect(Number(size)).toBe(64 * MiB)
  },
  SLOW_MS,
)

test(
  'a volume for one pod: a second pod waits until the first is gone',
  async () => {
    const kubectl = await namespace('example')
    await kubectl.applyFile(file('read-write-once-pod'))
    await kubectl.podReady('alone')

    await kubectl.apply(pod('second', { claim: 'alone' }))
    await waitFor({ what: 'the refusal of the second pod' }, async () =>
      (await kubectl.value('pod second', '.status.conditions[*].message')).includes(
        'ReadWriteOncePod',
      ),
    )
    await kubectl.delete('pod', 'alone')

    await kubectl.podReady('second')
    expect(await kubectl.exec('second', 'cat', '/data/started')).toMatch(/UTC/)
  },
  SLOW_MS,
)

test(
  'a generic ephemeral volume goes with its pod',
  async () => {
    const kubectl = await namespace('example')
    await kubectl.applyFile(file('ephemeral-volume'))
    await kubectl.podReady('scratch')
    expect(await kubectl.exec('scratch', 'cat', '/scratch/started')).toMatch(/UTC/)

    await kubectl.delete('pod', 'scratch')

    await kubectl.gone('pvc', 'scratch-scratch')
  },
  SLOW_MS,
)

test(
  'a StatefulSet: each pod finds its own volume again',
  async () => {
    const kubectl = await namespace('example')
    await kubectl.applyFile(file('stateful-set'))
    await kubectl.wait('statefulset/store', 'status.readyReplicas=2')

    await kubectl.delete('pod', 'store-0', 'store-1')
    await kubectl.wait('statefulset/store', 'status.readyReplicas=2')

    for (const name of ['store-0', 'store-1']) {
      const starts = await waitFor({ what: `the second start of ${name}` }, async () => {
        const text = await kubectl.exec(name, 'cat', '/data/starts')
        return text.split('\n').length > 2 && text
      })
      expect(new Set(starts.trim().split('\n'))).toEqual(new Set([name]))
    }
  },
  SLOW_MS,
)

test(
  'a static volume: one that a claim left behind is given to another claim',
  async () => {
    const kubectl = await namespace('example')
    await kubectl.apply(claim('old', { storageClass: 'gold-retain' }), pod('old'))
    await kubectl.podReady('old')
    await kubectl.exec('old', 'sh', '-c', 'echo kept >/data/file')
    const handle = await volumeHandle(kubectl, 'old')
    const volume = await kubectl.value('pvc old', '.spec.volumeName')
    await kubectl.delete('pod', 'old')
    await kubectl.delete('pvc', 'old')
    await kubectl.delete('pv', volume)

    const text = readFileSync(file('static-volume'), 'utf8')
      .replace('gold/VOLUME', handle)
      .replaceAll('namespace: default', `namespace: ${kubectl.namespace}`)
    await kubectl.run(['apply', '--filename', '-'], { input: text })
    await kubectl.apply(pod('new', { claim: 'existing' }))
    await kubectl.podReady('new')

    expect(await kubectl.exec('new', 'cat', '/data/file')).toBe('kept\n')
    await kubectl.delete('pod', 'new')
    await kubectl.delete('pvc', 'existing')
    // The volume is deleted by the driver once the policy says so.
    const policy = { spec: { persistentVolumeReclaimPolicy: 'Delete' } }
    await cluster.kubectl.run(['patch', 'pv', 'existing', '--patch', JSON.stringify(policy)])
    await kubectl.gone('pv', 'existing')
    expect(await sizeOf(handle)).toBeUndefined()
  },
  SLOW_MS,
)
