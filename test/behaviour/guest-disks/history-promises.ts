// What must hold in every history of disks of guests: asked of the simulated machines and guests,
// not of the driver.

import { DeviceError } from '../../../sim/devices.ts'
import type { SimGuest } from '../../../sim/world.ts'
import { readGuestDisk } from '../../../src/kubernetes/cluster-readers.ts'
import { MiB } from '../../../src/model/volumes.ts'
import type { Ground, ShownDisk } from './grounds.ts'
import { CLAIMS, DISKS, VOLUMES } from './objects.ts'
import type { ClaimOptions, GuestDisksWorld } from './world.ts'

const QUIET_S = 400

export interface KnownVolume {
  /** Name and uid of its claim. */
  readonly name: string
  readonly uid: string
  readonly handle: string
  readonly isShared: boolean
  readonly isBlock: boolean
  bytes: number
  /** Of the guest that has formatted it. */
  platform: string | undefined
  /** In its file; undefined: nothing certain. */
  text: string | undefined
}

interface Attached extends ShownDisk {
  readonly guest: SimGuest
  readonly volume: KnownVolume | undefined
}

export class Promises {
  readonly #world: GuestDisksWorld
  readonly #ground: Ground
  readonly #volumes = new Map<string, KnownVolume>()
  /** `<volume> <guest>` that somebody answers for. */
  readonly #abandoned = new Set<string>()
  #changes = 0

  constructor(world: GuestDisksWorld, ground: Ground) {
    this.#world = world
    this.#ground = ground
    world.world.timeline.rules.push(() => {
      this.#checkHolders()
      return undefined
    })
  }

  volumes(): readonly KnownVolume[] {
    return [...this.#volumes.values()]
  }

  claim(name: string) {
    return this.#world.cluster.objects.get(`${CLAIMS}/${name}`)?.metadata
  }

  noteVolume(name: string, { mode, accessModes }: ClaimOptions): void {
    const volume = this.#world.cluster.objects.get(`${VOLUMES}/pvc-${name}`)
    const uid = this.claim(name)?.uid
    if (volume === undefined || uid === undefined) return
    const { csi } = volume.spec as { readonly csi: { readonly volumeHandle: string } }
    const handle = csi.volumeHandle
    this.#volumes.set(handle, {
      ...{ name, uid, handle, bytes: 32 * MiB, text: undefined, platform: undefined },
      isShared: accessModes !== undefined,
      isBlock: mode === 'Block',
    })
  }

  noteGrowth(handle: string, bytes: number): void {
    const volume = this.#volumes.get(handle)
    if (volume !== undefined) volume.bytes = bytes
  }

  noteText(volume: KnownVolume, text: string | undefined): void {
    volume.text = text
  }

  forgetVolume(handle: string): void {
    this.#volumes.delete(handle)
  }

  /** Disks of volumes that the machines show in guests. */
  attached(): readonly Attached[] {
    return [...this.#world.world.guests.values()].flatMap(({ machine, name, guest }) =>
      this.#world.world
        .guestDisks({ machine, name })
        .list()
        .map(disk => ({ machine, name, disk }))
        .map(shown => ({ ...shown, guest, volume: this.#volumeOf(shown) })),
    )
  }

  #volumeOf(shown: ShownDisk): KnownVolume | undefined {
    const leaf = this.#ground.leafOf(this.#world.world, shown)
    return this.volumes().find(({ handle }) => handle.endsWith(`/${leaf}`))
  }

  /** File systems at the paths that disks name, as the guests show them. */
  mounted() {
    return this.attached().flatMap(each => {
      const { volume, guest, disk } = each
      if (volume === undefined || volume.isBlock || guest.host.down) return []
      const mount = guest
        .mounts()
        .find(({ disk: id, path }) => id === disk.id && path.startsWith('/data/'))
      return mount === undefined ? [] : [{ ...each, volume, mount }]
    })
  }

  read(volume: KnownVolume, guest: SimGuest, file: string): void {
    if (volume.text === undefined) return
    const text = orNothing(() => guest.readFile(file))
    if (text === undefined || text === volume.text) return
    broken(`${file} is ${text}, and ${volume.text} was written`)
  }

  always(): void {
    this.#noteAbandoned()
    this.#checkHolders()
    const disks = this.#disks()
    for (const { machine, name, volume, disk, guest } of this.attached()) {
      const id = `${machine}/${name}`
      const formats = orNothing(() => guest.formatCount(disk.id)) ?? 0
      if (formats > 1) broken(`${disk.name} was formatted twice`)
      if (volume !== undefined && formats > 0) volume.platform ??= this.#platformOf(id)
      if (volume === undefined) broken(`${id} has disk ${disk.name} of no volume`)
      const isWanted = disks.some(
        ({ spec, status }) => spec.guest === id && status.volume === volume?.handle,
      )
      if (isWanted || this.#abandoned.has(`${volume?.handle} ${id}`)) continue
      broken(`${id} has volume ${volume?.name}, and no GuestDisk says so`)
    }
  }

  #disks() {
    return this.#world.cluster.of(`${DISKS}/`).map(readGuestDisk)
  }

  /** Such a disk is not taken away while its guest runs. */
  guestsWithBootDisk(): readonly string[] {
    return this.#disks().flatMap(({ spec }) => (spec.vdiskNumber === undefined ? [] : spec.guest))
  }

  /** What has gone with the word of a person for it. */
  #noteAbandoned(): void {
    const { changes } = this.#world.cluster
    for (; this.#changes < changes.length; this.#changes += 1) {
      const change = changes[this.#changes]
      if (change?.type !== 'DELETED' || !change.path.startsWith(DISKS)) continue
      const { spec, status, meta } = readGuestDisk(change.object)
      if (meta.annotations['ldom-csi.io/abandon'] === undefined) continue
      this.#abandoned.add(`${status.volume} ${spec.guest}`)
    }
  }

  /** Once its guest answers, what was given up is detached as a person would do it. */
  async removeAbandoned(): Promise<void> {
    this.#noteAbandoned()
    for (const each of this.#abandoned) {
      const [handle = '', id = ''] = each.split(' ')
      const [machine = '', guest = ''] = id.split('/')
      const isWanted = this.#disks().some(
        ({ spec, status }) => spec.guest === id && status.volume === handle,
      )
      if (isWanted || !this.#volumes.has(handle)) continue
      // Neither a mount nor a boot disk keeps it then.
      const own = this.#ground.machine(this.#world.world, machine)
      own.setGuest(guest, { state: this.#ground.off })
      await this.#world.driver.attachments.detach(handle, { machine, guest })
      own.setGuest(guest, { state: 'active' })
    }
    this.#abandoned.clear()
  }

  #checkHolders(): void {
    const holders = new Map<KnownVolume, string>()
    for (const { volume, disk, machine, name } of this.attached()) {
      if (volume === undefined || volume.isShared) continue
      if (disk.activeServiceDomain() === undefined || disk.mode === 'ro') continue
      const before = holders.get(volume)
      if (before !== undefined) {
        broken(`${before} and ${machine}/${name} have volume ${volume.name} to write`)
      }
      holders.set(volume, `${machine}/${name}`)
    }
  }

  /** Nothing is wrong any more, and time has passed. */
  async atRest(): Promise<void> {
    for (const disk of this.#disks()) this.#checkStatus(disk)
    for (const volume of this.volumes()) this.#checkWishes(volume)
    for (const { mount, guest, volume } of this.mounted()) {
      this.read(volume, guest, `${mount.path}/file`)
    }
    this.#checkFinalizers()
    const findings = await this.#world.driver.audit()
    if (findings.length > 0) broken(`the audit finds ${JSON.stringify(findings)}`)
    const { requests } = this.#world.cluster
    requests.length = 0
    await this.#world.pass(QUIET_S)
    const writes = requests.filter(asked => !asked.startsWith('GET') && !asked.includes('/events'))
    if (writes.length > 0) broken(`at rest there is written: ${writes.slice(0, 5).join(', ')}`)
  }

  #checkStatus({ meta, spec, status }: ReturnType<typeof readGuestDisk>): void {
    const isTrue = (type: string) =>
      status.conditions.find(each => each.type === type)?.status === 'True'
    const found = this.attached().find(
      ({ machine, name, volume }) =>
        `${machine}/${name}` === spec.guest && volume?.handle === status.volume,
    )
    const says = `${meta.name} ${JSON.stringify(status.conditions)}`
    if (isTrue('Attached') !== (found !== undefined)) broken(`Attached is wrong: ${says}`)
    if (found !== undefined && found.disk.id !== status.vdisk) broken(`vdisk is wrong: ${says}`)
    const path = spec.mountPath
    const isMounted =
      path === undefined ||
      found?.guest.mounts().some(mount => mount.disk === found.disk.id && mount.path === path)
    if (isTrue('Mounted') && !isMounted) broken(`Mounted is wrong: ${says}`)
    const isDenied = path !== undefined && isMounted && !isTrue('Mounted')
    if (isDenied && !hasFailed(status)) broken(`Mounted is wrong: ${says}`)
    const isReady = isTrue('Bound') && isTrue('Attached') && isTrue('Mounted')
    if (isTrue('Ready') !== isReady && !meta.deleting) broken(`Ready is wrong: ${says}`)
    if (meta.deleting && spec.vdiskNumber === undefined) broken(`it does not go: ${says}`)
  }

  /** One of the disks that may have a volume has it; who has it, has it whole. */
  #checkWishes(volume: KnownVolume): void {
    const claim = this.claim(volume.name)
    if (claim?.uid !== volume.uid) broken(`the volume of a claim that is gone: ${volume.name}`)
    if (claim?.deletionTimestamp !== undefined) return
    const wishes = this.#disks().filter(({ spec }) => spec.claimName === volume.name)
    const possible = wishes.filter(({ spec }) =>
      this.#ground.isReachable(volume.handle, spec.guest),
    )
    if (possible.length === 0) return
    const isReady = ({ status }: (typeof wishes)[number]) =>
      status.conditions.some(({ type, status: truth }) => type === 'Ready' && truth === 'True')
    if (possible.some(isReady)) return
    // Whoever has it first may be one that cannot mount it. The others wait for a person.
    const holder = possible.find(({ status }) => status.vdisk !== undefined)
    const { readOnly = false, guest = '' } = holder?.spec ?? {}
    // A boot disk waits for its guest to stop; a file system that has failed, for a person.
    // A reader that finds the log of a crash waits for somebody who writes.
    if (holder?.meta.deleting || (holder !== undefined && hasFailed(holder.status))) return
    if (readOnly && holder !== undefined && has(holder.status, 'Refused')) return
    const isForeign =
      holder !== undefined &&
      (volume.platform === undefined ? readOnly : volume.platform !== this.#platformOf(guest))
    if (isForeign) return
    const says = possible.map(({ meta, status }) => `${meta.name} ${JSON.stringify(status)}`)
    broken(`nobody has volume ${volume.name}: ${says.join('; ')}`)
  }

  #platformOf(id: string): string | undefined {
    return this.#world.world.guests.get(id)?.platform
  }

  #checkFinalizers(): void {
    const disks = this.#disks()
    for (const { metadata } of this.#world.cluster.of(`${CLAIMS}/`)) {
      const isUsed = disks.some(({ spec }) => spec.claimName === metadata.name)
      const isHeld = metadata.finalizers?.includes('ldom-csi.io/guest-disk') === true
      if (isHeld && !isUsed) broken(`claim ${metadata.name} is held, and no disk uses it`)
    }
  }

  async atEnd(): Promise<void> {
    for (const folder of [DISKS, CLAIMS, VOLUMES]) {
      const left = this.#world.cluster.of(`${folder}/`)
      if (left.length > 0) broken(`it stays: ${JSON.stringify(left[0])}`)
    }
    const findings = await this.#world.driver.audit()
    if (findings.length > 0) broken(`the audit finds ${JSON.stringify(findings)}`)
    for (const { id, guest } of this.#world.world.guests.values()) {
      if (guest.mounts().length > 0) broken(`left in ${id}: ${JSON.stringify(guest.mounts())}`)
    }
  }
}

type Status = ReturnType<typeof readGuestDisk>['status']

const has = ({ conditions }: Status, why: string) => conditions.some(({ reason }) => reason === why)
const hasFailed = (status: Status) => has(status, 'FileSystemFailed')

/** Undefined: no path of the disk answers. */
function orNothing<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch (error) {
    if (error instanceof DeviceError) return undefined
    throw error
  }
}

function broken(what: string): never {
  throw new Error(`a promise is broken: ${what}`)
}
