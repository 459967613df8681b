// Whatever text stands in a field of a manifest: all its problems by file and key path and nothing
// run, a failure that names the object, or a correct volume; never a command that holds the text or
// has an option from it.

import fc from 'fast-check'
import { stringify } from 'yaml'
import { isStorageError } from '../../../src/errors.ts'
import { type ApplyWorld, applyWorld, DRIVER } from '../apply/world.ts'
import { HonestCommands, hostileText, RUNS, TIMEOUT_MS } from './texts.ts'

type Document = Readonly<Record<string, unknown>>

const storageClass = (change: Document = {}, parameters: Document = {}): Document => ({
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: 'silver' },
  provisioner: DRIVER,
  parameters: { pool: 'silver', ...parameters },
  ...change,
})

const claim = ({
  metadata = {},
  annotations = {},
  spec = {},
}: {
  metadata?: Document
  annotations?: Document
  spec?: Document
} = {}): Document => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: {
    name: 'data',
    annotations: {
      'ldom-csi.io/guest': 'm1/ldg1',
      'ldom-csi.io/mount-path': '/srv/data',
      ...annotations,
    },
    ...metadata,
  },
  spec: {
    storageClassName: 'silver',
    accessModes: ['ReadWriteOnce'],
    resources: { requests: { storage: '16Mi' } },
    ...spec,
  },
})

const snapshot = (change: Document): readonly Document[] => [
  {
    apiVersion: 'snapshot.storage.k8s.io/v1',
    kind: 'VolumeSnapshotClass',
    metadata: { name: 'cuts' },
    driver: DRIVER,
    deletionPolicy: 'Delete',
  },
  {
    apiVersion: 'snapshot.storage.k8s.io/v1',
    kind: 'VolumeSnapshot',
    metadata: { name: 'cut' },
    spec: { volumeSnapshotClassName: 'cuts', source: { persistentVolumeClaimName: 'data' } },
    ...change,
  },
]

const yaml = (...documents: readonly Document[]) =>
  documents.map(document => stringify(document)).join('---\n')

interface Field {
  readonly name: string
  readonly manifest: (text: string) => string
}

const FIELDS: readonly Field[] = [
  { name: 'the whole file', manifest: text => text },
  { name: 'apiVersion', manifest: text => yaml({ ...claim(), apiVersion: text }) },
  { name: 'kind', manifest: text => yaml({ ...claim(), kind: text }) },
  { name: 'a key of its own', manifest: text => yaml({ ...claim(), [`-${text}`]: 'x' }) },
  {
    name: 'name of a claim',
    manifest: text => yaml(storageClass(), claim({ metadata: { name: `~${text}` } })),
  },
  {
    name: 'namespace of a claim',
    manifest: text => yaml(storageClass(), claim({ metadata: { namespace: `~${text}` } })),
  },
  {
    name: 'name of a class',
    manifest: text => yaml(storageClass({ metadata: { name: `~${text}` } }), claim()),
  },
  {
    name: 'provisioner',
    manifest: text => yaml(storageClass({ provisioner: `~${text}` }), claim()),
  },
  {
    name: 'parameter of a class',
    manifest: text => yaml(storageClass({}, { [`-${text}`]: 'x' }), claim()),
  },
  ...['pool', 'blockSize', 'compression', 'reservation', 'export', 'csi.storage.k8s.io/fstype'].map(
    parameter => ({
      name: `parameter ${parameter}`,
      manifest: (text: string) => yaml(storageClass({}, { [parameter]: `~${text}` }), claim()),
    }),
  ),
  {
    name: 'mount option',
    manifest: text => yaml(storageClass({ mountOptions: [`~${text}`] }), claim()),
  },
  {
    name: 'size',
    manifest: text =>
      yaml(storageClass(), claim({ spec: { resources: { requests: { storage: `~${text}` } } } })),
  },
  {
    name: 'access mode',
    manifest: text => yaml(storageClass(), claim({ spec: { accessModes: [text] } })),
  },
  {
    name: 'class of a claim',
    manifest: text => yaml(storageClass(), claim({ spec: { storageClassName: `~${text}` } })),
  },
  {
    name: 'annotation',
    manifest: text =>
      yaml(storageClass(), claim({ annotations: { [`ldom-csi.io/${text}`]: text } })),
  },
  {
    name: 'guest',
    manifest: text =>
      yaml(storageClass(), claim({ annotations: { 'ldom-csi.io/guest': `~${text}` } })),
  },
  {
    name: 'guest of a machine',
    manifest: text =>
      yaml(storageClass(), claim({ annotations: { 'ldom-csi.io/guest': `m1/~${text}` } })),
  },
  {
    name: 'disk number',
    manifest: text =>
      yaml(storageClass(), claim({ annotations: { 'ldom-csi.io/vdisk-number': `~${text}` } })),
  },
  {
    name: 'mount path that does not begin at the root',
    manifest: text =>
      yaml(storageClass(), claim({ annotations: { 'ldom-csi.io/mount-path': `~${text}` } })),
  },
  {
    name: 'source',
    manifest: text =>
      yaml(
        storageClass(),
        claim({ spec: { dataSource: { kind: 'PersistentVolumeClaim', name: `~${text}` } } }),
      ),
  },
  {
    name: 'name of a snapshot',
    manifest: text =>
      yaml(storageClass(), claim(), ...snapshot({ metadata: { name: `~${text}` } })),
  },
  {
    name: 'claim of a snapshot',
    manifest: text => {
      const spec = {
        volumeSnapshotClassName: 'cuts',
        source: { persistentVolumeClaimName: `~${text}` },
      }
      return yaml(storageClass(), claim(), ...snapshot({ spec }))
    },
  },
]

let at: ApplyWorld
let honest: HonestCommands

beforeAll(async () => {
  at = await applyWorld(['m1/ldg1'])
  const good = yaml(storageClass(), claim(), ...snapshot({}))
  expect(await at.apply(good)).toEqual([])
  expect(await at.apply(good)).toEqual([])
  expect(await at.remove(good)).toEqual([])
  honest = new HonestCommands(at.world)
}, TIMEOUT_MS)

afterAll(() => at.end())

/** What came of it; `nothing` where the manifests were refused as a whole. */
async function applied(manifest: string): Promise<'nothing' | 'failures' | 'all'> {
  try {
    const failures = await at.apply(manifest)
    for (const { object, message } of failures) {
      expect(object).not.toBe('')
      expect(message).not.toMatch(/INTERNAL|UNKNOWN|UNIMPLEMENTED/)
    }
    return failures.length > 0 ? 'failures' : 'all'
  } catch (error) {
    if (!isStorageError(error)) throw error
    expect(error.kind).toMatch(/^(invalid-argument|not-found|failed-precondition)$/)
    expect(error.message).toMatch(/[a-z]{3,}.* /)
    return 'nothing'
  }
}

test.each(FIELDS)(
  '$name',
  async ({ manifest }) => {
    await fc.assert(
      fc.asyncProperty(hostileText, async text => {
        const before = at.state()
        const from = at.world.timeline.commands.length
        const outcome = await applied(manifest(text))
        honest.check(at.world, from, text)
        if (outcome === 'nothing') expect(at.state()).toBe(before)
        else expect(await at.remove(manifest(text))).toEqual([])
        expect(at.datasets()).toEqual([])
      }),
      { numRuns: RUNS },
    )
  },
  TIMEOUT_MS,
)

test.each(['*nobody', 'a: &a [x]\nb: &b [*a, *a]\nc: [*b, *c]'])(
  'an alias that names nothing is a problem of the file: %j',
  async text => {
    expect(await applied(text)).toBe('nothing')
  },
)

test('a mount path that is too long for every plugin is refused before anything is made', async () => {
  const metadata = { name: 'unserved' }
  const annotations = { 'ldom-csi.io/mount-path': `/srv/${'a'.repeat(4096)}` }
  const outcome = await applied(
    yaml(
      storageClass(),
      claim({
        metadata: { ...metadata, annotations: { 'ldom-csi.io/guest': 'm1/ldg1', ...annotations } },
      }),
    ),
  )
  await at.remove(yaml(storageClass(), claim({ metadata })))
  expect(outcome).toBe('nothing')
})

test(
  'a mount path is one word in every command, or the claim fails with its name',
  async () => {
    let mounted = 0
    const isPlain = (text: string) =>
      Buffer.byteLength(text) < 250 &&
      !/[\u0000-\u001f\u007f-\u009f\u2028\u2029]|\/$|\/\/|(^|\/)\.\.?(\/|$)/.test(text) &&
      text !== ''
    await fc.assert(
      fc.asyncProperty(hostileText.filter(isPlain), async text => {
        const from = at.world.timeline.commands.length
        const manifest = yaml(
          storageClass(),
          claim({
            annotations: { 'ldom-csi.io/mount-path': `/srv/own/${text.replace(/^\/+/, '')}` },
          }),
        )
        const outcome = await applied(manifest)
        honest.check(at.world, from, text, 'be a path')
        if (outcome === 'nothing') return
        if (outcome === 'all') mounted += 1
        expect(await at.remove(manifest)).toEqual([])
        expect(at.world.guest('m1/ldg1').mounts()).toEqual([])
        expect(at.datasets()).toEqual([])
      }),
      { numRuns: 2 * RUNS },
    )
    expect(mounted).toBeGreaterThan(0)
  },
  TIMEOUT_MS,
)
