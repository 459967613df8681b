// Creates a volume: empty, from a snapshot, or from a volume. It creates first. On "exists" it
// reads, compares field by field, and completes what an earlier call left open. The caller holds
// the locks of the new volume and of its source.

import { describeError, isStorageError, StorageError } from '../../errors.ts'
import type { Volume, VolumeSpec } from '../../model/volumes.ts'
import { NotOwnError } from '../catalog/datasets.ts'
import { formatVolumeProperties } from '../catalog/properties.ts'
import { readVolume, type VolumeReading } from '../catalog/read.ts'
import { withRoom } from '../places.ts'
import type { VolumePlace } from '../pool.ts'
import { equal, refuseOther } from './comparison.ts'
import { cutCloneSource } from './hidden-snapshots.ts'
import { growTo, reserving } from './reservations.ts'
import { readSource } from './sources.ts'
import { destroyTombstone, NameFreedError } from './tombstones.ts'
import { completeUnfinished } from './unfinished.ts'
import { type CloneSource, type Creation, effective, type Wish, wantedVolume } from './wanted.ts'

/** Creates a volume. A copy of a volume is cloned from a hidden snapshot of it. */
export async function createFromSource(wish: Wish, signal?: AbortSignal): Promise<Volume> {
  const { place, spec, source } = wish
  const found = source && (await readSource(source, signal))
  const wanted = wantedVolume(wish, found)
  if (source === undefined || found === undefined) {
    return createVolume({ place, wanted, spec, cloneOf: undefined }, signal)
  }
  if (source.snapshotLeaf !== undefined) {
    const snapshot = `${source.place.dataset}@${source.snapshotLeaf}`
    return createVolume(
      { place, wanted, spec, cloneOf: { snapshot, sizeBytes: found.sizeBytes } },
      signal,
    )
  }
  const snapshot = await cutCloneSource(source.place, place, signal)
  const dropSource = () => place.pool.zfs.destroySnapshotDeferred(snapshot, signal)
  let volume: Volume
  try {
    volume = await createVolume(
      { place, wanted, spec, cloneOf: { snapshot, sizeBytes: found.sizeBytes } },
      signal,
    )
  } catch (error) {
    // A request that failed permanently is not repeated, so nobody else would delete the hidden
    // snapshot.
    if (isStorageError(error) && !mayBeRepeated(error)) await dropSource()
    throw error
  }
  await dropSource()
  return volume
}

async function createVolume(creation: Creation, signal?: AbortSignal): Promise<Volume> {
  const { place, wanted, cloneOf } = creation
  let reservedBytes = 0
  const made = async (): Promise<Volume> => {
    if (cloneOf !== undefined && cloneOf.sizeBytes === undefined) return readClone(creation, signal)
    return { ...wanted, reservedBytes, sizeBytes: cloneOf?.sizeBytes ?? wanted.sizeBytes }
  }
  try {
    await withRoom(place, `${wanted.sizeBytes} bytes`, async () => {
      if (cloneOf === undefined) await createEmpty(creation, signal)
      else reservedBytes = await clone(creation, cloneOf, signal)
    })
  } catch (error) {
    if (!isStorageError(error, 'already-exists')) throw error
    return replayed(place, await existing(creation, signal), signal)
  }
  try {
    return await completed(place, await made(), signal)
  } catch (error) {
    if (!isStorageError(error) || mayBeRepeated(error)) throw error
    await takeBack(place, error, signal)
    throw error
  }
}

/**
 * After these errors the caller repeats the request. After any other error it forgets the volume,
 * so the volume must not exist.
 */
function mayBeRepeated(error: unknown): boolean {
  return isStorageError(error, 'unavailable', 'busy')
}

// Destroys the volume that this call has just created and that nobody can be using yet. Refused if
// the volume has a record or its device is in use. Anything that the design created stays, because
// it may belong to somebody else with the same name. If it does belong to this volume, it keeps the
// device busy, and the volume stays.
async function takeBack(place: VolumePlace, cause: unknown, signal?: AbortSignal): Promise<void> {
  try {
    const { sharing } = await readVolume(place, signal)
    if (sharing !== undefined) {
      throw new StorageError('in-use', `volume ${place.volumeId} is attached already`)
    }
    await place.pool.zfs.destroy(place.dataset, signal)
  } catch (error) {
    throw new StorageError(
      'unavailable',
      `volume ${place.volumeId} was created but not completed, and could not be destroyed again ` +
        `(${describeError(error)}); try again`,
      { cause },
    )
  }
}

function replayed(place: VolumePlace, volume: Volume, signal?: AbortSignal): Promise<Volume> {
  return existsAnyway(place, () => completed(place, volume, signal))
}

// A volume of an earlier call exists, with or without data. No error may say that there is none.
async function existsAnyway<T>(place: VolumePlace, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isStorageError(error) || mayBeRepeated(error)) throw error
    throw new StorageError(
      'unavailable',
      `volume ${place.volumeId} exists but could not be completed`,
      { cause: error },
    )
  }
}

/**
 * For a repeated request whose source has changed or is gone. Returns the volume if the same
 * request created it.
 */
export async function findReplayed(
  place: VolumePlace,
  spec: VolumeSpec,
  signal?: AbortSignal,
): Promise<Volume | undefined> {
  const { volume } = await readVolume(place, signal)
  if (volume === undefined || !equal(volume.source, spec.source)) return undefined
  refuseOther(
    volume,
    {
      ...volume,
      name: spec.name,
      format: spec.format,
      parameters: { ...volume.parameters, ...spec.parameters },
    },
    spec,
  )
  return replayed(place, volume, signal)
}

async function createEmpty(creation: Creation, signal?: AbortSignal): Promise<void> {
  const { place, wanted } = creation
  const { compression, reservation, properties } = effective(creation)
  await place.pool.zfs.createVolume(
    {
      dataset: place.dataset,
      sizeBytes: wanted.sizeBytes,
      blockSizeBytes: wanted.parameters.blockSizeBytes,
      reservation,
      compression,
      properties: { ...properties, ...formatVolumeProperties(wanted, place.pool.cluster) },
    },
    signal,
  )
}

// A clone starts thin in every dialect. So the same command gives a thick clone its reservation.
// Returns the reserved bytes.
async function clone(
  creation: Creation,
  { snapshot, sizeBytes }: CloneSource,
  signal?: AbortSignal,
): Promise<number> {
  const { place, wanted } = creation
  const { compression, reservation, properties } = effective(creation)
  const own = { compression, ...properties, ...formatVolumeProperties(wanted, place.pool.cluster) }
  const make = (reserved: Record<string, string>) =>
    place.pool.zfs.clone(
      { snapshot, dataset: place.dataset, properties: { ...reserved, ...own } },
      signal,
    )
  const { blockSizeBytes } = wanted.parameters
  if (reservation === 'thin') await make({})
  // This reservation is too small on purpose. The driver completes it once the size is known, also
  // after a call that was cut off.
  else if (sizeBytes === undefined) await make({ refreservation: String(blockSizeBytes) })
  else return reserving({ sizeBytes, blockSizeBytes }, refreservation => make({ refreservation }))
  return 0
}

// Reads the clone's size, which the snapshot did not show. Only now can it be compared with the
// caller's limit.
async function readClone({ place, spec }: Creation, signal?: AbortSignal): Promise<Volume> {
  const { volume } = await readVolume(place, signal)
  if (volume === undefined) {
    throw new StorageError(
      'unavailable',
      `volume ${place.volumeId} was created but does not exist; try again`,
    )
  }
  const { limitBytes } = spec.size
  if (limitBytes === 0 || volume.sizeBytes <= limitBytes) return volume
  throw new StorageError(
    'out-of-range',
    `the source has ${volume.sizeBytes} bytes, over the limit of ${limitBytes}`,
  )
}

// Growth of a clone, its reservation and the design's layer each need a further command. An earlier
// call may have been cut off before any of them.
async function completed(
  place: VolumePlace,
  volume: Volume,
  signal?: AbortSignal,
): Promise<Volume> {
  const sizeBytes = Math.max(volume.sizeBytes, volume.createdSizeBytes)
  const { blockSizeBytes } = volume.parameters
  await growTo(place, { ...volume, blockSizeBytes, targetBytes: sizeBytes }, signal)
  await place.pool.design.ensure(place, sizeBytes, signal)
  return { ...volume, sizeBytes }
}

async function existing(creation: Creation, signal?: AbortSignal): Promise<Volume> {
  const { place, wanted, spec } = creation
  const { volume, tombstone, sharing } = await readFinished(creation, signal)
  if (tombstone !== undefined) {
    // Perhaps nothing depends on it any more: its deletion was cut off, or another controller has
    // created the logical unit again.
    if (sharing === undefined && (await destroyTombstone(place, signal))) {
      throw new NameFreedError(place.volumeId, tombstone.origin)
    }
    const survivors = await place.pool.zfs.getSnapshots(['type'], place.dataset, signal)
    throw new StorageError(
      'already-exists',
      `volume ${JSON.stringify(wanted.name)} was deleted but is kept by its snapshots ` +
        `${[...survivors.keys()].join(', ')}; delete those and the volumes created from them, ` +
        'then create it again',
    )
  }
  // The volume existed a moment ago, so another process is deleting it. The next identical call
  // will find out.
  if (volume === undefined) {
    throw new StorageError('unavailable', `volume ${place.volumeId} is being deleted; try again`)
  }
  refuseOther(volume, wanted, spec)
  return volume
}

async function readFinished(creation: Creation, signal?: AbortSignal): Promise<VolumeReading> {
  const { place } = creation
  try {
    return await readVolume(place, signal)
  } catch (error) {
    if (!(error instanceof NotOwnError) || error.dataset !== place.dataset) throw error
    // The dataset of another cluster stays what it is: a final refusal.
    if (error.kind !== 'unavailable') throw error
    const hindrance = await existsAnyway(place, () => completeUnfinished(creation, signal))
    if (hindrance !== undefined) {
      throw new StorageError(
        'unavailable',
        `volume ${place.volumeId} is not completed because ${hindrance}`,
        { cause: error },
      )
    }
    return readVolume(place, signal)
  }
}
