// Manifest files of `apply` that speak of more than claims and their classes: snapshots, sources,
// several guests, attributes.

import { type Manifests, parseManifests } from '../../src/manifests/manifests.ts'
import type { Claim } from '../../src/manifests/objects.ts'

const CLASS = `
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: { name: gold }
provisioner: vdisk.ldom-csi.io
allowVolumeExpansion: true
`
const SNAPSHOT_CLASS = `
apiVersion: snapshot.storage.k8s.io/v1
kind: VolumeSnapshotClass
metadata: { name: cut }
driver: vdisk.ldom-csi.io
deletionPolicy: Delete
`
const ATTRIBUTES_CLASS = `
apiVersion: storage.k8s.io/v1
kind: VolumeAttributesClass
metadata: { name: fast }
driverName: vdisk.ldom-csi.io
parameters: { logbias: throughput }
`
const snapshot = (name: string, claim: string) => `
apiVersion: snapshot.storage.k8s.io/v1
kind: VolumeSnapshot
metadata: { name: ${name} }
spec: { volumeSnapshotClassName: cut, source: { persistentVolumeClaimName: ${claim} } }
`
interface Over {
  readonly source?: string
  readonly annotations?: string
  readonly access?: string
  readonly mode?: string
  readonly more?: string
}
const claim = (
  name: string,
  { source, annotations = '', access = 'ReadWriteOnce', mode = 'Filesystem', more = '' }: Over = {},
) => `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: ${name}, annotations: { ${annotations} } }
spec:
  storageClassName: gold
  accessModes: [${access}]
  volumeMode: ${mode}
  resources: { requests: { storage: 1Gi } }
  ${source === undefined ? '' : `dataSource: { ${source} }`}
  ${more}
`
const fromSnapshot = (name: string) =>
  `kind: VolumeSnapshot, apiGroup: snapshot.storage.k8s.io, name: ${name}`
const fromClaim = (name: string) => `kind: PersistentVolumeClaim, name: ${name}`

const parseOne = (...documents: string[]) =>
  parseManifests([{ file: 'm.yaml', text: documents.join('\n---\n') }])
const names = ({ objects }: Manifests) => objects.map(({ kind, name }) => `${kind} ${name}`)
const claimsOf = ({ objects }: Manifests) =>
  objects.filter((object): object is Claim => object.kind === 'claim')

test('what something is made from comes before it, else the order of the files is kept', () => {
  const documents = [
    claim('copy', { source: fromSnapshot('nightly') }),
    snapshot('of-copy', 'copy'),
    claim('other'),
    claim('twin', { source: fromClaim('web') }),
    snapshot('nightly', 'web'),
    claim('web'),
  ]

  expect(names(parseOne(...documents, CLASS, SNAPSHOT_CLASS))).toEqual([
    'claim default/web',
    'snapshot default/nightly',
    'claim default/copy',
    'claim default/other',
    'claim default/twin',
    'snapshot default/of-copy',
  ])
})

test('a snapshot knows its claim and its class', () => {
  expect(parseOne(SNAPSHOT_CLASS, snapshot('nightly', 'web')).objects).toEqual([
    {
      kind: 'snapshot',
      name: 'default/nightly',
      snapshotClass: { name: 'cut', parameters: {}, deletionPolicy: 'Delete' },
      claim: 'default/web',
    },
  ])
})

test('a snapshot without a class gets the default class', () => {
  const marked = SNAPSHOT_CLASS.replace(
    'metadata: { name: cut }',
    'metadata: { name: usual, annotations: { snapshot.storage.kubernetes.io/is-default-class: ' +
      '"true" } }',
  )
  const wanted = snapshot('nightly', 'web').replace('volumeSnapshotClassName: cut, ', '')

  expect(parseOne(marked, wanted).objects).toMatchObject([{ snapshotClass: { name: 'usual' } }])
})

test('every driver that a class names is told', () => {
  expect(parseOne(CLASS, SNAPSHOT_CLASS, ATTRIBUTES_CLASS).drivers).toEqual([
    { of: 'StorageClass gold: provisioner', name: 'vdisk.ldom-csi.io' },
    { of: 'VolumeSnapshotClass cut: driver', name: 'vdisk.ldom-csi.io' },
    { of: 'VolumeAttributesClass fast: driverName', name: 'vdisk.ldom-csi.io' },
  ])
})

test('a claim takes its attributes from the class it names', () => {
  const [wanted] = claimsOf(
    parseOne(CLASS, ATTRIBUTES_CLASS, claim('web', { more: 'volumeAttributesClassName: fast' })),
  )

  expect(wanted?.attributes).toEqual({ name: 'fast', parameters: { logbias: 'throughput' } })
})

const both = 'ldom-csi.io/guest: "m1/a, m2/a"'
test.each([
  {
    annotations: `${both}, ldom-csi.io/mount-path: /dev/x`,
    places: [{ mountPath: '/dev/x' }, { mountPath: '/dev/x' }],
  },
  {
    annotations: `${both}, ldom-csi.io/mount-path: "/x,/y"`,
    places: [{ mountPath: '/x' }, { mountPath: '/y' }],
  },
  {
    annotations: `${both}, ldom-csi.io/mount-path: /x, ldom-csi.io/vdisk-number: "7"`,
    places: [{ vdiskNumber: 7 }, { vdiskNumber: 7 }],
  },
  {
    annotations: `${both}, ldom-csi.io/mount-path: /x, ldom-csi.io/vdisk-number: "0,8"`,
    places: [{ vdiskNumber: 0 }, { vdiskNumber: 8 }],
  },
])(
  'guests are listed, other annotations are one for all or one for each: $annotations',
  ({ annotations, places }) => {
    const [wanted] = claimsOf(
      parseOne(CLASS, claim('raw', { annotations, access: 'ReadWriteMany', mode: 'Block' })),
    )

    expect(wanted).toMatchObject({ access: 'many-writers', mode: 'block' })
    expect(wanted?.places.map(({ guest }) => guest)).toEqual(['m1/a', 'm2/a'])
    expect(wanted?.places).toMatchObject(places)
  },
)

const at = (path: string, number: string) =>
  `ldom-csi.io/guest: m1/a, ldom-csi.io/mount-path: ${path}, ldom-csi.io/vdisk-number: "${number}"`
test.each([
  {
    documents: [
      CLASS,
      claim('a', { source: fromClaim('b') }),
      claim('b', { source: fromClaim('a') }),
    ],
    says:
      'an object cannot be its own source: claim default/a from claim default/b from claim ' +
      'default/a',
  },
  {
    documents: [
      CLASS,
      SNAPSHOT_CLASS,
      claim('a', { source: fromSnapshot('s') }),
      snapshot('s', 'a'),
    ],
    says:
      'an object cannot be its own source: claim default/a from snapshot default/s from claim ' +
      'default/a',
  },
  {
    documents: [CLASS, claim('a', { mode: 'Block' }), claim('b', { source: fromClaim('a') })],
    says: 'spec.volumeMode: Filesystem, but its source default/a is Block',
  },
  {
    documents: [
      CLASS,
      claim('a', { annotations: at('/a', '7') }),
      claim('b', { annotations: at('/b', '7') }),
    ],
    says: 'a claim for vdisk 7 of guest m1/a is already in m.yaml, document 2',
  },
  {
    documents: [SNAPSHOT_CLASS, snapshot('s', 'a'), snapshot('s', 'b')],
    says: 'VolumeSnapshot default/s is already in m.yaml, document 2',
  },
  {
    documents: [SNAPSHOT_CLASS, SNAPSHOT_CLASS],
    says: 'VolumeSnapshotClass cut is already in m.yaml, document 1',
  },
  {
    documents: [snapshot('s', 'a')],
    says: 'spec.volumeSnapshotClassName: there is no VolumeSnapshotClass cut in the files',
  },
  {
    documents: [snapshot('s', 'a').replace('volumeSnapshotClassName: cut, ', '')],
    says:
      'spec.volumeSnapshotClassName: is missing, and no VolumeSnapshotClass in the files is ' +
      'marked as the default',
  },
  {
    documents: [
      SNAPSHOT_CLASS,
      snapshot('s', 'a').replace('persistentVolumeClaimName: a', 'volumeSnapshotContentName: c'),
    ],
    says: 'spec.source.volumeSnapshotContentName: is not served by apply',
  },
  {
    documents: [SNAPSHOT_CLASS.replace('deletionPolicy: Delete', '')],
    says: 'deletionPolicy: Delete or Retain',
  },
  {
    documents: [`${SNAPSHOT_CLASS}parameters: { csi.storage.k8s.io/snapshotter-secret-name: x }\n`],
    says:
      'parameters.csi.storage.k8s.io/snapshotter-secret-name: is not served by apply: there ' +
      'are no Secrets',
  },
  {
    documents: [snapshot('s', 'a').replace('io/v1', 'io/v1beta1')],
    says: 'apiVersion: must be snapshot.storage.k8s.io/v1',
  },
  {
    documents: [ATTRIBUTES_CLASS.replace('driverName', 'driver')],
    says: 'driver: is not a field of a VolumeAttributesClass',
  },
  {
    documents: [snapshot(`s${'x'.repeat(120)}`, 'a'), SNAPSHOT_CLASS],
    says: 'longer than 128 bytes',
  },
])('$says', ({ documents, says }) => {
  expect(() => parseOne(...documents)).toThrow(says)
})

test.each([
  { what: 'StorageClass', documents: [`${CLASS}colour: red\n`, claim('web')], problem: 'colour' },
  {
    what: 'StorageClass',
    documents: [`${CLASS.replace('name: gold', 'name: Gold')}`, claim('web')],
    problem: 'metadata.name',
  },
  {
    what: 'StorageClass',
    documents: [CLASS.replace('metadata: { name: gold }', 'metadata: none'), claim('web')],
    problem: 'metadata',
  },
  {
    what: 'VolumeSnapshotClass',
    documents: [`${SNAPSHOT_CLASS}colour: red\n`, snapshot('s', 'web')],
    problem: 'colour',
  },
  {
    what: 'VolumeAttributesClass',
    documents: [
      CLASS,
      `${ATTRIBUTES_CLASS}colour: red\n`,
      claim('web', { more: 'volumeAttributesClassName: fast' }),
    ],
    problem: 'colour',
  },
])(
  'a malformed $what ($problem) is not also reported as missing',
  ({ documents, problem, what }) => {
    const attempt = () => parseOne(...documents)

    expect(attempt).toThrow(RegExp(`\\(${what}[^)]*\\): ${problem}`))
    expect(attempt).not.toThrow('in the files')
  },
)
