import { NO_STATUS } from '../../src/kubernetes/cluster-objects.ts'
import { readClaim, readGuestDisk } from '../../src/kubernetes/cluster-readers.ts'
import { DiskWrites, GUEST_DISK_FINALIZER } from '../../src/kubernetes/disk-writes.ts'
import { Cluster } from '../support/cluster-api/cluster.ts'
import { claimObject, diskObject, SHOP_CLAIMS, SHOP_DISKS } from '../support/cluster-objects.ts'

const DISK = `${SHOP_DISKS}/orders`
const CLAIM = `${SHOP_CLAIMS}/orders`

function scene() {
  const cluster = new Cluster()
  const writes = new DiskWrites({ api: cluster.api })
  const disk = (fields: Record<string, object> = {}) =>
    readGuestDisk(cluster.put(DISK, diskObject(fields)))
  const claim = (fields: Record<string, object> = {}) =>
    readClaim(cluster.put(CLAIM, claimObject(fields)))
  const stored = (path: string) => cluster.objects.get(path)
  return { cluster, writes, disk, claim, stored }
}

const STATUS = { ...NO_STATUS, volume: 'gold/v-1', vdisk: 5, pathsWorking: '2/2' }

test('a status replaces the one before, and what it does not have goes away', async () => {
  const { writes, disk, stored } = scene()
  expect(await writes.patchStatus(disk(), { ...STATUS, device: '/dev/vdiskb' })).toBe('done')
  const fresh = await writes.readDisk({ namespace: 'shop', name: 'orders' })
  expect(fresh?.status).toEqual({ ...STATUS, device: '/dev/vdiskb' })
  expect(fresh === undefined ? '' : await writes.patchStatus(fresh, STATUS)).toBe('done')

  expect(stored(DISK)?.status).toEqual({
    conditions: [],
    paths: [],
    pathsWorking: '2/2',
    vdisk: 5,
    volume: 'gold/v-1',
  })
})

test.each([
  {
    what: 'a status',
    write: ({ writes, disk }: ReturnType<typeof scene>) => {
      const before = disk()
      return { before: DISK, act: () => writes.patchStatus(before, STATUS) }
    },
  },
  {
    what: 'a finalizer of a disk',
    write: ({ writes, disk }: ReturnType<typeof scene>) => {
      const { meta } = disk()
      return { before: DISK, act: () => writes.addFinalizer('disk', meta) }
    },
  },
  {
    what: 'the end of a finalizer of a claim',
    write: ({ writes, claim }: ReturnType<typeof scene>) => {
      const { meta } = claim({ metadata: { finalizers: [GUEST_DISK_FINALIZER] } })
      return { before: CLAIM, act: () => writes.removeFinalizer('claim', meta) }
    },
  },
])(
  '$what is refused after somebody else has changed the object, or it is gone',
  async ({ write }) => {
    const world = scene()
    const { before, act } = write(world)
    const changed = world.cluster.put(before, {
      ...world.stored(before),
      metadata: { ...world.stored(before)?.metadata, labels: { of: 'somebody else' } },
    })
    expect(await act()).toBe('conflict')
    expect(world.stored(before)).toEqual(changed)
    world.cluster.objects.delete(before)

    expect(await act()).toBe('gone')
  },
)

test('a finalizer comes beside those of others, and goes alone', async () => {
  const { writes, claim, stored } = scene()
  const { meta } = claim({ metadata: { finalizers: ['kubernetes.io/pvc-protection'] } })
  expect(await writes.addFinalizer('claim', meta)).toBe('done')
  expect(stored(CLAIM)?.metadata.finalizers).toEqual([
    'kubernetes.io/pvc-protection',
    GUEST_DISK_FINALIZER,
  ])
  const fresh = await writes.readClaim(meta)
  expect(fresh && (await writes.removeFinalizer('claim', fresh.meta))).toBe('done')

  expect(stored(CLAIM)?.metadata.finalizers).toEqual(['kubernetes.io/pvc-protection'])
})

test('a finalizer that is there already, or is not there any more, costs no request', async () => {
  const { cluster, writes, disk } = scene()
  const { meta } = disk({ metadata: { finalizers: [GUEST_DISK_FINALIZER] } })
  expect(await writes.addFinalizer('disk', meta)).toBe('done')
  expect(await writes.removeFinalizer('disk', { ...meta, finalizers: [] })).toBe('done')

  expect(cluster.requests).toEqual([])
})

test('what is being deleted takes no new finalizer', async () => {
  const { cluster, writes, disk, stored } = scene()
  disk({ metadata: { finalizers: ['another'] } })
  cluster.delete(DISK)
  const { meta } = readGuestDisk(stored(DISK))
  expect(meta.deleting).toBe(true)

  await expect(writes.addFinalizer('disk', meta)).rejects.toMatchObject({
    kind: 'failed-precondition',
    message: 'disk shop/orders is being deleted, and takes no new finalizer',
  })
})

test('a deleted disk is there until its last finalizer goes', async () => {
  const { writes, disk, stored } = scene()
  const { meta } = disk({ metadata: { finalizers: [GUEST_DISK_FINALIZER] } })
  expect(await writes.deleteDisk(meta)).toBe('done')
  const fresh = await writes.readDisk(meta)
  expect(fresh?.meta).toMatchObject({ deleting: true, generation: 2 })
  expect(fresh && (await writes.removeFinalizer('disk', fresh.meta))).toBe('done')

  expect(stored(DISK)).toBeUndefined()
  expect(await writes.readDisk(meta)).toBeUndefined()
  expect(await writes.deleteDisk(meta)).toBe('gone')
})

test('another disk of the same name is not deleted', async () => {
  const { cluster, writes, disk, stored } = scene()
  const { meta } = disk()
  cluster.delete(DISK)
  disk()

  expect(await writes.deleteDisk(meta)).toBe('conflict')
  expect(stored(DISK)).toBeDefined()
})

test('a disk is made once, owned by the claim that it is made from', async () => {
  const { writes, claim, stored, cluster } = scene()
  const { meta } = claim()
  const { spec } = readGuestDisk({ metadata: { ...meta }, spec: diskObject().spec })
  const wanted = {
    namespace: 'shop',
    name: 'orders',
    spec,
    labels: { 'ldom-csi.io/claim': 'orders' },
    annotations: {},
    finalizers: [GUEST_DISK_FINALIZER],
    owner: { name: 'orders', uid: meta.uid },
  }
  expect(await writes.createDisk(wanted)).toBe('done')
  expect(await writes.createDisk(wanted)).toBe('exists')
  const made = await writes.readDisk(wanted)
  expect(made).toMatchObject({ spec, meta: { ownerUids: [meta.uid], labels: wanted.labels } })
  expect(stored(DISK)).toMatchObject({ apiVersion: 'ldom-csi.io/v1alpha1', kind: 'GuestDisk' })
  cluster.deleteNamespace('shop')

  await expect(writes.createDisk({ ...wanted, name: 'other' })).rejects.toMatchObject({
    kind: 'permission-denied',
    message: expect.stringContaining('because it is being terminated'),
  })
})

const GROWING = {
  phase: 'Bound',
  capacity: { storage: '1Gi' },
  allocatedResources: { storage: '2Gi' },
  allocatedResourceStatuses: { storage: 'NodeResizePending', other: 'Kept' },
  conditions: [
    { type: 'FileSystemResizePending', status: 'True', message: 'waits for the node' },
    { type: 'Resizing', status: 'True' },
    { type: 'ModifyingVolume', status: 'True', lastProbeTime: null, of: 'a later version' },
  ],
}

test('a grown file system is told on the claim as kubelet tells it', async () => {
  const { writes, claim, stored } = scene()
  const seen = claim({ status: GROWING })
  expect(seen).toMatchObject({ isResizePending: true, capacityBytes: 2 ** 30 })
  expect(await writes.finishResize(seen, 2 ** 31)).toBe('done')

  expect(stored(CLAIM)?.status).toEqual({
    phase: 'Bound',
    capacity: { storage: '2Gi' },
    allocatedResources: { storage: '2Gi' },
    allocatedResourceStatuses: { other: 'Kept' },
    conditions: [GROWING.conditions[2]],
  })
})

test('the end of an expansion is never told on another claim of the same name', async () => {
  const { cluster, writes, claim, stored } = scene()
  const seen = claim({ status: GROWING })
  cluster.delete(CLAIM)
  expect(await writes.finishResize(seen, 2 ** 31)).toBe('gone')
  claim({ status: GROWING })

  expect(await writes.finishResize(seen, 2 ** 31)).toBe('conflict')
  expect(stored(CLAIM)?.status).toEqual(GROWING)
})

test('who changes a claim between the look and the write of an expansion wins', async () => {
  const { cluster, writes, claim, stored } = scene()
  const seen = claim({ status: GROWING })
  cluster.before = asked => {
    if (asked.startsWith('PATCH')) claim({ status: { ...GROWING, capacity: { storage: '3Gi' } } })
  }

  expect(await writes.finishResize(seen, 2 ** 31)).toBe('conflict')
  expect(stored(CLAIM)?.status).toMatchObject({ capacity: { storage: '3Gi' } })
})

test('a class is read, and one that is not there is none', async () => {
  const { cluster, writes } = scene()
  expect(await writes.readClass('gold')).toBeUndefined()
  cluster.put('/apis/storage.k8s.io/v1/storageclasses/gold', {
    provisioner: 'vdisk.ldom-csi.io',
    parameters: { pool: 'gold' },
    volumeBindingMode: 'WaitForFirstConsumer',
    allowVolumeExpansion: true,
  })

  expect(await writes.readClass('gold')).toEqual({
    name: 'gold',
    provisioner: 'vdisk.ldom-csi.io',
    parameters: { pool: 'gold' },
    mountOptions: [],
    waitsForConsumer: true,
    allowsExpansion: true,
  })
})

test('silence and refusals are no answer', async () => {
  const { cluster, writes, disk } = scene()
  const seen = disk()
  cluster.faults.set('PATCH', 500)
  await expect(writes.patchStatus(seen, STATUS)).rejects.toMatchObject({ kind: 'unavailable' })
  cluster.faults.set('GET', 403)
  await expect(writes.readDisk(seen.meta)).rejects.toMatchObject({ kind: 'permission-denied' })
})
