// Publishes a staged volume at a target, and unpublishes it. It expects that no other request works
// on the volume.

import { posix } from 'node:path'
import { isStorageError } from '../errors.ts'
import type { Host } from '../shell/host.ts'
import type { BlockRecords } from './block-records.ts'
import type { DiskSearch } from './disk-search.ts'
import { refuseFailed, unmountWhole } from './mounts.ts'
import type { Paths } from './paths.ts'
import { isOfVolume, type Places } from './places.ts'
import type { GuestDevice, Platform, UseTable } from './platform.ts'
import { Refusal } from './refusal.ts'
import type { PublishRequest, UnpublishRequest } from './requests.ts'
import { resolveSpelling } from './spelling.ts'
import { digestOptions, type NotesRead, type VolumeNotes } from './volume-notes.ts'

export interface PublicationOptions {
  readonly platform: Platform
  readonly host: Host
  readonly disks: DiskSearch
  readonly paths: Paths
  readonly notes: VolumeNotes
  readonly records: BlockRecords
  readonly places: Places
}

export class Publication {
  readonly #platform: Platform
  readonly #host: Host
  readonly #disks: DiskSearch
  readonly #paths: Paths
  readonly #notes: VolumeNotes
  readonly #records: BlockRecords
  readonly #places: Places

  constructor(options: PublicationOptions) {
    this.#platform = options.platform
    this.#host = options.host
    this.#disks = options.disks
    this.#paths = options.paths
    this.#notes = options.notes
    this.#records = options.records
    this.#places = options.places
  }

  async publish(request: PublishRequest, signal?: AbortSignal): Promise<void> {
    const device = await this.#disks.find(request, signal)
    const stagingPath = await resolveSpelling(this.#platform.mounts, request.stagingPath, signal)
    const targetPath = await resolveSpelling(this.#platform.mounts, request.targetPath, signal)
    const names = [...this.#platform.disks.namesOf(device.blockPath), targetPath, request.volumeId]
    await this.#host.settled(names, signal)
    const placed = { ...request, stagingPath, targetPath }
    if (request.format.kind === 'block') await this.#publishDevice(device, placed, signal)
    else await this.#publishFileSystem(device, placed, signal)
  }

  /** Removes the volume from the target. Absence of any part is success. */
  async unpublish(request: UnpublishRequest, signal?: AbortSignal): Promise<void> {
    const { volumeId } = request
    const path = await resolveSpelling(this.#platform.mounts, request.targetPath, signal)
    await this.#host.settled([path, volumeId], signal)
    const notes = await this.#notes.read(signal)
    const uses = await this.#platform.mounts.readUses(signal)
    const mounted = uses.at(path)
    const note = notes.targetOf(volumeId, path)
    let isOurs = note !== undefined
    if (mounted) {
      const found = this.#places.describe(mounted, volumeId, notes)
      isOurs = isOfVolume(volumeId, { ...found, path }, notes)
      if (isOurs) await this.#unmount(path, { notes, uses }, signal)
    } else {
      const source = await this.#platform.mounts.readDeviceAt(path, signal)
      // A link that the driver created may lead to a disk that belongs to another volume by now. It
      // is still the driver's link.
      isOurs ||=
        source !== undefined &&
        isOfVolume(volumeId, { path, source, slot: this.#platform.disks.slotOf(source) }, notes)
    }
    if (isOurs && note !== 'kept') await this.#paths.removeIfUnused(path, signal)
    await this.#notes.forgetTarget(notes, { volumeId, path }, signal)
  }

  /** Names what is mounted below the path: repeating the call does not help until that is gone. */
  async #unmount(
    path: string,
    { notes, uses }: { readonly notes: NotesRead; readonly uses: UseTable },
    signal?: AbortSignal,
  ): Promise<void> {
    try {
      await unmountWhole(this.#platform.mounts, path, signal)
    } catch (error) {
      const inner = uses.inside(path).map(each => {
        const owner = notes.targetOwner(each)
        return owner === undefined ? each : `${each} (volume ${owner})`
      })
      if (!isStorageError(error, 'busy') || inner.length === 0) throw error
      throw new Refusal(
        'failed-precondition',
        `${path} cannot be unmounted while ${inner.join(', ')} is mounted below it; ` +
          'unmount the inner one first',
      )
    }
  }

  async #publishFileSystem(
    device: GuestDevice,
    request: PublishRequest,
    signal?: AbortSignal,
  ): Promise<void> {
    const { stagingPath, targetPath } = request
    const uses = await this.#platform.mounts.readUses(signal)
    const staged = uses.at(stagingPath, device)
    if (staged?.kind !== 'filesystem' || staged.identity !== device.identity) {
      throw notStaged(stagingPath)
    }
    // A volume that is staged read-only can only be published read-only.
    const options = request.format.kind === 'filesystem' ? request.format.mountOptions : []
    const readonly = request.readonly || staged.readonly || options.includes('ro')
    await refuseFailed(this.#paths, { mounted: staged, path: stagingPath }, signal)
    const notes = await this.#notes.read(signal)
    refuseOtherOptions(options, request.volumeId, notes)
    const wanted: Placement = { kind: 'filesystem', targetPath, readonly }
    if (confirmPublished(uses, device, wanted)) return
    const others = uses
      .of(device)
      .filter(use => use.kind === 'filesystem' && use.path !== stagingPath)
    if (request.exclusive) refuseSecondTarget(others.map(use => use.path))
    await this.#prepareTarget(request, { notes, uses }, signal)
    await this.#paths.ensureDirectory(targetPath, signal)
    await this.#platform.mounts.bindFileSystem(
      { source: stagingPath, target: targetPath, readonly },
      signal,
    )
    if (confirmPublished(await this.#platform.mounts.readUses(signal), device, wanted)) return
    throw new Refusal(
      'unavailable',
      `${targetPath} was mounted but is not in the mount table; try again`,
    )
  }

  /**
   * Records the target before creating anything there. A mount would hide files that are already
   * there, and they are in the way later.
   */
  async #prepareTarget(
    { volumeId, targetPath }: PublishRequest,
    { notes, uses }: { readonly notes: NotesRead; readonly uses: UseTable },
    signal?: AbortSignal,
  ): Promise<void> {
    const entry = await this.#paths.readEntry(targetPath, signal)
    const inside =
      entry.kind === 'directory' ? await this.#paths.findEntry(targetPath, signal) : undefined
    if (inside !== undefined) {
      const mounted = uses.inside(targetPath)
      const [what, wayOut] =
        mounted.length === 0
          ? [`: it holds ${inside}`, 'move away what is there (remove an empty directory)']
          : [`: ${mounted.join(', ')} is mounted inside it`, 'mount the outer one first']
      throw new Refusal(
        'failed-precondition',
        `${targetPath} is not empty${what}; ${wayOut}, or mount elsewhere`,
      )
    }
    if (notes.targetOf(volumeId, targetPath) !== undefined) return
    const note = entry.kind === 'absent' ? 'made' : 'kept'
    await this.#notes.noteTarget({ volumeId, path: targetPath, note }, signal)
  }

  async #publishDevice(
    device: GuestDevice,
    request: PublishRequest,
    signal?: AbortSignal,
  ): Promise<void> {
    const { stagingPath, targetPath, readonly } = request
    // Neither a read-only bind nor a link protects the bytes of a device from writes.
    if (readonly && request.mode === 'rw') {
      throw new Refusal(
        'failed-precondition',
        'a raw volume that is attached writable cannot be published read-only; ' +
          'attach it read-only',
      )
    }
    if ((await this.#records.readDevice(stagingPath, signal)) !== device.blockPath) {
      throw notStaged(stagingPath)
    }
    if (request.exclusive) {
      const others = await this.#records.liveTargets(stagingPath, device, signal)
      refuseSecondTarget(others.filter(path => path !== targetPath))
    }
    const uses = await this.#platform.mounts.readUses(signal)
    if (confirmPublished(uses, device, { kind: 'device', targetPath, readonly })) return
    const linked = await this.#platform.mounts.readDeviceAt(targetPath, signal)
    if (linked === device.blockPath) return
    if (linked !== undefined) {
      throw new Refusal(
        'already-exists',
        `${targetPath} already leads to another device, ${linked}; unpublish that first`,
      )
    }
    await this.#prepareTarget(request, { notes: await this.#notes.read(signal), uses }, signal)
    await this.#records.addTarget(stagingPath, targetPath, signal)
    // The orchestrator creates the parent directory if it runs in the guest. If the plugin works
    // over ssh, nobody else can.
    await this.#paths.ensureDirectory(posix.dirname(targetPath), signal)
    await this.#platform.mounts.bindDevice({ device, target: targetPath, readonly }, signal)
  }
}

interface Placement {
  readonly kind: 'filesystem' | 'device'
  readonly targetPath: string
  readonly readonly: boolean
}

/**
 * True if the target shows this device in the wanted way, false if nothing is mounted there.
 * Anything else is rejected.
 */
function confirmPublished(uses: UseTable, device: GuestDevice, wanted: Placement): boolean {
  const there = uses.at(wanted.targetPath, device)
  if (!there) return false
  if (there.kind !== wanted.kind || there.identity !== device.identity) {
    throw new Refusal(
      'already-exists',
      `${wanted.targetPath} is in use: ${there.source} (${there.type}) is mounted there`,
    )
  }
  if (there.readonly !== wanted.readonly) {
    throw new Refusal(
      'already-exists',
      `already published at ${wanted.targetPath} ` +
        `${there.readonly ? 'read-only' : 'writable'}; unpublish it first`,
    )
  }
  return true
}

/**
 * A directory that is mounted a second time keeps the options of the first mount. No options asked
 * for means "as staged".
 */
function refuseOtherOptions(options: readonly string[], volumeId: string, notes: NotesRead): void {
  const asked = digestOptions(options)
  const inEffect = notes.stagedOf(volumeId)?.options
  if (asked !== '-' && inEffect !== undefined && asked !== inEffect) {
    throw new Refusal(
      'failed-precondition',
      'the volume is staged with other mount options; unstage it and stage it with these',
    )
  }
}

function refuseSecondTarget(others: readonly string[]): void {
  if (others.length === 0) return
  throw new Refusal(
    'failed-precondition',
    `already published at ${others.join(', ')}, and its access mode allows only one target; ` +
      'unpublish it there',
  )
}

function notStaged(stagingPath: string): Refusal {
  return new Refusal('failed-precondition', `not staged at ${stagingPath}; stage it first`)
}
