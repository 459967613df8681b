// Whether something was written to a volume, as ControllerPublishVolume answers it: to the block
// where zfs counts blocks and the disks are known, else by a loose measure. The guest formats by
// this answer.

import type { WorldSpec } from '../../../sim/world-spec.ts'
import { Content } from '../../../sim/zfs/content.ts'
import type { Disks } from '../../../sim/zfs/empty.ts'
import { type Attachment, KiB, MiB, type Volume } from '../../../src/model/volumes.ts'
import {
  attachRequest,
  type Driver,
  install,
  type TestInstallation,
  volumeSpec,
} from '../../support/installation.ts'
import { justBefore, meetOnce } from '../../support/meddling.ts'
import { STAGING, stageRequest } from '../../support/node.ts'
import { withOpenZfs } from '../../support/openzfs.ts'
import { datasetOf } from './creation-scene.ts'

const WAYS = {
  solaris: { pool: 'silver', spec: (spec: WorldSpec) => spec },
  openzfs: { pool: 'silver', spec: withOpenZfs },
  illumos: { pool: 'gold', spec: (spec: WorldSpec) => spec },
} as const
type Way = keyof typeof WAYS

const SOLARIS_GUEST = 'm1/ldg1'
const LINUX_GUEST = 'm1/ldg2'

const onDisks =
  (disks: Disks) =>
  (spec: WorldSpec): WorldSpec => ({
    ...spec,
    hosts: Object.fromEntries(
      Object.entries(spec.hosts).map(([name, host]) => [
        name,
        { ...host, pools: host.pools.map(pool => ({ ...pool, disks })) },
      ]),
    ),
  })

class Scene {
  readonly installation: TestInstallation
  readonly driver: Driver
  readonly pool: 'silver' | 'gold'

  constructor(way: Way, disks: Disks = '512') {
    const { pool, spec } = WAYS[way]
    this.installation = install(world => onDisks(disks)(spec(world)))
    this.driver = this.installation.driver()
    this.pool = pool
  }

  make(name: string, change: Parameters<typeof volumeSpec>[0] = {}): Promise<Volume> {
    return this.driver.volumes.ensureVolume(volumeSpec({ pool: this.pool, name, ...change }))
  }

  /** Writes as a program on the storage host would. */
  write(volume: Volume, at: number, bytes: number): void {
    const { host, dataset } = datasetOf(this.installation, volume)
    if (dataset === undefined) throw new Error('no dataset')
    this.installation.world.zfs(host).write(dataset, at, Buffer.alloc(bytes, 1))
  }

  attach({ id }: Volume, guest = LINUX_GUEST): Promise<Attachment> {
    return this.driver.attachments.attach(attachRequest(id, guest))
  }

  async written(volume: Volume): Promise<Pick<Attachment, 'written' | 'little'>> {
    const { written, little } = await this.attach(volume)
    return { written, ...(little && { little }) }
  }

  /** As if somebody had put files into the parent dataset. */
  fillParent(bytes: number): void {
    const [host, name] =
      this.pool === 'silver' ? ['m1-primary', 'mtank/kubernetes'] : ['storage1', 'tank/kubernetes']
    const parent = this.installation.world.zfs(host ?? '').dataset(name ?? '')
    if (parent === undefined) throw new Error('no parent')
    const metadata = { bytes, logicalBytes: bytes }
    parent.content = new Content({ metadata, clone: metadata }, 0)
  }
}

const BLANK = { written: false }
const LITTLE = { written: true, little: true }
const MUCH = { written: true }

const EXACT = (['openzfs', 'illumos'] as const).flatMap(way =>
  (['512', '4k', 'raidz-4k', '8k'] as const).map(disks => ({ way, disks })),
)

describe.each(EXACT)('on $way with disks $disks', ({ way, disks }) => {
  test('a new volume is blank, also after it has grown and in its clone', async () => {
    const scene = new Scene(way, disks)
    const volume = await scene.make('a')
    expect(await scene.written(volume)).toEqual(BLANK)

    await scene.driver.attachments.detach(volume.id, undefined)
    const size = { requiredBytes: 64 * MiB, limitBytes: 0 }
    await scene.driver.changes.expandVolume(volume.id, size)
    const clone = await scene.make('b', { source: { kind: 'volume', id: volume.id }, size })

    expect(await scene.written(volume)).toEqual(BLANK)
    expect(await scene.written(clone)).toEqual(BLANK)
  })

  test.each([
    { at: 0, bytes: 1 },
    { at: 15 * MiB, bytes: 4 * KiB },
    { at: 8 * MiB, bytes: 32 * KiB },
  ])('a volume with $bytes bytes at $at is written, and so is its clone', async ({ at, bytes }) => {
    const scene = new Scene(way, disks)
    const volume = await scene.make('a')
    scene.write(volume, at, bytes)

    expect(await scene.written(volume)).toEqual(LITTLE)
    const clone = await scene.make('b', { source: { kind: 'volume', id: volume.id } })
    expect(await scene.written(clone)).toEqual(LITTLE)
  })

  test('a volume that holds more than the label of a disk is written, and nothing else is read', async () => {
    const scene = new Scene(way, disks)
    const volume = await scene.make('a')
    scene.write(volume, 0, MiB)

    expect(await scene.written(volume)).toEqual(MUCH)
    const { commands } = scene.installation.world.timeline
    expect(commands.filter(({ argv }) => argv.join(' ').includes('logicalreferenced'))).toEqual([])
  })

  test('files in the parent dataset change nothing', async () => {
    const scene = new Scene(way, disks)
    const [blank, little] = [await scene.make('a'), await scene.make('b')]
    const much = await scene.make('c')
    scene.write(little, 8 * MiB, 32 * KiB)
    scene.write(much, 8 * MiB, MiB)
    scene.fillParent(64 * MiB)

    expect(await scene.written(blank)).toEqual(BLANK)
    expect(await scene.written(little)).toEqual(LITTLE)
    // Beside such a parent it could be an empty volume, by the loose measure.
    expect(await scene.written(much)).toEqual(MUCH)
  })
})

test('a volume that looks like an empty one of other disks is written', async () => {
  const scene = new Scene('openzfs')
  const volume = await scene.make('a')
  const { dataset } = datasetOf(scene.installation, volume)
  if (dataset === undefined) throw new Error('no dataset')
  // Four blocks of 4 KiB, far from each other (recorded).
  const metadata = { bytes: 40_960, logicalBytes: 28_672 }
  dataset.content = new Content({ metadata, clone: metadata }, 8192)

  expect(await scene.written(volume)).toEqual(LITTLE)
})

test('what is written later is seen when the attachment is repeated', async () => {
  const scene = new Scene('openzfs')
  const volume = await scene.make('a')
  expect(await scene.written(volume)).toEqual(BLANK)
  scene.write(volume, 8 * MiB, 4 * KiB)
  expect(await scene.written(volume)).toEqual(LITTLE)
  scene.write(volume, 0, MiB)
  expect(await scene.written(volume)).toEqual(MUCH)
})

describe('by the loose measure', () => {
  const few = { at: 8 * MiB, bytes: 32 * KiB, says: BLANK }
  const many = { at: 0, bytes: MiB, says: MUCH }

  test.each([few, many])('Solaris: $bytes bytes', async ({ at, bytes, says }) => {
    const scene = new Scene('solaris')
    const volume = await scene.make('a')
    scene.write(volume, at, bytes)

    expect(await scene.written(volume)).toEqual(says)
    const { commands } = scene.installation.world.timeline
    const read = commands.map(({ argv }) => argv.join(' ')).filter(text => text.includes('zfs get'))
    expect(read).not.toEqual([])
    expect(read.filter(text => /logical/.test(text))).toEqual([])
  })

  test.each([few, many])('disks that are not known: $bytes bytes', async ({ at, bytes, says }) => {
    const scene = new Scene('openzfs')
    const volume = await scene.make('a')
    await scene.attach(volume)
    const { world } = scene.installation
    const record = world.zfs('m1-primary').dataset(`mtank/kubernetes/a-${volume.leaf}`)
    if (record === undefined) throw new Error('no record')
    // Of a pool without the feature `embedded_data` (recorded).
    const metadata = { bytes: 30_720, logicalBytes: 15_360 }
    record.content = new Content({ metadata, clone: metadata }, 0)
    scene.write(volume, at, bytes)

    expect(await scene.written(volume)).toEqual(says)
  })

  test.each(['raidz-4k', '8k'] as const)(
    'a new volume on disks %s of Solaris is blank, and one with a megabyte is not',
    async disks => {
      const scene = new Scene('solaris', disks)
      const volume = await scene.make('a')
      expect(await scene.written(volume)).toEqual(BLANK)
      await scene.driver.attachments.detach(volume.id, undefined)
      scene.write(volume, 0, MiB)
      expect(await scene.written(volume)).toEqual(MUCH)
    },
  )

  test('files in the parent dataset make no volume blank that holds more than two megabytes', async () => {
    const scene = new Scene('solaris')
    const volume = await scene.make('a')
    scene.fillParent(64 * MiB)
    scene.write(volume, 0, 4 * MiB)
    expect(await scene.written(volume)).toEqual(MUCH)
  })
})

describe('what is not read is no answer:', () => {
  const GET = '/usr/sbin/zfs get'
  const COUNTS = `${GET} -Hp -o name,property,value,source logicalreferenced`

  test.each([
    { what: 'the names of the properties', isMet: (command: string) => command === GET },
    { what: 'the counts', isMet: (command: string) => command.startsWith(COUNTS) },
  ])('$what', async ({ isMet }) => {
    const scene = new Scene('openzfs')
    const volume = await scene.make('a')
    const answer = { exitStatus: 1, stdout: '', stderr: 'internal error: out of memory\n' }
    scene.installation.world.timeline.rules.push(argv =>
      isMet(argv.join(' ')) ? { kind: 'answer', answer } : undefined,
    )

    await expect(scene.attach(volume)).rejects.toMatchObject({ kind: 'internal' })
  })

  test('a record that another request releases meanwhile', async () => {
    const scene = new Scene('openzfs')
    const volume = await scene.make('a')
    await scene.attach(volume)
    const other = scene.installation.driver()
    justBefore(scene.installation, COUNTS, () => other.attachments.detach(volume.id, undefined))

    await expect(scene.attach(volume)).rejects.toMatchObject({ kind: 'unavailable' })
  })
})

describe('in the guest', () => {
  test.each(['openzfs', 'illumos'] as const)(
    'a new volume on %s is formatted, and one with few bytes far from its beginning is not',
    async way => {
      const scene = new Scene(way)
      const [blank, written] = [await scene.make('a'), await scene.make('b')]
      scene.write(written, 8 * MiB, 32 * KiB)
      const node = scene.installation.node(LINUX_GUEST)
      const guest = scene.installation.world.guest(LINUX_GUEST)

      const given = await scene.attach(blank)
      await node.stage(stageRequest(blank, given))
      expect(guest.formatCount(given.slot)).toBe(1)

      const kept = await scene.attach(written)
      const stage = node.stage(stageRequest(written, kept, { stagingPath: `${STAGING}-b` }))
      await expect(stage).rejects.toMatchObject({
        kind: 'failed-precondition',
        message: expect.stringContaining('is blank, but the storage host counts data on it'),
      })
      expect(guest.formatCount(kept.slot)).toBe(0)
    },
  )

  test('an unlabelled disk with few bytes is neither labelled nor formatted', async () => {
    const scene = new Scene('illumos')
    const volume = await scene.make('a')
    scene.write(volume, 8 * MiB, 4 * KiB)
    const node = scene.installation.node(SOLARIS_GUEST)
    const given = await scene.attach(volume, SOLARIS_GUEST)

    await expect(node.stage(stageRequest(volume, given))).rejects.toMatchObject({
      message: expect.stringContaining('has no label, but the storage host counts data on it'),
    })

    const { dataset } = datasetOf(scene.installation, volume)
    expect(dataset?.volume?.store.read(0, 64 * KiB).every(byte => byte === 0)).toBe(true)
  })

  test('a disk that a cut call has labelled is formatted by the next one', async () => {
    const scene = new Scene('illumos')
    const volume = await scene.make('a')
    const node = scene.installation.node(SOLARIS_GUEST)
    const first = await scene.attach(volume, SOLARIS_GUEST)
    meetOnce(scene.installation, '/usr/sbin/newfs', { kind: 'refuse' })
    await expect(node.stage(stageRequest(volume, first))).rejects.toThrow()

    const second = await scene.attach(volume, SOLARIS_GUEST)
    expect(second).toMatchObject(LITTLE)
    await node.stage(stageRequest(volume, second))

    expect(scene.installation.world.guest(SOLARIS_GUEST).formatCount(second.slot)).toBe(1)
  })
})
