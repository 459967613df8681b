// Volumes: make, delete, find, list, measure. Create first, then on "exists" read and compare;
// whatever a cut left open is completed by the same request.

import type { Clock } from '../../clock.ts'
import { type ErrorKind, isStorageError, StorageError } from '../../errors.ts'
import type { KeyedLock } from '../../locks.ts'
import { findSnapshotId, formatGuestId, volumeLeaf } from '../../model/ids.ts'
import type { VolumeParameters } from '../../model/parameters.ts'
import { GiB, MiB, type Volume, type VolumeSpec } from '../../model/volumes.ts'
import { largestThickVolume } from '../../zfs/dialect.ts'
import {
  isSilence,
  observeMachines,
  settleHost,
  settleMachine,
} from '../attachments/observation.ts'
import { leadsTo, removalOf } from '../attachments/uses.ts'
import { formatDeletedProperty } from '../catalog/properties.ts'
import { readAttached, readVolume } from '../catalog/read.ts'
import { readAvailable } from '../catalog/space.ts'
import { findPlace, getPlace, placeOf } from '../places.ts'
import type { Pool, Pools, VolumePlace } from '../pool.ts'
import {
  createVolume,
  cutCloneSource,
  findReplayed,
  mayBeRepeated,
  readSource,
} from './creation.ts'
import { checkFormatSize, checkSourceFormat } from './formats.ts'
import { VolumeNames } from './index-by-name.ts'
import { DEFAULT_BLOCK_SIZE_BYTES, resolveParameters } from './parameters.ts'
import type { Reaper } from './reaper.ts'
import { sizeWithin } from './sizes.ts'
import { destroyIfFree, NameFreedError } from './tombstones.ts'

/** For a request that names no size. */
export const DEFAULT_SIZE_BYTES = 1 * GiB
/** COMSTAR refuses smaller logical units (source). */
export const MINIMUM_SIZE_BYTES = 1 * MiB

export interface CapacityQuery {
  readonly pool: string | undefined
  readonly machine: string | undefined
  readonly parameters: Partial<VolumeParameters>
}

/** What is answered when nothing was made. */
const REFUSALS: readonly ErrorKind[] = ['not-found', 'out-of-range', 'invalid-argument', 'no-space']

interface SourcePlace {
  readonly place: VolumePlace
  readonly snapshotLeaf: string | undefined // undefined: the volume itself
}

export class Volumes {
  readonly #pools: Pools
  readonly #lock: KeyedLock
  readonly #reaper: Reaper
  readonly #names: VolumeNames

  constructor(options: { pools: Pools; lock: KeyedLock; reaper: Reaper; clock: Clock }) {
    this.#pools = options.pools
    this.#lock = options.lock
    this.#reaper = options.reaper
    this.#names = new VolumeNames(options.pools, options.clock)
  }

  /**
   * Idempotent by name: the same request gets the same volume, another request for the name is
   * `already-exists`, in whatever pool. One command for an empty volume; a source is read first, as
   * its size and block size decide.
   */
  async ensureVolume(spec: VolumeSpec, signal?: AbortSignal): Promise<Volume> {
    const source = this.#findSource(spec)
    const pool = this.#selectPool(spec, source)
    const place = placeOf(pool, volumeLeaf(pool.cluster, pool.name, spec.name))
    if (source?.place.volumeId === place.volumeId) {
      throw new StorageError(
        'invalid-argument',
        `volume ${JSON.stringify(spec.name)} cannot be its own source`,
      )
    }
    // By name as well: two requests for one name in two pools must not both find that the other
    // pool has none.
    const own = [`the name ${JSON.stringify(spec.name)}`, place.volumeId]
    const keys = source === undefined ? own : [...own, source.place.volumeId]
    const create = () =>
      this.#lock.hold(keys, signal, () => this.#create(place, spec, source, signal))
    try {
      return await create()
    } catch (error) {
      if (!(error instanceof NameFreedError)) throw error
      await this.#reaper.reapOrigin(pool, error.origin)
      return create()
    }
  }

  // Whoever asks for a known name in another pool would get a second, empty volume, where the data
  // is expected.
  async #refuseOtherPool(place: VolumePlace, name: string, signal?: AbortSignal): Promise<void> {
    for (const other of await this.#names.elsewhere(name, place.pool, signal)) {
      await other.pool.host.settled([other.leaf], signal)
      const { volume } = await readVolume(other, signal)
      if (volume === undefined) {
        this.#names.remove(other)
        continue
      }
      // Earlier versions made both: each is found by its own request.
      if ((await readVolume(place, signal)).volume !== undefined) return
      throw new StorageError(
        'already-exists',
        `volume ${JSON.stringify(name)} exists in pool ${other.pool.name} (${other.volumeId}), ` +
          `the request is for pool ${place.pool.name}`,
      )
    }
  }

  async #create(
    place: VolumePlace,
    spec: VolumeSpec,
    source: SourcePlace | undefined,
    signal?: AbortSignal,
  ): Promise<Volume> {
    const { pool } = place
    const names = [place.leaf, ...pool.design.names(place)]
    await pool.host.settled(source === undefined ? names : [...names, source.place.leaf], signal)
    await this.#refuseOtherPool(place, spec.name, signal)
    const forget = this.#names.add(place)
    try {
      return await this.#createFrom(place, spec, source, signal)
    } catch (error) {
      // What was made already is not measured again by a source that has grown, filled the pool or
      // gone since, nor by newer rules.
      if (!isStorageError(error, ...REFUSALS)) throw error
      const replayed = await findReplayed(place, spec, signal)
      if (replayed !== undefined) return replayed
      forget()
      throw error
    }
  }

  async #createFrom(
    place: VolumePlace,
    spec: VolumeSpec,
    source: SourcePlace | undefined,
    signal?: AbortSignal,
  ): Promise<Volume> {
    const { pool } = place
    const found = source && (await readSource(source, signal))
    if (found !== undefined) checkSourceFormat(spec.format, found.format)
    const parameters = resolveParameters(spec.parameters, pool, found?.blockSizeBytes)
    const sizeBytes = sizeWithin(spec.size, {
      stepBytes: parameters.blockSizeBytes,
      minimumBytes: found?.sizeBytes ?? MINIMUM_SIZE_BYTES,
      defaultBytes:
        found === undefined ? DEFAULT_SIZE_BYTES : (found.sizeBytes ?? MINIMUM_SIZE_BYTES),
    })
    if (found === undefined) checkFormatSize(spec.format, sizeBytes, parameters.export)
    const wanted: Volume = {
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
    const dropSource = () => pool.zfs.destroySnapshotDeferred(snapshot, signal)
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

  /**
   * Absence is success. Refuses (`in-use`) while a record, a view or an export speaks for the
   * volume.
   */
  async deleteVolume(id: string, signal?: AbortSignal): Promise<void> {
    const place = findPlace(this.#pools, id)
    if (place === undefined) return
    const gone = await this.#lock.hold(place.volumeId, signal, async () => {
      const deleted = await this.#delete(place, signal)
      this.#names.remove(place)
      return deleted
    })
    await this.#reaper.reapOrigin(place.pool, gone?.origin)
  }

  /** Answers what went; undefined when it was not there, or is hidden. */
  async #delete(place: VolumePlace, signal?: AbortSignal): Promise<Volume | undefined> {
    const { pool } = place
    await this.#settled(place, signal)
    const [reading, states] = await Promise.all([
      readAttached(place, signal),
      observeMachines(pool, signal),
    ])
    if (reading.sharing !== undefined) {
      const guests =
        reading.records.map(record => formatGuestId(record.guest)).join(', ') || '(in transition)'
      throw new StorageError(
        'in-use',
        `volume ${place.volumeId} is attached to guest ${guests}; detach it first`,
      )
    }
    for (const [machine, state] of states) {
      if (state instanceof StorageError) {
        // Where the design can fence, no view means that no machine reaches the bytes, answering or
        // not.
        if (!isSilence(state) || !(await pool.design.isFenced(place, signal))) {
          throw new StorageError(
            'unavailable',
            `volume ${place.volumeId} is not deleted while machine ${machine} does not answer: ` +
              `it may export the volume`,
            { cause: state },
          )
        }
        continue
      }
      const uses = state.uses.filter(use => leadsTo(place, use))
      const exported = uses.find(use => use.kind === 'export') ?? uses[0]
      if (exported !== undefined) {
        throw new StorageError(
          'in-use',
          `volume ${place.volumeId} is exported on machine ${machine} as ${exported.label} ` +
            `without a record; remove it there (${removalOf(uses)}), then delete again`,
        )
      }
    }
    if (reading.tombstone !== undefined) return this.#reaper.bury(place, signal)
    if (reading.volume === undefined) return undefined
    await pool.design.remove(place, signal)
    return this.#destroyOrHide(place, reading.volume, signal)
  }

  // Deleting ends well for the caller: a volume that snapshots or clones depend on is hidden and
  // gives its reservation back; the last dependant takes it along.
  async #destroyOrHide(
    place: VolumePlace,
    volume: Volume,
    signal?: AbortSignal,
  ): Promise<Volume | undefined> {
    const { zfs } = place.pool
    if (await destroyIfFree(place, signal)) return volume
    await zfs.setProperty(place.dataset, ...formatDeletedProperty(), signal)
    await this.#reaper.noteWaiting(place.volumeId)
    if (volume.reservedBytes > 0) {
      await zfs.setProperty(place.dataset, 'refreservation', 'none', signal)
    }
    return undefined
  }

  // A silent machine does not keep a volume from being deleted where a fence can be looked at
  // instead.
  async #settled(place: VolumePlace, signal?: AbortSignal): Promise<void> {
    await settleHost(place, signal)
    for (const machine of place.pool.machines.values()) {
      try {
        await settleMachine(place, machine, signal)
      } catch (error) {
        if (!isSilence(error) || !place.pool.design.canFence) throw error
      }
    }
  }

  /** For the start: a pool that fails later keeps nobody from making volumes in the others. */
  async learnNames(): Promise<void> {
    await this.#names.learn()
  }

  async getVolume(id: string, signal?: AbortSignal): Promise<Volume> {
    const place = getPlace(this.#pools, id)
    const { volume } = await readVolume(place, signal)
    if (volume === undefined) throw new StorageError('not-found', `volume ${id} does not exist`)
    return volume
  }

  /** Space for new volumes: of the pool asked for, else of all pools that the machine can reach. */
  async capacity(
    query: CapacityQuery,
    signal?: AbortSignal,
  ): Promise<{ availableBytes: number; maximumVolumeBytes: number | undefined }> {
    if (query.pool !== undefined && !this.#pools.has(query.pool)) {
      throw unknownPool(query.pool, this.#pools)
    }
    const pools = [...this.#pools.values()].filter(
      pool =>
        (query.pool === undefined || pool.name === query.pool) &&
        (query.machine === undefined || pool.machines.has(query.machine)),
    )
    const { totalBytes, largestBytes } = await readAvailable(pools, signal)
    const thin = query.parameters.reservation === 'thin'
    return {
      availableBytes: totalBytes,
      maximumVolumeBytes: thin
        ? undefined
        : largestThickVolume(
            largestBytes,
            query.parameters.blockSizeBytes ?? DEFAULT_BLOCK_SIZE_BYTES,
          ),
    }
  }

  #findSource({ source, pool }: VolumeSpec): SourcePlace | undefined {
    if (source.kind === 'empty') return undefined
    const id =
      source.kind === 'volume'
        ? { volumeId: source.id, leaf: undefined }
        : findSnapshotId(source.id)
    const place = id && findPlace(this.#pools, id.volumeId)
    if (id === undefined || place === undefined) {
      throw new StorageError(
        'not-found',
        `source ${source.kind} ${JSON.stringify(source.id)} does not exist`,
      )
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

  #selectPool(spec: VolumeSpec, source: SourcePlace | undefined): Pool {
    const named = source?.place.pool.name ?? spec.pool
    if (named === undefined && this.#pools.size > 1) {
      throw new StorageError(
        'invalid-argument',
        `parameter pool is missing: name one of ${[...this.#pools.keys()].join(', ')}`,
      )
    }
    const pool = named === undefined ? [...this.#pools.values()][0] : this.#pools.get(named)
    if (pool === undefined) throw unknownPool(named ?? '', this.#pools)
    if (spec.machines.length > 0 && !spec.machines.some(machine => pool.machines.has(machine))) {
      throw new StorageError(
        'no-space',
        `pool ${pool.name} is reachable from ${[...pool.machines.keys()].join(', ')}, not from ` +
          `${spec.machines.join(', ')} as the request demands`,
      )
    }
    return pool
  }
}

function unknownPool(name: string, pools: Pools): StorageError {
  return new StorageError(
    'invalid-argument',
    `parameter pool: there is no pool ${JSON.stringify(name)}; configured are ` +
      `${[...pools.keys()].join(', ')}`,
  )
}
