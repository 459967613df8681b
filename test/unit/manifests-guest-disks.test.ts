// GuestDisk documents in manifest files: each is one more place of its claim, and every mistake is
// named with file, document and key path.

import { parse, stringify } from 'yaml'
import { describeObject, parseManifests } from '../../src/manifests/manifests.ts'

const CLASS = `
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: { name: gold }
provisioner: vdisk.ldom-csi.io
`

const claim = (over: { name?: string; annotations?: object; spec?: object } = {}) =>
  stringify({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: over.name ?? 'orders', namespace: 'shop', annotations: over.annotations },
    spec: {
      storageClassName: 'gold',
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '1Gi' } },
      ...over.spec,
    },
  })
const BLOCK = { accessModes: ['ReadWriteMany'], volumeMode: 'Block' }

const disk = (spec: object = {}, metadata: object = {}) =>
  stringify({
    apiVersion: 'ldom-csi.io/v1alpha1',
    kind: 'GuestDisk',
    metadata: { name: 'orders', namespace: 'shop', ...metadata },
    spec: { claimName: 'orders', guest: 'm1/ldg1', mountPath: '/export/orders', ...spec },
  })
const NO_PATH = { mountPath: undefined }

const read = (...documents: string[]) =>
  parseManifests([{ file: 'm.yaml', text: [CLASS, ...documents].join('---\n') }]).objects

const place = (over: object) => ({
  guest: 'm1/ldg1',
  mountPath: '/export/orders',
  vdiskNumber: undefined,
  readOnly: false,
  mountOptions: [],
  ...over,
})

test.each([
  { order: 'after', documents: [claim(), disk()] },
  { order: 'before', documents: [disk(), claim()] },
])('a disk $order its claim means what the annotations of the claim mean', ({ documents }) => {
  const annotations = {
    'ldom-csi.io/guest': 'm1/ldg1',
    'ldom-csi.io/mount-path': '/export/orders',
  }

  expect(read(...documents)).toEqual(read(claim({ annotations })))
})

test('every field of a disk is read', () => {
  const options = ['noatime', 'context="system_u:object_r:a_t:s0:c1,c2"']
  const spec = { vdiskNumber: 0, readOnly: true, mountOptions: options }

  expect(read(claim(), disk(spec))).toMatchObject([
    { places: [place({ vdiskNumber: 0, readOnly: true, mountOptions: options })] },
  ])
})

test('several disks of a raw claim are places in the order of the files, a boot disk among them', () => {
  const annotations = { 'ldom-csi.io/guest': 'm2/ldg1', 'ldom-csi.io/mount-path': '/dev/first' }

  const objects = read(
    claim({ annotations, spec: BLOCK }),
    disk({ ...NO_PATH, devicePath: '/dev/orders' }),
    disk({ ...NO_PATH, guest: 'm2/ldg2', vdiskNumber: 0 }, { name: 'boot' }),
  )

  expect(objects).toMatchObject([
    {
      places: [
        place({ guest: 'm2/ldg1', mountPath: '/dev/first' }),
        place({ mountPath: '/dev/orders' }),
        place({ guest: 'm2/ldg2', mountPath: undefined, vdiskNumber: 0 }),
      ],
    },
  ])
})

test('--dry-run names the guests of the disks, and who only reads', () => {
  const readers = claim({ spec: { accessModes: ['ReadOnlyMany'] } })

  const [object] = read(
    readers,
    disk(),
    disk({ guest: 'm2/ldg1', readOnly: true }, { name: 'second' }),
  )

  expect(object && describeObject(object)).toBe(
    'shop/orders: 1GiB, StorageClass gold, for m1/ldg1 at /export/orders, m2/ldg1 at ' +
      '/export/orders read-only',
  )
})

test('what a cluster wrote into a disk and its claim is passed over', () => {
  const written = {
    finalizers: ['ldom-csi.io/guest-disk'],
    uid: 'a',
    resourceVersion: '7',
    generation: 1,
  }
  const printed = (text: string, finalizers: readonly string[]) => {
    const object: { metadata: object } = parse(text)
    return stringify({ ...object, metadata: { ...object.metadata, ...written, finalizers } })
  }

  const objects = read(
    printed(claim(), ['kubernetes.io/pvc-protection', 'ldom-csi.io/guest-disk']),
    `${printed(disk(), ['ldom-csi.io/guest-disk'])}status: { vdisk: 100 }\n`,
  )

  expect(objects).toMatchObject([{ places: [place({})] }])
})

const longPath = `/srv/${'a'.repeat(256)}`
const at = (path: string, says: string) =>
  `m.yaml, document 3 (GuestDisk shop/orders): ${path}${says}`

test.each([
  {
    name: 'no guest',
    spec: { guest: undefined },
    says: at('spec.guest', ': is missing'),
  },
  { name: 'a guest without a machine', spec: { guest: 'ldg1' }, says: '"ldg1" is not <machine>/<' },
  {
    name: 'both paths',
    spec: { devicePath: '/dev/a' },
    says: at('spec', ': has both mountPath and devicePath'),
  },
  {
    name: 'no path and no number',
    spec: NO_PATH,
    says: at('spec', ': has neither mountPath nor devicePath: only a boot disk'),
  },
  {
    name: 'no path for a file system',
    spec: { ...NO_PATH, vdiskNumber: 0 },
    says: at('spec.mountPath', ': is missing: claim shop/orders has volumeMode Filesystem'),
  },
  {
    name: 'a device path for a file system',
    spec: { ...NO_PATH, devicePath: '/dev/a' },
    says: at('spec.devicePath', ': claim shop/orders has volumeMode Filesystem: write mountPath'),
  },
  {
    name: 'a relative path',
    spec: { mountPath: 'srv/a' },
    says: at('spec.mountPath', ': "srv/a" is not an absolute path'),
  },
  {
    name: 'a path with a dot',
    spec: { mountPath: '/srv/../etc' },
    says: at('spec.mountPath', ': "/srv/../etc" is not an absolute path'),
  },
  {
    name: "the system's path",
    spec: { mountPath: '/etc/a' },
    says: at('spec.mountPath', `: "/etc/a" belongs to the guest's system`),
  },
  {
    name: 'a path that is too long',
    spec: { mountPath: longPath },
    says: at('spec.mountPath', `: the path ${longPath.slice(0, 60)}… has 261 bytes`),
  },
  {
    name: 'a large number',
    spec: { vdiskNumber: 701 },
    says: at('spec.vdiskNumber', ': is not a number from 0 to 700'),
  },
  {
    name: 'a fraction',
    spec: { vdiskNumber: 1.5 },
    says: at('spec.vdiskNumber', ': is not a number from 0 to 700'),
  },
  {
    name: 'an option that no volume has',
    spec: { mountOptions: ['noatime', 'loop'] },
    says: at('spec.mountOptions[1]', ': the mount option loop is not allowed for a volume'),
  },
  {
    name: 'more options than a cluster takes',
    spec: { mountOptions: Array.from({ length: 33 }, (_, each) => `a${each}`) },
    says: at('spec.mountOptions', ': at most 32 options'),
  },
  {
    name: 'an unknown field',
    spec: { path: '/srv/a' },
    says: at('spec.path', ': is not a field of a GuestDisk that apply knows'),
  },
])('a disk with $name is rejected', ({ spec, says }) => {
  expect(() => read(claim(), disk(spec))).toThrow(says)
})

test.each([
  {
    name: 'of another version',
    document: disk().replace('v1alpha1', 'v1'),
    says: at('apiVersion', ': must be ldom-csi.io/v1alpha1'),
  },
  {
    name: 'given up by its operator',
    document: disk({}, { annotations: { 'ldom-csi.io/abandon': 'm1/ldg1 is gone' } }),
    says: at('metadata.annotations.ldom-csi.io/abandon', ': is not served by apply: it is a dec'),
  },
  {
    name: 'made from the annotations of its claim',
    document: disk({}, { ownerReferences: [] }),
    says: at('metadata.ownerReferences', ': says that the annotations of its claim made'),
  },
])('a disk $name is rejected', ({ document, says }) => {
  expect(() => read(claim(), document)).toThrow(says)
})

test.each([
  {
    name: 'a mount path for a raw claim',
    documents: [claim({ spec: BLOCK }), disk()],
    says: at('spec.mountPath', ': claim shop/orders has volumeMode Block: write devicePath'),
  },
  {
    name: 'mount options for a raw claim',
    documents: [
      claim({ spec: BLOCK }),
      disk({ ...NO_PATH, devicePath: '/dev/a', mountOptions: ['noatime'] }),
    ],
    says: at('spec.mountOptions', ': claim shop/orders has volumeMode Block: a device has no'),
  },
  {
    name: 'a claim of another namespace',
    documents: [claim(), disk({}, { namespace: 'prod' })],
    says: 'spec.claimName: there is no PersistentVolumeClaim prod/orders in the files',
  },
  {
    name: 'a second disk for the same guest',
    documents: [
      claim({ spec: BLOCK }),
      disk({ ...NO_PATH, devicePath: '/dev/a' }),
      disk({ ...NO_PATH, devicePath: '/dev/b' }, { name: 'again' }),
    ],
    says:
      'm.yaml, document 4 (GuestDisk shop/again): spec.guest: m1/ldg1 has claim shop/orders ' +
      "already, by the claim's annotations or by another GuestDisk; leave one of them out",
  },
  {
    name: 'annotations that name the guest too',
    documents: [
      claim({
        annotations: { 'ldom-csi.io/guest': 'm1/ldg1', 'ldom-csi.io/mount-path': '/srv/a' },
      }),
      disk(),
    ],
    says: at('spec.guest', ': m1/ldg1 has claim shop/orders already'),
  },
  {
    name: 'a second guest for a claim of one',
    documents: [claim(), disk(), disk({ guest: 'm2/ldg1' }, { name: 'second' })],
    says: 'spec.guest: claim shop/orders is for one guest, and m1/ldg1 has it; several need Read',
  },
  {
    name: 'a path that another claim has',
    documents: [
      claim(),
      disk(),
      claim({ name: 'other' }),
      disk({ claimName: 'other' }, { name: 'other' }),
    ],
    says:
      'm.yaml, document 5: a claim at /export/orders of guest m1/ldg1 is already in m.yaml, ' +
      'document 3',
  },
  {
    name: 'its name twice',
    documents: [claim(), disk(), disk()],
    says: 'm.yaml, document 4: GuestDisk shop/orders is already in m.yaml, document 3',
  },
])('$name is rejected', ({ documents, says }) => {
  expect(() => read(...documents)).toThrow(says)
})

test('all mistakes of a disk are told together, and a claim with mistakes is not called missing', () => {
  const documents = [
    claim({ spec: { volumeMode: 'Raw' } }),
    disk({ guest: 'ldg1', mountPath: 'a' }),
    disk({ guest: 'm1/ldg1' }, { name: 'sound' }),
  ]

  const problems = (() => {
    try {
      return read(...documents)
    } catch (error) {
      return error instanceof Error ? error.message.split('\n') : error
    }
  })()

  expect(problems).toEqual([
    expect.stringContaining('spec.volumeMode: Filesystem or Block'),
    expect.stringContaining('spec.guest: "ldg1" is not <machine>/<guest>'),
    expect.stringContaining('spec.mountPath: "a" is not an absolute path'),
  ])
})
