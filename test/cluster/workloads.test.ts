// Workloads that come back after something changed.

import { waitFor } from '../support/commands.ts'
import { cluster, detached, namespace, SLOW_MS } from './fixture.ts'
import { claim, podSpec } from './manifests.ts'
import { DRIVER } from './settings.ts'

test(
  'a pod of a StatefulSet comes back after its claim grew, and grows with the next attachment',
  async () => {
    const kubectl = await namespace('grown')
    await kubectl.apply(xfsClass(), statefulSet('store'))
    await kubectl.wait('statefulset/store', 'status.readyReplicas=1')
    const grown = { spec: { resources: { requests: { storage: '400Mi' } } } }

    await kubectl.run(['patch', 'pvc', 'data-store-0', '--patch', JSON.stringify(grown)])
    await waitFor({ what: 'the larger volume' }, async () => {
      const volume = await kubectl.value('pvc data-store-0', '.spec.volumeName')
      return (await cluster.kubectl.value(`pv ${volume}`, '.spec.capacity.storage')) === '400Mi'
    })
    await kubectl.delete('pod', 'store-0')
    await kubectl.podReady('store-0')

    await kubectl.run(['scale', 'statefulset', 'store', '--replicas=0'])
    await detached(kubectl, 'data-store-0')
    await kubectl.run(['scale', 'statefulset', 'store', '--replicas=1'])
    await kubectl.wait('statefulset/store', 'status.readyReplicas=1')
    await kubectl.wait('pvc/data-store-0', 'status.capacity.storage=400Mi', 180_000)
    const blocks = await kubectl.exec('store-0', 'sh', '-c', 'df -kP /data | tail -n 1')
    expect(Number(blocks.trim().split(/\s+/)[1])).toBeGreaterThan(330 * 1024)
    await cluster.kubectl.delete('storageclass', 'grown-xfs')
  },
  SLOW_MS,
)

function xfsClass(): object {
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'grown-xfs' },
    provisioner: DRIVER,
    parameters: { pool: 'gold', 'csi.storage.k8s.io/fstype': 'xfs' },
    allowVolumeExpansion: true,
    volumeBindingMode: 'WaitForFirstConsumer',
  }
}

function statefulSet(name: string): object {
  const data = claim('data', { storageClass: 'grown-xfs', size: '320Mi' })
  const { volumes: _, ...pods } = podSpec('data')
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name },
    spec: {
      serviceName: name,
      replicas: 1,
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Retain' },
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: pods },
      volumeClaimTemplates: [data],
    },
  }
}
