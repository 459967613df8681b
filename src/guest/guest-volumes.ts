// What the node plugin promises about a volume in its guest, whatever the guest's operating system: staged, published, measured,
// taken away again. It keeps no state: the mount table, the device and the names it made are read anew in every call.
// It must never format a device that is not proved blank, and never let a device go that somebody still uses.

import { posix } from 'node:path'
import type { Clock } from '../clock.ts'
import { StorageError } from '../errors.ts'
import type { Host } from '../shell/host.ts'
import { BlockRecords } from './block-records.ts'
import { DiskPreparation } from './disk-preparation.ts'
import { type Amounts, describeFailure, type GuestDevice, type Platform, type Use, type UseTable } from './disks.ts'
import { Paths } from './paths.ts'

export type GuestFormat =
  | { readonly kind: 'block' }
  | {
      readonly kind: 'filesystem'
      /** Empty: the platform's default. */
      readonly type: string
      readonly mountOptions: readonly string[]
      /** Shape of a file system that is made now; see mkfs-options.ts. */
      readonly mkfsOptions?: string
    }

export interface StageRequest {
  readonly volumeId: string
  readonly slot: number
  readonly sizeBytes: number
  readonly format: GuestFormat
  /** The volume was made from nothing: the first of the three witnesses that allow formatting. */
  readonly createdEmpty: boolean
  /** The storage side saw bytes on it when it was attached: forbids formatting. */
  readonly written: boolean
  readonly mode: 'rw' | 'ro'
  /** How the disk is attached, where that is not how it is to be mounted. */
  readonly attached?: 'rw' | 'ro'
  readonly stagingPath: string
}

export interface PublishRequest {
  readonly volumeId: string
  readonly slot: number
  readonly sizeBytes: number
  readonly format: GuestFormat
  readonly stagingPath: string
  readonly targetPath: string
  readonly readonly: boolean
  /** A second target of the same volume is refused. */
  readonly exclusive: boolean
}

export interface GuestVolumesOptions {
  readonly platform: Platform
  readonly host: Host
  readonly clock: Clock
  /** How long a disk may take to appear; 30 s unless told. */
  readonly waitForDiskMs?: number
}

export class GuestVolumes {
  readonly #platform: Platform
  readonly #host: Host
  readonly #paths: Paths
  readonly #records: BlockRecords
  readonly #disks: DiskPreparation
  readonly #busy = new Set<string>()

  constructor(options: GuestVolumesOptions) {
    this.#platform = options.platform
    this.#host = options.host
    this.#paths = new Paths(options.host.shell)
    this.#records = new BlockRecords(this.#paths, options.platform)
    this.#disks = new DiskPreparation({ ...options, paths: this.#paths })
  }

  /** Finds the disk, proves it, gives it a file system if it may, and mounts it. Staged already is success. */
  stage(request: StageRequest, signal?: AbortSignal): Promise<void> {
    return this.#exclusively(request.volumeId, async () => {
      const object = `volume ${request.volumeId}, disk ${request.slot}`
      checkPath(request.stagingPath)
      const device = await this.#disks.waitForDevice(object, request.slot, request.sizeBytes, signal)
      const stagingPath = await this.#platform.resolvePath(request.stagingPath, signal)
      await this.#host.settled([...this.#platform.namesOf(device.blockPath), stagingPath, request.volumeId], signal)
      if (request.format.kind === 'block') {
        await this.#disks.prepareRaw(object, device, request, signal)
        return this.#records.stage(object, device, stagingPath, signal)
      }
      await this.#disks.mount(object, device, { ...request, format: request.format, stagingPath }, signal)
    })
  }

  /** Unmounts and makes sure that nothing holds the device any more: not every guest vetoes the removal of a disk in use. */
  unstage(request: { readonly volumeId: string; readonly stagingPath: string }, signal?: AbortSignal): Promise<void> {
    return this.#exclusively(request.volumeId, async () => {
      checkPath(request.stagingPath)
      const stagingPath = await this.#platform.resolvePath(request.stagingPath, signal)
      await this.#host.settled([stagingPath, request.volumeId], signal)
      const object = `volume ${request.volumeId}`
      const uses = await this.#platform.readUses(signal)
      const mounted = uses.at(stagingPath)
      if (mounted === undefined) return this.#records.unstage(object, stagingPath, signal)
      await this.#host.settled(this.#platform.namesOf(mounted.source), signal)
      refuseWhileUsed(object, mounted, usesBesides(uses, mounted, [stagingPath]))
      await this.#unmount(object, stagingPath, signal)
      const after = await this.#platform.readUses(signal)
      refuseWhileUsed(object, mounted, after.of({ identity: mounted.identity, blockPath: mounted.source }))
      const holders = await this.#platform.listHolders({ identity: mounted.identity, blockPath: mounted.source }, signal)
      if (holders.length > 0) throw new StorageError('busy', `${object}: ${mounted.source} is still held by ${holders.join(', ')}`)
    })
  }

  /** Makes the staged volume appear at the target. Published there already with the same arguments is success. */
  publish(request: PublishRequest, signal?: AbortSignal): Promise<void> {
    return this.#exclusively(request.volumeId, async () => {
      const object = `volume ${request.volumeId}, disk ${request.slot}`
      checkPath(request.stagingPath)
      checkPath(request.targetPath)
      const device = await this.#disks.presentDevice(object, request.slot, request.sizeBytes, signal)
      const stagingPath = await this.#platform.resolvePath(request.stagingPath, signal)
      const targetPath = await this.#platform.resolvePath(request.targetPath, signal)
      await this.#host.settled([...this.#platform.namesOf(device.blockPath), targetPath, request.volumeId], signal)
      const placed = { ...request, stagingPath, targetPath }
      if (request.format.kind === 'block') await this.#publishDevice(object, device, placed, signal)
      else await this.#publishFileSystem(object, device, placed, signal)
    })
  }

  /** Takes the target away. Absence, in every part, is success. */
  unpublish(request: { readonly volumeId: string; readonly targetPath: string }, signal?: AbortSignal): Promise<void> {
    return this.#exclusively(request.volumeId, async () => {
      checkPath(request.targetPath)
      const targetPath = await this.#platform.resolvePath(request.targetPath, signal)
      await this.#host.settled([targetPath, request.volumeId], signal)
      const uses = await this.#platform.readUses(signal)
      if (uses.at(targetPath) !== undefined) await this.#unmount(`volume ${request.volumeId}`, targetPath, signal)
      await this.#paths.remove(targetPath, signal)
    })
  }

  /** Space of a staged or published path. */
  async statistics(
    request: { readonly volumeId: string; readonly path: string },
    signal?: AbortSignal,
  ): Promise<{ bytes: Amounts; inodes: Amounts | undefined }> {
    const place = await this.#findPlace(request, signal)
    if (place.mount !== undefined) return this.#platform.measureFileSystem(place.path, signal)
    const total = await this.#platform.measureDevice(place.blockPath, 0, signal)
    return { bytes: { total, used: total, available: 0 }, inodes: undefined }
  }

  /** Grows the file system at the path to its device; a device that has not grown yet is `unavailable`. */
  expand(
    request: { readonly volumeId: string; readonly path: string; readonly sizeBytes: number },
    signal?: AbortSignal,
  ): Promise<{ sizeBytes: number }> {
    return this.#exclusively(request.volumeId, async () => {
      const place = await this.#findPlace(request, signal)
      await this.#host.settled([...this.#platform.namesOf(place.blockPath), place.path, request.volumeId], signal)
      const sizeBytes = await this.#platform.measureDevice(place.blockPath, request.sizeBytes, signal)
      if (sizeBytes < request.sizeBytes) {
        throw new StorageError(
          'unavailable',
          `volume ${request.volumeId}: this guest still sees ${sizeBytes} of ${request.sizeBytes} bytes on ${place.blockPath}; detach and attach the volume to make it look again`,
        )
      }
      // What grows is the mount itself, whichever of the places that show it was named, and if only that place is read-only.
      if (place.mount !== undefined && !place.mount.readonly) {
        await this.#grow(`volume ${request.volumeId}`, place.blockPath, place.mount, signal)
      }
      return { sizeBytes }
    })
  }

  async #grow(object: string, blockPath: string, mounted: Use, signal: AbortSignal | undefined): Promise<void> {
    const failure = describeFailure(mounted)
    if (failure) throw new StorageError('failed-precondition', `${object}: the file system at ${mounted.path} ${failure}; stage it anew`)
    const refusal = await this.#platform.widen({ blockPath }, signal)
    if (refusal !== undefined) {
      throw new StorageError(
        'failed-precondition',
        `${object}: ${blockPath} cannot grow with its disk, as ${refusal}; extend slice 0 by hand with format, then expand again`,
      )
    }
    await this.#platform.grow({ blockPath }, mounted, signal)
  }

  async #publishFileSystem(object: string, device: GuestDevice, request: PublishRequest, signal: AbortSignal | undefined): Promise<void> {
    const uses = await this.#platform.readUses(signal)
    const staged = uses.at(request.stagingPath, device)
    if (staged?.kind !== 'filesystem' || staged.identity !== device.identity) throw notStaged(object, request.stagingPath)
    // What is staged read-only can only be published read-only.
    const readonly = request.readonly || staged.readonly
    if (confirmPublished(object, uses, device, { kind: 'filesystem', targetPath: request.targetPath, readonly })) return
    const others = uses.of(device).filter(use => use.kind === 'filesystem' && use.path !== request.stagingPath)
    if (request.exclusive) {
      refuseSecondTarget(
        object,
        others.map(use => use.path),
      )
    }
    await this.#paths.ensureDirectory(request.targetPath, signal)
    await this.#platform.bindFileSystem({ source: request.stagingPath, target: request.targetPath, readonly }, signal)
    await this.#proveMounted(object, device, { kind: 'filesystem', targetPath: request.targetPath, readonly }, signal)
  }

  async #publishDevice(object: string, device: GuestDevice, request: PublishRequest, signal: AbortSignal | undefined): Promise<void> {
    const { stagingPath, targetPath, readonly } = request
    if ((await this.#records.readDevice(stagingPath, signal)) !== device.blockPath) throw notStaged(object, stagingPath)
    if (request.exclusive) {
      const others = await this.#records.liveTargets(stagingPath, device, signal)
      refuseSecondTarget(
        object,
        others.filter(path => path !== targetPath),
      )
    }
    const uses = await this.#platform.readUses(signal)
    if (confirmPublished(object, uses, device, { kind: 'device', targetPath, readonly })) return
    const linked = await this.#platform.readDeviceAt(targetPath, signal)
    if (linked === device.blockPath) return
    if (linked !== undefined) throw new StorageError('already-exists', `${object}: ${targetPath} already leads to ${linked}`)
    await this.#records.addTarget(stagingPath, targetPath, signal)
    // The orchestrator makes the parent where it runs in the guest; where the plugin works over ssh nobody else can.
    await this.#paths.ensureDirectory(posix.dirname(targetPath), signal)
    await this.#platform.bindDevice({ device, target: targetPath, readonly }, signal)
  }

  async #proveMounted(object: string, device: GuestDevice, wanted: Placement, signal: AbortSignal | undefined): Promise<void> {
    if (confirmPublished(object, await this.#platform.readUses(signal), device, wanted)) return
    throw new StorageError('unavailable', `${object}: ${wanted.targetPath} was mounted and is not in the mount table`)
  }

  async #unmount(object: string, path: string, signal: AbortSignal | undefined): Promise<void> {
    await this.#platform.unmount(path, signal)
    const left = (await this.#platform.readUses(signal)).at(path)
    if (left) throw new StorageError('busy', `${object}: ${path} is still covered by ${left.source}; unmount it`)
  }

  async #findPlace(request: { readonly volumeId: string; readonly path: string }, signal: AbortSignal | undefined): Promise<Place> {
    const missing = () => new StorageError('not-found', `volume ${request.volumeId}: nothing of it is at ${request.path}`)
    // The guest's own system is at the root, never a volume.
    if (!isPlain(request.path) || posix.normalize(request.path) === '/') throw missing()
    const path = await this.#platform.resolvePath(request.path, signal)
    const uses = await this.#platform.readUses(signal)
    const mounted = uses.at(path)
    // A bound device node has the file system of nodes as its source, not the disk.
    if (mounted?.kind === 'filesystem') {
      const all = uses.of({ identity: mounted.identity, blockPath: mounted.source })
      return { path, blockPath: mounted.source, mount: all.find(use => use.kind === 'filesystem') ?? mounted }
    }
    const blockPath = (await this.#platform.readDeviceAt(path, signal)) ?? (await this.#records.readDevice(path, signal))
    if (blockPath === undefined) throw missing()
    return { path, blockPath, mount: undefined }
  }

  /** One request per volume at a time: two that interleave could each see the other's half. */
  async #exclusively<T>(volumeId: string, work: () => Promise<T>): Promise<T> {
    if (this.#busy.has(volumeId)) throw new StorageError('busy', `volume ${volumeId}: another request is at work on it in this guest`)
    this.#busy.add(volumeId)
    try {
      return await work()
    } finally {
      this.#busy.delete(volumeId)
    }
  }
}

function checkPath(path: string): void {
  if (!isPlain(path)) throw new StorageError('invalid-argument', `${JSON.stringify(path)} is not an absolute path of one line`)
}

/** What tools show in one line, and so can be found again. */
function isPlain(path: string): boolean {
  return path.startsWith('/') && !/[\p{Cc}\u2028\u2029]/u.test(path)
}

function usesBesides(uses: UseTable, mounted: Use, paths: readonly string[]): readonly Use[] {
  return uses.of({ identity: mounted.identity, blockPath: mounted.source }).filter(use => !paths.includes(use.path))
}

function refuseWhileUsed(object: string, mounted: Use, uses: readonly Use[]): void {
  if (uses.length === 0) return
  const places = uses.map(use => use.path).join(', ')
  throw new StorageError('busy', `${object}: ${mounted.source} is still mounted at ${places}; unpublish it there`)
}

function refuseSecondTarget(object: string, others: readonly string[]): void {
  if (others.length === 0) return
  throw new StorageError(
    'failed-precondition',
    `${object}: published at ${others.join(', ')} already, and its access mode allows one target`,
  )
}

/** Where something of a volume is. `mount` is the file system's own, the first in the table; the others show it elsewhere. */
interface Place {
  readonly path: string
  readonly blockPath: string
  readonly mount: Use | undefined
}

interface Placement {
  readonly kind: 'filesystem' | 'device'
  readonly targetPath: string
  readonly readonly: boolean
}

/** True when the target shows this device in the wanted way, false when nothing is mounted there; anything else is refused. */
function confirmPublished(object: string, uses: UseTable, device: GuestDevice, wanted: Placement): boolean {
  const there = uses.at(wanted.targetPath, device)
  if (!there) return false
  if (there.kind !== wanted.kind || there.identity !== device.identity) {
    throw new StorageError('already-exists', `${object}: ${wanted.targetPath} is taken by ${there.source} (${there.type})`)
  }
  if (there.readonly !== wanted.readonly) {
    throw new StorageError(
      'already-exists',
      `${object}: published at ${wanted.targetPath} ${there.readonly ? 'read-only' : 'writable'}; unpublish it before publishing it otherwise`,
    )
  }
  return true
}

function notStaged(object: string, stagingPath: string): StorageError {
  return new StorageError('failed-precondition', `${object}: not staged at ${stagingPath}; stage it first`)
}
