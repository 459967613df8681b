// `apply` through real sockets: claims become volumes, disks and mounts, again and away, against
// storage and guests in memory.

import { applyManifests, deleteManifests } from '../../../src/apply/apply.ts'
import type { ApplyTools } from '../../../src/apply/step.ts'
import {
  type AttachmentStore,
  controllerService,
  type VolumeStore,
} from '../../../src/csi/controller.ts'
import { identityService } from '../../../src/csi/identity.ts'
import { type GuestStore, nodeService } from '../../../src/csi/node.ts'
import { StorageError } from '../../../src/errors.ts'
import { parseManifests } from '../../../src/manifests/manifests.ts'
import { MemoryGuest } from '../../protocol/memory-guest.ts'
import { controllerOptions, MemoryStorage } from '../../protocol/memory-storage.ts'
import { type Plugin, servePlugin } from '../../protocol/plugin.ts'
import { DRIVER, patientClock } from './world.ts'

const CLASS = `
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: { name: silver }
provisioner: ${DRIVER}
parameters: { pool: silver, csi.storage.k8s.io/fstype: ext4 }
mountOptions: [noatime]
---
`
const claim = (
  name: string,
  over: { size?: string; guest?: string; path?: string; mode?: string; block?: boolean } = {},
) => `
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: ${name}
  annotations: { ldom-csi.io/guest: ${over.guest ?? 'm1/ldg1'}, ldom-csi.io/mount-path: ${over.path ?? `/srv/${name}`} }
spec:
  storageClassName: silver
  accessModes: [${over.mode ?? 'ReadWriteOnce'}]
  volumeMode: ${over.block ? 'Block' : 'Filesystem'}
  resources: { requests: { storage: ${over.size ?? '64Mi'} } }
---
`
const manifests = (...documents: string[]) =>
  parseManifests([{ file: 'm.yaml', text: documents.join('') }])

const open: Plugin[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map(plugin => plugin.end()))
})

async function installation(
  over: {
    storage?: Partial<VolumeStore & AttachmentStore>
    guest?: Partial<GuestStore>
    timeoutMs?: number
  } = {},
) {
  const storage = new MemoryStorage({ machine: 'm1', guests: ['ldg1', 'ldg2'] })
  const guest = new MemoryGuest()
  const store = faulty(storage, over.storage ?? {})
  const controller = await servePlugin([
    identityService({ driverName: DRIVER, version: '1', snapshotTopology: false }),
    controllerService({
      driverName: DRIVER,
      ...controllerOptions(storage),
      volumes: store,
      attachments: store,
    }),
  ])
  open.push(controller)
  const node = await servePlugin([
    identityService({ driverName: DRIVER, version: '1', snapshotTopology: false }),
    nodeService({
      driverName: DRIVER,
      guest: { machine: 'm1', guest: 'ldg1' },
      attachLimit: 60,
      volumes: faulty(guest, over.guest ?? {}),
      health: undefined,
    }),
  ])
  open.push(node)
  const lines: string[] = []
  const clock = patientClock()
  const tools: ApplyTools = {
    controller: controller.client,
    nodes: new Map([['m1/ldg1', node.client]]),
    clock,
    timeoutMs: over.timeoutMs ?? 60_000,
    stagingDirectory: '/var/lib/ldom-csi/staging',
    print: line => lines.push(line),
  }
  return { storage, guest, tools, lines, clock }
}

/** The store with some of its promises replaced. */
function faulty<T extends object>(store: T, faults: Partial<T>): T {
  return new Proxy(store, {
    get: (target, key) => {
      const source = key in faults ? faults : target
      const value: unknown = Reflect.get(source, key, source)
      return typeof value === 'function' ? value.bind(source) : value
    },
  })
}

const publishedTo = async (storage: MemoryStorage) =>
  (await storage.listPublished()).map(({ volume, publishedTo }) => [
    volume.name,
    volume.sizeBytes,
    publishedTo.map(guest => guest.guest),
  ])

test('a claim becomes a volume named after it, attached to its guest and mounted where it wants', async () => {
  const { storage, guest, tools, lines } = await installation()

  const failures = await applyManifests(manifests(CLASS, claim('web')), tools)

  expect(failures).toEqual([])
  expect(await publishedTo(storage)).toEqual([['default/web', 64 * 1024 ** 2, ['ldg1']]])
  expect([...guest.published.values()]).toMatchObject([
    {
      targetPath: '/srv/web',
      readonly: false,
      format: { kind: 'filesystem', type: 'ext4', mountOptions: ['noatime'] },
    },
  ])
  expect([...guest.staged.keys()]).toEqual([
    expect.stringMatching(/^\/var\/lib\/ldom-csi\/staging\/[0-9a-f]{20}$/),
  ])
  expect(lines).toEqual([
    expect.stringMatching(/^default\/web: volume silver\/v-[a-z2-7]{20}, 64MiB$/),
    expect.stringMatching(/^default\/web: attached to m1\/ldg1 as vdisk \d+$/),
    expect.stringMatching(/^default\/web: staged in m1\/ldg1 at \/var\/lib\/ldom-csi\/staging\//),
    'default/web: mounted in m1/ldg1 at /srv/web',
  ])
})

test('a GuestDisk mounts read-only and with options of its own, after those of the class', async () => {
  const { guest, tools } = await installation()
  const disk = `
apiVersion: ldom-csi.io/v1alpha1
kind: GuestDisk
metadata: { name: web }
spec:
  claimName: web
  guest: m1/ldg1
  mountPath: /srv/web
  readOnly: true
  mountOptions: [nosuid, noatime]
`
  const wanted = manifests(CLASS, claim('web').replace(/ {2}annotations.*\n/, ''), disk)

  expect(await applyManifests(wanted, tools)).toEqual([])

  expect([...guest.published.values()]).toMatchObject([
    { readonly: true, mode: 'ro', format: { mountOptions: ['noatime', 'nosuid'] } },
  ])
  expect([...guest.staged.values()]).toMatchObject([{ mode: 'ro', attached: 'ro' }])
})

test('running it again changes nothing', async () => {
  const { storage, guest, tools } = await installation()
  const wanted = manifests(CLASS, claim('web'), claim('raw', { block: true }))
  await applyManifests(wanted, tools)
  const before = JSON.stringify([
    await storage.listPublished(),
    [...guest.staged],
    [...guest.published],
  ])

  const failures = await applyManifests(wanted, tools)

  expect(failures).toEqual([])
  expect(
    JSON.stringify([await storage.listPublished(), [...guest.staged], [...guest.published]]),
  ).toBe(before)
})

test('deleting takes everything away, and deleting again makes nothing', async () => {
  const { storage, guest, tools, lines } = await installation()
  const wanted = manifests(CLASS, claim('web'), claim('raw', { block: true }))
  await applyManifests(wanted, tools)

  expect(await deleteManifests(wanted, tools)).toEqual([])
  lines.length = 0
  expect(await deleteManifests(wanted, tools)).toEqual([])

  expect(await storage.listPublished()).toEqual([])
  expect([guest.staged.size, guest.published.size]).toEqual([0, 0])
  expect(lines).toEqual([
    'default/raw: no such volume, nothing to delete',
    'default/web: no such volume, nothing to delete',
  ])
})

test('a class that says Retain keeps its volume, detached', async () => {
  const { storage, guest, tools } = await installation()
  const wanted = manifests(
    CLASS.replace('mountOptions', 'reclaimPolicy: Retain\nmountOptions'),
    claim('web'),
  )
  await applyManifests(wanted, tools)

  await deleteManifests(wanted, tools)

  expect(await publishedTo(storage)).toEqual([['default/web', 64 * 1024 ** 2, []]])
  expect(guest.published.size).toBe(0)
})

test('a claim without a guest is made and given to nobody, and no node plugin is needed', async () => {
  const { storage, tools } = await installation()
  const wanted = manifests(CLASS, claim('web').replace(/ {2}annotations.*\n/, ''))

  expect(await applyManifests(wanted, { ...tools, nodes: new Map() })).toEqual([])

  expect(await publishedTo(storage)).toEqual([['default/web', 64 * 1024 ** 2, []]])
})

test('what may still succeed is repeated with growing pauses, and said', async () => {
  let calls = 0
  const storage = new MemoryStorage({ machine: 'm1', guests: ['ldg1'] })
  const { tools, lines, clock } = await installation({
    storage: {
      ensureVolume: spec => {
        calls += 1
        if (calls < 4) throw new StorageError(calls === 1 ? 'busy' : 'unavailable', `try ${calls}`)
        return storage.ensureVolume(spec)
      },
      attach: request => storage.attach(request),
    },
  })

  expect(await applyManifests(manifests(CLASS, claim('web')), tools)).toEqual([])

  expect(clock.sleptMs).toBe(1000 + 2000 + 4000)
  expect(lines.slice(0, 3)).toEqual([
    'default/web: create: not yet: CreateVolume: ABORTED: try 1',
    'default/web: create: not yet: CreateVolume: UNAVAILABLE: try 2',
    'default/web: create: not yet: CreateVolume: UNAVAILABLE: try 3',
  ])
})

test('it gives up when the time for a step is over, and goes on with the next claim', async () => {
  const storage = new MemoryStorage({ machine: 'm1', guests: ['ldg1'] })
  const { tools } = await installation({
    timeoutMs: 20_000,
    storage: {
      ensureVolume: async spec => {
        if (spec.name === 'default/web') {
          throw new StorageError('unavailable', 'host storage1 does not answer')
        }
        return storage.ensureVolume(spec)
      },
      attach: request => storage.attach(request),
      listPublished: () => storage.listPublished(),
    },
  })

  const failures = await applyManifests(manifests(CLASS, claim('web'), claim('db')), tools)

  expect(failures).toEqual([
    { object: 'default/web', message: 'CreateVolume: UNAVAILABLE: host storage1 does not answer' },
  ])
  expect(await publishedTo(storage)).toMatchObject([['default/db', expect.anything(), ['ldg1']]])
})

test('what cannot succeed is not repeated', async () => {
  const { tools, clock } = await installation()
  await applyManifests(manifests(CLASS, claim('web')), tools)

  const failures = await applyManifests(manifests(CLASS, claim('web', { block: true })), tools)

  expect(failures).toEqual([
    {
      object: 'default/web',
      message: expect.stringMatching(/^CreateVolume: ALREADY_EXISTS: .*format/),
    },
  ])
  expect(clock.sleptMs).toBe(0)
})

test.each([
  {
    name: 'a class of another driver',
    documents: [CLASS.replaceAll(DRIVER, 'other.io'), claim('web')],
    says: 'StorageClass silver: provisioner is other.io',
  },
  {
    name: 'a guest without a node plugin',
    documents: [CLASS, claim('web', { guest: 'm1/ldg2' })],
    says: 'add --node m1/ldg2=SOCKET',
  },
])('$name is refused before anything is made', async ({ documents, says }) => {
  const { storage, tools } = await installation()

  await expect(applyManifests(manifests(...documents), tools)).rejects.toThrow(says)

  expect(await storage.listPublished()).toEqual([])
})

test('a socket that serves another guest is refused before anything is made', async () => {
  const { storage, tools } = await installation()
  const wrong = new Map([['m1/ldg2', tools.nodes.get('m1/ldg1') ?? tools.controller]])

  const attempt = applyManifests(manifests(CLASS, claim('web', { guest: 'm1/ldg2' })), {
    ...tools,
    nodes: wrong,
  })

  await expect(attempt).rejects.toThrow('the socket of --node m1/ldg2 belongs to guest m1/ldg1')
  expect(await storage.listPublished()).toEqual([])
})

test.each(['ReadWriteOncePod', 'ReadWriteOnce'])(
  'a volume of %s has one target in a guest, and a changed path is refused',
  async mode => {
    const { guest, tools } = await installation()
    await applyManifests(manifests(CLASS, claim('one', { mode })), tools)

    const failures = await applyManifests(
      manifests(CLASS, claim('one', { mode, path: '/mnt/one' })),
      tools,
    )

    expect(failures.map(failure => failure.object)).toEqual(['default/one'])
    expect([...guest.published.keys()]).toEqual(['/srv/one'])
  },
)
