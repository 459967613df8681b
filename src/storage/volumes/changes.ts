// Changes an existing volume: its size and its mutable parameters. It never shrinks a volume, and
// checks everything before it changes anything.

import { isStorageError, StorageError } from '../../errors.ts'
import type { KeyedLock } from '../../locks.ts'
import type { MutableParameters } from '../../model/parameters.ts'
import type { Attachment, GuestId, SizeRange, Volume } from '../../model/volumes.ts'
import { readDialect } from '../../zfs/dialect.ts'
import { checkDiskSize, type GuestRule } from '../attachments/rules.ts'
import { readAttached, readVolume, requireVolume } from '../catalog/read.ts'
import { getMachine, getPlace } from '../places.ts'
import type { Pools, VolumePlace } from '../pool.ts'
import { zfsProperties } from './parameters.ts'
import { growTo, reserve } from './reservations.ts'
import { sizeWithin } from './sizes.ts'

export interface Expansion {
  readonly sizeBytes: number
  /** The guest must grow its file system or be told of the new size (NodeExpandVolume). */
  readonly guestMustGrow: boolean
}

export class VolumeChanges {
  readonly #pools: Pools
  readonly #lock: KeyedLock
  readonly #guestRule: (guest: GuestId) => GuestRule | undefined

  constructor(options: {
    pools: Pools
    lock: KeyedLock
    guestRule: (guest: GuestId) => GuestRule | undefined
  }) {
    this.#pools = options.pools
    this.#lock = options.lock
    this.#guestRule = options.guestRule
  }

  /**
   * A volume that is already large enough is success. The new size is a multiple of the block size
   * inside the range, or the call fails with `out-of-range`, as it does without room in the pool.
   */
  async expandVolume(id: string, range: SizeRange, signal?: AbortSignal): Promise<Expansion> {
    const place = getPlace(this.#pools, id)
    return this.#lock.hold(place.volumeId, signal, () => this.#expand(place, range, signal))
  }

  async #expand(place: VolumePlace, range: SizeRange, signal?: AbortSignal): Promise<Expansion> {
    const { pool } = place
    await pool.host.settled([place.leaf, ...pool.design.names(place)], signal)
    const reading = await readAttached(place, signal)
    const volume = requireVolume(reading, place)
    const { records } = reading
    const sizeBytes = sizeWithin(range, {
      stepBytes: volume.parameters.blockSizeBytes,
      minimumBytes: volume.sizeBytes,
      defaultBytes: volume.sizeBytes,
    })
    for (const { guest } of records) {
      const { hypervisor } = getMachine(pool, guest.machine)
      const disk = { volumeId: volume.id, guest, sizeBytes }
      checkDiskSize(disk, this.#guestRule(guest), hypervisor)
    }
    const { blockSizeBytes } = volume.parameters
    await canBeTakenBack(`volume ${volume.id} cannot have ${sizeBytes} bytes; ask for less`, () =>
      growTo(place, { ...volume, blockSizeBytes, targetBytes: sizeBytes }, signal),
    )
    const machines = [...new Set(records.map(record => record.guest.machine))].map(name =>
      getMachine(pool, name),
    )
    await pool.design.resize(
      place,
      { sizeBytes, paths: machines.flatMap(machine => machine.paths) },
      signal,
    )
    return { sizeBytes, guestMustGrow: this.#mustGrow(volume, records) }
  }

  // A raw volume has no file system to grow. But a Linux guest does not notice the new size of its
  // disk. If the answer were "done", the guest would never be told.
  #mustGrow({ format }: Volume, records: readonly Attachment[]): boolean {
    return (
      format.kind === 'filesystem' ||
      records.some(({ guest }) => this.#guestRule(guest)?.platform === 'linux')
    )
  }

  /**
   * Parameters that are not named stay unchanged. The caller has checked names and values. A volume
   * that does not exist is `not-found`.
   */
  async modifyVolume(id: string, changes: MutableParameters, signal?: AbortSignal): Promise<void> {
    const place = getPlace(this.#pools, id)
    await this.#lock.hold(place.volumeId, signal, () => this.#modify(place, changes, signal))
  }

  async #modify(
    place: VolumePlace,
    changes: MutableParameters,
    signal?: AbortSignal,
  ): Promise<void> {
    await place.pool.host.settled([place.leaf], signal)
    const volume = requireVolume(await readVolume(place, signal), place)
    await refuseUnknown(place, changes, signal)
    const { zfs } = place.pool
    // The reservation comes first: it can fail for lack of space, and then nothing has changed.
    if (changes.reservation === 'thick') {
      const { sizeBytes, parameters } = volume
      await canBeTakenBack(`volume ${volume.id} cannot become thick; ask for thin`, () =>
        reserve(place, { sizeBytes, blockSizeBytes: parameters.blockSizeBytes }, signal),
      )
    }
    if (changes.reservation === 'thin') {
      await zfs.setProperty(place.dataset, ['refreservation', 'none'], signal)
    }
    for (const [property, value] of zfsProperties(changes)) {
      await zfs.setProperty(place.dataset, [property, value], signal)
    }
  }
}

// csi-resizer reads "no space" as "perhaps still at work" (IsFinalError). It would repeat the
// change for ever, whatever the claim asks for meanwhile. After `out-of-range` it takes another
// wish, and still repeats the change, slowly, for the day when there is room.
async function canBeTakenBack(wayOut: string, change: () => Promise<void>): Promise<void> {
  try {
    await change()
  } catch (error) {
    if (!isStorageError(error, 'no-space')) throw error
    throw new StorageError('out-of-range', wayOut, { cause: error })
  }
}

// Some properties exist only in newer versions of zfs. If zfs refused one of them halfway, the
// volume would be half changed.
async function refuseUnknown(
  place: VolumePlace,
  changes: MutableParameters,
  signal?: AbortSignal,
): Promise<void> {
  const asked = zfsProperties(changes, ['newer']).map(([name]) => name)
  if (asked.length === 0) return
  const { properties } = await readDialect(place.pool.host.shell, signal)
  const missing = asked.filter(name => !properties.has(name))
  if (missing.length > 0) {
    throw new StorageError(
      'invalid-argument',
      `volume ${place.volumeId}: the zfs of pool ${place.pool.name} has no ` +
        `${missing.join(' and ')}; nothing was changed`,
    )
  }
}
