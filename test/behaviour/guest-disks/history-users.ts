// What users and the controllers of the cluster do in a history of disks of guests.

import { MiB } from '../../../src/model/volumes.ts'
import type { Random } from '../../simulation/scheduler.ts'
import type { Ground } from './grounds.ts'
import type { Promises } from './history-promises.ts'
import { CLAIMS, DISKS, NAMESPACE, VOLUMES } from './objects.ts'
import type { GuestDisksWorld } from './world.ts'

export interface Stage {
  readonly random: Random
  readonly ground: Ground
  readonly world: GuestDisksWorld
  readonly promises: Promises
  readonly story: string[]
  readonly pass: (seconds: number) => Promise<void>
}

export class Users {
  readonly #stage: Stage

  constructor(stage: Stage) {
    this.#stage = stage
  }

  get #ground() {
    return this.#stage.ground
  }

  get #names(): readonly string[] {
    return Object.keys(this.#ground.claims)
  }

  get #random() {
    return this.#stage.random
  }

  get #cluster() {
    return this.#stage.world.cluster
  }

  get #promises() {
    return this.#stage.promises
  }

  paths(folder: string): readonly string[] {
    return [...this.#cluster.objects.keys()].filter(path => path.startsWith(`${folder}/`))
  }

  async claim(name: string): Promise<void> {
    const isThere = [`${CLAIMS}/${name}`, `${VOLUMES}/pvc-${name}`].some(path =>
      this.#cluster.objects.has(path),
    )
    if (isThere || this.#cluster.isEnding(NAMESPACE)) return
    await this.#stage.world.claim(name, this.#ground.claims[name]).catch(() => {})
    this.#promises.noteVolume(name, this.#ground.claims[name] ?? {})
  }

  /** As csi-provisioner: a volume whose claim is gone is deleted, when the driver allows it. */
  async provision(): Promise<void> {
    for (const { name, uid, handle } of this.#promises.volumes()) {
      if (this.#promises.claim(name)?.uid === uid) continue
      const deleted = await this.#stage.world.driver.volumes.deleteVolume(handle).then(
        () => true,
        () => false,
      )
      if (!deleted) continue
      this.#stage.story.push(`volume of ${name} is deleted`)
      this.#promises.forgetVolume(handle)
      this.#cluster.delete(`${VOLUMES}/pvc-${name}`)
    }
  }

  delete(folder: string): void {
    const paths = this.paths(folder)
    if (paths.length === 0) return
    const path = this.#random.pick(paths)
    this.#stage.story.push(path)
    this.#cluster.delete(path)
  }

  give(): void {
    const claim = this.#random.pick(this.#names)
    const guest = this.#random.pick(this.#ground.guests)
    const name = this.#random.chance(85) ? `${claim}-${guest.replace('/', '-')}` : `${claim}-x`
    this.#put(name, this.#spec(claim, guest))
  }

  #spec(claim: string, guest: string): object {
    const path = this.#random.chance(85) ? `/data/${claim}` : `/data/${claim}/other`
    const isBlock = this.#ground.claims[claim]?.mode === 'Block'
    const mayBoot = isBlock && this.#ground.hasBootDisks
    if (mayBoot && this.#random.chance(20)) return { claimName: claim, guest, vdiskNumber: 9 }
    const where = isBlock ? { devicePath: `/dev/csi-${claim}` } : { mountPath: path }
    return { claimName: claim, guest, readOnly: this.#random.chance(10), ...where }
  }

  #put(name: string, spec: object): void {
    if (this.#cluster.objects.has(`${DISKS}/${name}`) || this.#cluster.isEnding(NAMESPACE)) return
    this.#stage.story.push(`${name} ${JSON.stringify(spec)}`)
    this.#stage.world.putDisk(name, spec)
  }

  /** The next disk of that name comes as soon as the first one has gone. */
  async giveAgain(): Promise<void> {
    const paths = this.paths(DISKS)
    if (paths.length === 0) return
    const path = this.#random.pick(paths)
    const spec = this.#cluster.objects.get(path)?.spec
    this.#cluster.delete(path)
    await this.#stage.pass(this.#random.pick([0, 2, 5, 20]))
    this.#put(path.slice(DISKS.length + 1), spec as object)
  }

  annotate(): void {
    const paths = this.paths(CLAIMS)
    if (paths.length === 0) return
    const path = this.#random.pick(paths)
    const guest = this.#random.pick([
      ...this.#ground.guests,
      `${this.#random.pick(this.#ground.guests)},${this.#random.pick(this.#ground.guests)}`,
      'nonsense',
    ])
    const annotations = this.#random.chance(70)
      ? { 'ldom-csi.io/guest': guest, 'ldom-csi.io/mount-path': `/data/${path.at(-1)}` }
      : {}
    this.#stage.story.push(`${path} ${JSON.stringify(annotations)}`)
    this.change(path, annotations)
  }

  abandon(): void {
    const paths = this.paths(DISKS)
    if (paths.length === 0 || this.#random.chance(60)) return
    const path = this.#random.pick(paths)
    const spec = this.#cluster.objects.get(path)?.spec
    const { guest } = spec as { readonly guest: string }
    this.#stage.story.push(path)
    this.change(path, { 'ldom-csi.io/abandon': `${guest} is gone` })
  }

  change(path: string, annotations: object): void {
    const object = this.#cluster.objects.get(path)
    if (object === undefined) return
    this.#cluster.put(path, { ...object, metadata: { ...object.metadata, annotations } })
  }

  /** As csi-resizer leaves it, with what it knows of the two objects in either order. */
  async grow(): Promise<void> {
    const volumes = this.#promises.volumes()
    if (volumes.length === 0) return
    const volume = this.#random.pick(volumes)
    const { name, handle, bytes } = volume
    if (this.#promises.claim(name)?.uid !== volume.uid) return
    const wanted = bytes + 16 * MiB
    const range = { requiredBytes: wanted, limitBytes: 0 }
    const grown = await this.#stage.world.driver.changes
      .expandVolume(handle, range)
      .catch(() => undefined)
    if (grown === undefined) return
    this.#stage.story.push(`${name} to ${wanted}`)
    this.#promises.noteGrowth(handle, wanted)
    this.#stage.world.resize(name, wanted)
  }

  endNamespace(): void {
    if (this.#random.chance(80)) return
    this.#stage.story.push('really')
    this.#cluster.deleteNamespace(NAMESPACE)
  }
}
