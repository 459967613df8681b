// Volumes: make, delete, find, list, measure. Create first, then on "exists" read and compare; whatever a cut left open is completed by the same request.

import { isStorageError, StorageError } from '../errors.ts'
import type { MachineState } from '../hypervisor.ts'
import { largestThickVolume } from '../zfs/dialect.ts'
import { speaksOf } from './attach-plan.ts'
import { readAvailableBytes, readVolume } from './catalog.ts'
import type { KeyedLock } from './locks.ts'
import { GiB, KiB, MiB, type Volume, type VolumeParameters, type VolumeSpec } from './model.ts'
import { formatGuestId, volumeLeaf } from './names.ts'
import { findPlace, getPlace, type Pool, type Pools, placeOf, type VolumePlace } from './pool.ts'
import { formatVolumeProperties } from './properties.ts'
import { sizeWithin } from './sizes.ts'

/** For a request that names no size. */
export const DEFAULT_SIZE_BYTES = 1 * GiB
/** COMSTAR refuses smaller logical units (source). */
export const MINIMUM_SIZE_BYTES = 1 * MiB

export interface CapacityQuery {
  readonly pool: string | undefined
  readonly machine: string | undefined
  readonly parameters: Partial<VolumeParameters>
}

export class Volumes {
  readonly #pools: Pools
  readonly #lock: KeyedLock

  constructor(options: { pools: Pools; lock: KeyedLock }) {
    this.#pools = options.pools
    this.#lock = options.lock
  }

  /** Idempotent by name: the same request gets the same volume, another request for the name is `already-exists`. */
  async ensureVolume(spec: VolumeSpec, signal?: AbortSignal): Promise<Volume> {
    const pool = this.#selectPool(spec)
    const parameters = resolveParameters(spec.parameters, pool)
    const place = placeOf(pool, volumeLeaf(pool.cluster, pool.name, spec.name))
    const volume: Volume = {
      id: place.volumeId,
      name: spec.name,
      pool: pool.name,
      leaf: place.leaf,
      sizeBytes: sizeWithin(spec.size, {
        stepBytes: parameters.blockSizeBytes,
        minimumBytes: MINIMUM_SIZE_BYTES,
        defaultBytes: DEFAULT_SIZE_BYTES,
      }),
      format: spec.format,
      parameters,
      source: spec.source,
      machines: [...pool.machines.keys()],
      referencedBytes: 0,
    }
    if (spec.source.kind !== 'empty')
      throw new StorageError('unsupported', `volume ${JSON.stringify(spec.name)}: only empty volumes can be made`)
    return this.#lock.run(place.volumeId, signal, () => pool.writes.run(signal, () => this.#create(place, volume, spec, signal)))
  }

  async #create(place: VolumePlace, wanted: Volume, spec: VolumeSpec, signal: AbortSignal | undefined): Promise<Volume> {
    const { pool } = place
    await pool.host.settled([place.leaf, ...pool.design.names(place)], signal)
    let volume = wanted
    try {
      await pool.zfs.createVolume(
        {
          dataset: place.dataset,
          sizeBytes: wanted.sizeBytes,
          blockSizeBytes: wanted.parameters.blockSizeBytes,
          reservation: wanted.parameters.reservation,
          compression: wanted.parameters.compression,
          properties: formatVolumeProperties(wanted, pool.cluster),
        },
        signal,
      )
    } catch (error) {
      if (!isStorageError(error, 'already-exists')) throw error
      volume = await this.#existing(place, wanted, spec, signal)
    }
    await pool.design.ensure(place, volume.sizeBytes, signal)
    return volume
  }

  async #existing(place: VolumePlace, wanted: Volume, spec: VolumeSpec, signal: AbortSignal | undefined): Promise<Volume> {
    const { volume } = await readVolume(place, signal)
    // It was there a moment ago: another process deletes it. The next identical call finds out.
    if (volume === undefined) throw new StorageError('unavailable', `volume ${place.volumeId} is being deleted; try again`)
    const differs = (field: string, has: unknown, wants: unknown) =>
      new StorageError(
        'already-exists',
        `volume ${JSON.stringify(wanted.name)} exists with another ${field}: it has ${show(has)}, the request wants ${show(wants)}`,
      )
    if (volume.name !== wanted.name) throw differs('name', volume.name, wanted.name)
    if (!equal(volume.format, wanted.format)) throw differs('format', volume.format, wanted.format)
    if (!equal(volume.parameters, wanted.parameters)) throw differs('parameters', volume.parameters, wanted.parameters)
    if (!equal(volume.source, wanted.source)) throw differs('source', volume.source, wanted.source)
    const { requiredBytes, limitBytes } = spec.size
    if (volume.sizeBytes < requiredBytes || (limitBytes > 0 && volume.sizeBytes > limitBytes)) {
      throw differs('size', volume.sizeBytes, `at least ${requiredBytes}${limitBytes > 0 ? ` and at most ${limitBytes}` : ''}`)
    }
    return volume
  }

  /** Absence is success. Refuses (`in-use`) while a record, a view or an export speaks for the volume. */
  async deleteVolume(id: string, signal?: AbortSignal): Promise<void> {
    const place = findPlace(this.#pools, id)
    if (place === undefined) return
    await this.#lock.run(place.volumeId, signal, () => place.pool.writes.run(signal, () => this.#delete(place, signal)))
  }

  async #delete(place: VolumePlace, signal: AbortSignal | undefined): Promise<void> {
    const { pool } = place
    await this.#settled(place, signal)
    const [reading, states] = await Promise.all([readVolume(place, signal), observeMachines(pool, signal)])
    if (reading.record !== undefined) {
      throw new StorageError(
        'in-use',
        `volume ${place.volumeId} is attached to guest ${formatGuestId(reading.record.guest)}; detach it first`,
      )
    }
    for (const [machine, state] of states) {
      if (state instanceof StorageError) {
        // Where the design can fence, no view means that no machine reaches the bytes, answering or not.
        if (!(await pool.design.isFenced(place, signal))) {
          throw new StorageError(
            'unavailable',
            `volume ${place.volumeId} is not deleted while machine ${machine} does not answer: it may export the volume`,
            { cause: state },
          )
        }
        continue
      }
      const backend = state.backends.find(candidate => speaksOf(place, candidate))
      if (backend !== undefined) {
        throw new StorageError(
          'in-use',
          `volume ${place.volumeId} is exported on machine ${machine} as ${backend.name}@${backend.service} without a record; remove it there (ldm rm-vdisk, ldm rm-vdsdev), then delete again`,
        )
      }
    }
    if (reading.volume === undefined) return
    await pool.design.remove(place, signal)
    await pool.zfs.destroy(place.dataset, signal)
  }

  async #settled(place: VolumePlace, signal: AbortSignal | undefined): Promise<void> {
    const names = [place.leaf, ...place.pool.design.names(place)]
    await place.pool.host.settled(names, signal)
    for (const { hypervisor } of place.pool.machines.values()) {
      try {
        await hypervisor.settled(names, signal)
      } catch (error) {
        if (!isStorageError(error, 'unavailable') || !place.pool.design.usesLun) throw error
      }
    }
  }

  async getVolume(id: string, signal?: AbortSignal): Promise<Volume> {
    const place = getPlace(this.#pools, id)
    const { volume } = await readVolume(place, signal)
    if (volume === undefined) throw new StorageError('not-found', `volume ${id} does not exist`)
    return volume
  }

  /** Space for new volumes: of the pool asked for, else of all pools that the machine can reach. */
  async capacity(query: CapacityQuery, signal?: AbortSignal): Promise<{ availableBytes: number; maximumVolumeBytes: number | undefined }> {
    if (query.pool !== undefined && !this.#pools.has(query.pool)) throw unknownPool(query.pool, this.#pools)
    const pools = [...this.#pools.values()].filter(
      pool => (query.pool === undefined || pool.name === query.pool) && (query.machine === undefined || pool.machines.has(query.machine)),
    )
    const available = await Promise.all(pools.map(pool => readAvailableBytes(pool, signal)))
    const largest = Math.max(0, ...available)
    const thin = query.parameters.reservation === 'thin'
    return {
      availableBytes: available.reduce((sum, bytes) => sum + bytes, 0),
      maximumVolumeBytes: thin
        ? undefined
        : largestThickVolume(largest, query.parameters.blockSizeBytes ?? DEFAULT_PARAMETERS.blockSizeBytes),
    }
  }

  #selectPool(spec: VolumeSpec): Pool {
    const { requisite, preferred } = spec.machines
    if (spec.pool === undefined && this.#pools.size > 1) {
      throw new StorageError('invalid-argument', `parameter pool is missing: name one of ${[...this.#pools.keys()].join(', ')}`)
    }
    const pool = spec.pool === undefined ? [...this.#pools.values()][0] : this.#pools.get(spec.pool)
    if (pool === undefined) throw unknownPool(spec.pool ?? '', this.#pools)
    const wanted = requisite.length > 0 ? requisite : preferred
    if (requisite.length > 0 && !wanted.some(machine => pool.machines.has(machine))) {
      throw new StorageError(
        'no-space',
        `pool ${pool.name} is reachable from ${[...pool.machines.keys()].join(', ')}, not from ${requisite.join(', ')} as the request demands`,
      )
    }
    return pool
  }
}

/** OpenZFS and Solaris disagree on these defaults, so they are always passed (zfs 2.1 to 2.3, recorded). */
export const DEFAULT_PARAMETERS = { blockSizeBytes: 8 * KiB, compression: 'off', reservation: 'thick', vdiskTimeoutSeconds: 0 } as const

function resolveParameters(asked: Partial<VolumeParameters>, pool: Pool): VolumeParameters {
  const parameters: VolumeParameters = { ...DEFAULT_PARAMETERS, export: pool.design.shapes[0] ?? 'slice', ...asked }
  if (!pool.design.shapes.includes(parameters.export)) {
    throw new StorageError(
      'invalid-argument',
      `parameter export: pool ${pool.name} (design ${pool.design.kind}) exports ${pool.design.shapes.join(' or ')}, not ${parameters.export}`,
    )
  }
  const multipath = [...pool.machines.values()].some(machine => machine.paths.length > 1)
  if (parameters.vdiskTimeoutSeconds > 0 && multipath) {
    throw new StorageError(
      'invalid-argument',
      `parameter vdiskTimeoutSeconds: not with pool ${pool.name}, a timeout can fail I/O before the mpgroup has found its other path`,
    )
  }
  return parameters
}

function unknownPool(name: string, pools: Pools): StorageError {
  return new StorageError(
    'invalid-argument',
    `parameter pool: there is no pool ${JSON.stringify(name)}; configured are ${[...pools.keys()].join(', ')}`,
  )
}

/** The state of every machine of a pool; a machine that does not answer has its error in its place. */
export async function observeMachines(pool: Pool, signal?: AbortSignal): Promise<ReadonlyMap<string, MachineState | StorageError>> {
  const states = await Promise.all(
    [...pool.machines].map(async ([name, { hypervisor }]): Promise<readonly [string, MachineState | StorageError]> => {
      try {
        return [name, await hypervisor.observe(signal)]
      } catch (error) {
        if (!isStorageError(error, 'unavailable')) throw error
        return [name, error]
      }
    }),
  )
  return new Map(states)
}

function equal(a: unknown, b: unknown): boolean {
  return JSON.stringify(a, sortKeys) === JSON.stringify(b, sortKeys)
}

function sortKeys(_key: string, value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function show(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
