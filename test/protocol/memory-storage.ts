// Storage in memory: a second, small implementation of the promises that the controller's services
// rely on.

import type {
  AttachmentStore,
  ChangeStore,
  ControllerOptions,
  HealthStore,
  VolumeStore,
} from '../../src/csi/controller.ts'
import { StorageError } from '../../src/errors.ts'
import { findVolumeId, formatGuestId, formatVolumeId, volumeLeaf } from '../../src/model/ids.ts'
import type { MutableParameters } from '../../src/model/parameters.ts'
import {
  type Attachment,
  type AttachRequest,
  GiB,
  type GuestId,
  type SizeRange,
  type Volume,
  type VolumeSource,
  type VolumeSpec,
} from '../../src/model/volumes.ts'
import type { HealthProblem } from '../../src/storage/health.ts'
import { preferredSlot } from '../../src/storage/names.ts'
import { volumeParameters } from '../support/parameters.ts'
import { MemorySnapshots } from './memory-snapshots.ts'

const POOL = 'silver'
const DEFAULTS = volumeParameters({ export: 'slice' })
const TOTAL = 1000 * GiB

export class MemoryStorage implements VolumeStore, ChangeStore, AttachmentStore, HealthStore {
  readonly machine: string
  readonly guests: readonly string[]
  readonly snapshots: MemorySnapshots
  readonly modified = new Map<string, MutableParameters>()
  /** What is wrong with which volume; set by tests. */
  readonly problems = new Map<string, readonly HealthProblem[]>()
  readonly #volumes = new Map<string, Volume>()
  readonly #attachments = new Map<string, readonly Attachment[]>()

  constructor(options: { readonly machine: string; readonly guests: readonly string[] }) {
    this.machine = options.machine
    this.guests = options.guests
    this.snapshots = new MemorySnapshots(id => this.#require(id))
  }

  async ensureVolume(spec: VolumeSpec): Promise<Volume> {
    const leaf = volumeLeaf('test', POOL, spec.name)
    const id = formatVolumeId(POOL, leaf)
    const { format, source, name } = spec
    if (spec.machines.length > 0 && !spec.machines.includes(this.machine)) {
      throw new StorageError(
        'no-space',
        `pool ${POOL} is not reachable from ${spec.machines.join()}`,
      )
    }
    const existing = this.#volumes.get(id)
    if (existing !== undefined) return this.#same(existing, spec)
    const smallest = this.#sourceBytes(source)
    const sizeBytes = sizeIn(spec.size, smallest)
    const wanted: Volume = {
      ...{ id, name, pool: POOL, leaf, format, source, holdsData: false },
      ...{ sizeBytes, createdSizeBytes: sizeBytes, reservedBytes: sizeBytes, origin: undefined },
      parameters: { ...DEFAULTS, ...spec.parameters },
      machines: [this.machine],
    }
    this.#volumes.set(id, wanted)
    return wanted
  }

  #same(existing: Volume, { name, size, parameters, format, source }: VolumeSpec): Volume {
    const fits =
      existing.sizeBytes >= size.requiredBytes &&
      (size.limitBytes === 0 || existing.sizeBytes <= size.limitBytes)
    if (!fits) {
      throw new StorageError(
        'already-exists',
        `volume ${name} exists with size ${existing.sizeBytes}`,
      )
    }
    const wanted = { format, source, parameters: { ...DEFAULTS, ...parameters } }
    for (const field of ['format', 'parameters', 'source'] as const) {
      if (JSON.stringify(existing[field]) !== JSON.stringify(wanted[field])) {
        throw new StorageError(
          'already-exists',
          `volume ${name} exists and differs in its ${field}`,
        )
      }
    }
    return existing
  }

  #sourceBytes(source: VolumeSource): number {
    switch (source.kind) {
      case 'empty':
        return 0
      case 'volume':
        return this.#require(source.id).sizeBytes
      case 'snapshot':
        return this.snapshots.require(source.id).sizeBytes
    }
  }

  #require(id: string): Volume {
    const volume = this.#volumes.get(id)
    if (volume === undefined) {
      throw new StorageError('not-found', `volume ${JSON.stringify(id)} does not exist`)
    }
    return volume
  }

  async deleteVolume(id: string): Promise<void> {
    const [attachment] = this.#attachments.get(id) ?? []
    if (attachment) {
      throw new StorageError(
        'in-use',
        `volume ${id} is attached to ${formatGuestId(attachment.guest)}`,
      )
    }
    this.#volumes.delete(id)
  }

  async getVolume(id: string): Promise<Volume> {
    return this.#require(id)
  }

  async capacity(query: Parameters<VolumeStore['capacity']>[0]) {
    if (query.machine !== undefined && query.machine !== this.machine) {
      return { availableBytes: 0, maximumVolumeBytes: 0 }
    }
    const used = [...this.#volumes.values()].reduce((sum, volume) => sum + volume.sizeBytes, 0)
    return {
      availableBytes: TOTAL - used,
      maximumVolumeBytes: query.parameters.reservation === 'thin' ? undefined : TOTAL - used,
    }
  }

  async expandVolume(id: string, range: SizeRange) {
    const volume = this.#require(id)
    const sizeBytes = sizeIn(range, volume.sizeBytes)
    this.#volumes.set(id, { ...volume, sizeBytes })
    return { sizeBytes, guestMustGrow: volume.format.kind === 'filesystem' }
  }

  async modifyVolume(id: string, changes: MutableParameters): Promise<void> {
    this.#require(id)
    this.modified.set(id, { ...this.modified.get(id), ...changes })
  }

  async attach(request: AttachRequest): Promise<Attachment> {
    const { volumeId, guest, mode, sharing } = request
    const volume = this.#require(volumeId)
    const known = guest.machine === this.machine && this.guests.includes(guest.guest)
    if (!known) throw new StorageError('not-found', `guest ${formatGuestId(guest)} does not exist`)
    const all = this.#attachments.get(volumeId) ?? []
    const existing = all.find(each => formatGuestId(each.guest) === formatGuestId(guest))
    const other = all.find(
      each => each !== existing && (sharing === 'exclusive' || each.sharing === 'exclusive'),
    )
    if (other) {
      throw new StorageError(
        'in-use',
        `volume ${volumeId} is attached to guest ${formatGuestId(other.guest)}`,
      )
    }
    if (existing && existing.mode !== mode) {
      throw new StorageError('already-exists', `volume ${volumeId} is attached ${existing.mode}`)
    }
    if (existing) return existing
    const slot = preferredSlot(volume.leaf, { first: 100, count: 601 })
    const attachment: Attachment = {
      volumeId,
      guest,
      mode,
      sharing,
      slot,
      lun: undefined,
      sizeBytes: volume.sizeBytes,
      written: false,
    }
    this.#attachments.set(volumeId, [...all, attachment])
    return attachment
  }

  async detach(volumeId: string, guest: GuestId | undefined): Promise<void> {
    const all = this.#attachments.get(volumeId) ?? []
    const left = all.filter(
      each => guest !== undefined && formatGuestId(guest) !== formatGuestId(each.guest),
    )
    this.#attachments.set(volumeId, left)
  }

  detachWhileOff(volumeId: string, guest: GuestId | undefined): Promise<void> {
    return this.detach(volumeId, guest)
  }

  async listPublished() {
    return [...this.#volumes.values()].map(volume => ({
      volume,
      publishedTo: this.#guestsOf(volume.id),
    }))
  }

  async publishedTo(volume: Volume) {
    return this.#guestsOf(volume.id)
  }

  async volumeHealth(id: string) {
    return { volumeId: this.#require(id).id, problems: this.problems.get(id) ?? [] }
  }

  async listVolumeHealth() {
    return [...this.problems].map(([volumeId, problems]) => ({ volumeId, problems }))
  }

  #guestsOf(volumeId: string): readonly GuestId[] {
    if (findVolumeId(volumeId) === undefined) throw new Error(`${volumeId} is not a volume id`)
    return (this.#attachments.get(volumeId) ?? []).map(({ guest }) => guest)
  }
}

/** The options of a controller on this storage, health and places of snapshots switched on. */
export function controllerOptions(storage: MemoryStorage): Omit<ControllerOptions, 'driverName'> {
  return {
    ...{
      volumes: storage,
      changes: storage,
      attachments: storage,
      snapshots: storage.snapshots,
      health: storage,
    },
    pools: new Map([[POOL, { machines: new Map([[storage.machine, undefined]]) }]]),
    snapshotTopology: true,
  }
}

function sizeIn({ requiredBytes, limitBytes }: SizeRange, smallest: number): number {
  const sizeBytes = Math.max(requiredBytes || Math.min(limitBytes || GiB, GiB), smallest)
  if (limitBytes > 0 && sizeBytes > limitBytes) {
    throw new StorageError('out-of-range', `no size fits between ${sizeBytes} and ${limitBytes}`)
  }
  return sizeBytes
}
