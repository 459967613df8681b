// Computes the volume that a request asks for: its size, its parameters, the properties of its
// source, and its ZFS properties. Pure.

import type { Volume, VolumeSpec } from '../../model/volumes.ts'
import type { VolumePlace } from '../pool.ts'
import { checkFormatSize, checkSourceFormat } from './formats.ts'
import { resolveParameters, zfsProperties } from './parameters.ts'
import { DEFAULT_SIZE_BYTES, MINIMUM_SIZE_BYTES, sizeWithin } from './sizes.ts'
import type { SourceFacts, SourcePlace } from './sources.ts'

export interface Wish {
  readonly place: VolumePlace
  readonly spec: VolumeSpec
  readonly source: SourcePlace | undefined
}

export interface CloneSource {
  readonly snapshot: string
  /** Undefined in dialects that keep no size on snapshots. Then the size is read from the clone. */
  readonly sizeBytes: number | undefined
}

/** `wanted` is the volume that the request asks for, with its final `sizeBytes`. */
export interface Creation {
  readonly place: VolumePlace
  readonly wanted: Volume
  readonly spec: VolumeSpec
  /** The ZFS snapshot to clone; undefined for an empty volume. */
  readonly cloneOf: CloneSource | undefined
}

/** `found`: the properties of the source; undefined for an empty volume. */
export function wantedVolume({ place, spec }: Wish, found: SourceFacts | undefined): Volume {
  const { pool } = place
  if (found !== undefined) checkSourceFormat(spec.format, found.format)
  const parameters = resolveParameters(spec.parameters, pool, found?.blockSizeBytes)
  const sizeBytes = sizeWithin(spec.size, {
    stepBytes: parameters.blockSizeBytes,
    minimumBytes: found?.sizeBytes ?? MINIMUM_SIZE_BYTES,
    defaultBytes:
      found === undefined ? DEFAULT_SIZE_BYTES : (found.sizeBytes ?? MINIMUM_SIZE_BYTES),
  })
  if (found === undefined) checkFormatSize(spec.format, sizeBytes, parameters.export)
  return {
    id: place.volumeId,
    name: spec.name,
    pool: pool.name,
    leaf: place.leaf,
    sizeBytes,
    createdSizeBytes: sizeBytes,
    format: spec.format,
    parameters,
    source: spec.source,
    rootId: found?.contentOf,
    machines: [...pool.machines.keys()],
    reservedBytes: 0,
    origin: undefined,
    holdsData: false,
  }
}

export function effective({ wanted, spec }: Creation): {
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
