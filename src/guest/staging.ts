// Staging: from a disk number to a mounted file system, or to a record of a raw disk. Unstaging:
// back again, until nothing holds the disk. It expects that no other request works on the volume.

import type { Host } from '../shell/host.ts'
import type { BlockRecords } from './block-records.ts'
import type { DiskSearch } from './disk-search.ts'
import type { Formatting } from './formatting.ts'
import type { Marks } from './marks.ts'
import type { Mounting } from './mounting.ts'
import { pathsBesides, refuseWhileHeld, refuseWhileUsed, unmountWhole } from './mounts.ts'
import { isOfVolume } from './places.ts'
import type { DeviceAddress, GuestDevice, Platform } from './platform.ts'
import { Refusal } from './refusal.ts'
import type { StageRequest, UnstageRequest } from './requests.ts'
import { resolveSpelling } from './spelling.ts'
import { digestOptions, type NotesRead, type VolumeNotes } from './volume-notes.ts'

export interface StagingOptions {
  readonly platform: Platform
  readonly host: Host
  readonly disks: DiskSearch
  readonly marks: Marks
  readonly formatting: Formatting
  readonly mounting: Mounting
  readonly notes: VolumeNotes
  readonly records: BlockRecords
}

export class Staging {
  readonly #platform: Platform
  readonly #host: Host
  readonly #disks: DiskSearch
  readonly #marks: Marks
  readonly #formatting: Formatting
  readonly #mounting: Mounting
  readonly #notes: VolumeNotes
  readonly #records: BlockRecords

  constructor(options: StagingOptions) {
    this.#platform = options.platform
    this.#host = options.host
    this.#disks = options.disks
    this.#marks = options.marks
    this.#formatting = options.formatting
    this.#mounting = options.mounting
    this.#notes = options.notes
    this.#records = options.records
  }

  async stage(request: StageRequest, signal?: AbortSignal): Promise<void> {
    const device = await this.#disks.wait(request, signal)
    const stagingPath = await resolveSpelling(this.#platform.mounts, request.stagingPath, signal)
    const names = [...this.#platform.disks.namesOf(device.blockPath), stagingPath, request.volumeId]
    await this.#host.settled(names, signal)
    await this.#noteStaged(device, { ...request, stagingPath }, signal)
    const { format } = request
    if (format.kind === 'block') {
      await this.#formatting.prepareRaw(device, request, signal)
      return this.#records.stage(device, stagingPath, signal)
    }
    await this.#mounting.mount(device, { ...request, format, stagingPath }, signal)
  }

  /**
   * The storage side says that this is the volume's disk. An older note of another volume is
   * therefore wrong, unless the guest still uses the disk.
   */
  async #noteStaged(
    device: GuestDevice,
    request: StageRequest,
    signal?: AbortSignal,
  ): Promise<void> {
    const { volumeId, stagingPath, format } = request
    const { blockPath } = device
    const options = format.kind === 'block' ? '-' : digestOptions(format.mountOptions)
    const notes = await this.#notes.read(signal)
    const owner = notes.ownerOf(blockPath)
    if (owner !== undefined && owner !== volumeId) {
      const places = pathsBesides(await this.#platform.mounts.readUses(signal), device)
      if (places.length > 0) {
        throw new Refusal(
          'failed-precondition',
          `${blockPath} was staged for volume ${owner} and is still mounted at ` +
            `${places.join(', ')}; unmount it there`,
        )
      }
      // The note shows where the other volume was published. An outdated disk number must not
      // remove it, so check the mark first.
      await this.#marks.refuseStranger(device, request, signal)
    }
    const noted = notes.stagedOf(volumeId)
    if (noted?.blockPath === blockPath && noted.options !== options) {
      const there = (await this.#platform.mounts.readUses(signal)).at(stagingPath, device)
      if (there?.identity === device.identity) {
        throw new Refusal(
          'already-exists',
          `already staged at ${stagingPath} with other mount options; unstage it first`,
        )
      }
    }
    await this.#notes.noteStaged(notes, { volumeId, blockPath, options }, signal)
  }

  /**
   * Unmounts, and checks that nothing holds the device: not every guest vetoes the removal of a
   * disk in use.
   */
  async unstage(request: UnstageRequest, signal?: AbortSignal): Promise<void> {
    const { volumeId } = request
    const stagingPath = await resolveSpelling(this.#platform.mounts, request.stagingPath, signal)
    await this.#host.settled([stagingPath, volumeId], signal)
    let notes = await this.#notes.read(signal)
    const uses = await this.#platform.mounts.readUses(signal)
    const mounted = uses.at(stagingPath)
    if (mounted && isOfVolume(volumeId, { ...mounted, path: stagingPath }, notes)) {
      const { identity, source: blockPath } = mounted
      await this.#host.settled(this.#platform.disks.namesOf(blockPath), signal)
      const device = { identity, blockPath }
      refuseWhileUsed(blockPath, pathsBesides(uses, device, stagingPath))
      // Record the disk before unmounting. A repeated call could otherwise not know which disk must
      // be free.
      if (!notes.stagedOf(volumeId)) {
        await this.#notes.noteStaged(notes, { volumeId, blockPath, options: '-' }, signal)
        notes = await this.#notes.read(signal)
      }
      await unmountWhole(this.#platform.mounts, stagingPath, signal)
      await this.#proveReleased(device, signal)
    } else if (mounted === undefined) {
      await this.#records.unstage({ volumeId, stagingPath, notes }, signal)
    }
    await this.#proveNotedReleased(volumeId, notes, signal)
    await this.#notes.forgetStaged(notes, volumeId, signal)
  }

  /** Checks the disk that was recorded at staging, whatever path it was staged at. */
  async #proveNotedReleased(
    volumeId: string,
    notes: NotesRead,
    signal?: AbortSignal,
  ): Promise<void> {
    const blockPath = notes.stagedOf(volumeId)?.blockPath
    if (blockPath === undefined) return
    const identity = await this.#platform.disks.identify(blockPath, signal)
    if (identity === undefined) return
    const device = { identity, blockPath }
    refuseWhileUsed(
      blockPath,
      await this.#records.showing(notes.targetsOf(volumeId), device, signal),
    )
    await this.#proveReleased(device, signal)
  }

  async #proveReleased(device: DeviceAddress, signal?: AbortSignal): Promise<void> {
    const uses = await this.#platform.mounts.readUses(signal)
    refuseWhileUsed(device.blockPath, pathsBesides(uses, device))
    await refuseWhileHeld(this.#platform.disks, device, signal)
  }
}
