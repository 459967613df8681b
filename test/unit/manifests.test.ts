// Manifest files of `apply`: what is understood, and that every mistake is named with file,
// document and key path.

import { parse, stringify } from 'yaml'
import { StorageError } from '../../src/errors.ts'
import { type Manifests, parseManifests } from '../../src/manifests/manifests.ts'
import type { Claim } from '../../src/manifests/objects.ts'

const CLASS = `
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: { name: gold }
provisioner: vdisk.ldom-csi.io
parameters: { pool: gold }
`
const CLAIM = `
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: orders
  namespace: shop
  annotations: { ldom-csi.io/guest: m1/ldg1, ldom-csi.io/mount-path: /export/orders }
spec:
  storageClassName: gold
  accessModes: [ReadWriteOnce]
  resources: { requests: { storage: 10Gi } }
`

function changed(text: string, keys: readonly string[], value: unknown): string {
  const root: unknown = parse(text)
  let at = root as Record<string, unknown>
  for (const key of keys.slice(0, -1)) {
    at[key] ??= {}
    at = at[key] as Record<string, unknown>
  }
  const last = keys.at(-1) ?? ''
  if (value === undefined) delete at[last]
  else at[last] = value
  return stringify(root)
}

const parseOne = (...documents: string[]) =>
  parseManifests([{ file: 'm.yaml', text: documents.join('\n---\n') }])
const claimsOf = ({ objects }: Manifests) =>
  objects.filter((object): object is Claim => object.kind === 'claim')

test('classes and claims of several documents become claims with their class', () => {
  expect(parseOne(CLASS, CLAIM).objects).toEqual([
    {
      kind: 'claim',
      name: 'shop/orders',
      storageClass: {
        name: 'gold',
        parameters: { pool: 'gold' },
        fileSystem: '',
        mountOptions: [],
        reclaimPolicy: 'Delete',
        expansion: 'refused',
      },
      attributes: undefined,
      access: 'one-guest',
      mode: 'filesystem',
      requiredBytes: 10 * 1024 ** 3,
      limitBytes: 0,
      source: undefined,
      places: [
        {
          guest: 'm1/ldg1',
          mountPath: '/export/orders',
          vdiskNumber: undefined,
          readOnly: false,
          mountOptions: [],
        },
      ],
    },
  ])
})

test('a class in one file serves a claim in another, whatever their order', () => {
  const manifests = parseManifests([
    { file: 'claim.yaml', text: CLAIM },
    { file: 'class.yaml', text: CLASS },
  ])

  expect(manifests.objects).toMatchObject([{ name: 'shop/orders', storageClass: { name: 'gold' } }])
})

test('the file system type is taken out of the parameters, as the provisioner does', () => {
  const typed = changed(CLASS, ['parameters', 'csi.storage.k8s.io/fstype'], 'xfs')

  expect(claimsOf(parseOne(typed, CLAIM))[0]?.storageClass).toMatchObject({
    parameters: { pool: 'gold' },
    fileSystem: 'xfs',
  })
})

test('a claim without a class gets the default class', () => {
  const marked = changed(CLASS, ['metadata', 'annotations'], {
    'storageclass.kubernetes.io/is-default-class': 'true',
  })

  expect(
    claimsOf(parseOne(marked, changed(CLAIM, ['spec', 'storageClassName'], undefined)))[0]
      ?.storageClass.name,
  ).toBe('gold')
})

test('a claim without annotations is for no guest', () => {
  expect(
    claimsOf(parseOne(CLASS, changed(CLAIM, ['metadata', 'annotations'], undefined)))[0]?.places,
  ).toEqual([])
})

test('empty documents and comments are passed over', () => {
  expect(parseOne('# nothing', CLASS, '', CLAIM).objects).toHaveLength(1)
  expect(() => parseManifests([{ file: 'empty.yaml', text: '# nothing' }])).toThrow(
    'no objects in empty.yaml',
  )
})

const claimRows: readonly (readonly [path: string, value: unknown, says: string])[] = [
  ['apiVersion', 'v2', 'apiVersion: must be v1'],
  [
    'spec/accessModes',
    ['WriteOnce'],
    'spec.accessModes[0]: ReadWriteOnce, ReadWriteOncePod, ReadOnlyMany or ReadWriteMany',
  ],
  [
    'spec/accessModes',
    ['ReadWriteMany'],
    'spec.accessModes[0]: ReadWriteMany needs volumeMode Block',
  ],
  ['spec/accessModes', [], 'spec.accessModes: exactly one'],
  ['spec/volumeMode', 'Raw', 'spec.volumeMode: Filesystem or Block'],
  [
    'spec/storage',
    '1Gi',
    'spec.storage: is not a field of a PersistentVolumeClaim that apply knows',
  ],
  ['spec/dataSource', {}, 'spec.dataSource.kind: VolumeSnapshot or PersistentVolumeClaim'],
  [
    'spec/dataSource',
    { kind: 'Backup', name: 'b' },
    'spec.dataSource.kind: VolumeSnapshot or PersistentVolumeClaim',
  ],
  [
    'spec/dataSource',
    { kind: 'VolumeSnapshot', name: 'b' },
    'spec.dataSource.apiGroup: must be snapshot.storage.k8s.io',
  ],
  [
    'spec/dataSource',
    { kind: 'PersistentVolumeClaim', name: 'b', apiGroup: 'snapshot.storage.k8s.io' },
    'spec.dataSource.apiGroup: must be left out',
  ],
  [
    'spec/dataSource',
    { kind: 'PersistentVolumeClaim', name: 'b', namespace: 'c' },
    'spec.dataSource.namespace: is not a field',
  ],
  ['spec/dataSourceRef', {}, 'spec.dataSourceRef: is not served by apply: write dataSource'],
  ['spec/selector', {}, 'spec.selector: is not served by apply'],
  ['spec/volumeName', 'pv1', 'spec.volumeName: is not served by apply'],
  [
    'spec/volumeAttributesClassName',
    'fast',
    'spec.volumeAttributesClassName: there is no VolumeAttributesClass fast in the files',
  ],
  [
    'metadata/deletionTimestamp',
    '2026-01-01T00:00:00Z',
    'metadata.deletionTimestamp: says that the object is being deleted',
  ],
  ['metadata/finalizers', ['mine.io/wait'], 'metadata.finalizers: is not served by apply'],
  ['spec/resources/requests/storage', '1Ei', 'spec.resources.requests.storage: 1Ei is too large'],
  [
    'metadata/annotations/ldom-csi.io|mount-path',
    `/srv/${'a'.repeat(256)}`,
    'has 261 bytes; 4095 bytes are allowed, 255 for each name',
  ],
  [
    'metadata/annotations/ldom-csi.io|mount-path',
    '/aaa'.repeat(1024),
    'has 4096 bytes; 4095 bytes are allowed',
  ],
  ['metadata/generateName', 'x-', 'metadata.generateName: is not served by apply'],
  ['metadata/name', 'Orders', 'metadata.name: is not a valid Kubernetes name'],
  [
    'metadata/name',
    'o'.repeat(130),
    'metadata.name: namespace and name together are longer than 128 bytes',
  ],
  ['metadata/namespace', 'a/b', 'metadata.namespace: is not a valid Kubernetes namespace'],
  [
    'spec/storageClassName',
    'silver',
    'spec.storageClassName: there is no StorageClass silver in the files',
  ],
  ['spec/storageClassName', undefined, 'spec.storageClassName: is missing'],
  [
    'spec/resources/requests/storage',
    '10 Gi',
    'spec.resources.requests.storage: "10 Gi" is not a quantity',
  ],
  ['spec/resources/requests/storage', '0', 'spec.resources.requests.storage: must be more than 0'],
  ['spec/resources/requests/storage', undefined, 'spec.resources.requests.storage'],
  ['spec/resources/requests/cpu', '1', 'spec.resources.requests.cpu: is not a field'],
  [
    'spec/resources/limits',
    { storage: '1Gi' },
    'spec.resources: the request is larger than the limit',
  ],
  ['metadata/annotations/ldom-csi.io|guest', null, '.io/guest: it has no value; give it one, or'],
  ['metadata/annotations/ldom-csi.io|guest', ['m1/a', 'm1/b'], 'are one string, with commas'],
  ['metadata/annotations/ldom-csi.io|guest', 7, 'a string: put numbers and true/false in quotes'],
  [
    'metadata/annotations/ldom-csi.io|guest',
    'ldg1',
    'metadata.annotations.ldom-csi.io/guest: "ldg1" is not <machine>/<guest>',
  ],
  [
    'metadata/annotations/ldom-csi.io|guest',
    undefined,
    'metadata.annotations.ldom-csi.io/guest: is missing',
  ],
  [
    'metadata/annotations/ldom-csi.io|mount-path',
    undefined,
    'metadata.annotations.ldom-csi.io/mount-path: is missing',
  ],
  [
    'metadata/annotations/ldom-csi.io|mount-path',
    'srv',
    'metadata.annotations.ldom-csi.io/mount-path: "srv" is not an absolute path',
  ],
  ['metadata/annotations/ldom-csi.io|mount-path', '/', 'is not an absolute path below "/"'],
  ['metadata/annotations/ldom-csi.io|mount-path', '/srv/../etc', 'is not an absolute path'],
  ['metadata/annotations/ldom-csi.io|mount-path', '/srv/a\nb', 'is not an absolute path'],
  [
    'metadata/annotations/ldom-csi.io|mount-path',
    '/a, /b',
    'ldom-csi.io/mount-path: has 2 values for 1 guests',
  ],
  ['metadata/annotations/ldom-csi.io|guest', 'm1/a,m1/a', 'ldom-csi.io/guest: names a guest twice'],
  [
    'metadata/annotations/ldom-csi.io|guest',
    'm1/a,',
    'ldom-csi.io/guest: "" is not <machine>/<guest>',
  ],
  [
    'metadata/annotations/ldom-csi.io|guest',
    'm1/a, m2/a',
    'ldom-csi.io/guest: names 2 guests; ReadWriteOnce is for one',
  ],
  [
    'metadata/annotations/ldom-csi.io|vdisk-number',
    '701',
    'ldom-csi.io/vdisk-number: "701" is not a number from 0 to 700',
  ],
  [
    'metadata/annotations/ldom-csi.io|vdisk-number',
    '-1',
    'ldom-csi.io/vdisk-number: "-1" is not a number',
  ],
  [
    'metadata/annotations/ldom-csi.io|vdisk-number',
    '1,2',
    'ldom-csi.io/vdisk-number: has 2 values for 1 guests',
  ],
  [
    'metadata/annotations/ldom-csi.io|vdisk-number',
    7,
    'ldom-csi.io/vdisk-number: a string: put numbers',
  ],
  [
    'metadata/annotations/ldom-csi.io|mountpath',
    '/srv',
    'ldom-csi.io/mountpath: is not an annotation of this driver',
  ],
]

test.each(claimRows)('a claim with %s = %j is refused', (path, value, says) => {
  const claim = changed(
    CLAIM,
    path.split('/').map(key => key.replace('|', '/')),
    value,
  )

  expect(() => parseOne(CLASS, claim)).toThrow(
    expect.objectContaining({ kind: 'invalid-argument', message: expect.stringContaining(says) }),
  )
  expect(() => parseOne(CLASS, claim)).toThrow(/^m\.yaml, document 2 \(PersistentVolumeClaim/)
})

const classRows: readonly (readonly [path: string, value: unknown, says: string])[] = [
  ['apiVersion', 'storage.k8s.io/v1beta1', 'apiVersion: must be storage.k8s.io/v1'],
  ['provisioner', undefined, 'provisioner: is missing'],
  [
    'metadata/annotations/ldom-csi.io|guest',
    'm1/ldg1',
    'ldom-csi.io/guest: is not an annotation of this driver here',
  ],
  ['parameters/vdiskTimeoutSeconds', 5, 'parameters.vdiskTimeoutSeconds: a string'],
  ['parameters/csi.storage.k8s.io|provisioner-secret-name', 'x', 'there are no Secrets'],
  ['reclaimPolicy', 'Recycle', 'reclaimPolicy: Delete or Retain'],
  ['allowedTopologies', [], 'allowedTopologies: is not served by apply'],
  ['mountOptions', ['-o ro'], 'mountOptions[0]: one mount option an entry'],
  ['parametres', {}, 'parametres: is not a field of a StorageClass'],
]

test.each(classRows)('a class with %s = %j is refused', (path, value, says) => {
  const storageClass = changed(
    CLASS,
    path.split('/').map(key => key.replace('|', '/')),
    value,
  )

  expect(() => parseOne(storageClass)).toThrow(says)
})

test.each([
  {
    documents: ['kind: Pod'],
    says:
      'm.yaml, document 1: kind: "Pod" is not served by apply; it takes StorageClass, ' +
      'PersistentVolumeClaim',
  },
  { documents: ['a: 1'], says: 'm.yaml, document 1: kind: is missing' },
  { documents: ['- a'], says: 'm.yaml, document 1: kind: is missing' },
  { documents: [CLASS, 'a: ['], says: 'm.yaml, document 2: Flow sequence' },
  {
    documents: [CLASS, CLASS],
    says: 'm.yaml, document 2: StorageClass gold is already in m.yaml, document 1',
  },
  { documents: [CLASS, CLAIM, CLAIM], says: 'PersistentVolumeClaim shop/orders is already in' },
  {
    documents: [CLASS, CLAIM, CLAIM.replace('name: orders', 'name: other')],
    says: 'a claim at /export/orders of guest m1/ldg1 is already in',
  },
])('$says', ({ documents, says }) => {
  expect(() => parseOne(...documents)).toThrow(says)
})

test('all mistakes of all files are reported together', () => {
  const attempt = () =>
    parseManifests([
      { file: 'a.yaml', text: 'kind: Pod' },
      {
        file: 'b.yaml',
        text: changed(changed(CLAIM, ['spec', 'selector'], {}), ['spec', 'volumeName'], 'x'),
      },
      { file: 'c.yaml', text: changed(CLASS, ['reclaimPolicy'], 'Never') },
    ])

  expect(attempt).toThrow(
    /a\.yaml.*kind[\s\S]*b\.yaml.*selector[\s\S]*b\.yaml.*volumeName[\s\S]*c\.yaml.*reclaimPolicy/,
  )
})

test(
  'what a cluster wrote into its objects is passed over, and lists are taken apart, as ' +
    'kubectl shows them',
  () => {
    const shown = `
apiVersion: v1
kind: List
metadata: { resourceVersion: "" }
items:
- apiVersion: v1
  kind: PersistentVolumeClaim
  metadata:
    annotations: { pv.kubernetes.io/bind-completed: "yes" }
    creationTimestamp: "2026-01-01T00:00:00Z"
    finalizers: [kubernetes.io/pvc-protection, snapshot.storage.kubernetes.io/pvc-as-source-protection]
    managedFields: []
    name: orders
    namespace: shop
    resourceVersion: "1"
    uid: abc
  spec:
    storageClassName: gold
    accessModes: [ReadWriteOnce]
    dataSource: { kind: PersistentVolumeClaim, name: old }
    dataSourceRef: { kind: PersistentVolumeClaim, name: old }
    resources: { requests: { storage: 10Gi } }
  status: { phase: Bound }
- kind: List
  items: [{ apiVersion: v1, kind: Pod }]
`
    expect(() => parseOne(CLASS, shown)).toThrow(
      'm.yaml, document 2, item 2, item 1: kind: "Pod" is not served',
    )
    const claims = claimsOf(parseOne(CLASS, shown.replace(/- kind: List.*/s, '')))
    expect(claims).toMatchObject([
      { name: 'shop/orders', source: { kind: 'claim', name: 'shop/old' } },
    ])
  },
)

test('a dataSourceRef that says something else than the dataSource is refused', () => {
  const source = changed(CLAIM, ['spec', 'dataSource'], {
    kind: 'PersistentVolumeClaim',
    name: 'old',
  })

  expect(() =>
    parseOne(
      CLASS,
      changed(source, ['spec', 'dataSourceRef'], { kind: 'PersistentVolumeClaim', name: 'other' }),
    ),
  ).toThrow('spec.dataSourceRef: is not served by apply: write dataSource')
})

test('a long text that is no manifest is told in a few short lines', () => {
  const text = `# A heading\n\n\`\`\`\n${'Words of a manual that nobody wants to read again. '.repeat(200)}\n\`\`\`: [\n`

  expect(() => parseManifests([{ file: 'README.md', text }])).toThrow(
    /^README\.md, document 1: (?=.{1,1000}$)/s,
  )
})

test('merge keys are read as kubectl reads them', () => {
  const claims = claimsOf(
    parseOne(
      CLASS,
      CLAIM.replace(
        'resources: { requests',
        'resources: { <<: { limits: { storage: 20Gi } }, requests',
      ),
    ),
  )

  expect(claims).toMatchObject([{ requiredBytes: 10 * 1024 ** 3, limitBytes: 20 * 1024 ** 3 }])
})

test.each([
  { text: 'a: *nobody', says: 'the alias *nobody has no anchor &nobody above it' },
  { text: 'a: *late\nb: &late 1', says: 'the alias *late has no anchor &late above it' },
  { text: 'kind: List\nitems: &a [ { kind: List, items: *a } ]', says: 'an alias contains itself' },
  { text: 'a: { <<: 3 }', says: 'the value of "<<" must be a map' },
  { text: 'a: { <<: *nobody }', says: 'the value of "<<" must be a map' },
  {
    text: 'a: &a [x, x]\nb: &b [*a, *a, *a, *a]\nc: &c [*b, *b, *b, *b]\nd: [*c, *c, *c, *c]',
    says: 'has nested aliases that expand to too much',
  },
])(
  'a mistake of YAML is a problem of its document, in words of the file: $says',
  ({ text, says }) => {
    expect(() => parseOne(CLASS, text)).toThrow(StorageError)
    expect(() => parseOne(CLASS, text)).toThrow(`m.yaml, document 2: ${says}`)
  },
)

test('a file that is no manifest is told in a few lines', () => {
  const text = Array.from({ length: 400 }, (_, at) => `* [a](${at}): \`x: y\`: z`).join('\n')
  const told = () =>
    parseManifests([{ file: 'README.md', text: `${text}\n---\nkind: ${'x'.repeat(5000)}` }])

  expect(told).toThrow('README.md, document 1: ')
  expect(told).toThrow(expect.objectContaining({ message: expect.stringMatching(/^.{1,1000}$/s) }))
})

test('a chain of thousands of clones is brought into its order', () => {
  const chain = Array.from({ length: 6000 }, (_, at) => {
    const source =
      at === 5999 ? '' : `, dataSource: { kind: PersistentVolumeClaim, name: c${at + 1} }`
    const spec =
      '{ storageClassName: gold, accessModes: [ReadWriteOnce], resources: { ' +
      `requests: { storage: 1Gi } }${source} }`
    return (
      `{ apiVersion: v1, kind: PersistentVolumeClaim, metadata: { name: c${at} }, spec: ` +
      `${spec} }`
    )
  })
  const { objects } = parseOne(CLASS, `{ kind: List, items: [ ${chain.join(', ')} ] }`)

  expect([objects[0]?.name, objects.at(-1)?.name, objects.length]).toEqual([
    'default/c5999',
    'default/c0',
    6000,
  ])
})

test('a file that is nested deeper than it can be read says so', () => {
  const text = `a: ${'['.repeat(20_000)}${']'.repeat(20_000)}`
  expect(() => parseManifests([{ file: 'deep.yaml', text }])).toThrow(
    /^deep\.yaml(, document 1)?: is nested too deeply/,
  )
})

test.each([
  '/etc',
  '/usr/local',
  '/proc/x',
  '/dev',
  '/var',
  '/var/lib',
  '/var/spool/cron',
  '/lib64/x',
  '/root/.ssh',
  '/var/lib/ldom-csi/used',
])('%s is not a path to mount at', path => {
  expect(() => parseOne(CLASS, CLAIM.replace('/export/orders', path))).toThrow(
    "belongs to the guest's system",
  )
})

test.each(['0', '"0"', '-1'])(
  'a claim of the size %s is named, with a size to write instead',
  size => {
    const sized = CLAIM.replace('storage: 10Gi', `storage: ${size}`)
    const key = 'm.yaml, document 2 (PersistentVolumeClaim shop/orders): spec.resources.requests.'

    expect(() => parseOne(CLASS, sized)).toThrow(
      `${key}storage: must be more than 0; write a size such as 10Gi`,
    )
  },
)

test.each([
  { items: 'items: 3', says: 'is not a list; write one object per "-", or one object a document' },
  { items: '', says: 'is missing; write one object per "-", or one object a document' },
])('a List without a list is named, with what to write instead: $items', ({ items, says }) => {
  expect(() => parseOne(`kind: List\n${items}`)).toThrow(
    `m.yaml, document 1 (List): items: ${says}`,
  )
})

test('a mistake of YAML ends with its place', () => {
  expect(() => parseOne('a: b: c')).toThrow(/ at line 1, column 4$/)
})
