// The operations of the crash matrix: how to get to the moment before each, the operation itself,
// its opposite, and how the world must look after either. Everything is asked of the simulator,
// nothing of the driver's own memory.

import { xenWorld } from '../../../sim/preset.ts'
import type { WorldSpec } from '../../../sim/world-spec.ts'
import type { GuestVolumes } from '../../../src/guest/guest-volumes.ts'
import { volumeLeaf } from '../../../src/model/ids.ts'
import type { Attachment, Volume, VolumeSpec } from '../../../src/model/volumes.ts'
import {
  attachRequest,
  type Driver,
  install,
  type TestInstallation,
  volumeSpec,
} from '../../support/installation.ts'
import { MARK_AT } from '../../support/marks.ts'
import { publishRequest, STAGING, stageRequest, TARGET } from '../../support/node.ts'

const MARK = 'these bytes must stay'
const COPY_BYTES = 32 * 1024 * 1024

/** One world and one driver in it; `restart` forgets everything the driver had in memory. */
export class Scene {
  readonly installation: TestInstallation
  readonly way: Way
  driver: Driver
  plugin: GuestVolumes
  volume: Volume | undefined
  attachment: Attachment | undefined
  other: Volume | undefined
  snapshotId: string | undefined
  group: { id: string; members: readonly string[] } | undefined

  constructor(way: Way) {
    this.way = way
    this.installation = install(way.world)
    this.driver = this.installation.driver()
    this.plugin = this.installation.node(way.guest)
  }

  /** A guest of the same machine that has nothing to do with the way. */
  get otherGuest(): string {
    if (this.way.world !== undefined) return 'x1/db'
    return this.way.guest === 'm1/ldg1' ? 'm1/ldg2' : 'm1/ldg1'
  }

  restart(): void {
    this.driver = this.installation.driver()
    this.plugin = this.installation.node(this.way.guest)
  }

  spec() {
    return volumeSpec({
      pool: this.way.pool,
      format: this.way.block ? { kind: 'block' } : { kind: 'filesystem', type: 'any' },
    })
  }

  async create(): Promise<void> {
    this.volume = await this.driver.volumes.ensureVolume(this.spec())
  }

  /** Bytes far behind any label or file system of the simulation, put there below the driver. */
  mark(): void {
    this.store()?.write(MARK_AT, Buffer.from(MARK))
  }

  markedBytes(): string | undefined {
    return this.store()?.read(MARK_AT, MARK.length).toString()
  }

  store() {
    const { host, dataset } = this.driver.pools.get(this.way.pool) ?? fail('pool')
    return this.installation.world.zfs(host.name).store(`${dataset}/${this.have(this.volume).leaf}`)
  }

  /** The dataset that the volumes of its pool stand below. */
  parent(): string {
    return (this.driver.pools.get(this.way.pool) ?? fail('pool')).dataset
  }

  async attach(): Promise<void> {
    const { id, format } = this.have(this.volume)
    this.attachment = await this.driver.attachments.attach(
      attachRequest(id, this.way.guest, { format }),
    )
  }

  async detach(): Promise<void> {
    await this.driver.attachments.detach(
      this.have(this.volume).id,
      attachRequest('', this.way.guest).guest,
    )
  }

  async delete(): Promise<void> {
    await this.driver.volumes.deleteVolume(this.have(this.volume).id)
  }

  async stage(): Promise<void> {
    await this.plugin.stage(stageRequest(this.have(this.volume), this.have(this.attachment)))
  }

  async unstage(): Promise<void> {
    await this.plugin.unstage({ volumeId: this.have(this.volume).id, stagingPath: STAGING })
  }

  async publish(): Promise<void> {
    await this.plugin.publish(publishRequest(this.have(this.volume), this.have(this.attachment)))
  }

  async unpublish(): Promise<void> {
    await this.plugin.unpublish({ volumeId: this.have(this.volume).id, targetPath: TARGET })
  }

  async snapshot(): Promise<void> {
    this.snapshotId = (
      await this.driver.snapshots.createSnapshot({
        name: 'cut',
        volumeId: this.have(this.volume).id,
      })
    ).id
  }

  async deleteSnapshot(): Promise<void> {
    await this.driver.snapshots.deleteSnapshot(this.have(this.snapshotId))
  }

  copySpec(source: VolumeSpec['source']) {
    return {
      ...this.spec(),
      name: 'copy',
      source,
      size: { requiredBytes: COPY_BYTES, limitBytes: 0 },
    }
  }

  async restore(): Promise<void> {
    await this.driver.volumes.ensureVolume(
      this.copySpec({ kind: 'snapshot', id: this.have(this.snapshotId) }),
    )
  }

  async clone(): Promise<void> {
    await this.driver.volumes.ensureVolume(
      this.copySpec({ kind: 'volume', id: this.have(this.volume).id }),
    )
  }

  /** Its id is computed from its name, as the driver computes it. */
  async deleteCopy(): Promise<void> {
    await this.driver.volumes.deleteVolume(
      `${this.way.pool}/${volumeLeaf('test', this.way.pool, 'copy')}`,
    )
  }

  copyBytes(): { sizeBytes: number; mark: string } | undefined {
    const { host, dataset } = this.driver.pools.get(this.way.pool) ?? fail('pool')
    const store = this.installation.world
      .zfs(host.name)
      .store(`${dataset}/${volumeLeaf('test', this.way.pool, 'copy')}`)
    return (
      store && { sizeBytes: store.sizeBytes, mark: store.read(MARK_AT, MARK.length).toString() }
    )
  }

  /** The source volume's snapshots in the simulator, hidden ones included. */
  snapshots() {
    const { host } = this.driver.pools.get(this.way.pool) ?? fail('pool')
    const all = this.installation.world.zfs(host.name).datasets()
    return all
      .filter(({ name }) => this.datasets().includes(name))
      .flatMap(dataset => dataset.snapshots)
  }

  async expand(): Promise<void> {
    await this.driver.changes.expandVolume(this.have(this.volume).id, {
      requiredBytes: COPY_BYTES,
      limitBytes: 0,
    })
  }

  async modify(reservation: 'thick' | 'thin'): Promise<void> {
    await this.driver.changes.modifyVolume(this.have(this.volume).id, {
      reservation,
      compression: reservation === 'thin' ? 'lzjb' : 'off',
    })
  }

  async createOther(): Promise<void> {
    this.other = await this.driver.volumes.ensureVolume({ ...this.spec(), name: 'other' })
  }

  async groupSnapshot(): Promise<void> {
    const volumeIds = [this.have(this.volume).id, this.have(this.other).id]
    const group = await this.driver.groups.createGroup({ name: 'both', volumeIds })
    this.group = { id: group.id, members: group.snapshots.map(snapshot => snapshot.id) }
  }

  async deleteGroup(): Promise<void> {
    const { id, members } = this.have(this.group)
    await this.driver.groups.deleteGroup(id, members)
  }

  async attachShared(guest: string): Promise<void> {
    await this.driver.attachments.attach(
      attachRequest(this.have(this.volume).id, guest, {
        sharing: 'shared',
        mode: this.way.shares ?? 'rw',
        format: { kind: 'block' },
      }),
    )
  }

  guest() {
    return this.installation.world.guest(this.way.guest)
  }

  disks(of: string = this.way.guest) {
    const [machine = '', name = ''] = of.split('/')
    return this.installation.world.guestDisks({ machine, name }).list()
  }

  datasets(): readonly string[] {
    const { host, dataset } = this.driver.pools.get(this.way.pool) ?? fail('pool')
    const all = this.installation.world.zfs(host.name).datasets()
    return all.map(({ name }) => name).filter(name => name.startsWith(`${dataset}/`))
  }

  have<T>(value: T | undefined): T {
    return value ?? fail('prepared object')
  }
}

export interface Way {
  readonly name: string
  readonly pool: 'silver' | 'gold'
  readonly guest: string
  readonly block: boolean
  /** The demonstration's if left out. */
  readonly world?: () => WorldSpec
  /** How several guests may have a volume. */
  readonly shares?: 'ro'
}

export interface Operation {
  readonly name: string
  prepare(scene: Scene): Promise<void>
  run(scene: Scene): Promise<void>
  undo(scene: Scene): Promise<void>
  done(scene: Scene): void
  undone(scene: Scene): void
}

function fail(what: string): never {
  throw new Error(`no ${what} in this scene`)
}

async function upTo(
  scene: Scene,
  ...steps: readonly ('create' | 'mark' | 'attach' | 'stage' | 'publish')[]
): Promise<void> {
  for (const step of steps) await scene[step]()
}

const marked = (scene: Scene) => expect(scene.markedBytes()).toBe(MARK)
const attached = (scene: Scene) =>
  expect(scene.disks().map(disk => disk.id)).toEqual([scene.have(scene.attachment).slot])
const detached = (scene: Scene) => expect(scene.disks()).toEqual([])
const notFormattedTwice = (scene: Scene) => {
  if (!scene.way.block) {
    expect(scene.guest().formatCount(scene.have(scene.attachment).slot)).toBeLessThanOrEqual(1)
  }
}

const mountedAt = (scene: Scene, path: string) =>
  scene
    .guest()
    .mounts()
    .some(mount => mount.path === path)

const LIFE: readonly Operation[] = [
  {
    name: 'create',
    prepare: async scene => {
      // The id is computed, so the opposite can be asked for even though the first answer was lost.
      await scene.create()
      await scene.delete()
    },
    run: scene => scene.create(),
    undo: scene => scene.delete(),
    done: scene => expect(scene.datasets()).toHaveLength(1),
    undone: scene => expect(scene.datasets()).toEqual([]),
  },
  {
    name: 'delete',
    prepare: scene => upTo(scene, 'create'),
    run: scene => scene.delete(),
    undo: scene => scene.create(),
    done: scene => expect(scene.datasets()).toEqual([]),
    undone: scene => expect(scene.datasets()).toHaveLength(1),
  },
  {
    name: 'attach',
    prepare: scene => upTo(scene, 'create', 'mark'),
    run: scene => scene.attach(),
    undo: scene => scene.detach(),
    done: scene => {
      attached(scene)
      marked(scene)
    },
    undone: scene => {
      detached(scene)
      marked(scene)
    },
  },
  {
    name: 'detach',
    prepare: scene => upTo(scene, 'create', 'mark', 'attach'),
    run: scene => scene.detach(),
    undo: scene => scene.attach(),
    done: scene => {
      detached(scene)
      marked(scene)
    },
    undone: scene => {
      attached(scene)
      marked(scene)
    },
  },
]

const NODE: readonly Operation[] = [
  {
    name: 'stage',
    prepare: scene => upTo(scene, 'create', 'attach'),
    run: scene => scene.stage(),
    undo: scene => scene.unstage(),
    done: scene => {
      notFormattedTwice(scene)
      if (!scene.way.block) expect(mountedAt(scene, STAGING)).toBe(true)
    },
    undone: scene => {
      notFormattedTwice(scene)
      expect(mountedAt(scene, STAGING)).toBe(false)
    },
  },
  {
    name: 'unstage',
    prepare: async scene => {
      await upTo(scene, 'create', 'attach', 'stage')
      if (!scene.way.block) scene.guest().writeFile(`${STAGING}/kept`, MARK)
    },
    run: scene => scene.unstage(),
    undo: scene => scene.stage(),
    done: scene => expect(mountedAt(scene, STAGING)).toBe(false),
    undone: scene => {
      notFormattedTwice(scene)
      if (!scene.way.block) expect(scene.guest().readFile(`${STAGING}/kept`)).toBe(MARK)
    },
  },
  {
    name: 'publish',
    prepare: async scene => {
      await upTo(scene, 'create', 'attach', 'stage')
      if (!scene.way.block) scene.guest().writeFile(`${STAGING}/kept`, MARK)
    },
    run: scene => scene.publish(),
    undo: scene => scene.unpublish(),
    done: scene => {
      if (!scene.way.block) expect(scene.guest().readFile(`${TARGET}/kept`)).toBe(MARK)
    },
    undone: scene => expect(mountedAt(scene, TARGET)).toBe(false),
  },
  {
    name: 'unpublish',
    prepare: async scene => {
      await upTo(scene, 'create', 'attach', 'stage', 'publish')
      if (!scene.way.block) scene.guest().writeFile(`${STAGING}/kept`, MARK)
    },
    run: scene => scene.unpublish(),
    undo: scene => scene.publish(),
    done: scene => expect(mountedAt(scene, TARGET)).toBe(false),
    undone: scene => {
      if (!scene.way.block) expect(scene.guest().readFile(`${TARGET}/kept`)).toBe(MARK)
    },
  },
]

const snapshotNames = (scene: Scene) =>
  scene.snapshots().map(snapshot => snapshot.shortName.slice(0, 2))
const copyIsThere = (scene: Scene) => expect(scene.datasets()).toHaveLength(2)

/**
 * Snapshots, what is made from them, and what changes a volume. The copy is always 32 MiB, twice
 * its source.
 */
const COPIES: readonly Operation[] = [
  {
    name: 'snapshot',
    prepare: async scene => {
      await upTo(scene, 'create', 'mark')
      await scene.snapshot()
      await scene.deleteSnapshot()
    },
    run: scene => scene.snapshot(),
    undo: scene => scene.deleteSnapshot(),
    done: scene => expect(snapshotNames(scene)).toEqual(['s-']),
    undone: scene => expect(snapshotNames(scene)).toEqual([]),
  },
  {
    name: 'delete snapshot',
    prepare: async scene => {
      await upTo(scene, 'create', 'mark')
      await scene.snapshot()
    },
    run: scene => scene.deleteSnapshot(),
    undo: scene => scene.snapshot(),
    done: scene => expect(snapshotNames(scene)).toEqual([]),
    undone: scene => expect(snapshotNames(scene)).toEqual(['s-']),
  },
  {
    name: 'delete snapshot with a clone',
    prepare: async scene => {
      await upTo(scene, 'create', 'mark')
      await scene.snapshot()
      await scene.restore()
    },
    run: scene => scene.deleteSnapshot(),
    undo: scene => scene.snapshot(),
    done: scene => expect(snapshotNames(scene)).toEqual(['d-']),
    // The snapshot of that name is either the old one or one made anew beside the one that waits.
    undone: scene => expect(snapshotNames(scene)).toContain('s-'),
  },
  {
    name: 'restore, larger',
    prepare: async scene => {
      await upTo(scene, 'create', 'mark')
      await scene.snapshot()
    },
    run: scene => scene.restore(),
    undo: scene => scene.deleteCopy(),
    done: scene => {
      copyIsThere(scene)
      expect(scene.copyBytes()).toEqual({ sizeBytes: COPY_BYTES, mark: MARK })
    },
    undone: scene => expect(scene.datasets()).toHaveLength(1),
  },
  {
    name: 'clone, larger',
    prepare: scene => upTo(scene, 'create', 'mark'),
    run: scene => scene.clone(),
    undo: scene => scene.deleteCopy(),
    done: scene => {
      copyIsThere(scene)
      expect(scene.copyBytes()).toEqual({ sizeBytes: COPY_BYTES, mark: MARK })
      expect(scene.snapshots().map(snapshot => snapshot.deferred)).toEqual([true])
    },
    undone: scene => expect(scene.datasets()).toHaveLength(1),
  },
  {
    name: 'delete with a snapshot and its clone',
    prepare: async scene => {
      await upTo(scene, 'create', 'mark')
      await scene.snapshot()
      await scene.restore()
    },
    run: scene => scene.delete(),
    // What was deleted cannot come back under its name while its snapshot lives: the opposite is to
    // delete the rest.
    undo: async scene => {
      await scene.delete()
      await scene.deleteSnapshot()
      await scene.deleteCopy()
    },
    done: scene => {
      copyIsThere(scene)
      expect(scene.copyBytes()).toEqual({ sizeBytes: COPY_BYTES, mark: MARK })
    },
    undone: scene => expect(scene.datasets()).toEqual([]),
  },
  {
    name: 'delete the last clone of what was deleted',
    prepare: async scene => {
      await upTo(scene, 'create', 'mark')
      await scene.snapshot()
      await scene.restore()
      await scene.delete()
      await scene.deleteSnapshot()
    },
    run: async scene => {
      await scene.deleteCopy()
      await scene.driver.reaper.sweep()
    },
    undo: async scene => {
      await scene.deleteCopy()
      await scene.driver.reaper.sweep()
    },
    done: scene => expect(scene.datasets()).toEqual([]),
    undone: scene => expect(scene.datasets()).toEqual([]),
  },
  {
    name: 'expand while attached',
    prepare: scene => upTo(scene, 'create', 'mark', 'attach'),
    run: scene => scene.expand(),
    undo: scene => scene.expand(),
    done: scene => {
      expect(scene.store()?.sizeBytes).toBe(COPY_BYTES)
      marked(scene)
    },
    undone: scene => expect(scene.store()?.sizeBytes).toBe(COPY_BYTES),
  },
  {
    name: 'modify',
    prepare: scene => upTo(scene, 'create', 'mark'),
    run: scene => scene.modify('thin'),
    undo: scene => scene.modify('thick'),
    done: marked,
    undone: marked,
  },
]

const GROUPS: readonly Operation[] = [
  {
    name: 'group snapshot',
    prepare: async scene => {
      await upTo(scene, 'create', 'mark')
      await scene.createOther()
      await scene.groupSnapshot()
      await scene.deleteGroup()
    },
    run: scene => scene.groupSnapshot(),
    undo: scene => scene.deleteGroup(),
    done: scene => expect(snapshotNames(scene)).toEqual(['g-', 'g-']),
    undone: scene => expect(snapshotNames(scene)).toEqual([]),
  },
  {
    name: 'delete group snapshot',
    prepare: async scene => {
      await upTo(scene, 'create', 'mark')
      await scene.createOther()
      await scene.groupSnapshot()
    },
    run: scene => scene.deleteGroup(),
    undo: async scene => {
      await scene.deleteGroup()
      await scene.groupSnapshot()
    },
    done: scene => expect(snapshotNames(scene)).toEqual([]),
    undone: scene => expect(snapshotNames(scene)).toEqual(['g-', 'g-']),
  },
]

const SHARED: readonly Operation[] = [
  {
    name: 'attach shared beside another guest',
    prepare: async scene => {
      await upTo(scene, 'create', 'mark')
      await scene.attachShared(scene.otherGuest)
    },
    run: scene => scene.attachShared(scene.way.guest),
    undo: scene => scene.detach(),
    done: scene =>
      expect([scene.disks().length, scene.disks(scene.otherGuest).length]).toEqual([1, 1]),
    undone: scene =>
      expect([scene.disks().length, scene.disks(scene.otherGuest).length]).toEqual([0, 1]),
  },
  {
    name: 'detach one of two shared',
    prepare: async scene => {
      await upTo(scene, 'create', 'mark')
      await scene.attachShared(scene.otherGuest)
      await scene.attachShared(scene.way.guest)
    },
    run: scene => scene.detach(),
    undo: scene => scene.attachShared(scene.way.guest),
    done: scene => {
      expect([scene.disks().length, scene.disks(scene.otherGuest).length]).toEqual([0, 1])
      expect(scene.disks(scene.otherGuest)[0]?.read(MARK_AT, MARK.length).toString()).toBe(MARK)
    },
    undone: scene =>
      expect([scene.disks().length, scene.disks(scene.otherGuest).length]).toEqual([1, 1]),
  },
]

const local: Way = { name: 'local, Linux', pool: 'silver', guest: 'm1/ldg2', block: false }
const lun: Way = { name: 'lun, Solaris', pool: 'gold', guest: 'm1/ldg1', block: false }

// Xen shares a device only between guests that all read. There is no unit, no group of paths and no
// second machine, so what needs those runs with Logical Domains only.
const xen: Way = {
  name: 'local, Xen',
  pool: 'silver',
  guest: 'x1/web',
  block: false,
  world: xenWorld,
  shares: 'ro',
}

export const MATRIX: readonly { readonly way: Way; readonly operation: Operation }[] = [
  ...[local, lun].flatMap(way =>
    [...LIFE, ...NODE, ...COPIES].map(operation => ({ way, operation })),
  ),
  ...GROUPS.map(operation => ({ way: lun, operation })),
  ...[local, lun].flatMap(way =>
    SHARED.map(operation => ({
      way: { ...way, name: `${way.name}, raw block`, block: true },
      operation,
    })),
  ),
  ...[...LIFE, ...NODE, ...COPIES].map(operation => ({ way: xen, operation })),
  ...[...SHARED, ...NODE].map(operation => ({
    way: { ...xen, name: 'local, Xen, raw block', block: true },
    operation,
  })),
  ...NODE.map(operation => ({
    way: { ...local, name: 'local slice, Solaris', guest: 'm1/ldg1' },
    operation,
  })),
  ...[local, lun].flatMap(way =>
    NODE.map(operation => ({
      way: { ...way, name: `${way.name}, raw block`, block: true },
      operation,
    })),
  ),
]
