// The parameters of a volume that asked for none, so that a new parameter is a row of the table and
// no literal in tests.

import { everyParameter, PARAMETERS, type VolumeParameters } from '../../src/model/parameters.ts'

/** `export` is what a pool of design `lun` gives. */
export function volumeParameters(change: Partial<VolumeParameters> = {}): VolumeParameters {
  const byDefault = everyParameter(key =>
    PARAMETERS[key].parse(PARAMETERS[key].byDefault ?? 'full'),
  )
  return { ...byDefault, ...change }
}
