// Storage in memory: a second, small implementation of the promises that the Controller service relies on.

import type { AttachmentStore, VolumeStore } from '../../src/csi/controller.ts'
import { StorageError } from '../../src/errors.ts'
import { type Attachment, type AttachRequest, GiB, type GuestId, type Volume, type VolumeSpec } from '../../src/storage/model.ts'
import { findVolumeId, formatGuestId, formatVolumeId, preferredSlot, volumeLeaf } from '../../src/storage/names.ts'

const POOL = 'silver'
const DEFAULTS = { blockSizeBytes: 8192, compression: 'off', reservation: 'thick', export: 'slice', vdiskTimeoutSeconds: 0 } as const
const TOTAL = 1000 * GiB

export class MemoryStorage implements VolumeStore, AttachmentStore {
  readonly machine: string
  readonly guests: readonly string[]
  readonly #volumes = new Map<string, Volume>()
  readonly #attachments = new Map<string, Attachment>()

  constructor(options: { readonly machine: string; readonly guests: readonly string[] }) {
    this.machine = options.machine
    this.guests = options.guests
  }

  async ensureVolume(spec: VolumeSpec): Promise<Volume> {
    const leaf = volumeLeaf('test', POOL, spec.name)
    const id = formatVolumeId(POOL, leaf)
    const { requiredBytes, limitBytes } = spec.size
    const { format, source, name } = spec
    const sizeBytes = requiredBytes || Math.min(limitBytes || GiB, GiB)
    const wanted: Volume = {
      ...{ id, name, pool: POOL, leaf, format, source, referencedBytes: 0 },
      ...{ sizeBytes, createdSizeBytes: sizeBytes, reservedBytes: sizeBytes, origin: undefined },
      parameters: { ...DEFAULTS, ...spec.parameters },
      machines: [this.machine],
    }
    if (spec.machines.requisite.length > 0 && !spec.machines.requisite.includes(this.machine)) {
      throw new StorageError('no-space', `pool ${POOL} is not reachable from ${spec.machines.requisite.join()}`)
    }
    const existing = this.#volumes.get(id)
    if (existing === undefined) {
      this.#volumes.set(id, wanted)
      return wanted
    }
    const fits = existing.sizeBytes >= requiredBytes && (limitBytes === 0 || existing.sizeBytes <= limitBytes)
    if (!fits) throw new StorageError('already-exists', `volume ${name} exists with size ${existing.sizeBytes}`)
    for (const field of ['format', 'parameters', 'source'] as const) {
      if (JSON.stringify(existing[field]) !== JSON.stringify(wanted[field])) {
        throw new StorageError('already-exists', `volume ${name} exists with another ${field}`)
      }
    }
    return existing
  }

  async deleteVolume(id: string): Promise<void> {
    const attachment = this.#attachments.get(id)
    if (attachment) throw new StorageError('in-use', `volume ${id} is attached to ${formatGuestId(attachment.guest)}`)
    this.#volumes.delete(id)
  }

  async getVolume(id: string): Promise<Volume> {
    const volume = this.#volumes.get(id)
    if (volume === undefined) throw new StorageError('not-found', `volume ${id} does not exist`)
    return volume
  }

  async capacity(query: Parameters<VolumeStore['capacity']>[0]) {
    if (query.machine !== undefined && query.machine !== this.machine) return { availableBytes: 0, maximumVolumeBytes: 0 }
    const used = [...this.#volumes.values()].reduce((sum, volume) => sum + volume.sizeBytes, 0)
    return { availableBytes: TOTAL - used, maximumVolumeBytes: query.parameters.reservation === 'thin' ? undefined : TOTAL - used }
  }

  async attach(request: AttachRequest): Promise<Attachment> {
    const { volumeId, guest, mode } = request
    const volume = await this.getVolume(volumeId)
    const known = guest.machine === this.machine && this.guests.includes(guest.guest)
    if (!known) throw new StorageError('not-found', `guest ${formatGuestId(guest)} does not exist`)
    const existing = this.#attachments.get(volumeId)
    if (existing && formatGuestId(existing.guest) !== formatGuestId(guest)) {
      throw new StorageError('in-use', `volume ${volumeId} is attached to guest ${formatGuestId(existing.guest)}`)
    }
    if (existing && existing.mode !== mode) throw new StorageError('already-exists', `volume ${volumeId} is attached ${existing.mode}`)
    const slot = preferredSlot(volume.leaf, { first: 100, count: 601 })
    const attachment = existing ?? { volumeId, guest, mode, slot, lun: undefined, sizeBytes: volume.sizeBytes, written: false }
    this.#attachments.set(volumeId, attachment)
    return attachment
  }

  async detach(volumeId: string, guest: GuestId | undefined): Promise<void> {
    const existing = this.#attachments.get(volumeId)
    if (existing && (guest === undefined || formatGuestId(guest) === formatGuestId(existing.guest))) this.#attachments.delete(volumeId)
  }

  async listPublished() {
    return [...this.#volumes.values()].map(volume => ({ volume, publishedTo: this.#guestsOf(volume.id) }))
  }

  async publishedTo(volume: Volume) {
    return this.#guestsOf(volume.id)
  }

  #guestsOf(volumeId: string): readonly GuestId[] {
    if (findVolumeId(volumeId) === undefined) throw new Error(`${volumeId} is not a volume id`)
    const attachment = this.#attachments.get(volumeId)
    return attachment ? [attachment.guest] : []
  }
}
