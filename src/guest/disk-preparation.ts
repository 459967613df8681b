// From a disk number to a mounted file system: waits for the disk, proves that it is the right one,
// formats it only if three witnesses and two readings agree that it is empty, repairs, mounts,
// grows. Everything that destroys data passes through here.

import type { Clock } from '../clock.ts'
import { isStorageError, StorageError } from '../errors.ts'
import { parseMkfsOptions } from '../model/mkfs-options.ts'
import { checkMountOptions } from '../model/mount-options.ts'
import type { Paths } from './paths.ts'
import {
  type Content,
  describeFailure,
  type GuestDevice,
  type Platform,
  type UseTable,
} from './platform.ts'
import { UseNotes } from './use-notes.ts'

const WAIT_FOR_DISK_MS = 30_000
const POLL_MS = 1_000

/** Which volume is wanted, and what it is known by. */
export interface WantedVolume {
  readonly volumeId: string
  readonly createdEmpty: boolean
  readonly contentOf?: string | undefined
  readonly bornSeconds?: number | undefined
}

export interface MountedRequest extends WantedVolume {
  readonly sizeBytes: number
  /**
   * Its size of now, where it has grown since the guest got the disk: some guests see that at once,
   * some never.
   */
  readonly grownTo?: number | undefined
  readonly format: {
    readonly type: string
    readonly mountOptions: readonly string[]
    readonly mkfsOptions?: string
  }
  readonly written: boolean
  readonly mode: 'rw' | 'ro'
  /** How the disk is attached, where that is not how it is to be mounted. */
  readonly attached?: 'rw' | 'ro'
  readonly stagingPath: string
}

export class DiskPreparation {
  readonly #platform: Platform
  readonly #clock: Clock
  readonly #waitForDiskMs: number
  readonly #paths: Pick<Paths, 'ensureDirectory' | 'findFailure' | 'readEntry'>
  readonly #notes: UseNotes

  constructor(options: {
    readonly platform: Platform
    readonly clock: Clock
    readonly waitForDiskMs?: number
    readonly paths: Pick<Paths, 'ensureDirectory' | 'findFailure' | 'readEntry'>
  }) {
    this.#platform = options.platform
    this.#clock = options.clock
    this.#waitForDiskMs = options.waitForDiskMs ?? WAIT_FOR_DISK_MS
    this.#paths = options.paths
    this.#notes = new UseNotes(options.paths, options.platform.stateDirectory)
  }

  /** The disk, which may still be on its way: device nodes follow an attachment by a moment. */
  async waitForDevice(
    object: string,
    slot: number,
    sizeBytes: number,
    signal?: AbortSignal,
  ): Promise<GuestDevice> {
    this.#checkLimits(object, slot, sizeBytes)
    const deadline = this.#clock.nowMs() + this.#waitForDiskMs
    for (let look = 0; ; look += 1) {
      const sighting = await this.#platform.findDevice(slot, sizeBytes, signal)
      if (sighting.kind === 'present') return checkSize(object, sighting.device, sizeBytes)
      if (this.#clock.nowMs() >= deadline) throw this.#missing(object)
      // The first look after the attachment is often too early; the operating system is asked only
      // when a second fails.
      if (look === 1 || sighting.kind === 'stale') {
        await this.#platform.discover(sighting.kind, signal)
      }
      await this.#clock.sleep(POLL_MS, signal)
    }
  }

  /** The disk, which was there before. */
  async presentDevice(
    object: string,
    slot: number,
    sizeBytes: number,
    signal?: AbortSignal,
  ): Promise<GuestDevice> {
    this.#checkLimits(object, slot, sizeBytes)
    const sighting = await this.#platform.findDevice(slot, sizeBytes, signal)
    if (sighting.kind !== 'present') throw this.#missing(object)
    return checkSize(object, sighting.device, sizeBytes)
  }

  /**
   * Mounts the device at the staging path, with a file system. Mounted there already is success; it
   * still grows.
   */
  async mount(
    object: string,
    device: GuestDevice,
    request: MountedRequest,
    signal?: AbortSignal,
  ): Promise<void> {
    checkMountOptions(object, request.format.mountOptions)
    const wanted = request.format.type
    if (wanted !== '' && !this.#platform.fileSystems.includes(wanted)) {
      throw new StorageError(
        'unsupported',
        `${object}: this guest cannot use ${wanted}, only ` +
          `${this.#platform.fileSystems.join(' and ')}`,
      )
    }
    const readonly = request.mode === 'ro' || request.format.mountOptions.includes('ro')
    const uses = await this.#platform.readUses(signal)
    let fresh = false
    let type = confirmStaged(object, uses, device, {
      path: request.stagingPath,
      type: wanted,
      readonly,
    })
    if (
      type !== undefined &&
      (await this.#removeFailed(object, uses, device, request.stagingPath, signal))
    ) {
      type = undefined
    }
    if (type === undefined) {
      const elsewhere = uses
        .of(device)
        .flatMap(use => (use.path === request.stagingPath ? [] : [use.path]))
      if (elsewhere.length > 0) {
        throw new StorageError(
          'failed-precondition',
          `${object}: ${device.blockPath} is mounted at ${elsewhere.join(', ')}; unmount it there`,
        )
      }
      const content = await this.#platform.readContent(device, signal)
      this.#refuseMark(object, device, content.mark, request)
      if (content.kind === 'filesystem') {
        type = expectType(object, device, content.type, wanted)
        if (!readonly) await this.#platform.check(device, type, signal)
      } else {
        type = wanted || (this.#platform.fileSystems[0] ?? '')
        fresh = true
        await this.#formatBlank(object, device, { content, uses, request, type }, signal)
      }
      // Before anybody can write to it: from here on its disk is never blank by itself.
      await this.#notes.noteUsed(request, signal)
      await this.#paths.ensureDirectory(request.stagingPath, signal)
      const options = request.format.mountOptions.filter(
        option => option !== 'ro' && option !== 'rw',
      )
      const how = {
        type,
        readonly,
        diskReadonly: (request.attached ?? request.mode) === 'ro',
        copy: !request.createdEmpty,
        options,
      }
      await this.#platform.mount(device, { path: request.stagingPath, ...how }, signal)
      const after = await this.#platform.readUses(signal)
      if (
        confirmStaged(object, after, device, { path: request.stagingPath, type, readonly }) ===
        undefined
      ) {
        throw new StorageError(
          'unavailable',
          `${object}: ${request.stagingPath} was mounted and is not in the mount table`,
        )
      }
    }
    if (readonly || fresh) return
    // A layout that somebody else made is used as it is: the data is there, and whoever asks for
    // growth is told.
    await this.#platform.widen(device, signal)
    try {
      await this.#platform.grow(device, { path: request.stagingPath, type }, signal)
    } catch (error) {
      // It is mounted, and its data can be used as it is; whoever asks for growth is told. What may
      // yet go on is not over.
      if (!isStorageError(error) || error.kind === 'unavailable') throw error
    }
  }

  /**
   * A mount outlives its disk: after an error, or when the disk was taken away and came back, it is
   * in the table and does not work. Unmounted, the file system can be repaired and mounted anew.
   * True when that was done.
   */
  async #removeFailed(
    object: string,
    uses: UseTable,
    device: GuestDevice,
    stagingPath: string,
    signal?: AbortSignal,
  ): Promise<boolean> {
    const failure =
      describeFailure(uses.at(stagingPath, device)) ??
      (await this.#paths.findFailure(stagingPath, signal))
    if (failure === undefined) return false
    const others = uses.of(device).flatMap(use => (use.path === stagingPath ? [] : [use.path]))
    if (others.length > 0) {
      throw new StorageError(
        'failed-precondition',
        `${object}: the file system at ${stagingPath} ${failure}; unpublish it at ` +
          `${others.join(', ')}, so that it can be unmounted and repaired`,
      )
    }
    await this.#platform.unmount(stagingPath, signal)
    const left = (await this.#platform.readUses(signal)).at(stagingPath)
    if (left) {
      throw new StorageError(
        'busy',
        `${object}: ${stagingPath} is still covered by ${left.source}; unmount it`,
      )
    }
    return true
  }

  async #formatBlank(
    object: string,
    device: GuestDevice,
    plan: {
      readonly content: Content
      readonly uses: UseTable
      readonly request: MountedRequest
      readonly type: string
    },
    signal?: AbortSignal,
  ): Promise<void> {
    const options = parseMkfsOptions(plan.request.format.mkfsOptions ?? '', plan.type)
    const refusal = reasonNotToFormat(plan.content, device, plan.request)
    if (refusal !== undefined) {
      throw new StorageError('failed-precondition', `${object}: ${refusal}`)
    }
    if (await this.#notes.isUsed(plan.request, signal)) {
      throw new StorageError(
        'failed-precondition',
        `${object}: ${describeContent(device, plan.content)}, but this guest has used the ` +
          `volume before, as it noted at ${this.#notes.pathOf(plan.request)}: its file system ` +
          'was lost, and it is not formatted; look at the disk by hand, restore a snapshot, or ' +
          `remove that note if nothing was on it`,
      )
    }
    await this.#refuseHeld(object, device, plan.uses, signal)
    if (plan.content.kind === 'unlabelled') {
      await this.#platform.label(device, plan.request.volumeId, signal)
      // Only now can the slice be read: the second reading that the label had kept away.
      const content = await this.#platform.readContent(device, signal)
      if (content.kind !== 'blank') {
        throw new StorageError(
          'failed-precondition',
          `${object}: ${describeContent(device, content)} after it was labelled; look at it by ` +
            `hand`,
        )
      }
    }
    await this.#platform.format(
      device,
      { type: plan.type, options, volumeId: plan.request.volumeId },
      signal,
    )
    const made = await this.#platform.readContent(device, signal)
    if (made.kind !== 'filesystem' || made.type !== plan.type) {
      throw new StorageError(
        'internal',
        `${object}: ${describeContent(device, made)} after it was formatted with ${plan.type}`,
      )
    }
  }

  async #refuseHeld(
    object: string,
    device: GuestDevice,
    uses: UseTable,
    signal?: AbortSignal,
  ): Promise<void> {
    const mounted = uses.of(device).map(use => use.path)
    const holders = [...mounted, ...(await this.#platform.listHolders(device, signal))]
    if (holders.length > 0) {
      throw new StorageError(
        'busy',
        `${object}: ${device.blockPath} is not written to while it is held by ` +
          `${holders.join(', ')}`,
      )
    }
  }

  /**
   * A raw volume is its user's own, and nothing of it is looked at but this: a whole disk without a
   * label cannot be opened at all on some guests, so one that could be formatted is given its
   * label. Any other stays as it is.
   */
  async prepareRaw(
    object: string,
    device: GuestDevice,
    request: WantedVolume & Pick<MountedRequest, 'sizeBytes' | 'grownTo' | 'written' | 'mode'>,
    signal?: AbortSignal,
  ): Promise<void> {
    await this.refuseStranger(object, device, request, signal)
    const format = { type: '', mountOptions: [] }
    if (reasonNotToFormat({ kind: 'unlabelled' }, device, { ...request, format }) !== undefined) {
      return
    }
    if (!(await this.#platform.isUnlabelled(device, signal))) return
    if (await this.#notes.isUsed(request, signal)) return
    await this.#refuseHeld(object, device, await this.#platform.readUses(signal), signal)
    await this.#platform.label(device, request.volumeId, signal)
    await this.#notes.noteUsed(request, signal)
  }

  /**
   * A disk that bears the mark of another volume is neither mounted, nor given to anybody, nor
   * written to.
   */
  async refuseStranger(
    object: string,
    device: GuestDevice,
    wanted: WantedVolume,
    signal?: AbortSignal,
  ): Promise<void> {
    this.#refuseMark(object, device, await this.#platform.readMark(device, signal), wanted)
  }

  #refuseMark(
    object: string,
    device: GuestDevice,
    mark: string | undefined,
    wanted: WantedVolume,
  ): void {
    // Without a mark of the driver's it was made before there were any, or by somebody else: then
    // number and size have to do.
    if (mark === undefined || !this.#platform.isDriverMark(mark)) return
    const own = [wanted.volumeId, ...(wanted.contentOf === undefined ? [] : [wanted.contentOf])]
    if (own.some(volumeId => this.#platform.markOf(volumeId) === mark)) return
    // A copy bears the mark of what it was made from; whose that is an earlier controller did not
    // tell.
    if (!wanted.createdEmpty && wanted.contentOf === undefined) return
    throw new StorageError(
      'failed-precondition',
      `${object}: ${device.blockPath} is the disk of another volume, as its mark ${mark} says ` +
        `(this one's is ${this.#platform.markOf(wanted.volumeId)}); the disk number has been ` +
        `given away: publish the volume again to learn its number of now`,
    )
  }

  #checkLimits(object: string, slot: number, sizeBytes: number): void {
    const { first, last } = this.#platform.slots
    if (slot < first || slot > last) {
      throw new StorageError(
        'out-of-range',
        `${object}: this guest can name disks ${first} to ${last} only`,
      )
    }
    const limit = this.#platform.maximumSizeBytes
    if (limit !== undefined && sizeBytes > limit) {
      throw new StorageError(
        'out-of-range',
        `${object}: ${sizeBytes} bytes; this guest would see a disk over ${limit} bytes wrongly ` +
          `and damage it`,
      )
    }
  }

  #missing(object: string): StorageError {
    return new StorageError(
      'unavailable',
      `${object}: the guest does not show the disk; see whether it is attached and its service ` +
        `domain is up`,
    )
  }
}

/**
 * Formatting destroys; so every witness must agree, and the message says which one did not and what
 * a person can do.
 */
export function reasonNotToFormat(
  content: Content,
  device: GuestDevice,
  request: Pick<
    MountedRequest,
    'createdEmpty' | 'written' | 'mode' | 'format' | 'sizeBytes' | 'grownTo'
  >,
): string | undefined {
  const state = describeContent(device, content)
  if (content.kind !== 'blank' && content.kind !== 'unlabelled') {
    return `${state}: the driver neither mounts nor overwrites that; look at it by hand`
  }
  if (!request.createdEmpty) {
    return (
      `${state}, but the volume was made from another one: it must hold data, so it is not ` +
      `formatted`
    )
  }
  if (request.written) {
    return (
      `${state}, but the storage side counts bytes on it: it is not formatted; make the ` +
      `file system by hand if it is empty`
    )
  }
  if (request.mode === 'ro') {
    return (
      `${state}, and it is attached read-only: attach it writable once, so that it gets a ` +
      `file system`
    )
  }
  if (request.format.mountOptions.includes('ro')) {
    return `${state}, and mounted read-only: mount it writable once, so that it gets a file system`
  }
  if (device.sizeBytes !== request.sizeBytes && device.sizeBytes !== request.grownTo) {
    return (
      `${state}, but has ${device.sizeBytes} bytes and not ` +
      `${request.grownTo ?? request.sizeBytes}: it may be another disk, so it is not formatted; ` +
      'where the volume has grown since it was attached, detach and attach it (in Kubernetes: ' +
      `delete the pods that use it)`
    )
  }
  return undefined
}

function describeContent(device: GuestDevice, content: Content): string {
  switch (content.kind) {
    case 'blank':
      return `${device.blockPath} is blank`
    case 'unlabelled':
      return `${device.blockPath} has no label`
    case 'filesystem':
      return `${device.blockPath} holds a file system ${content.type}`
    case 'other':
      return `${device.blockPath} holds ${content.description}`
  }
}

function checkSize(object: string, device: GuestDevice, sizeBytes: number): GuestDevice {
  if (device.sizeBytes >= sizeBytes) return device
  throw new StorageError(
    'failed-precondition',
    `${object}: ${device.blockPath} has ${device.sizeBytes} bytes, the volume ${sizeBytes}: it ` +
      `may be another disk, or one that the guest must look at anew; detach and attach the volume`,
  )
}

function expectType(object: string, device: GuestDevice, found: string, wanted: string): string {
  if (wanted === '' || wanted === found) return found
  throw new StorageError(
    'failed-precondition',
    `${object}: ${device.blockPath} holds ${found}, not ${wanted}; ask for ${found}`,
  )
}

/**
 * The type that is mounted at the path, if it is this device in the wanted way; undefined when
 * nothing is there.
 */
function confirmStaged(
  object: string,
  uses: UseTable,
  device: GuestDevice,
  wanted: { readonly path: string; readonly type: string; readonly readonly: boolean },
): string | undefined {
  const there = uses.at(wanted.path, device)
  if (!there) return undefined
  if (there.kind !== 'filesystem' || there.identity !== device.identity) {
    throw new StorageError(
      'already-exists',
      `${object}: ${wanted.path} is taken by ${there.source} (${there.type})`,
    )
  }
  if (wanted.type !== '' && there.type !== wanted.type) {
    throw new StorageError(
      'already-exists',
      `${object}: staged at ${wanted.path} with ${there.type}, not ${wanted.type}`,
    )
  }
  if (there.readonly !== wanted.readonly) {
    const how = there.readonly ? 'read-only' : 'writable'
    throw new StorageError(
      'already-exists',
      `${object}: staged at ${wanted.path} ${how}; unstage it before staging it otherwise`,
    )
  }
  return there.type
}
