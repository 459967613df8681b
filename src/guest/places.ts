// Decides whether what is found at a path of the guest belongs to a volume, and finds where a
// volume is. A call is about a volume, not about a path: what belongs to another volume stays
// untouched.

import { posix } from 'node:path'
import type { BlockRecords } from './block-records.ts'
import type { Platform, Use } from './platform.ts'
import { Refusal } from './refusal.ts'
import type { PathRequest } from './requests.ts'
import { isPlain, resolveSpelling } from './spelling.ts'
import type { NotesRead, VolumeNotes } from './volume-notes.ts'

// Smaller disk numbers belong to administrators. A mount from such a disk is not a volume unless a
// note says so.
const FIRST_DRIVER_SLOT = 100

export interface Found {
  readonly path: string
  readonly source: string
  readonly slot: number | undefined
}

/**
 * Whether what was found at a path belongs to the volume. Its note decides. Without a note it
 * belongs to the volume if it can be no other's.
 */
export function isOfVolume(volumeId: string, found: Found, notes: NotesRead): boolean {
  const owner = notes.ownerOf(found.source)
  if (owner === volumeId) return true
  if (found.slot === undefined) return false
  const isAnothersTarget = notes.isTargetOfAnother(volumeId, found.path)
  // By now the published path may lead to a disk whose number belongs to another volume.
  if (notes.targetOf(volumeId, found.path) !== undefined && !isAnothersTarget) return true
  if (owner !== undefined || isAnothersTarget || notes.stagedOf(volumeId) !== undefined) {
    return false
  }
  return found.slot >= FIRST_DRIVER_SLOT
}

/**
 * A place where the volume is found. `mount` is the file system's own mount, the first in the
 * table; other mounts show it elsewhere.
 */
export interface Place {
  readonly path: string
  readonly blockPath: string
  readonly mount: Use | undefined
}

export interface PlacesOptions {
  readonly platform: Platform
  readonly notes: VolumeNotes
  readonly records: BlockRecords
}

export class Places {
  readonly #platform: Platform
  readonly #notes: VolumeNotes
  readonly #records: BlockRecords

  constructor({ platform, notes, records }: PlacesOptions) {
    this.#platform = platform
    this.#notes = notes
    this.#records = records
  }

  /** What belongs to the volume at the path; throws `not-found` if nothing does. */
  async find({ volumeId, path: asked }: PathRequest, signal?: AbortSignal): Promise<Place> {
    const missing = () =>
      new Refusal('not-found', `the volume is neither staged nor published at ${asked}`)
    // The guest's own system is mounted at the root, never a volume.
    if (!isPlain(asked) || posix.normalize(asked) === '/') throw missing()
    const path = await resolveSpelling(this.#platform.mounts, asked, signal)
    const notes = await this.#notes.read(signal)
    const uses = await this.#platform.mounts.readUses(signal)
    const mounted = uses.at(path)
    // The source of a bound device node is the file system that holds the node, not the disk.
    if (mounted?.kind === 'filesystem') {
      if (!isOfVolume(volumeId, { ...mounted, path }, notes)) throw missing()
      const all = uses.of({ identity: mounted.identity, blockPath: mounted.source })
      return {
        path,
        blockPath: mounted.source,
        mount: all.find(use => use.kind === 'filesystem') ?? mounted,
      }
    }
    const blockPath =
      (await this.#platform.mounts.readDeviceAt(path, signal)) ??
      (await this.#records.readDevice(path, signal))
    if (blockPath === undefined) throw missing()
    const found = mounted
      ? this.describe(mounted, volumeId, notes)
      : { source: blockPath, slot: this.#platform.disks.slotOf(blockPath) }
    if (!isOfVolume(volumeId, { ...found, path }, notes)) throw missing()
    return { path, blockPath, mount: undefined }
  }

  /**
   * A mount with the disk that the notes name. For a bound device node the table has only the
   * node's name; the disk is found by it.
   */
  describe(use: Use, volumeId: string, notes: NotesRead): Found {
    const noted = notes.stagedOf(volumeId)?.blockPath
    const isNode = use.slot !== undefined && this.#platform.disks.slotOf(use.source) === undefined
    if (!isNode) return use
    const sameSlot = [noted, ...notes.disks()].find(
      at => at !== undefined && this.#platform.disks.slotOf(at) === use.slot,
    )
    return { path: use.path, source: sameSlot ?? use.source, slot: use.slot }
  }
}
