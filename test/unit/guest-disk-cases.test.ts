// GuestDisks mean the same to `apply` and to a cluster: the table that test/cluster tries on a real
// API server is tried here on the parser of `apply`. So are the examples.

import { readdirSync, readFileSync } from 'node:fs'
import { stringify } from 'yaml'
import { parseManifests } from '../../src/manifests/manifests.ts'
import { CHANGES, DISK_CASES, type DiskCase, guestDisk } from '../support/guest-disk-cases.ts'

const EXAMPLES = new URL('../../examples/kubernetes/guest-disks/', import.meta.url)

const claimFor = (spec: DiskCase['spec']) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'orders' },
  spec: {
    storageClassName: 'gold',
    accessModes: ['ReadWriteOnce'],
    volumeMode: 'mountPath' in spec ? 'Filesystem' : 'Block',
    resources: { requests: { storage: '64Mi' } },
  },
})
const STORAGE_CLASS = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: 'gold' },
  provisioner: 'vdisk.ldom-csi.io',
  parameters: { pool: 'gold' },
}

function parse(spec: DiskCase['spec']): void {
  const documents = [STORAGE_CLASS, claimFor(spec), guestDisk('orders', spec)]
  const text = documents.map(document => stringify(document)).join('---\n')
  parseManifests([{ file: 'disk.yaml', text }])
}

test.each(DISK_CASES.filter(({ refused }) => refused === undefined))(
  'apply takes $title',
  ({ spec }) => {
    expect(() => parse(spec)).not.toThrow()
  },
)

test.each(DISK_CASES.filter(({ refused }) => refused !== undefined))(
  'apply refuses $title',
  ({ spec }) => {
    expect(() => parse(spec)).toThrow(/disk\.yaml/)
  },
)

test('the changes that a cluster refuses are between specs that it takes', () => {
  for (const { from } of CHANGES) expect(() => parse(from)).not.toThrow()
})

const SNAPSHOT_CLASS = `
apiVersion: snapshot.storage.k8s.io/v1
kind: VolumeSnapshotClass
metadata: { name: ldom-csi }
driver: vdisk.ldom-csi.io
deletionPolicy: Delete
`

test('the examples for guests without a kubelet fit together, and apply reads them', () => {
  const files = readdirSync(EXAMPLES).map(file => ({
    file,
    text: readFileSync(new URL(file, EXAMPLES), 'utf8'),
  }))

  const { objects } = parseManifests([...files, { file: 'snapshots.yaml', text: SNAPSHOT_CLASS }])

  const places = objects.flatMap(object => (object.kind === 'claim' ? object.places : []))
  expect(places.map(({ guest, mountPath }) => `${guest} ${mountPath}`).sort()).toEqual([
    'm1/ldg1 /export/ledger',
    'm1/ldg1 /export/orders',
    'm1/ldg1 /export/orders-restored',
    'm1/ldg1 /var/lib/ldom-csi/quorum',
    'm1/ldg1 undefined',
    'm1/ldg4 /srv/web',
    'm2/ldg1 /var/lib/ldom-csi/quorum',
    'm2/ldg3 undefined',
  ])
})
