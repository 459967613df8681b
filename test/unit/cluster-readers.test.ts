import { NO_STATUS } from '../../src/kubernetes/cluster-objects.ts'
import {
  readClaim,
  readClass,
  readGuestDisk,
  readVolume,
} from '../../src/kubernetes/cluster-readers.ts'
import { claimObject, diskObject, volumeObject } from '../support/cluster-objects.ts'

const DRIVER = 'vdisk.ldom-csi.io'
const META = { uid: 'u1', resourceVersion: '7', creationTimestamp: '2026-11-29T10:00:00Z' }

test('of a disk is kept what somebody reads, with the defaults of its schema', () => {
  const json = diskObject({
    metadata: {
      ...META,
      generation: 3,
      deletionTimestamp: '2026-11-29T11:00:00Z',
      finalizers: ['ldom-csi.io/guest-disk'],
      annotations: {
        'ldom-csi.io/abandon': 'm1/ldg1 is gone',
        'volume.kubernetes.io/selected-node': 'n1',
        'kubectl.kubernetes.io/last-applied-configuration': 'long',
      },
      labels: { 'ldom-csi.io/claim': 'orders', app: 'shop' },
      ownerReferences: [{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: 'o', uid: 'u0' }],
      managedFields: [{ manager: 'kubectl' }],
    },
    status: {
      vdisk: 5,
      paths: [
        { serviceDomain: 'primary', service: 'a', state: 'active' },
        { serviceDomain: 'secondary', service: 'b', state: 'a later word' },
      ],
      conditions: [
        { type: 'Ready', status: 'True' },
        { type: 'Bound', status: 'perhaps' },
      ],
    },
  })
  const words = { reason: '', message: '', lastTransitionTime: '', observedGeneration: undefined }

  expect(readGuestDisk(json)).toEqual({
    key: 'shop/orders',
    meta: {
      namespace: 'shop',
      name: 'orders',
      uid: 'u1',
      resourceVersion: '7',
      generation: 3,
      createdMs: Date.UTC(2026, 10, 29, 10),
      deleting: true,
      finalizers: ['ldom-csi.io/guest-disk'],
      annotations: {
        'ldom-csi.io/abandon': 'm1/ldg1 is gone',
        'volume.kubernetes.io/selected-node': 'n1',
      },
      labels: { 'ldom-csi.io/claim': 'orders' },
      ownerUids: ['u0'],
    },
    spec: {
      claimName: 'orders',
      guest: 'm1/ldg1',
      mountPath: '/export/orders',
      devicePath: undefined,
      readOnly: false,
      vdiskNumber: undefined,
      mountOptions: [],
    },
    status: {
      ...NO_STATUS,
      vdisk: 5,
      paths: [
        { serviceDomain: 'primary', service: 'a', state: 'active' },
        { serviceDomain: 'secondary', service: 'b', state: 'unknown' },
      ],
      conditions: [
        { type: 'Ready', status: 'True', ...words },
        { type: 'Bound', status: 'Unknown', ...words },
      ],
    },
  })
})

test.each([
  { what: 'no claim', change: { claimName: undefined } },
  { what: 'an empty guest', change: { guest: '' } },
  { what: 'a number for a guest', change: { guest: 7 } },
])('a disk with $what is no disk', ({ change }) => {
  const json = diskObject({ metadata: META, spec: change })

  expect(() => readGuestDisk(json)).toThrow('the API server answered')
})

test('of a claim is kept what decides about its volume, sizes in bytes', () => {
  const conditions = [{ type: 'FileSystemResizePending', status: 'True', message: 'waits' }]
  const json = claimObject({ metadata: META, status: { conditions } })

  expect(readClaim(json)).toMatchObject({
    key: 'shop/orders',
    phase: 'Bound',
    volumeName: 'pvc-1',
    storageClassName: 'gold',
    accessModes: ['ReadWriteOnce'],
    volumeMode: 'Filesystem',
    requestedBytes: 2 ** 31,
    capacityBytes: 2 ** 30,
    isResizePending: true,
    conditions: [{ type: 'FileSystemResizePending', status: 'True', message: 'waits' }],
    allocatedResourceStatuses: {},
  })
})

test.each(['0', '100Ei', 'much'])('a claim of %s bytes is read, without a size', storage => {
  const json = claimObject({ metadata: META, spec: { resources: { requests: { storage } } } })

  expect(readClaim(json)).toMatchObject({ key: 'shop/orders', requestedBytes: undefined })
})

test('a condition that is over is not pending', () => {
  const conditions = [{ type: 'FileSystemResizePending', status: 'False' }]
  const json = claimObject({ metadata: META, status: { conditions } })

  expect(readClaim(json).isResizePending).toBe(false)
})

test('a volume of the driver is read, and one of another driver is none', () => {
  const json = volumeObject({ metadata: META })
  expect(readVolume(json, 'another')).toBeUndefined()
  expect(readVolume({ ...json, spec: { nfs: { server: 's' } } }, DRIVER)).toBeUndefined()

  expect(readVolume(json, DRIVER)).toEqual({
    key: 'pvc-1',
    name: 'pvc-1',
    uid: 'u1',
    resourceVersion: '7',
    deleting: false,
    phase: 'Bound',
    handle: 'gold/v-1',
    attributes: { design: 'mpgroup' },
    fsType: 'ufs',
    mountOptions: [],
    accessModes: ['ReadWriteOnce'],
    volumeMode: 'Filesystem',
    capacityBytes: 2 ** 31,
    readOnly: false,
    storageClassName: 'gold',
    claimRef: { namespace: 'shop', name: 'orders', uid: 'uid of orders' },
  })
})

test('a class that binds at once and grows nothing is what a class is without more words', () => {
  expect(readClass({ metadata: { name: 'gold' }, provisioner: DRIVER })).toEqual({
    name: 'gold',
    provisioner: DRIVER,
    parameters: {},
    mountOptions: [],
    waitsForConsumer: false,
    allowsExpansion: false,
  })
})
