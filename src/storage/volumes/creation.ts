// Making a volume: empty, from a snapshot, or from a volume. Create first; on "exists" read,
// compare field by field, and complete what a cut left open. The caller holds the locks of the new
// volume and of its source.

import { describeError, isStorageError, StorageError } from '../../errors.ts'
import type { Volume, VolumeSpec } from '../../model/volumes.ts'
import { formatVolumeProperties } from '../catalog/properties.ts'
import { readVolume } from '../catalog/read.ts'
import { withRoom } from '../places.ts'
import type { VolumePlace } from '../pool.ts'
import { equal, refuseOther } from './comparison.ts'
import { cutCloneSource } from './hidden-snapshots.ts'
import { zfsProperties } from './parameters.ts'
import { growTo, reserving } from './reservations.ts'
import { readSource } from './sources.ts'
import { destroyTombstone, NameFreedError } from './tombstones.ts'
import { type Wish, wantedVolume } from './wanted.ts'

interface CloneSource {
  readonly snapshot: string
  /** Undefined in dialects that keep no size on snapshots: the clone tells. */
  readonly sizeBytes: number | undefined
}

/** The volume as the request wants it; `sizeBytes` is what it will have. */
interface Creation {
  readonly place: VolumePlace
  readonly wanted: Volume
  readonly spec: VolumeSpec
  /** The ZFS snapshot to clone; undefined for an empty volume. */
  readonly cloneOf: CloneSource | undefined
}

/** A copy of a volume is made through a hidden snapshot of it. */
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
    // Nobody repeats a request that was refused for good.
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
 * After these codes the caller calls again; after every other one it forgets the volume, which then
 * must not be there.
 */
function mayBeRepeated(error: unknown): boolean {
  return isStorageError(error, 'unavailable', 'busy')
}

// What this very call made, and nobody can have been given yet: refused with its record, or its
// device in use. What the design made is left alone, as it may be somebody else's of the same name;
// where it is this volume's, it keeps the device busy and the volume there.
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
      `volume ${place.volumeId} was made but not completed, and could not be taken back ` +
        `(${describeError(error)}); try again`,
      { cause },
    )
  }
}

// A volume of an earlier call is there, with or without data: no code may say that there is none.
async function replayed(place: VolumePlace, volume: Volume, signal?: AbortSignal): Promise<Volume> {
  try {
    return await completed(place, volume, signal)
  } catch (error) {
    if (!isStorageError(error) || mayBeRepeated(error)) throw error
    throw new StorageError(
      'unavailable',
      `volume ${place.volumeId} is there but could not be completed`,
      { cause: error },
    )
  }
}

/**
 * For a replay whose source has changed or gone since: the volume, if it was made by the same
 * request.
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

function effective({ wanted, spec }: Creation): {
  compression: string
  reservation: 'thick' | 'thin'
  properties: Record<string, string>
} {
  const { compression, reservation } = spec.mutable
  return {
    compression: compression ?? wanted.parameters.compression,
    reservation: reservation ?? wanted.parameters.reservation,
    properties: Object.fromEntries(zfsProperties(spec.mutable, ['newer'])),
  }
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

// A clone starts thin in every dialect, so a thick one is given its reservation in the same
// command. Answers what it reserves.
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
  // Too little, and so it is completed once the size is known, also after a cut.
  else if (sizeBytes === undefined) await make({ refreservation: String(blockSizeBytes) })
  else return reserving({ sizeBytes, blockSizeBytes }, refreservation => make({ refreservation }))
  return 0
}

// What the snapshot did not tell. Whether it is more than the caller takes is only known now.
async function readClone({ place, spec }: Creation, signal?: AbortSignal): Promise<Volume> {
  const { volume } = await readVolume(place, signal)
  if (volume === undefined) {
    throw new StorageError(
      'unavailable',
      `volume ${place.volumeId} was made and is not there; try again`,
    )
  }
  const { limitBytes } = spec.size
  if (limitBytes === 0 || volume.sizeBytes <= limitBytes) return volume
  throw new StorageError(
    'out-of-range',
    `the source has ${volume.sizeBytes} bytes, over the limit of ${limitBytes}`,
  )
}

// Growth of a clone is a second command, its reservation a third, and the design's part another:
// all may have been cut off.
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

async function existing({ place, wanted, spec }: Creation, signal?: AbortSignal): Promise<Volume> {
  const { volume, tombstone, sharing } = await readVolume(place, signal)
  if (tombstone !== undefined) {
    // Nothing may need it any more: its deletion was cut off, or another controller made the
    // logical unit anew meanwhile.
    if (sharing === undefined && (await destroyTombstone(place, signal))) {
      throw new NameFreedError(place.volumeId, tombstone.origin)
    }
    const survivors = await place.pool.zfs.getSnapshots(['type'], place.dataset, signal)
    throw new StorageError(
      'already-exists',
      `volume ${JSON.stringify(wanted.name)} was deleted but lives on under its snapshots ` +
        `${[...survivors.keys()].join(', ')}; delete those and what was made from them, then ` +
        'create it again',
    )
  }
  // It was there a moment ago: another process deletes it. The next identical call finds out.
  if (volume === undefined) {
    throw new StorageError('unavailable', `volume ${place.volumeId} is being deleted; try again`)
  }
  refuseOther(volume, wanted, spec)
  return volume
}
