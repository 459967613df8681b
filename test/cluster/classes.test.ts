// What classes say: file systems, where there is room, what is kept, parameters of snapshots.

import { waitFor } from '../support/commands.ts'
import { allRemoved, cluster, namespace, SLOW_MS, storageState, volumeHandle } from './fixture.ts'
import type { KubernetesObject } from './kubectl.ts'
import { claim, pod } from './manifests.ts'
import { DRIVER } from './settings.ts'

interface Capacity extends KubernetesObject {
  readonly storageClassName: string
  readonly capacity?: string
  readonly maximumVolumeSize?: string
  readonly nodeTopology?: { readonly matchLabels?: Readonly<Record<string, string>> }
}

const UNITS: Readonly<Record<string, number>> = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 }

function bytes(quantity: string | undefined): number {
  const [, count = '0', unit = ''] = /^(\d+)(\w*)$/.exec(quantity ?? '') ?? []
  return Number(count) * (UNITS[unit] ?? 1)
}

test.each([
  { storageClass: 'gold', says: 'names no file system', type: 'ext4' },
  { storageClass: 'silver', says: 'names ext4', type: 'ext4' },
])(
  'with tracked capacity and delayed binding, a class that $says gives a pod its volume',
  async ({ storageClass, type }) => {
    const kubectl = await namespace('class')
    await kubectl.apply(claim('data', { storageClass }), pod('data'))

    await kubectl.podReady('data')

    const mounts = await kubectl.exec('data', 'grep', ' /data ', '/proc/mounts')
    expect(mounts.split(' ')[2]).toBe(type)
  },
  SLOW_MS,
)

test(
  'a pool that only one machine reaches has room on the node of that machine alone',
  async () => {
    await allRemoved()
    const key = `${DRIVER}/machine`
    const roomOf = async () => {
      const all = await cluster.kubectl.list<Capacity>('csistoragecapacities', '--all-namespaces')
      return Object.fromEntries(
        all.map(({ storageClassName, nodeTopology, capacity, maximumVolumeSize }) => [
          `${storageClassName} on ${nodeTopology?.matchLabels?.[key]}`,
          bytes(maximumVolumeSize ?? capacity),
        ]),
      )
    }
    const room = await waitFor({ what: 'the capacities', limitMs: 120_000 }, async () => {
      const seen = await roomOf()
      const same = 'gold on m1' in seen && seen['gold on m1'] === seen['gold on m2']
      return same && 'silver on m1' in seen && seen
    })

    expect(room['gold on m1']).toBeGreaterThan(2 ** 30)
    expect(room['silver on m1']).toBeGreaterThan(2 ** 30)
    expect(room['silver on m2'] ?? 0).toBe(0)
  },
  SLOW_MS,
)

test(
  'a pod whose claim no pool can hold stays unscheduled, and says so',
  async () => {
    const kubectl = await namespace('full')
    await kubectl.apply(claim('data', { storageClass: 'silver', size: '500Gi' }), pod('data'))

    await waitFor({ what: 'the reason of the scheduler' }, async () =>
      (await kubectl.value('pod data', '.status.conditions[0].message')).includes(
        'did not have enough free storage',
      ),
    )
  },
  SLOW_MS,
)

test(
  'a class that retains leaves the volume when its claim is deleted',
  async () => {
    const kubectl = await namespace('retain')
    await kubectl.apply(claim('data', { storageClass: 'gold-retain' }), pod('data'))
    await kubectl.podReady('data')
    const handle = await volumeHandle(kubectl, 'data')
    const volume = await kubectl.value('pvc data', '.spec.volumeName')

    await kubectl.delete('pod', 'data')
    await kubectl.delete('pvc', 'data')

    await kubectl.wait(`pv/${volume}`, 'status.phase=Released')
    const { storage } = await storageState()
    const names = Object.values(storage)
      .flat()
      .map(({ name }) => name.split('/').at(-1))
    expect(names).toContain(handle.split('/').at(-1))
    const policy = { spec: { persistentVolumeReclaimPolicy: 'Delete' } }
    await cluster.kubectl.run(['patch', 'pv', volume, '--patch', JSON.stringify(policy)])
    await kubectl.gone('pv', volume)
  },
  SLOW_MS,
)

test(
  'a class of group snapshots that has a deletionPolicy among its parameters is served',
  async () => {
    const kubectl = await namespace('group')
    const name = kubectl.namespace
    await cluster.kubectl.apply({
      apiVersion: 'groupsnapshot.storage.k8s.io/v1',
      kind: 'VolumeGroupSnapshotClass',
      metadata: { name },
      driver: DRIVER,
      deletionPolicy: 'Delete',
      parameters: { deletionPolicy: 'Delete' },
    })
    try {
      await kubectl.apply(claim('data'), pod('data'))
      await kubectl.podReady('data')
      await kubectl.run(['label', 'pvc', 'data', 'group=one'])

      await kubectl.apply({
        apiVersion: 'groupsnapshot.storage.k8s.io/v1',
        kind: 'VolumeGroupSnapshot',
        metadata: { name: 'group' },
        spec: {
          volumeGroupSnapshotClassName: name,
          source: { selector: { matchLabels: { group: 'one' } } },
        },
      })

      await kubectl.wait('volumegroupsnapshot/group', 'status.readyToUse=true')
      await kubectl.delete('volumegroupsnapshot', 'group')
    } finally {
      await cluster.kubectl.delete('volumegroupsnapshotclass', name)
    }
  },
  SLOW_MS,
)
