// What the node plugin promises about a volume in its guest, whatever the guest's operating system:
// staged, published, measured, taken away again. It keeps nothing in memory: the mount table, the
// device and its notes in the guest are read anew in every call. A call is about a volume, not
// about a path: what is found at a path is touched only when it is that volume's. It must never
// format a device that is not proved blank, and never let a device go that somebody still uses.

import { posix } from 'node:path'
import type { Clock } from '../clock.ts'
import { StorageError } from '../errors.ts'
import type { Host } from '../shell/host.ts'
import { BlockRecords } from './block-records.ts'
import { DiskPreparation, type WantedVolume } from './disk-preparation.ts'
import { Paths } from './paths.ts'
import {
  type Amounts,
  describeFailure,
  type GuestDevice,
  type Platform,
  type Use,
  type UseTable,
} from './platform.ts'
import { checkPath, isPlain, resolveSpelling } from './spelling.ts'
import { digestOptions, type NotesRead, VolumeNotes } from './volume-notes.ts'

// Disk numbers below belong to administrators: what is mounted from them is nobody's volume, unless
// a note says so.
const FIRST_DRIVER_SLOT = 100

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
  /** Its size of now, where it has grown since the guest got the disk. */
  readonly grownTo?: number | undefined
  readonly format: GuestFormat
  /** The volume was made from nothing: the first of the three witnesses that allow formatting. */
  readonly createdEmpty: boolean
  /** The storage side saw bytes on it when it was attached: forbids formatting. */
  readonly written: boolean
  readonly mode: 'rw' | 'ro'
  /** How the disk is attached, where that is not how it is to be mounted. */
  readonly attached?: 'rw' | 'ro'
  /**
   * The volume whose file system it holds: its own id, or where its copies began. Undefined: not
   * told.
   */
  readonly contentOf?: string | undefined
  /** When its dataset was made: a volume of the same name can be made anew. */
  readonly bornSeconds?: number | undefined
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
  /** How the disk is attached. */
  readonly mode: 'rw' | 'ro'
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
  readonly #notes: VolumeNotes
  readonly #disks: DiskPreparation
  readonly #busy = new Set<string>()

  constructor(options: GuestVolumesOptions) {
    this.#platform = options.platform
    this.#host = options.host
    this.#paths = new Paths(options.host.shell)
    this.#records = new BlockRecords(this.#paths, options.platform)
    this.#notes = new VolumeNotes(this.#paths, options.platform.stateDirectory)
    this.#disks = new DiskPreparation({ ...options, paths: this.#paths })
  }

  /**
   * Finds the disk, proves it, gives it a file system if it may, and mounts it. Staged already is
   * success.
   */
  stage(request: StageRequest, signal?: AbortSignal): Promise<void> {
    return this.#exclusively(request.volumeId, async () => {
      const object = `volume ${request.volumeId}, disk ${request.slot}`
      checkPath(request.stagingPath)
      const device = await this.#disks.waitForDevice(
        object,
        request.slot,
        request.sizeBytes,
        signal,
      )
      const stagingPath = await resolveSpelling(this.#platform, request.stagingPath, signal)
      await this.#host.settled(
        [...this.#platform.namesOf(device.blockPath), stagingPath, request.volumeId],
        signal,
      )
      const options =
        request.format.kind === 'block' ? '-' : digestOptions(request.format.mountOptions)
      await this.#noteStaged(object, device, { wanted: request, stagingPath, options }, signal)
      if (request.format.kind === 'block') {
        await this.#disks.prepareRaw(object, device, request, signal)
        return this.#records.stage(object, device, stagingPath, signal)
      }
      await this.#disks.mount(
        object,
        device,
        { ...request, format: request.format, stagingPath },
        signal,
      )
    })
  }

  /**
   * Unmounts and makes sure that nothing holds the device any more: not every guest vetoes the
   * removal of a disk in use.
   */
  unstage(
    request: { readonly volumeId: string; readonly stagingPath: string },
    signal?: AbortSignal,
  ): Promise<void> {
    return this.#exclusively(request.volumeId, async () => {
      checkPath(request.stagingPath)
      const { volumeId } = request
      const stagingPath = await resolveSpelling(this.#platform, request.stagingPath, signal)
      await this.#host.settled([stagingPath, volumeId], signal)
      const object = `volume ${volumeId}`
      let notes = await this.#notes.read(signal)
      const uses = await this.#platform.readUses(signal)
      const mounted = uses.at(stagingPath)
      if (mounted && this.#isOfVolume(notes, volumeId, mounted, stagingPath)) {
        await this.#host.settled(this.#platform.namesOf(mounted.source), signal)
        const device = { identity: mounted.identity, blockPath: mounted.source }
        refuseWhileUsed(object, mounted.source, pathsBesides(uses, device, stagingPath))
        // Once it is unmounted, a repeated call would not know of which disk it has to ask whether
        // it was let go.
        if (!notes.stagedOf(volumeId)) {
          await this.#notes.noteStaged(
            notes,
            volumeId,
            { blockPath: mounted.source, options: '-' },
            signal,
          )
          notes = await this.#notes.read(signal)
        }
        await this.#unmount(object, stagingPath, signal)
        await this.#proveReleased(object, device, signal)
      } else if (mounted === undefined) {
        await this.#records.unstage(object, { volumeId, stagingPath, notes }, signal)
      }
      await this.#proveNotedReleased(object, volumeId, notes, signal)
      await this.#notes.forgetStaged(notes, volumeId, signal)
    })
  }

  /** The disk that was noted when the volume was staged, wherever that was. */
  async #proveNotedReleased(
    object: string,
    volumeId: string,
    notes: NotesRead,
    signal?: AbortSignal,
  ): Promise<void> {
    const blockPath = notes.stagedOf(volumeId)?.blockPath
    if (blockPath === undefined) return
    const identity = await this.#platform.identify(blockPath, signal)
    if (identity === undefined) return
    const device = { identity, blockPath }
    const live = await this.#records.showing(notes.targetsOf(volumeId), device, signal)
    refuseWhileUsed(object, blockPath, live)
    await this.#proveReleased(object, device, signal)
  }

  async #proveReleased(
    object: string,
    device: { readonly identity: string; readonly blockPath: string },
    signal?: AbortSignal,
  ): Promise<void> {
    const uses = await this.#platform.readUses(signal)
    refuseWhileUsed(object, device.blockPath, pathsBesides(uses, device))
    const holders = await this.#platform.listHolders(device, signal)
    if (holders.length > 0) {
      throw new StorageError(
        'busy',
        `${object}: ${device.blockPath} is still held by ${holders.join(', ')}`,
      )
    }
  }

  /**
   * The storage side says that the disk is this volume's: an older note of another volume is wrong,
   * unless the guest uses the disk.
   */
  async #noteStaged(
    object: string,
    device: GuestDevice,
    staged: {
      readonly wanted: WantedVolume
      readonly stagingPath: string
      readonly options: string
    },
    signal?: AbortSignal,
  ): Promise<void> {
    const { volumeId } = staged.wanted
    const notes = await this.#notes.read(signal)
    const owner = notes.ownerOf(device.blockPath)
    if (owner !== undefined && owner !== volumeId) {
      const places = pathsBesides(await this.#platform.readUses(signal), device)
      if (places.length > 0) {
        throw new StorageError(
          'failed-precondition',
          `${object}: ${device.blockPath} was staged for volume ${owner} and is mounted at ` +
            `${places.join(', ')}; unmount it there`,
        )
      }
      // What was published of the other volume is known by its note, which must not go to a disk
      // number that is out of date.
      await this.#disks.refuseStranger(object, device, staged.wanted, signal)
    }
    const noted = notes.stagedOf(volumeId)
    if (noted?.blockPath === device.blockPath && noted.options !== staged.options) {
      const there = (await this.#platform.readUses(signal)).at(staged.stagingPath, device)
      if (there?.identity === device.identity) {
        throw new StorageError(
          'already-exists',
          `${object}: staged at ${staged.stagingPath} with other mount options; unstage it ` +
            `before staging it otherwise`,
        )
      }
    }
    await this.#notes.noteStaged(
      notes,
      volumeId,
      { blockPath: device.blockPath, options: staged.options },
      signal,
    )
  }

  /**
   * Whether what was found at a path is the volume's: by its note, or, without any, because it can
   * be no other's.
   */
  #isOfVolume(
    notes: NotesRead,
    volumeId: string,
    found: { source: string; slot: number | undefined },
    path: string,
  ): boolean {
    const owner = notes.ownerOf(found.source)
    if (owner === volumeId) return true
    if (found.slot === undefined) return false
    const isAnothersTarget = notes.isTargetOfAnother(volumeId, path)
    // What was published there may lead to a disk whose number has become another volume's.
    if (notes.targetOf(volumeId, path) !== undefined && !isAnothersTarget) return true
    if (owner !== undefined || isAnothersTarget || notes.stagedOf(volumeId) !== undefined) {
      return false
    }
    return found.slot >= FIRST_DRIVER_SLOT
  }

  /**
   * A mount as the notes know it: of a bound node the table has only the name, by which the disk is
   * found.
   */
  #describe(
    use: Use,
    notes: NotesRead,
    volumeId: string,
  ): { source: string; slot: number | undefined } {
    const noted = notes.stagedOf(volumeId)?.blockPath
    const isNode = use.slot !== undefined && this.#platform.slotOf(use.source) === undefined
    if (!isNode) return use
    const sameSlot = [noted, ...notes.disks()].find(
      at => at !== undefined && this.#platform.slotOf(at) === use.slot,
    )
    return { source: sameSlot ?? use.source, slot: use.slot }
  }

  /**
   * Makes the staged volume appear at the target. Published there already with the same arguments
   * is success.
   */
  publish(request: PublishRequest, signal?: AbortSignal): Promise<void> {
    return this.#exclusively(request.volumeId, async () => {
      const object = `volume ${request.volumeId}, disk ${request.slot}`
      checkPath(request.stagingPath)
      checkPath(request.targetPath)
      const device = await this.#disks.presentDevice(
        object,
        request.slot,
        request.sizeBytes,
        signal,
      )
      const stagingPath = await resolveSpelling(this.#platform, request.stagingPath, signal)
      const targetPath = await resolveSpelling(this.#platform, request.targetPath, signal)
      await this.#host.settled(
        [...this.#platform.namesOf(device.blockPath), targetPath, request.volumeId],
        signal,
      )
      const placed = { ...request, stagingPath, targetPath }
      if (request.format.kind === 'block') await this.#publishDevice(object, device, placed, signal)
      else await this.#publishFileSystem(object, device, placed, signal)
    })
  }

  /**
   * Takes away what of the volume is at the target. What is another's stays; absence, in every
   * part, is success.
   */
  unpublish(
    request: { readonly volumeId: string; readonly targetPath: string },
    signal?: AbortSignal,
  ): Promise<void> {
    return this.#exclusively(request.volumeId, async () => {
      checkPath(request.targetPath)
      const { volumeId } = request
      const targetPath = await resolveSpelling(this.#platform, request.targetPath, signal)
      await this.#host.settled([targetPath, volumeId], signal)
      const notes = await this.#notes.read(signal)
      const mounted = (await this.#platform.readUses(signal)).at(targetPath)
      const note = notes.targetOf(volumeId, targetPath)
      let isOurs = note !== undefined
      if (mounted) {
        isOurs = this.#isOfVolume(
          notes,
          volumeId,
          this.#describe(mounted, notes, volumeId),
          targetPath,
        )
        if (isOurs) await this.#unmount(`volume ${volumeId}`, targetPath, signal)
      } else {
        const linked = await this.#platform.readDeviceAt(targetPath, signal)
        const found =
          linked === undefined ? undefined : { source: linked, slot: this.#platform.slotOf(linked) }
        // A link that the driver made may lead to a disk that has become another's; it is still the
        // driver's link.
        isOurs ||= found !== undefined && this.#isOfVolume(notes, volumeId, found, targetPath)
      }
      if (isOurs && note !== 'kept') await this.#paths.removeIfUnused(targetPath, signal)
      await this.#notes.forgetTarget(notes, volumeId, targetPath, signal)
    })
  }

  /** Space of a staged or published path. */
  async statistics(
    request: { readonly volumeId: string; readonly path: string },
    signal?: AbortSignal,
  ): Promise<{ bytes: Amounts; inodes: Amounts | undefined }> {
    const place = await this.#findPlace(request, signal)
    if (place.mount !== undefined) {
      await this.#refuseFailed(`volume ${request.volumeId}`, place.mount, place.path, signal)
      return this.#platform.measureFileSystem(place.path, signal)
    }
    // What of a raw disk is in use only its user knows: 0 is "not told" on the wire.
    const total = await this.#platform.measureDevice(place.blockPath, 0, signal)
    return { bytes: { total, used: 0, available: 0 }, inodes: undefined }
  }

  async #refuseFailed(
    object: string,
    mounted: Use,
    path: string,
    signal?: AbortSignal,
  ): Promise<void> {
    const failure = describeFailure(mounted) ?? (await this.#paths.findFailure(path, signal))
    if (failure) {
      throw new StorageError(
        'failed-precondition',
        `${object}: the file system at ${path} ${failure}; stage it anew`,
      )
    }
  }

  /**
   * Grows the file system at the path to its device, as far as this guest sees the device grown.
   */
  expand(
    request: { readonly volumeId: string; readonly path: string; readonly sizeBytes: number },
    signal?: AbortSignal,
  ): Promise<{ sizeBytes: number }> {
    return this.#exclusively(request.volumeId, async () => {
      const place = await this.#findPlace(request, signal)
      await this.#host.settled(
        [...this.#platform.namesOf(place.blockPath), place.path, request.volumeId],
        signal,
      )
      const sizeBytes = await this.#platform.measureDevice(
        place.blockPath,
        request.sizeBytes,
        signal,
      )
      if (sizeBytes < request.sizeBytes) {
        // Waiting helps only where the guest looks again by itself. The orchestrator goes on
        // mounting a volume whose growth is refused, and mounts none whose growth may yet come.
        throw new StorageError(
          this.#platform.seesGrowth ? 'unavailable' : 'failed-precondition',
          `volume ${request.volumeId}: this guest still sees ${sizeBytes} of ` +
            `${request.sizeBytes} bytes on ${place.blockPath}; detach and attach the volume to ` +
            `make it look again`,
        )
      }
      // What grows is the mount itself, whichever of the places that show it was named, and if only
      // that place is read-only.
      if (place.mount !== undefined && !place.mount.readonly) {
        await this.#grow(`volume ${request.volumeId}`, place.blockPath, place.mount, signal)
      }
      return { sizeBytes }
    })
  }

  async #grow(
    object: string,
    blockPath: string,
    mounted: Use,
    signal?: AbortSignal,
  ): Promise<void> {
    const failure = describeFailure(mounted)
    if (failure) {
      throw new StorageError(
        'failed-precondition',
        `${object}: the file system at ${mounted.path} ${failure}; stage it anew`,
      )
    }
    const refusal = await this.#platform.widen({ blockPath }, signal)
    if (refusal !== undefined) {
      throw new StorageError(
        'failed-precondition',
        `${object}: ${blockPath} cannot grow with its disk, as ${refusal}; extend slice 0 by ` +
          `hand with format, then expand again`,
      )
    }
    await this.#platform.grow({ blockPath }, mounted, signal)
  }

  async #publishFileSystem(
    object: string,
    device: GuestDevice,
    request: PublishRequest,
    signal?: AbortSignal,
  ): Promise<void> {
    const uses = await this.#platform.readUses(signal)
    const staged = uses.at(request.stagingPath, device)
    if (staged?.kind !== 'filesystem' || staged.identity !== device.identity) {
      throw notStaged(object, request.stagingPath)
    }
    // What is staged read-only can only be published read-only.
    const options = request.format.kind === 'filesystem' ? request.format.mountOptions : []
    const readonly = request.readonly || staged.readonly || options.includes('ro')
    await this.#refuseFailed(object, staged, request.stagingPath, signal)
    const notes = await this.#notes.read(signal)
    // A directory that is shown a second time has the options of the first; none asked for is "as
    // staged".
    const asked = digestOptions(options)
    const inEffect = notes.stagedOf(request.volumeId)?.options
    if (asked !== '-' && inEffect !== undefined && asked !== inEffect) {
      throw new StorageError(
        'failed-precondition',
        `${object}: it was staged with other mount options; stage it with these`,
      )
    }
    if (
      confirmPublished(object, uses, device, {
        kind: 'filesystem',
        targetPath: request.targetPath,
        readonly,
      })
    ) {
      return
    }
    const others = uses
      .of(device)
      .filter(use => use.kind === 'filesystem' && use.path !== request.stagingPath)
    if (request.exclusive) {
      refuseSecondTarget(
        object,
        others.map(use => use.path),
      )
    }
    await this.#prepareTarget(object, { notes, uses }, request, signal)
    await this.#paths.ensureDirectory(request.targetPath, signal)
    await this.#platform.bindFileSystem(
      { source: request.stagingPath, target: request.targetPath, readonly },
      signal,
    )
    await this.#proveMounted(
      object,
      device,
      { kind: 'filesystem', targetPath: request.targetPath, readonly },
      signal,
    )
  }

  /**
   * Notes the target before anything is made there. Files that are there already would be hidden,
   * and are in the way later.
   */
  async #prepareTarget(
    object: string,
    { notes, uses }: { readonly notes: NotesRead; readonly uses: UseTable },
    request: PublishRequest,
    signal?: AbortSignal,
  ): Promise<void> {
    const { volumeId, targetPath } = request
    const entry = await this.#paths.readEntry(targetPath, signal)
    if (entry.kind === 'directory' && !(await this.#paths.isEmpty(targetPath, signal))) {
      const mounted = uses.inside(targetPath)
      const [what, wayOut] =
        mounted.length === 0
          ? ['', 'move away what is there']
          : [`, ${mounted.join(', ')} is mounted in it`, 'mount the outer of the two first']
      throw new StorageError(
        'failed-precondition',
        `${object}: ${targetPath} is not empty${what}; ${wayOut}, or mount elsewhere`,
      )
    }
    if (notes.targetOf(volumeId, targetPath) !== undefined) return
    await this.#notes.noteTarget(
      volumeId,
      targetPath,
      entry.kind === 'absent' ? 'made' : 'kept',
      signal,
    )
  }

  async #publishDevice(
    object: string,
    device: GuestDevice,
    request: PublishRequest,
    signal?: AbortSignal,
  ): Promise<void> {
    const { stagingPath, targetPath, readonly } = request
    // Neither a read-only bind nor a link keeps the bytes of a device from being written.
    if (readonly && request.mode === 'rw') {
      throw new StorageError(
        'failed-precondition',
        `${object}: a raw volume cannot be published read-only while it is attached writable; ` +
          `attach it read-only`,
      )
    }
    if ((await this.#records.readDevice(stagingPath, signal)) !== device.blockPath) {
      throw notStaged(object, stagingPath)
    }
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
    if (linked !== undefined) {
      throw new StorageError(
        'already-exists',
        `${object}: ${targetPath} already leads to ${linked}`,
      )
    }
    await this.#prepareTarget(
      object,
      { notes: await this.#notes.read(signal), uses },
      request,
      signal,
    )
    await this.#records.addTarget(stagingPath, targetPath, signal)
    // The orchestrator makes the parent where it runs in the guest; where the plugin works over ssh
    // nobody else can.
    await this.#paths.ensureDirectory(posix.dirname(targetPath), signal)
    await this.#platform.bindDevice({ device, target: targetPath, readonly }, signal)
  }

  async #proveMounted(
    object: string,
    device: GuestDevice,
    wanted: Placement,
    signal?: AbortSignal,
  ): Promise<void> {
    if (confirmPublished(object, await this.#platform.readUses(signal), device, wanted)) return
    throw new StorageError(
      'unavailable',
      `${object}: ${wanted.targetPath} was mounted and is not in the mount table`,
    )
  }

  async #unmount(object: string, path: string, signal?: AbortSignal): Promise<void> {
    await this.#platform.unmount(path, signal)
    const left = (await this.#platform.readUses(signal)).at(path)
    if (left) {
      throw new StorageError(
        'busy',
        `${object}: ${path} is still covered by ${left.source}; unmount it`,
      )
    }
  }

  async #findPlace(
    request: { readonly volumeId: string; readonly path: string },
    signal?: AbortSignal,
  ): Promise<Place> {
    const missing = () =>
      new StorageError(
        'not-found',
        `volume ${request.volumeId}: nothing of it is at ${request.path}`,
      )
    // The guest's own system is at the root, never a volume.
    if (!isPlain(request.path) || posix.normalize(request.path) === '/') throw missing()
    const path = await resolveSpelling(this.#platform, request.path, signal)
    const notes = await this.#notes.read(signal)
    const uses = await this.#platform.readUses(signal)
    const mounted = uses.at(path)
    // A bound device node has the file system of nodes as its source, not the disk.
    if (mounted?.kind === 'filesystem') {
      if (!this.#isOfVolume(notes, request.volumeId, mounted, path)) throw missing()
      const all = uses.of({ identity: mounted.identity, blockPath: mounted.source })
      return {
        path,
        blockPath: mounted.source,
        mount: all.find(use => use.kind === 'filesystem') ?? mounted,
      }
    }
    const blockPath =
      (await this.#platform.readDeviceAt(path, signal)) ??
      (await this.#records.readDevice(path, signal))
    if (blockPath === undefined) throw missing()
    const found = mounted
      ? this.#describe(mounted, notes, request.volumeId)
      : { source: blockPath, slot: this.#platform.slotOf(blockPath) }
    if (!this.#isOfVolume(notes, request.volumeId, found, path)) throw missing()
    return { path, blockPath, mount: undefined }
  }

  /** One request per volume at a time: two that interleave could each see the other's half. */
  async #exclusively<T>(volumeId: string, work: () => Promise<T>): Promise<T> {
    if (this.#busy.has(volumeId)) {
      throw new StorageError(
        'busy',
        `volume ${volumeId}: another request is at work on it in this guest`,
      )
    }
    this.#busy.add(volumeId)
    try {
      return await work()
    } finally {
      this.#busy.delete(volumeId)
    }
  }
}

function pathsBesides(
  uses: UseTable,
  device: { readonly identity: string; readonly blockPath: string },
  besides?: string,
): readonly string[] {
  return uses.of(device).flatMap(use => (use.path === besides ? [] : [use.path]))
}

function refuseWhileUsed(object: string, blockPath: string, places: readonly string[]): void {
  if (places.length === 0) return
  throw new StorageError(
    'busy',
    `${object}: ${blockPath} is still mounted at ${places.join(', ')}; unpublish it there`,
  )
}

function refuseSecondTarget(object: string, others: readonly string[]): void {
  if (others.length === 0) return
  throw new StorageError(
    'failed-precondition',
    `${object}: published at ${others.join(', ')} already, and its access mode allows one target`,
  )
}

/**
 * Where something of a volume is. `mount` is the file system's own, the first in the table; the
 * others show it elsewhere.
 */
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

/**
 * True when the target shows this device in the wanted way, false when nothing is mounted there;
 * anything else is refused.
 */
function confirmPublished(
  object: string,
  uses: UseTable,
  device: GuestDevice,
  wanted: Placement,
): boolean {
  const there = uses.at(wanted.targetPath, device)
  if (!there) return false
  if (there.kind !== wanted.kind || there.identity !== device.identity) {
    throw new StorageError(
      'already-exists',
      `${object}: ${wanted.targetPath} is taken by ${there.source} (${there.type})`,
    )
  }
  if (there.readonly !== wanted.readonly) {
    throw new StorageError(
      'already-exists',
      `${object}: published at ${wanted.targetPath} ` +
        `${there.readonly ? 'read-only' : 'writable'}; unpublish it before publishing it otherwise`,
    )
  }
  return true
}

function notStaged(object: string, stagingPath: string): StorageError {
  return new StorageError(
    'failed-precondition',
    `${object}: not staged at ${stagingPath}; stage it first`,
  )
}
