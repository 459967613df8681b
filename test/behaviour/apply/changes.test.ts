// `apply` when something changes between two runs, and when it cannot do what is asked: growth,
// sources, numbers, several guests.

import { volumeLeaf } from '../../../src/model/ids.ts'
import { byHand } from '../../support/meddling.ts'
import { type ApplyWorld, applyWorld } from './world.ts'

const MiB = 1024 ** 2
const CLASSES = `
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: { name: silver }
provisioner: vdisk.ldom-csi.io
allowVolumeExpansion: true
parameters: { pool: silver }
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: { name: gold }
provisioner: vdisk.ldom-csi.io
parameters: { pool: gold }
---
apiVersion: snapshot.storage.k8s.io/v1
kind: VolumeSnapshotClass
metadata: { name: cut, annotations: { snapshot.storage.kubernetes.io/is-default-class: 'true' } }
driver: vdisk.ldom-csi.io
deletionPolicy: Delete
---
apiVersion: snapshot.storage.k8s.io/v1
kind: VolumeSnapshotClass
metadata: { name: keep }
driver: vdisk.ldom-csi.io
deletionPolicy: Retain
`
interface Over {
  readonly size?: string
  readonly guest?: string
  readonly path?: string
  readonly number?: number
  readonly storageClass?: string
  readonly mode?: string
  readonly access?: string
  readonly source?: string
}
function claim(name: string, over: Over = {}): string {
  const number = over.number === undefined ? '' : `, ldom-csi.io/vdisk-number: "${over.number}"`
  return `
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: ${name}
  annotations: { ldom-csi.io/guest: "${over.guest ?? 'm1/ldg2'}", ldom-csi.io/mount-path: "${over.path ?? `/srv/${name}`}"${number} }
spec:
  storageClassName: ${over.storageClass ?? 'silver'}
  accessModes: [${over.access ?? 'ReadWriteOnce'}]
  volumeMode: ${over.mode ?? 'Filesystem'}
  ${over.source === undefined ? '' : `dataSource: { ${over.source} }`}
  resources: { requests: { storage: ${over.size ?? '64Mi'} } }
`
}
const snapshot = (name: string, of: string, spec = '') => `
apiVersion: snapshot.storage.k8s.io/v1
kind: VolumeSnapshot
metadata: { name: ${name} }
spec: { source: { persistentVolumeClaimName: ${of} } ${spec} }
`
const fromSnapshot = (name: string) =>
  `kind: VolumeSnapshot, apiGroup: snapshot.storage.k8s.io, name: ${name}`
const fromClaim = (name: string) => `kind: PersistentVolumeClaim, name: ${name}`

let world: ApplyWorld
beforeEach(async () => {
  world = await applyWorld(['m1/ldg1', 'm1/ldg2', 'm2/ldg2'])
})
afterEach(() => world.end())

const guest = (id: string) => world.world.guest(id)
const disks = (machine: string, name: string) =>
  world.world.machine(machine).guestDisks(name).list()
const failure = (object: string, message: string) => [
  { object, message: expect.stringContaining(message) },
]

describe('a claim that grew', () => {
  test('tells that a Linux guest must get its disk anew, and has its new size after that', async () => {
    await world.apply(CLASSES, claim('web'))
    guest('m1/ldg2').writeFile('/srv/web/a', 'kept')
    const grown = claim('web', { size: '128Mi' })

    expect(await world.apply(CLASSES, grown)).toEqual(
      failure('default/web', 'detach and attach the volume'),
    )
    const told = 'default/web: grown to 128MiB'
    expect(world.lines).toContain(told)
    expect(await world.apply(CLASSES, grown)).toEqual(
      failure('default/web', 'detach and attach the volume'),
    )
    expect(world.lines.filter(line => line === told)).toHaveLength(1)

    expect(await world.detach(CLASSES, grown)).toEqual([])
    expect(disks('m1', 'ldg2')).toEqual([])
    expect(await world.apply(CLASSES, grown)).toEqual([])
    expect(disks('m1', 'ldg2').map(disk => disk.sizeBytes())).toEqual([128 * MiB])
    expect(guest('m1/ldg2').readFile('/srv/web/a')).toBe('kept')
    expect(await world.driver.audit()).toEqual([])
  })

  test('grows before it is attached where it is not attached', async () => {
    await world.apply(CLASSES, claim('web'))
    await world.detach(CLASSES, claim('web'))

    expect(await world.apply(CLASSES, claim('web', { size: '128Mi' }))).toEqual([])

    expect(disks('m1', 'ldg2').map(disk => disk.sizeBytes())).toEqual([128 * MiB])
  })

  test('is refused by name where the class does not allow it, and nothing has changed', async () => {
    await world.apply(CLASSES, claim('web', { storageClass: 'gold' }))
    const before = world.state()

    expect(
      await world.apply(CLASSES, claim('web', { storageClass: 'gold', size: '128Mi' })),
    ).toEqual(failure('default/web', 'StorageClass gold does not say allowVolumeExpansion: true'))

    expect(world.state()).toBe(before)
  })

  test('is refused where something besides the size is different', async () => {
    await world.apply(CLASSES, claim('web'))

    expect(await world.apply(CLASSES, claim('web', { size: '128Mi', mode: 'Block' }))).toEqual(
      failure(
        'default/web',
        'ALREADY_EXISTS: volume "default/web" exists and differs in its format',
      ),
    )
  })

  test('is refused when it shrank instead, and says what to ask for', async () => {
    await world.apply(CLASSES, claim('web'))

    expect(await world.apply(CLASSES, claim('web', { size: '32Mi' }))).toEqual(
      failure(
        'default/web',
        'the claim asks for 32MiB and its volume has 64MiB: a volume never shrinks',
      ),
    )
  })
})

describe('a source', () => {
  test('that is not in the files is looked for among what was made before', async () => {
    await world.apply(CLASSES, claim('web'))

    expect(await world.apply(CLASSES, snapshot('nightly', 'web'))).toEqual([])
    expect(await world.apply(CLASSES, claim('copy', { source: fromSnapshot('nightly') }))).toEqual(
      [],
    )
    expect(await world.apply(CLASSES, claim('twin', { source: fromClaim('web') }))).toEqual([])

    expect(disks('m1', 'ldg2')).toHaveLength(3)
  })

  test.each([
    {
      source: fromSnapshot('nightly'),
      says: 'its source, snapshot default/nightly, is not in the files and does not exist',
    },
    {
      source: fromClaim('web'),
      says: 'its source, claim default/web, is not in the files and does not exist',
    },
  ])('that is nowhere is named: $says', async ({ source, says }) => {
    expect(await world.apply(CLASSES, claim('copy', { source }))).toEqual(
      failure('default/copy', says),
    )

    expect(world.datasets()).toEqual([])
  })

  test('larger than what is to be made from it is refused before anything is made', async () => {
    await world.apply(CLASSES, claim('web'))

    expect(
      await world.apply(CLASSES, claim('copy', { source: fromClaim('web'), size: '32Mi' })),
    ).toEqual(
      failure(
        'default/copy',
        'the claim asks for 32MiB, less than the 64MiB of its source, claim default/web',
      ),
    )
  })

  test('smaller than what is made from it gives a larger file system with the same files', async () => {
    await world.apply(CLASSES, claim('web'))
    guest('m1/ldg2').writeFile('/srv/web/a', 'kept')

    expect(
      await world.apply(
        CLASSES,
        claim('web'),
        claim('copy', { source: fromClaim('web'), size: '128Mi' }),
      ),
    ).toEqual([])

    expect(guest('m1/ldg2').readFile('/srv/copy/a')).toBe('kept')
    expect(disks('m1', 'ldg2').map(disk => disk.sizeBytes())).toEqual(
      expect.arrayContaining([64 * MiB, 128 * MiB]),
    )
  })

  test('that could not be made stops only what is made from it', async () => {
    const files = [
      claim('web', { guest: 'm1/ldg2', storageClass: 'gold', size: '100Gi' }),
      snapshot('nightly', 'web'),
      claim('other'),
    ]

    const failures = await world.apply(
      CLASSES,
      ...files,
      claim('copy', { source: fromSnapshot('nightly') }),
    )

    expect(failures).toEqual([
      { object: 'default/web', message: expect.stringContaining('RESOURCE_EXHAUSTED') },
      {
        object: 'snapshot default/nightly',
        message: 'not created: its source, claim default/web, failed',
      },
      {
        object: 'default/copy',
        message: 'not created: its source, snapshot default/nightly, failed',
      },
    ])
    expect(disks('m1', 'ldg2')).toHaveLength(1)
  })
})

describe('a snapshot', () => {
  test('outlives the claim it was cut from, and is still known', async () => {
    await world.apply(CLASSES, claim('web'), snapshot('nightly', 'web'))
    await world.remove(CLASSES, claim('web'))

    expect(await world.apply(CLASSES, snapshot('nightly', 'web'))).toEqual([])
    expect(
      await world.apply(
        CLASSES,
        snapshot('nightly', 'web'),
        claim('back', { source: fromSnapshot('nightly') }),
      ),
    ).toEqual([])
    expect(await world.apply(CLASSES, snapshot('weekly', 'web'))).toEqual(
      failure(
        'snapshot default/weekly',
        'its claim default/web is not in the files and does not exist',
      ),
    )

    expect(await world.remove(CLASSES, claim('back'), snapshot('nightly', 'web'))).toEqual([])
    expect(world.datasets()).toEqual([])
  })

  test('of a class that says Retain is kept', async () => {
    const kept = snapshot('nightly', 'web', ', volumeSnapshotClassName: keep')
    await world.apply(CLASSES, claim('web'), kept)

    expect(await world.remove(CLASSES, kept)).toEqual([])

    expect((await world.driver.snapshots.listSnapshots({})).map(({ name }) => name)).toEqual([
      'default/nightly',
    ])
    expect(world.lines.at(-1)).toContain('is kept, as VolumeSnapshotClass keep says Retain')
  })

  test('with a name that another volume has is refused', async () => {
    await world.apply(CLASSES, claim('web'), claim('other'), snapshot('nightly', 'web'))

    expect(await world.apply(CLASSES, snapshot('nightly', 'other'))).toEqual(
      failure(
        'snapshot default/nightly',
        'ALREADY_EXISTS: snapshot "default/nightly" exists already',
      ),
    )
  })

  test('that is not there is already deleted', async () => {
    expect(await world.remove(CLASSES, snapshot('nightly', 'web'))).toEqual([])

    expect(world.lines).toEqual(['snapshot default/nightly: no such snapshot, nothing to delete'])
  })

  test('of a class of another driver is refused before anything is made', async () => {
    const foreign = CLASSES.replaceAll('driver: vdisk.ldom-csi.io', 'driver: other.io')

    await expect(world.apply(foreign, claim('web'))).rejects.toThrow(
      'VolumeSnapshotClass cut: driver is other.io, the controller is vdisk.ldom-csi.io',
    )
    expect(world.datasets()).toEqual([])
  })
})

test('a disk number that the guest has already given away is refused, with the disk that has it', async () => {
  await world.apply(CLASSES, claim('web', { number: 7 }))

  expect(await world.apply(CLASSES, claim('other', { number: 7 }))).toEqual(
    failure('default/other', 'as disk 7 already'),
  )
  expect(await world.apply(CLASSES, claim('web', { number: 8 }))).toEqual(
    failure('default/web', 'as disk 7, not 8 as requested'),
  )
})

const readers = claim('readers', {
  ...{ storageClass: 'gold', source: fromClaim('data'), access: 'ReadOnlyMany' },
  ...{ guest: 'm1/ldg2, m2/ldg2', path: '/mnt/one, /mnt/two' },
})

test(
  'a copy for readers of a volume that is mounted is refused: what was synced last would not ' +
    'be in it',
  async () => {
    await world.apply(CLASSES, claim('data', { storageClass: 'gold' }))

    const told = await world.apply(CLASSES, readers)

    expect(told).toEqual(failure('default/readers', 'attach it writable once'))
  },
)

test('a restored file system is mounted read-only in many guests, and in none of them written', async () => {
  await world.apply(CLASSES, claim('data', { storageClass: 'gold' }))
  guest('m1/ldg2').writeFile('/srv/data/a', 'shared')
  await world.detach(CLASSES, claim('data', { storageClass: 'gold' }))

  expect(await world.apply(CLASSES, readers)).toEqual([])

  expect(guest('m1/ldg2').readFile('/mnt/one/a')).toBe('shared')
  expect(guest('m2/ldg2').readFile('/mnt/two/a')).toBe('shared')
  expect(() => guest('m2/ldg2').writeFile('/mnt/two/a', 'mine')).toThrow()
  expect(await world.remove(CLASSES, readers, claim('data', { storageClass: 'gold' }))).toEqual([])
  expect(world.datasets()).toEqual([])
})

test('an empty volume for many readers is refused by the guest, which says why', async () => {
  expect(await world.apply(CLASSES, claim('readers', { access: 'ReadOnlyMany' }))).toEqual(
    failure('default/readers', 'attached read-only; attach it writable once'),
  )
})

test('detaching keeps volumes and snapshots, and what is not there is already detached', async () => {
  const files = [claim('web'), snapshot('nightly', 'web')]
  await world.apply(CLASSES, ...files)
  guest('m1/ldg2').writeFile('/srv/web/a', 'kept')

  expect(await world.detach(CLASSES, ...files, claim('never'))).toEqual([])
  expect(disks('m1', 'ldg2')).toEqual([])
  expect(await world.apply(CLASSES, ...files)).toEqual([])

  expect(guest('m1/ldg2').readFile('/srv/web/a')).toBe('kept')
})

describe.each(['remove', 'detach'] as const)('%s of a volume that has lost its properties', act => {
  test('is refused: it is not taken for one that is not there', async () => {
    const dataset = `tank/kubernetes/${volumeLeaf('test', 'gold', 'default/web')}`
    await byHand(world, 'storage1', `zfs create -V 64m ${dataset}`)

    const told = await world[act](CLASSES, claim('web', { storageClass: 'gold' }))

    expect(told).toEqual(failure('default/web', dataset))

    expect(world.lines.join('\n')).not.toContain('nothing to')
    expect(world.datasets()).toEqual([dataset])
  })
})
