// The source of a copy: a volume or a snapshot in the copy's pool.

import { doesNotExist, StorageError } from '../../errors.ts'
import { contentOf } from '../../model/content.ts'
import { findSnapshotId, formatSnapshotId } from '../../model/ids.ts'
import type { VolumeFormat, VolumeSpec } from '../../model/volumes.ts'
import { readVolume, requireVolume } from '../catalog/read.ts'
import { readSnapshot } from '../catalog/snapshots.ts'
import { findPlace } from '../places.ts'
import type { Pools, VolumePlace } from '../pool.ts'

export interface SourcePlace {
  readonly place: VolumePlace
  readonly snapshotLeaf: string | undefined // undefined: the volume itself
}

/** The properties that a copy takes from its source. */
export interface SourceFacts {
  readonly sizeBytes: number | undefined
  readonly blockSizeBytes: number
  readonly format: VolumeFormat
  readonly contentOf: string
}

export function findSource(pools: Pools, { source, pool }: VolumeSpec): SourcePlace | undefined {
  if (source.kind === 'empty') return undefined
  const id =
    source.kind === 'volume' ? { volumeId: source.id, leaf: undefined } : findSnapshotId(source.id)
  const place = id && findPlace(pools, id.volumeId)
  if (id === undefined || place === undefined) {
    throw doesNotExist(`source ${source.kind} ${JSON.stringify(source.id)}`)
  }
  if (pool !== undefined && pool !== place.pool.name) {
    throw new StorageError(
      'invalid-argument',
      `parameter pool: ${source.kind} ${source.id} is in pool ${place.pool.name}, a volume ` +
        `made from it cannot be in pool ${pool}`,
    )
  }
  return { place, snapshotLeaf: id.leaf }
}

/**
 * Reads a source's size (if it is known), block size and format. `not-found` when it does not
 * exist.
 */
export async function readSource(source: SourcePlace, signal?: AbortSignal): Promise<SourceFacts> {
  const { place, snapshotLeaf } = source
  if (snapshotLeaf === undefined) {
    const volume = requireVolume(await readVolume(place, signal), place, 'source volume')
    const { sizeBytes, format, parameters } = volume
    return {
      sizeBytes,
      blockSizeBytes: parameters.blockSizeBytes,
      format,
      contentOf: contentOf(volume),
    }
  }
  const { snapshot, volume, tombstone } = await readSnapshot(place, snapshotLeaf, signal)
  const owner = volume ?? tombstone
  if (snapshot === undefined || owner === undefined) {
    throw doesNotExist(`source snapshot ${formatSnapshotId(place.volumeId, snapshotLeaf)}`)
  }
  const { parameters, format } = owner
  const sizeBytes = snapshot.sizeBytes || undefined
  return {
    sizeBytes,
    blockSizeBytes: parameters.blockSizeBytes,
    format,
    contentOf: contentOf(owner),
  }
}
