// Resolves the parameters of a volume: the defaults, the limits of its pool, and the ZFS properties
// of the mutable parameters. Pure.

import { StorageError } from '../../errors.ts'
import {
  everyParameter,
  MUTABLE_KEYS,
  MUTABLE_PARAMETERS,
  type MutableParameter,
  type MutableParameters,
  PARAMETER_KEYS,
  PARAMETERS,
  type VolumeParameters,
} from '../../model/parameters.ts'
import type { Pool } from '../pool.ts'

/** For a request that names no block size. */
export const DEFAULT_BLOCK_SIZE_BYTES = defaultOf('blockSizeBytes')

function defaultOf<K extends keyof VolumeParameters>(key: K): VolumeParameters[K] {
  const { parse, byDefault } = PARAMETERS[key]
  if (byDefault === undefined) throw new Error(`the parameter ${key} has no default of its own`)
  return parse(byDefault)
}

/** A copy has the block size of its source; `sourceBlockSize` is undefined for an empty volume. */
export function resolveParameters(
  asked: Partial<VolumeParameters>,
  pool: Pool,
  sourceBlockSize: number | undefined,
): VolumeParameters {
  if (
    sourceBlockSize !== undefined &&
    asked.blockSizeBytes !== undefined &&
    asked.blockSizeBytes !== sourceBlockSize
  ) {
    throw new StorageError(
      'invalid-argument',
      `parameter blockSize: a clone keeps the ${sourceBlockSize} bytes of its source; leave the ` +
        `parameter out instead of asking for ${asked.blockSizeBytes}`,
    )
  }
  const given: Partial<VolumeParameters> = {
    export: shapesOf(pool)[0] ?? 'slice',
    ...(sourceBlockSize === undefined ? {} : { blockSizeBytes: sourceBlockSize }),
    ...asked,
  }
  const parameters = everyParameter(key => given[key] ?? defaultOf(key))
  refuseOfPool(parameters, pool)
  return parameters
}

/** What both the design and every machine of the pool can do. */
function shapesOf({ design, machines }: Pool): Pool['design']['shapes'] {
  return design.shapes.filter(shape =>
    [...machines.values()].every(({ hypervisor }) => hypervisor.traits.shapes.includes(shape)),
  )
}

function refuseOfPool(parameters: VolumeParameters, pool: Pool): void {
  if (!shapesOf(pool).includes(parameters.export)) {
    throw new StorageError(
      'invalid-argument',
      `parameter export: pool ${pool.name} (design ${pool.design.kind}) exports ` +
        `${shapesOf(pool).join(' or ')}, not ${parameters.export}`,
    )
  }
  const patient = [...pool.machines].find(([, { hypervisor }]) => !hypervisor.traits.timeouts)
  if (parameters.vdiskTimeoutSeconds > 0 && patient !== undefined) {
    throw new StorageError(
      'invalid-argument',
      `parameter vdiskTimeoutSeconds: disks of machine ${patient[0]} have no time-out, and pool ` +
        `${pool.name} has a path there; leave the parameter out`,
    )
  }
  const multipath = [...pool.machines.values()].some(machine => machine.paths.length > 1)
  if (parameters.vdiskTimeoutSeconds > 0 && multipath) {
    throw new StorageError(
      'invalid-argument',
      `parameter vdiskTimeoutSeconds: not allowed with pool ${pool.name}, a timeout can fail I/O ` +
        'before the mpgroup has found its other path',
    )
  }
}

/**
 * The parameters in which two volumes differ, under their names in a StorageClass, with both
 * values.
 */
export function differences(
  has: VolumeParameters,
  wants: VolumeParameters,
): readonly { readonly name: string; readonly has: string; readonly wants: string }[] {
  return PARAMETER_KEYS.filter(key => has[key] !== wants[key]).map(key => ({
    name: PARAMETERS[key].name,
    has: String(has[key]),
    wants: String(wants[key]),
  }))
}

/** The parameters that are ZFS properties with the same name. */
export function zfsProperties(
  changes: MutableParameters,
  of: readonly MutableParameter<string>['property'][] = ['every', 'newer'],
): readonly (readonly [string, string])[] {
  return MUTABLE_KEYS.flatMap(key => {
    const value = changes[key]
    const wanted = value !== undefined && of.includes(MUTABLE_PARAMETERS[key].property)
    return wanted ? [[key, value] as const] : []
  })
}
