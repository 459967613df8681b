// A volume without an owner that is not just what the request would have made: it is neither
// completed, changed nor destroyed, and the answer says why.

import { worldState } from '../../../sim/world-state.ts'
import { Content } from '../../../sim/zfs/content.ts'
import type { StorageError } from '../../../src/errors.ts'
import { describeError } from '../../../src/errors.ts'
import { volumeLeaf } from '../../../src/model/ids.ts'
import { MiB } from '../../../src/model/volumes.ts'
import { logicalUnitGuid } from '../../../src/storage/names.ts'
import {
  type Driver,
  install,
  type TestInstallation,
  volumeSpec,
} from '../../support/installation.ts'
import { byHand } from '../../support/meddling.ts'
import { withOpenZfs } from '../../support/openzfs.ts'

const HOSTS = { silver: 'm1-primary', gold: 'storage1' } as const
const PARENTS = { silver: 'mtank/kubernetes', gold: 'tank/kubernetes' } as const
type PoolName = keyof typeof HOSTS

const base64 = (text: string) => Buffer.from(text).toString('base64url')

class Scene {
  readonly installation: TestInstallation
  readonly driver: Driver
  readonly pool: PoolName
  readonly leaf: string
  readonly dataset: string

  constructor(pool: PoolName, spec = pool === 'silver' ? withOpenZfs : undefined) {
    this.installation = install(spec)
    this.driver = this.installation.driver()
    this.pool = pool
    this.leaf = volumeLeaf('test', pool, 'wanted')
    this.dataset = `${PARENTS[pool]}/${this.leaf}`
  }

  async zfs(line: string): Promise<void> {
    const command = `zfs ${line.replaceAll('DATASET', this.dataset)}`
    await byHand(this.installation, HOSTS[this.pool], command)
  }

  /** Writes as a guest or a program on the host would. */
  write(bytes: number): void {
    const zfs = this.installation.world.zfs(HOSTS[this.pool])
    const dataset = zfs.dataset(this.dataset)
    if (dataset === undefined) throw new Error('no dataset')
    zfs.write(dataset, 0, Buffer.alloc(bytes, 1))
  }

  readonly spec = (change: Parameters<typeof volumeSpec>[0] = {}) =>
    volumeSpec({ pool: this.pool, name: 'wanted', ...change })

  /** The answer says why, what it is about, and the way out; nothing was changed. */
  async expectRefused(says: string, spec = this.spec()): Promise<void> {
    const before = worldState(this.installation.world)
    const error = await this.driver.volumes.ensureVolume(spec).then(
      () => undefined,
      (thrown: StorageError) => thrown,
    )
    expect(error).toMatchObject({ kind: 'unavailable' })
    const text = describeError(error)
    expect(text).toContain(`is not completed because ${says}`)
    expect(text).toContain(`dataset ${this.dataset} has no owner`)
    expect(worldState(this.installation.world)).toEqual(before)
  }
}

const EMPTY = 'create -b 8192 -V 16m DATASET'

interface Refused {
  readonly what: string
  readonly lines: readonly string[]
  readonly says: string
  readonly thin?: true
}

const EMPTY_CASES: readonly Refused[] = [
  {
    what: 'is larger',
    lines: ['create -b 8192 -V 32m DATASET'],
    says: 'it has a size of 33554432 bytes, and this request wants 16777216',
  },
  {
    what: 'is smaller',
    lines: ['create -b 8192 -V 8m DATASET'],
    says: 'it has a size of 8388608 bytes, and this request wants 16777216',
  },
  {
    what: 'has other blocks',
    lines: ['create -b 16384 -V 16m DATASET'],
    says: 'it has blocks of 16384 bytes, and this request wants 8192',
  },
  {
    what: 'reserves what the request does not',
    lines: [EMPTY],
    thin: true,
    says: 'it has a reservation of',
  },
  {
    what: 'has a snapshot',
    lines: [EMPTY, 'snapshot DATASET@by-hand'],
    says: 'it has snapshots: ',
  },
  {
    what: 'has a record',
    lines: [EMPTY, 'create PARENT/a-LEAF'],
    says: 'it has a record of an attachment, ',
  },
  {
    what: 'is a file system',
    lines: ['create DATASET'],
    says: 'it is no volume',
  },
  {
    what: 'was deleted and has lost its owner',
    lines: [EMPTY, `set ldom-csi:state=${base64('deleted')} DATASET`],
    says: 'its ldom-csi:state is not what this request would have set',
  },
  {
    what: 'has the name of another volume',
    lines: [EMPTY, `set ldom-csi:name=${base64('other')} DATASET`],
    says: 'its ldom-csi:name is not what this request would have set',
  },
  {
    what: 'has a property of a record',
    lines: [EMPTY, `set ldom-csi:guest=${base64('ldg1')} DATASET`],
    says: 'its ldom-csi:guest is not what this request would have set',
  },
  ...['readonly=on', 'sync=disabled', 'copies=2', 'ldom-csi:future=1', 'user:note=mine'].map(
    set => ({
      what: `has ${set}`,
      lines: [EMPTY, `set ${set} DATASET`],
      says: `its ${set.split('=')[0]} is not what this request would have set`,
    }),
  ),
  {
    what: 'is a clone',
    lines: [
      'create -b 8192 -V 16m PARENT/by-hand',
      'snapshot PARENT/by-hand@a',
      'clone PARENT/by-hand@a DATASET',
    ],
    says: 'its origin is ',
  },
]

describe.each(['silver', 'gold'] as const)('an empty volume in pool %s', pool => {
  test.each(EMPTY_CASES)('that $what stays as it is', async ({ lines, says, thin }) => {
    const scene = new Scene(pool)
    for (const line of lines) {
      await scene.zfs(line.replaceAll('PARENT', PARENTS[pool]).replaceAll('LEAF', scene.leaf))
    }

    const parameters = thin ? ({ reservation: 'thin' } as const) : {}
    await scene.expectRefused(says, scene.spec({ parameters }))
  })

  test.each([1, 8 * 1024, MiB])('with %d written bytes stays as it is', async bytes => {
    const scene = new Scene(pool)
    await scene.zfs(EMPTY)
    scene.write(bytes)

    await scene.expectRefused('something was written to it')
  })

  test('that a machine exports stays as it is', async () => {
    const scene = new Scene(pool)
    await scene.zfs(EMPTY)
    const device = `/dev/zvol/${pool === 'silver' ? '' : 'dsk/'}${scene.dataset}`
    const ldm = '/opt/SUNWldm/bin/ldm'
    const command = `${ldm} add-vdsdev ${device} by-hand@primary-vds0`
    await byHand(scene.installation, 'm1-primary', command)

    await scene.expectRefused('machine m1 exports it as by-hand@primary-vds0')
  })
})

test.each(['silver', 'gold'] as const)(
  'an empty volume in pool %s below a parent dataset with files stays as it is',
  async pool => {
    const scene = new Scene(pool)
    await scene.zfs(EMPTY)
    const parent = scene.installation.world.zfs(HOSTS[pool]).dataset(PARENTS[pool])
    if (parent === undefined) throw new Error('no parent')
    const metadata = { bytes: 124_928, logicalBytes: 112_640 }
    parent.content = new Content({ metadata, clone: metadata }, 0)

    await scene.expectRefused('something was written to it, or its parent has files')
  },
)

test('a volume whose blocks make the figure of an empty one on other disks stays as it is', async () => {
  const scene = new Scene('silver')
  await scene.zfs(EMPTY)
  const dataset = scene.installation.world.zfs(HOSTS.silver).dataset(scene.dataset)
  if (dataset === undefined) throw new Error('no dataset')
  const metadata = { bytes: 40_960, logicalBytes: 28_672 }
  dataset.content = new Content({ metadata, clone: metadata }, 8192)

  await scene.expectRefused('something was written to it')
})

test('a volume on a machine that does not answer stays as it is', async () => {
  const scene = new Scene('silver')
  await scene.zfs(EMPTY)
  const { rules } = scene.installation.world.timeline
  rules.push(([path]) => (path?.endsWith('/ldm') ? { kind: 'refuse' } : undefined))

  await scene.expectRefused('machine m1 does not answer and may export it')
})

test('a volume that machines can reach through its logical unit stays as it is', async () => {
  const scene = new Scene('gold')
  await scene.zfs(EMPTY)
  const guid = logicalUnitGuid('test', `gold/${scene.leaf}`)
  const device = `/dev/zvol/rdsk/${scene.dataset}`
  await byHand(scene.installation, 'storage1', `stmfadm create-lu -p guid=${guid} ${device}`)
  await byHand(scene.installation, 'storage1', `stmfadm add-view -h csi-m1 -t csi-tg -n 7 ${guid}`)

  await scene.expectRefused(`it is logical unit ${guid}`)
})

test('a volume that is a logical unit of somebody else stays as it is', async () => {
  const scene = new Scene('gold')
  await scene.zfs(EMPTY)
  const guid = '600144F0'.padEnd(32, '5')
  const device = `/dev/zvol/rdsk/${scene.dataset}`
  await byHand(scene.installation, 'storage1', `stmfadm create-lu -p guid=${guid} ${device}`)

  await scene.expectRefused(`it is logical unit ${guid}`)
})

test('a volume whose zfs does not tell what was written stays as it is', async () => {
  const scene = new Scene('silver', spec => spec)
  await scene.zfs(EMPTY)

  await scene.expectRefused('the zfs of its host does not tell whether something was written to it')
})

describe.each(['silver', 'gold'] as const)('a restore in pool %s', pool => {
  async function prepare() {
    const scene = new Scene(pool)
    const { volumes, snapshots } = scene.driver
    const volume = await volumes.ensureVolume(volumeSpec({ pool, name: 'source' }))
    const { id } = await snapshots.createSnapshot({ name: 'daily', volumeId: volume.id })
    const spec = scene.spec({ source: { kind: 'snapshot', id } })
    const source = `${PARENTS[pool]}/${volume.leaf}`
    const snapshot = `${source}@${id.split('@')[1]}`
    return { scene, spec, source, snapshot }
  }

  test('that is a clone of another snapshot stays as it is', async () => {
    const { scene, spec, source, snapshot } = await prepare()
    await scene.zfs(`snapshot ${source}@by-hand`)
    await scene.zfs(`clone ${source}@by-hand DATASET`)

    await scene.expectRefused(
      `its origin is ${source}@by-hand, and this request wants a clone of ${snapshot}`,
      spec,
    )
  })

  test('that is an empty volume stays as it is', async () => {
    const { scene, spec } = await prepare()
    await scene.zfs(EMPTY)

    await scene.expectRefused('its origin is -, and this request wants a clone of', spec)
  })

  test('that was written to stays as it is', async () => {
    const { scene, spec, snapshot } = await prepare()
    await scene.zfs(`clone ${snapshot} DATASET`)
    scene.write(512)

    await scene.expectRefused('something was written to it', spec)
  })

  test('that has another size than its snapshot stays as it is', async () => {
    const { scene, spec, snapshot } = await prepare()
    await scene.zfs(`clone ${snapshot} DATASET`)
    await scene.zfs('set volsize=32m DATASET')

    await scene.expectRefused('something was written to it', spec)
  })

  test('that has a snapshot stays as it is', async () => {
    const { scene, spec, snapshot } = await prepare()
    await scene.zfs(`clone ${snapshot} DATASET`)
    await scene.zfs('snapshot DATASET@by-hand')

    await scene.expectRefused('it has snapshots: ', spec)
  })
})

test('a restore over the limit stays as it is where a snapshot has no size', async () => {
  const scene = new Scene('silver')
  const { world } = scene.installation
  Object.assign(world.zfs('m1-primary').pool('mtank'), { sizelessSnapshots: true })
  const { volumes, snapshots } = scene.driver
  const volume = await volumes.ensureVolume(volumeSpec({ name: 'source' }))
  const { id } = await snapshots.createSnapshot({ name: 'daily', volumeId: volume.id })
  await scene.zfs(`clone ${PARENTS.silver}/${volume.leaf}@${id.split('@')[1]} DATASET`)
  const size = { requiredBytes: 0, limitBytes: 8 * MiB }

  await scene.expectRefused(
    'it has a size of 16777216 bytes, and this request wants at most 8388608',
    scene.spec({ source: { kind: 'snapshot', id }, size }),
  )
})
