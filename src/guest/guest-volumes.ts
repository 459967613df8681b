// What the node plugin guarantees about a volume in its guest, on any operating system: stage,
// publish, measure, expand and the way back. It keeps no state of volumes in memory. Every call
// reads the mount table, the device and the driver's records in the guest again. A call is about a
// volume, not about a path: it touches what it finds at a path only if that belongs to the volume.
// It never formats a device that is not proved blank. It never releases a device that somebody
// still uses.

import type { Clock } from '../clock.ts'
import { StorageError } from '../errors.ts'
import type { Host } from '../shell/host.ts'
import { BlockRecords } from './block-records.ts'
import { DiskSearch } from './disk-search.ts'
import { Formatting } from './formatting.ts'
import { Growth } from './growth.ts'
import { Look, type SeenVolume } from './look.ts'
import { Marks } from './marks.ts'
import { Mounting } from './mounting.ts'
import { Paths } from './paths.ts'
import { Places } from './places.ts'
import type { Amounts, Platform } from './platform.ts'
import { Publication } from './publication.ts'
import { about, nameDisk, nameVolume } from './refusal.ts'
import type {
  PathRequest,
  PublishRequest,
  StageRequest,
  UnpublishRequest,
  UnstageRequest,
} from './requests.ts'
import { checkPath } from './spelling.ts'
import { Staging } from './staging.ts'
import { UseNotes } from './use-notes.ts'
import { VolumeNotes } from './volume-notes.ts'

export interface GuestVolumesOptions {
  readonly platform: Platform
  readonly host: Host
  readonly clock: Clock
  /** How long a disk may take to appear; default 30 s. */
  readonly waitForDiskMs?: number
}

export class GuestVolumes {
  readonly #staging: Staging
  readonly #publication: Publication
  readonly #growth: Growth
  readonly #look: Look
  readonly #busy = new Set<string>()

  constructor(options: GuestVolumesOptions) {
    const { platform, host } = options
    const paths = new Paths(host.shell)
    const records = new BlockRecords(paths, platform)
    const notes = new VolumeNotes(paths, platform.stateDirectory)
    const places = new Places({ platform, notes, records })
    const disks = new DiskSearch({ ...options, disks: platform.disks })
    const marks = new Marks(platform.contents)
    const used = new UseNotes(paths, platform.stateDirectory)
    const formatting = new Formatting({ platform, marks, notes: used })
    const mounting = new Mounting({ platform, paths, notes: used, marks, formatting })
    this.#staging = new Staging({
      platform,
      host,
      disks,
      marks,
      formatting,
      mounting,
      notes,
      records,
    })
    this.#publication = new Publication({ platform, host, disks, paths, notes, records, places })
    this.#growth = new Growth({ platform, host, paths, places })
    this.#look = new Look({ platform, paths, notes })
  }

  /**
   * Finds and verifies the disk, formats it if that is allowed, and mounts it. Already staged is
   * success.
   */
  stage(request: StageRequest, signal?: AbortSignal): Promise<void> {
    const { volumeId, slot, stagingPath } = request
    return this.#exclusively(volumeId, () =>
      about(nameDisk(volumeId, slot), async () => {
        checkPath(stagingPath)
        await this.#staging.stage(request, signal)
      }),
    )
  }

  /** Unmounts and verifies that nothing in the guest holds the disk. Not staged is success. */
  unstage(request: UnstageRequest, signal?: AbortSignal): Promise<void> {
    const { volumeId, stagingPath } = request
    return this.#exclusively(volumeId, () =>
      about(nameVolume(volumeId), async () => {
        checkPath(stagingPath)
        await this.#staging.unstage(request, signal)
      }),
    )
  }

  /**
   * Publishes the staged volume at the target. Already published there with the same arguments is
   * success.
   */
  publish(request: PublishRequest, signal?: AbortSignal): Promise<void> {
    const { volumeId, slot, stagingPath, targetPath } = request
    return this.#exclusively(volumeId, () =>
      about(nameDisk(volumeId, slot), async () => {
        checkPath(stagingPath)
        checkPath(targetPath)
        await this.#publication.publish(request, signal)
      }),
    )
  }

  /**
   * Removes the volume from the target. It leaves alone what belongs to another volume. Absence of
   * any part is success.
   */
  unpublish(request: UnpublishRequest, signal?: AbortSignal): Promise<void> {
    const { volumeId, targetPath } = request
    return this.#exclusively(volumeId, () =>
      about(nameVolume(volumeId), async () => {
        checkPath(targetPath)
        await this.#publication.unpublish(request, signal)
      }),
    )
  }

  statistics(
    request: PathRequest,
    signal?: AbortSignal,
  ): Promise<{ bytes: Amounts; inodes: Amounts | undefined }> {
    return about(nameVolume(request.volumeId), () => this.#growth.statistics(request, signal))
  }

  /**
   * Every volume that was staged or published here and not taken away since, sorted. Requests may
   * work meanwhile: what they change is seen as it was at some moment.
   */
  look(signal?: AbortSignal): Promise<readonly SeenVolume[]> {
    return this.#look.look(signal)
  }

  /** Grows the file system at the path to the device size that this guest sees. */
  expand(
    request: PathRequest & { readonly sizeBytes: number },
    signal?: AbortSignal,
  ): Promise<{ sizeBytes: number }> {
    const { volumeId } = request
    return this.#exclusively(volumeId, () =>
      about(nameVolume(volumeId), () => this.#growth.expand(request, signal)),
    )
  }

  /**
   * One request per volume at a time: of two that interleave, each could see the other half done.
   */
  async #exclusively<T>(volumeId: string, work: () => Promise<T>): Promise<T> {
    if (this.#busy.has(volumeId)) {
      throw new StorageError(
        'busy',
        `volume ${volumeId}: another request for it is in progress in this guest; try again`,
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
