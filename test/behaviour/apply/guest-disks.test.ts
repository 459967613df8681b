// GuestDisk documents with `apply`, on a simulated installation: they mean what the annotations of
// a claim mean, and a disk may be read-only.

import { stringify } from 'yaml'
import { type ApplyWorld, applyWorld, example } from './world.ts'

const CLASSES = example('storage-classes.yaml')

const claim = (name: string, over: { annotations?: object; spec?: object } = {}) =>
  stringify({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, annotations: over.annotations },
    spec: {
      storageClassName: 'silver',
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '64Mi' } },
      ...over.spec,
    },
  })

const disk = (claimName: string, spec: object) =>
  stringify({
    apiVersion: 'ldom-csi.io/v1alpha1',
    kind: 'GuestDisk',
    metadata: { name: claimName },
    spec: { claimName, guest: 'm1/ldg2', ...spec },
  })

const together = (...documents: readonly string[]) => documents.join('---\n')

let world: ApplyWorld
beforeEach(async () => {
  world = await applyWorld(['m1/ldg1', 'm1/ldg2'])
})
afterEach(() => world.end())

const guest = () => world.world.guest('m1/ldg2')
const mounts = () =>
  guest()
    .mounts()
    .filter(({ path }) => !path.includes('/staging/'))
    .map(({ path, readonly }) => `${readonly ? 'ro' : 'rw'} ${path}`)
const WRITTEN = together(claim('web'), disk('web', { mountPath: '/srv/web' }))
const READ = together(claim('web'), disk('web', { mountPath: '/srv/web', readOnly: true }))

test('a claim that changes from annotations to a GuestDisk stays as it is', async () => {
  const annotations = {
    'ldom-csi.io/guest': 'm1/ldg2',
    'ldom-csi.io/mount-path': '/srv/web',
    'ldom-csi.io/vdisk-number': '7',
  }
  expect(await world.apply(CLASSES, claim('web', { annotations }))).toEqual([])
  const before = world.state()
  const said = world.lines.splice(0)

  const asDisk = together(claim('web'), disk('web', { mountPath: '/srv/web', vdiskNumber: 7 }))
  expect(await world.apply(CLASSES, asDisk)).toEqual([])

  expect(world.state()).toBe(before)
  expect(world.lines).toEqual(said)
})

test('a read-only disk has the files of its volume, and its guest cannot write them', async () => {
  await world.apply(CLASSES, WRITTEN)
  guest().writeFile('/srv/web/a', 'kept')
  await world.detach(CLASSES, WRITTEN)

  expect(await world.apply(CLASSES, READ)).toEqual([])
  const before = world.state()
  expect(await world.apply(CLASSES, READ)).toEqual([])

  expect(world.state()).toBe(before)
  expect(mounts()).toEqual(['ro /srv/web'])
  expect(guest().readFile('/srv/web/a')).toBe('kept')
  const { vdisks } =
    world.world
      .machine('m1')
      .state()
      .domains.find(({ name }) => name === 'ldg2') ?? {}
  expect(vdisks).toHaveLength(1)
  expect(world.world.machine('m1').guestDisks('ldg2').list()).toMatchObject([{ mode: 'ro' }])
})

test.each([
  { name: 'read-only', from: WRITTEN, to: READ, kept: 'rw /srv/web' },
  { name: 'writable', from: READ, to: WRITTEN, kept: 'ro /srv/web' },
])(
  'a disk that is attached does not become $name, and says what to do',
  async ({ from, to, kept }) => {
    await world.apply(CLASSES, WRITTEN)
    await world.detach(CLASSES, WRITTEN)
    await world.apply(CLASSES, from)

    expect(await world.apply(CLASSES, to)).toEqual([
      { object: 'default/web', message: expect.stringContaining('detach') },
    ])

    expect(mounts()).toEqual([kept])
  },
)

test('a read-only disk of an empty volume is not formatted', async () => {
  const failures = await world.apply(CLASSES, READ)

  expect(failures).toEqual([
    {
      object: 'default/web',
      message: expect.stringContaining(
        'is blank, but it is attached read-only; attach it writable once',
      ),
    },
  ])
  expect(mounts()).toEqual([])
})

test('a claim whose GuestDisk is no longer in the files keeps its guest, and names the disk', async () => {
  await world.apply(CLASSES, WRITTEN)
  const before = world.state()

  expect(await world.apply(CLASSES, claim('web'))).toEqual([
    {
      object: 'default/web',
      message: expect.stringContaining('back into the annotation ldom-csi.io/guest or a GuestDisk'),
    },
  ])
  expect(world.state()).toBe(before)
})

test('a disk below the path of another one is mounted after it, in whatever order they come', async () => {
  const inner = together(disk('inner', { mountPath: '/srv/web/inner' }), claim('inner'))

  expect(await world.apply(CLASSES, together(inner, WRITTEN))).toEqual([])

  expect(mounts()).toEqual(['rw /srv/web', 'rw /srv/web/inner'])
  expect(await world.remove(CLASSES, together(WRITTEN, inner))).toEqual([])
  expect(world.datasets()).toEqual([])
})

test('a boot disk needs neither a path nor a node plugin', async () => {
  const spec = { storageClassName: 'gold', volumeMode: 'Block' }
  const boot = together(claim('boot', { spec }), disk('boot', { guest: 'm2/ldg1', vdiskNumber: 0 }))

  expect(await world.apply(CLASSES, boot)).toEqual([])

  expect(world.lines.at(-1)).toBe('default/boot: attached to m2/ldg1 as vdisk 0')
})
