// Computes the volume that a request asks for: its size, its parameters, and the properties of its
// source. Pure.

import type { Volume, VolumeSpec } from '../../model/volumes.ts'
import type { VolumePlace } from '../pool.ts'
import { checkFormatSize, checkSourceFormat } from './formats.ts'
import { resolveParameters } from './parameters.ts'
import { DEFAULT_SIZE_BYTES, MINIMUM_SIZE_BYTES, sizeWithin } from './sizes.ts'
import type { SourceFacts, SourcePlace } from './sources.ts'

export interface Wish {
  readonly place: VolumePlace
  readonly spec: VolumeSpec
  readonly source: SourcePlace | undefined
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
    referencedBytes: 0,
    blankBytes: 0,
  }
}
