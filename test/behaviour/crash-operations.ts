// The operations of the crash matrix: how to get to the moment before each, the operation itself, its opposite, and how the
// world must look after either. Everything is asked of the simulator, nothing of the driver's own memory.

import type { GuestVolumes } from '../../src/guest/guest-volumes.ts'
import type { Attachment, Volume } from '../../src/storage/model.ts'
import { attachRequest, type Driver, install, type TestInstallation, volumeSpec } from '../support/installation.ts'
import { publishRequest, STAGING, stageRequest, TARGET } from '../support/node.ts'

export const MARK = 'these bytes must stay'
const MARK_AT = 8 * 1024 * 1024

/** One world and one driver in it; `restart` forgets everything the driver had in memory. */
export class Scene {
  readonly installation: TestInstallation = install()
  readonly way: Way
  driver: Driver
  plugin: GuestVolumes
  volume: Volume | undefined
  attachment: Attachment | undefined

  constructor(way: Way) {
    this.way = way
    this.driver = this.installation.driver()
    this.plugin = this.installation.node(way.guest)
  }

  restart(): void {
    this.driver = this.installation.driver()
    this.plugin = this.installation.node(this.way.guest)
  }

  spec() {
    return volumeSpec({ pool: this.way.pool, format: this.way.block ? { kind: 'block' } : { kind: 'filesystem', type: 'any' } })
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

  async attach(): Promise<void> {
    this.attachment = await this.driver.attachments.attach(attachRequest(this.have(this.volume).id, this.way.guest))
  }

  async detach(): Promise<void> {
    await this.driver.attachments.detach(this.have(this.volume).id, attachRequest('', this.way.guest).guest)
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

  guest() {
    return this.installation.world.guest(this.way.guest)
  }

  disks() {
    const [machine = '', guest = ''] = this.way.guest.split('/')
    return this.installation.world.machine(machine).guestDisks(guest).list()
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

async function upTo(scene: Scene, ...steps: readonly ('create' | 'mark' | 'attach' | 'stage' | 'publish')[]): Promise<void> {
  for (const step of steps) await scene[step]()
}

const marked = (scene: Scene) => expect(scene.markedBytes()).toBe(MARK)
const attached = (scene: Scene) => expect(scene.disks().map(disk => disk.id)).toEqual([scene.have(scene.attachment).slot])
const detached = (scene: Scene) => expect(scene.disks()).toEqual([])
const notFormattedTwice = (scene: Scene) => {
  if (!scene.way.block) expect(scene.guest().formatCount(scene.have(scene.attachment).slot)).toBeLessThanOrEqual(1)
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

const local: Way = { name: 'local, Linux', pool: 'silver', guest: 'm1/ldg2', block: false }
const lun: Way = { name: 'lun, Solaris', pool: 'gold', guest: 'm1/ldg1', block: false }

export const MATRIX: readonly { readonly way: Way; readonly operation: Operation }[] = [
  ...[local, lun].flatMap(way => [...LIFE, ...NODE].map(operation => ({ way, operation }))),
  ...NODE.map(operation => ({ way: { ...local, name: 'local slice, Solaris', guest: 'm1/ldg1' }, operation })),
  ...[local, lun].flatMap(way => NODE.map(operation => ({ way: { ...way, name: `${way.name}, raw block`, block: true }, operation }))),
]
