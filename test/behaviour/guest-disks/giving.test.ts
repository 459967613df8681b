// A GuestDisk gives its guest the volume of a claim, and says truthfully how far that is.

import { CLAIMS, NAMESPACE, partOf } from './objects.ts'
import { type GuestDisksWorld, guestDisksWorld } from './world.ts'

let world: GuestDisksWorld
beforeEach(async () => {
  world = await guestDisksWorld()
})
afterEach(() => world.end())

const SOLARIS = { guest: 'm1/ldg1', mountPath: '/export/orders' }
const LINUX = { guest: 'm1/ldg2', mountPath: '/srv/orders' }

test.each([
  { spec: SOLARIS, device: /^\/dev\/dsk\/c0d(\d+)s0$/ },
  { spec: LINUX, device: /^\/dev\/vdisk[a-z]+$/ },
])('a disk for $spec.guest is attached and mounted, and its status says where', async given => {
  await world.claim('orders')
  world.putDisk('orders', given.spec)
  await world.pass(5)

  expect(world.disk('orders')?.status).toMatchObject({
    vdisk: expect.any(Number),
    device: expect.stringMatching(given.device),
    size: '32Mi',
    volume: expect.stringMatching(/^gold\/v-/),
    pathsWorking: '2/2',
    observedGeneration: 1,
  })
  for (const type of ['Bound', 'Attached', 'Mounted', 'Ready']) {
    expect(world.condition('orders', type)).toMatch(/^True /)
  }
  const { guest } = world.world.guests.get(given.spec.guest) ?? {}
  guest?.writeFile(`${given.spec.mountPath}/file`, 'written')
  expect(guest?.readFile(`${given.spec.mountPath}/file`)).toBe('written')
  expect(world.events('orders')).toEqual(['Mounted'])
  expect(world.cluster.objects.get(`${CLAIMS}/orders`)?.metadata.finalizers).toEqual([
    'ldom-csi.io/guest-disk',
  ])
})

test('a disk that comes before its claim waits, and says for what', async () => {
  world.putDisk('orders', SOLARIS)
  await world.pass(3)
  expect(world.condition('orders', 'Ready')).toBe('False ClaimMissing')

  await world.claim('orders')
  await world.pass(3)
  expect(world.condition('orders', 'Ready')).toBe('True Ready')
})

test('a raw volume is a device in its guest', async () => {
  await world.claim('raw', { mode: 'Block' })
  world.putDisk('raw', { guest: 'm1/ldg2', devicePath: '/dev/orders' })
  await world.pass(5)

  expect(world.condition('raw', 'Ready')).toBe('True Ready')
})

test('a boot disk is attached under its number, and nothing is done in the guest', async () => {
  world.around.shell = () => ({
    run: () => {
      throw new Error('the guest was asked')
    },
  })
  await world.restart()
  await world.claim('boot', { mode: 'Block' })
  world.putDisk('boot', { guest: 'm1/ldg3', vdiskNumber: 0 })
  await world.pass(3)
  expect(world.condition('boot', 'Ready')).toBe('False GuestUnknown')

  world.putDisk('boot', { guest: 'm1/ldg1', vdiskNumber: 7 })
  await world.pass(5)
  expect(world.disk('boot')?.status.vdisk).toBe(7)
  expect(world.condition('boot', 'Mounted')).toBe('True NothingToMount')
})

test('a shared raw volume goes to several guests', async () => {
  await world.claim('shared', { mode: 'Block', accessModes: ['ReadWriteMany'] })
  for (const guest of ['m1/ldg1', 'm2/ldg1']) {
    world.putDisk(`shared-${guest.replace('/', '-')}`, {
      claimName: 'shared',
      guest,
      devicePath: '/dev/shared',
    })
  }
  await world.pass(5)

  expect(world.condition('shared-m1-ldg1', 'Ready')).toBe('True Ready')
  expect(world.condition('shared-m2-ldg1', 'Ready')).toBe('True Ready')
})

test('a volume that another guest has is refused, with the name of that guest', async () => {
  await world.claim('orders')
  world.putDisk('orders', SOLARIS)
  await world.pass(5)

  world.putDisk('second', { claimName: 'orders', guest: 'm2/ldg1', mountPath: '/export/x' })
  await world.pass(5)

  expect(world.condition('second', 'Attached')).toMatch(/^False /)
  expect(world.message('second')).toMatch(/m1\/ldg1/)
  expect(world.events('second')).not.toEqual([])
})

test('a disk that is deleted and made again is ready only when it is mounted again', async () => {
  await world.claim('orders')
  world.putDisk('orders', SOLARIS)
  await world.pass(5)
  const guest = world.world.guest('m1/ldg1')
  const isTrue = () => world.condition('orders', 'Ready')?.startsWith('True') === true
  expect(isTrue()).toBe(true)

  world.deleteDisk('orders')
  for (let second = 0; second < 10; second += 1) {
    await world.pass(1)
    if (world.disk('orders') === undefined) world.putDisk('orders', SOLARIS)
    expect(isTrue() && guest.mounts().length === 0).toBe(false)
  }
  expect(world.disk('orders')?.meta.deleting).toBe(false)
  expect(isTrue()).toBe(true)
})

test('a claim that has another volume than before gives its guest nothing more', async () => {
  await world.claim('orders')
  await world.claim('other')
  world.putDisk('orders', SOLARIS)
  await world.pass(5)

  const volumes = '/api/v1/persistentvolumes'
  const [before, other] = ['orders', 'other'].map(name =>
    world.cluster.objects.get(`${volumes}/pvc-${name}`),
  )
  world.cluster.put(`${volumes}/pvc-orders`, {
    ...before,
    metadata: {},
    spec: { ...partOf(before?.spec), csi: partOf(other?.spec).csi },
  })
  await world.pass(70)

  expect(world.condition('orders', 'Ready')).toBe('False OtherVolume')
  expect(world.world.machine('m1').guestDisks('ldg1').list()).toHaveLength(1)
  world.deleteDisk('orders')
  await world.pass(10)
  expect(world.disk('orders')).toBeUndefined()
  expect(world.world.machine('m1').guestDisks('ldg1').list()).toHaveLength(0)
})

test('of two disks that give one claim to one guest the older acts, and the other harms nothing', async () => {
  await world.claim('orders')
  world.putDisk('orders', SOLARIS)
  await world.pass(5)
  world.putDisk('again', { ...SOLARIS, claimName: 'orders', mountPath: '/export/again' })
  await world.pass(5)
  expect(world.condition('again', 'Ready')).toBe('False GuestHasIt')

  world.deleteDisk('again')
  await world.pass(5)
  expect(world.disk('again')).toBeUndefined()
  await world.pass(70)
  expect(world.condition('orders', 'Ready')).toBe('True Ready')

  world.putDisk('again', { ...SOLARIS, claimName: 'orders', mountPath: '/export/again' })
  world.deleteDisk('orders')
  await world.pass(10)
  expect(world.disk('orders')).toBeUndefined()
  expect(world.condition('again', 'Ready')).toBe('True Ready')
})

describe('who may', () => {
  test('a guest that is not given to the namespace is refused, and not asked', async () => {
    await world.end()
    world = await guestDisksWorld({ namespaces: ['other'] })
    await world.claim('orders')
    world.putDisk('orders', SOLARIS)
    await world.pass(5)

    expect(world.condition('orders', 'Ready')).toBe('False NotGiven')
    expect(world.message('orders')).toMatch(NAMESPACE)
    expect(world.disk('orders')?.status.vdisk).toBeUndefined()
    expect(world.events('orders')).toEqual(['NotGiven'])
  })

  test('nothing is given while nobody knows where kubelets run', async () => {
    world.cluster.faults.set('GET /apis/storage.k8s.io/v1/csinodes', 500)
    await world.restart()
    await world.claim('orders')
    world.putDisk('orders', SOLARIS)
    await world.pass(70)
    expect(world.disk('orders')?.status.volume).toBeUndefined()

    world.cluster.faults.clear()
    await world.pass(70)
    expect(world.condition('orders', 'Ready')).toBe('True Ready')
  })

  test('a guest in which a kubelet runs is refused: its volumes are those of pods', async () => {
    world.addKubelet('m1/ldg1')
    await world.restart()
    await world.claim('orders')
    world.putDisk('orders', SOLARIS)
    await world.pass(5)

    expect(world.condition('orders', 'Ready')).toBe('False GuestRunsKubelet')
    world.deleteDisk('orders')
    await world.pass(5)
    expect(world.disk('orders')).toBeUndefined()
  })
})

describe('annotations of a claim', () => {
  const GUEST = 'ldom-csi.io/guest'
  const PATH = 'ldom-csi.io/mount-path'

  const annotate = (annotations: object) => {
    const path = `${CLAIMS}/orders`
    const claim = world.cluster.objects.get(path)
    if (claim === undefined) throw new Error('no claim')
    world.cluster.put(path, { ...claim, metadata: { ...claim.metadata, annotations } })
  }

  test('they make a disk that the claim owns; another guest is another disk; none takes it away', async () => {
    await world.claim('orders', { annotations: { [GUEST]: 'm1/ldg1', [PATH]: '/export/orders' } })
    await world.pass(5)
    expect(world.condition('orders-m1-ldg1', 'Ready')).toBe('True Ready')

    annotate({ [GUEST]: 'm2/ldg1', [PATH]: '/export/orders' })
    await world.pass(20)
    expect(world.disk('orders-m1-ldg1')).toBeUndefined()
    expect(world.condition('orders-m2-ldg1', 'Ready')).toBe('True Ready')

    annotate({ [GUEST]: 'm2/ldg1', [PATH]: '/export/new' })
    await world.pass(20)
    expect(world.disk('orders-m2-ldg1')?.spec.mountPath).toBe('/export/new')
    expect(world.condition('orders-m2-ldg1', 'Ready')).toBe('True Ready')

    annotate({})
    await world.pass(20)
    expect(world.disk('orders-m2-ldg1')).toBeUndefined()
  })

  test.each([
    { mistake: 'a guest without a machine', change: { [GUEST]: 'm1' } },
    { mistake: 'two guests of a claim that is for one', change: { [GUEST]: 'm1/ldg1,m2/ldg1' } },
    { mistake: 'an annotation that nobody knows', change: { 'ldom-csi.io/read-only': 'true' } },
  ])('a mistake in them changes nothing, and is told: $mistake', async ({ change }) => {
    await world.claim('orders', { annotations: { [GUEST]: 'm1/ldg1', [PATH]: '/export/orders' } })
    await world.pass(5)

    annotate({ [GUEST]: 'm1/ldg1', [PATH]: '/export/orders', ...change })
    await world.pass(5)

    expect(world.condition('orders-m1-ldg1', 'Ready')).toBe('True Ready')
    expect(world.events('orders')).toContain('AnnotationsRefused')
  })

  test('the claim takes its disks along when it is deleted', async () => {
    await world.claim('orders', { annotations: { [GUEST]: 'm1/ldg1', [PATH]: '/export/orders' } })
    await world.pass(5)

    world.cluster.delete(`${CLAIMS}/orders`)
    await world.pass(10)

    expect(world.cluster.objects.get(`${CLAIMS}/orders`)).toBeUndefined()
    expect(world.disk('orders-m1-ldg1')).toBeUndefined()
    expect(await world.driver.audit()).toEqual([])
  })
})
