// What the machines show of the disks that guests should have by their records, for who keeps many
// of them: one listing of each pool and each machine, however many disks there are. It reads only.
// What could not be looked at is told as silence, never as an absent disk.

import { describeError, isStorageError, StorageError } from '../errors.ts'
import type { GuestReadiness, MachineView, PathState } from '../hypervisors/hypervisor.ts'
import { formatGuestId, sameGuest } from '../model/ids.ts'
import type { GuestId } from '../model/volumes.ts'
import { describeRenamed } from './attachments/elsewhere.ts'
import { readHolders } from './catalog/holders.ts'
import type { Holder } from './catalog/properties.ts'
import { readAttached } from './catalog/read.ts'
import { type SeenPath, seePaths } from './disk-paths.ts'
import { attachmentName, isReleasingRecord } from './names.ts'
import { tryToObserve } from './observation.ts'
import { getPlace, placeOf } from './places.ts'
import type { Pool, PoolMachine, Pools, VolumePlace } from './pool.ts'
import { expectedDisk, findDisk, viewsByKey } from './uses.ts'

/** What could not be looked at: the records of a pool, or a machine with all its guests. */
export interface Silence {
  readonly of: 'pool' | 'machine'
  readonly name: string
  readonly reason: string
}

/** `unknown`: the machine is silent. `unlisted`: it answers, and does not list the guest. */
export type SeenReadiness =
  | GuestReadiness
  | { readonly kind: 'unknown'; readonly reason: string }
  | { readonly kind: 'unlisted' }

export interface SeenDisk {
  readonly volumeId: string
  readonly guest: GuestId
  readonly readiness: SeenReadiness
  /** Whether the machine shows the disk in the guest. */
  readonly isAttached: boolean
  /** As the machine shows it, else as recorded. */
  readonly slot: number | undefined
  /** Undefined if the disk has all its parts on the machine, else what is missing. */
  readonly missing: string | undefined
  readonly paths: readonly SeenDiskPath[]
}

export interface SeenDiskPath {
  readonly serviceDomain: string
  readonly service: string
  /** `down`: the export is missing, or its service domain does not run. */
  readonly state: PathState
}

export interface DiskListing {
  /** One for each volume and guest that a record names, sorted. */
  readonly disks: readonly SeenDisk[]
  readonly silences: readonly Silence[]
}

/** A pool that hangs must not keep the others from being told. */
const POOL_MS = 30_000

interface Entry {
  readonly place: VolumePlace
  readonly holder: Holder
}

export class SeenDisks {
  readonly #pools: Pools

  constructor(options: { readonly pools: Pools }) {
    this.#pools = options.pools
  }

  /** The disks of one volume, or of all. Records are read before machines are. */
  async list(volumeId: string | undefined, signal?: AbortSignal): Promise<DiskListing> {
    const readings = await Promise.all(this.#readings(volumeId, signal))
    const entries = readings.flatMap(reading => ('reason' in reading ? [] : reading))
    const views = await tryToObserve(machinesOf(entries), signal)
    // A caller that gave up makes every look fail. That is no silence of pools and machines.
    signal?.throwIfAborted()
    const machines = [...views].flatMap(([name, view]): readonly Silence[] =>
      view instanceof StorageError ? [{ of: 'machine', name, reason: describeError(view) }] : [],
    )
    const looks = new Map(
      [...views].map(([name, view]) => [
        name,
        view instanceof StorageError ? view : viewsByKey(view),
      ]),
    )
    return {
      disks: entries
        .map(entry => seeDisk(entry, looks.get(entry.holder.guest.machine)))
        .sort((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1)),
      silences: [...readings.flatMap(each => ('reason' in each ? each : [])), ...machines],
    }
  }

  #readings(
    volumeId: string | undefined,
    signal?: AbortSignal,
  ): readonly Promise<readonly Entry[] | Silence>[] {
    if (volumeId !== undefined) {
      const place = getPlace(this.#pools, volumeId)
      return [orSilence(place.pool, readVolume(place, signal))]
    }
    return [...this.#pools.values()].map(pool => orSilence(pool, readPool(pool, signal)))
  }
}

async function readPool(pool: Pool, signal?: AbortSignal): Promise<readonly Entry[]> {
  const holders = await readHolders(pool, { signal, timeoutMs: POOL_MS })
  return [...holders].flatMap(([leaf, all]) => {
    const place = placeOf(pool, leaf)
    return all.map(holder => ({ place, holder }))
  })
}

/** Two small reads, where the listing of the pool would grow with all others. */
async function readVolume(place: VolumePlace, signal?: AbortSignal): Promise<readonly Entry[]> {
  const { records } = await readAttached(place, signal)
  const held = records.filter(({ dataset }) => !isReleasingRecord(dataset))
  return held
    .filter(({ guest }, at) => held.findIndex(other => sameGuest(other.guest, guest)) === at)
    .map(holder => ({ place, holder }))
}

async function orSilence(
  { name }: Pool,
  reading: Promise<readonly Entry[]>,
): Promise<readonly Entry[] | Silence> {
  try {
    return await reading
  } catch (error) {
    if (!isStorageError(error)) throw error
    return { of: 'pool', name, reason: describeError(error) }
  }
}

/** Each machine once, whatever the number of its pools. */
function machinesOf(entries: readonly Entry[]): ReadonlyMap<string, PoolMachine> {
  return new Map(
    entries.flatMap(({ place, holder }) => {
      const machine = place.pool.machines.get(holder.guest.machine)
      return machine === undefined ? [] : [[holder.guest.machine, machine] as const]
    }),
  )
}

function orderOf({ volumeId, guest }: SeenDisk): string {
  return `${volumeId} ${formatGuestId(guest)}`
}

function seeDisk(
  { place, holder }: Entry,
  look: StorageError | ((key: string) => MachineView) | undefined,
): SeenDisk {
  const { guest, slot } = holder
  const { pool, leaf, volumeId } = place
  const machine = pool.machines.get(guest.machine)
  const nothing = { volumeId, guest, isAttached: false, slot, missing: undefined, paths: [] }
  if (machine === undefined || look === undefined) {
    const reason = `the configuration of pool ${pool.name} does not name machine ${guest.machine}`
    return { ...nothing, readiness: { kind: 'unknown', reason } }
  }
  if (look instanceof StorageError) {
    return { ...nothing, readiness: { kind: 'unknown', reason: describeError(look) } }
  }
  const key = attachmentName(leaf, guest)
  const state = look(key)
  const disk = findDisk(leaf, { guest, slot }, state)
  const readiness = state.guests.find(({ name }) => name === guest.guest)?.readiness
  const seen = seePaths(key, disk, { machine, state })
  // Only a path group has path states. What a running guest uses of a single path is no question.
  const isOnly = seen.length === 1 && disk !== undefined && readiness?.kind === 'running'
  return {
    volumeId,
    guest,
    readiness: readiness ?? { kind: 'unlisted' },
    isAttached: disk !== undefined,
    slot: disk?.slot ?? slot,
    missing: missingOf({ place, holder }, { machine, state }),
    paths: seen.map(({ path: { serviceDomain, service }, state: at }) => ({
      serviceDomain,
      service,
      state: at === 'unknown' && isOnly ? 'active' : stateOf(at),
    })),
  }
}

function stateOf(state: SeenPath['state']): SeenDiskPath['state'] {
  return state === 'missing' || state === 'stopped' ? 'down' : state
}

function missingOf(
  { place, holder: { guest, slot, mode } }: Entry,
  { machine, state }: { readonly machine: PoolMachine; readonly state: MachineView },
): string | undefined {
  if (slot === undefined || mode === undefined) {
    return (
      `the record of guest ${formatGuestId(guest)} below ${place.record} has a disk number or a ` +
      'mode that this driver did not write; correct it'
    )
  }
  return (
    describeRenamed(place.leaf, guest, state) ??
    state.missing(expectedDisk(place, { guest, slot, mode }, machine))
  )
}
