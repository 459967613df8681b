// What the node plugin promises about a volume in its guest, whatever the guest's operating system:
// staged, published, measured, taken away again. It keeps nothing in memory: the mount table, the
// device and its notes in the guest are read anew in every call. A call is about a volume, not
// about a path: what is found at a path is touched only when it is that volume's. It must never
// format a device that is not proved blank, and never let a device go that somebody still uses.

import type { Clock } from '../clock.ts'
import { StorageError } from '../errors.ts'
import type { Host } from '../shell/host.ts'
import { BlockRecords } from './block-records.ts'
import { DiskSearch } from './disk-search.ts'
import { Formatting } from './formatting.ts'
import { Growth } from './growth.ts'
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
  /** How long a disk may take to appear; 30 s unless told. */
  readonly waitForDiskMs?: number
}

export class GuestVolumes {
  readonly #staging: Staging
  readonly #publication: Publication
  readonly #growth: Growth
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
  }

  /**
   * Finds the disk, proves it, gives it a file system if it may, and mounts it. Staged already is
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

  /** Unmounts, and proves that the guest has let the disk go. Not staged is success. */
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
   * Makes the staged volume appear at the target. Published there already with the same arguments
   * is success.
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
   * Takes away what of the volume is at the target. What is another's stays; absence, in every
   * part, is success.
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

  /** Space of a staged or published path. */
  statistics(
    request: PathRequest,
    signal?: AbortSignal,
  ): Promise<{ bytes: Amounts; inodes: Amounts | undefined }> {
    return about(nameVolume(request.volumeId), () => this.#growth.statistics(request, signal))
  }

  /**
   * Grows the file system at the path to its device, as far as this guest sees the device grown.
   */
  expand(
    request: PathRequest & { readonly sizeBytes: number },
    signal?: AbortSignal,
  ): Promise<{ sizeBytes: number }> {
    const { volumeId } = request
    return this.#exclusively(volumeId, () =>
      about(nameVolume(volumeId), () => this.#growth.expand(request, signal)),
    )
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
