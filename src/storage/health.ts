// Reports problems of volumes, from the state of the pools and the listings of the machines. It
// reads only and repairs nothing. Anything that could not be read is a problem or an error, never
// healthy.

import { describeError, isStorageError, StorageError } from '../errors.ts'
import type { DiskUse, MachineView } from '../hypervisors/hypervisor.ts'
import { formatGuestId } from '../model/ids.ts'
import type { Attachment } from '../model/volumes.ts'
import { readHolders } from './catalog/holders.ts'
import { readPool } from './catalog/lists.ts'
import { readAttached, requireVolume } from './catalog/read.ts'
import { type SeenPath, seePaths } from './disk-paths.ts'
import { attachmentName } from './names.ts'
import { type MachineViews, observeMachines } from './observation.ts'
import { getPlace, placeOf } from './places.ts'
import type { Pool, PoolMachine, PoolPath, Pools, VolumePlace } from './pool.ts'
import { findDisk } from './uses.ts'

export interface HealthProblem {
  /** `degraded`: usable, but less safe or slower than it should be. */
  readonly kind: 'degraded' | 'inaccessible' | 'data-loss'
  /** One word in CamelCase, the same for the same cause. */
  readonly reason: string
  readonly message: string
}

export interface VolumeHealth {
  readonly volumeId: string
  /** Empty: healthy. */
  readonly problems: readonly HealthProblem[]
}

export class Health {
  readonly #pools: Pools

  constructor(options: { pools: Pools }) {
    this.#pools = options.pools
  }

  async volumeHealth(id: string, signal?: AbortSignal): Promise<VolumeHealth> {
    const place = getPlace(this.#pools, id)
    const [state, reading] = await Promise.all([
      poolProblems(place.pool, signal),
      orError(readAttached(place, signal)),
    ])
    if (reading instanceof StorageError) {
      // ZFS may be unable to list a pool that does no I/O.
      if (state.some(problem => problem.kind === 'inaccessible')) {
        return { volumeId: place.volumeId, problems: state }
      }
      throw reading
    }
    requireVolume(reading, place)
    if (reading.records.length === 0) return { volumeId: place.volumeId, problems: state }
    const states = await observeMachines(place.pool, signal)
    return {
      volumeId: place.volumeId,
      problems: [...state, ...attachmentProblems(place, reading.records, states)],
    }
  }

  /**
   * Every volume that has a problem, sorted by id. If one pool cannot be listed, the whole call
   * fails. Otherwise its volumes would appear healthy.
   */
  async listVolumeHealth(signal?: AbortSignal): Promise<readonly VolumeHealth[]> {
    const lists = await Promise.all(
      [...this.#pools.values()].map(pool => this.#listPool(pool, signal)),
    )
    return lists.flat().sort((a, b) => (a.volumeId < b.volumeId ? -1 : 1))
  }

  /**
   * Attached volumes of a pool, each with what is wrong with its disks; the state of the pool is
   * left out. One command, and a listing of each machine, however many volumes there are. Undefined
   * in the place of problems: its machine does not answer, so that they are not known.
   */
  async attachedHealth(
    pool: Pool,
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<string, readonly HealthProblem[] | undefined>> {
    const holders = await readHolders(pool, { signal })
    if (holders.size === 0) return new Map()
    const states = await observeMachines(pool, signal)
    return new Map(
      [...holders].map(([leaf, records]) => {
        const place = placeOf(pool, leaf)
        const isSilent = records.some(
          ({ guest }) => states.get(guest.machine) instanceof StorageError,
        )
        const problems = attachmentProblems(place, records, states)
        return [place.volumeId, isSilent ? undefined : problems]
      }),
    )
  }

  async #listPool(pool: Pool, signal?: AbortSignal): Promise<readonly VolumeHealth[]> {
    const [state, { volumes, records }, states] = await Promise.all([
      poolProblems(pool, signal),
      readPool(pool, signal),
      observeMachines(pool, signal),
    ])
    const ofVolume = Map.groupBy(records, record => record.volumeId)
    return volumes
      .map(({ id, leaf }) => {
        const problems = [
          ...state,
          ...attachmentProblems(placeOf(pool, leaf), ofVolume.get(id) ?? [], states),
        ]
        return { volumeId: id, problems }
      })
      .filter(({ problems }) => problems.length > 0)
  }
}

async function orError<T>(answer: Promise<T>): Promise<T | StorageError> {
  try {
    return await answer
  } catch (error) {
    if (!isStorageError(error)) throw error
    return error
  }
}

// The states of zpool(8). Any other state is unknown and does not count as healthy.
const POOL_STATES: Readonly<Record<string, Omit<HealthProblem, 'message'>>> = {
  DEGRADED: { kind: 'degraded', reason: 'PoolDegraded' },
  SUSPENDED: { kind: 'inaccessible', reason: 'PoolSuspended' },
  FAULTED: { kind: 'inaccessible', reason: 'PoolFaulted' },
  UNAVAIL: { kind: 'inaccessible', reason: 'PoolUnavailable' },
  OFFLINE: { kind: 'inaccessible', reason: 'PoolOffline' },
  REMOVED: { kind: 'inaccessible', reason: 'PoolRemoved' },
}

async function poolProblems(pool: Pool, signal?: AbortSignal): Promise<readonly HealthProblem[]> {
  const [zpool = pool.dataset] = pool.dataset.split('/')
  const health = await pool.zfs.poolHealth(zpool, signal)
  if (health === 'ONLINE') return []
  const { kind, reason } = POOL_STATES[health] ?? { kind: 'degraded', reason: 'PoolStateUnknown' }
  return [{ kind, reason, message: `ZFS pool ${zpool} on host ${pool.host.name} is ${health}` }]
}

function attachmentProblems(
  place: VolumePlace,
  records: readonly Pick<Attachment, 'guest'>[],
  states: MachineViews,
): readonly HealthProblem[] {
  return records.flatMap(record => {
    const machine = place.pool.machines.get(record.guest.machine)
    const state = states.get(record.guest.machine)
    const guest = formatGuestId(record.guest)
    if (machine === undefined || state === undefined) {
      return {
        kind: 'degraded',
        reason: 'MachineUnknown',
        message:
          `guest ${guest} is on a machine that the configuration of pool ${place.pool.name} ` +
          'does not name',
      }
    }
    if (state instanceof StorageError) {
      const message = `the paths of guest ${guest} are unknown: ${describeError(state)}`
      return { kind: 'degraded', reason: 'MachineSilent', message }
    }
    return diskProblems(place, record, { machine, state })
  })
}

function diskProblems(
  place: VolumePlace,
  record: Pick<Attachment, 'guest'> & { readonly slot?: number | undefined },
  { machine, state }: { machine: PoolMachine; state: MachineView },
): readonly HealthProblem[] {
  const guest = formatGuestId(record.guest)
  const name = attachmentName(place.leaf, record.guest)
  const disk = findDisk(place.leaf, { guest: record.guest, slot: record.slot }, state)
  if (disk === undefined) {
    return [
      {
        kind: 'inaccessible',
        reason: 'DiskMissing',
        message: `guest ${guest} has no disk ${name}; attach the volume again`,
      },
    ]
  }
  const object = `disk ${name} of guest ${guest}`
  const seen = seePaths(name, disk, { machine, state })
  const inState = (wanted: SeenPath['state']) =>
    seen.flatMap(({ path, state: at }) => (at === wanted ? [path] : []))
  const [missing, down] = [inState('missing'), inState('stopped')]
  // Missing and stopped paths both reduce the guest's paths, together perhaps to none.
  const kind = missing.length + down.length === machine.paths.length ? 'inaccessible' : 'degraded'
  return [
    ...(missing.length > 0
      ? [
          {
            kind,
            reason: 'BackendMissing',
            message: `${object} is not served by ${where(missing)}`,
          } as const,
        ]
      : []),
    ...(down.length > 0
      ? [
          {
            kind,
            reason: 'ServiceDomainDown',
            message: `${object} is not served by ${where(down)}, which does not run`,
          } as const,
        ]
      : []),
    ...pathProblems(disk, object),
  ]
}

function where(paths: readonly PoolPath[]): string {
  return paths.map(path => `${path.service} in ${path.serviceDomain}`).join(', ')
}

// Only a path group (mpgroup) has states of paths in use. A disk with a single path is judged by
// its export alone, unless the machine says that the guest does not reach it. So is a disk of which
// no state is known: guests that do not report them, as Linux, and guests that do not run
// (documented, ldm(8) of 3.5).
function pathProblems(disk: DiskUse, object: string): readonly HealthProblem[] {
  const isDown = disk.paths.some(path => path.state === 'down')
  if (disk.paths.length < 2 && !isDown) return []
  if (disk.paths.some(path => path.state === 'active')) return []
  const isSilent = disk.paths.every(path => path.state === 'unknown' && path.device !== undefined)
  if (isSilent) return []
  const states = disk.paths.map(path => `${path.service} ${path.state}`).join(', ')
  return disk.paths.some(path => path.state === 'unknown')
    ? [
        {
          kind: 'degraded',
          reason: 'PathStateUnknown',
          message: `the listing does not show whether ${object} has a working path: ${states}`,
        },
      ]
    : [
        {
          kind: 'inaccessible',
          reason: 'NoActivePath',
          message: `${object} has no active path: ${states}`,
        },
      ]
}
