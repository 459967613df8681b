// Tells which guests volumes are published to: by the records and, if the machine answers, by its
// listing.

import { StorageError } from '../../errors.ts'
import type { Attachment, GuestId, ListRange, Volume } from '../../model/volumes.ts'
import { readPools } from '../catalog/lists.ts'
import { readAttached } from '../catalog/read.ts'
import { attachmentName } from '../names.ts'
import { type MachineViews, observeMachines } from '../observation.ts'
import { getPlace } from '../places.ts'
import type { Pools } from '../pool.ts'

export interface PublishedVolume {
  readonly volume: Volume
  /** Guests that have the volume by record and, if their machine answers, also by its listing. */
  readonly publishedTo: readonly GuestId[]
}

export async function listPublished(
  pools: Pools,
  signal?: AbortSignal,
  range?: ListRange,
): Promise<readonly PublishedVolume[]> {
  const [{ volumes, records }, perPool] = await Promise.all([
    readPools(pools, signal, range),
    Promise.all([...pools.values()].map(pool => observeMachines(pool, signal))),
  ])
  const byVolume = Map.groupBy(records, record => record.volumeId)
  const keys = keysByMachine(new Map(perPool.flatMap(views => [...views])))
  return volumes.map(volume => ({
    volume,
    publishedTo: guestsOf(volume.leaf, byVolume.get(volume.id) ?? [], keys),
  }))
}

export async function publishedTo(
  pools: Pools,
  volume: Volume,
  signal?: AbortSignal,
): Promise<readonly GuestId[]> {
  const place = getPlace(pools, volume.id)
  const [{ records }, views] = await Promise.all([
    readAttached(place, signal),
    observeMachines(place.pool, signal),
  ])
  return guestsOf(place.leaf, records, keysByMachine(views))
}

type KeysByMachine = ReadonlyMap<string, ReadonlySet<string>>

/** The disk keys of every machine that answered. Each key belongs to one attachment. */
function keysByMachine(views: MachineViews): KeysByMachine {
  return new Map(
    [...views].flatMap(([machine, view]) => {
      if (view instanceof StorageError) return []
      const disks = view.uses.filter(use => use.kind === 'disk')
      return [[machine, new Set(disks.map(disk => disk.key))] as const]
    }),
  )
}

// If the machine does not answer, the record decides. The attacher must not take silence for a
// detached disk.
function guestsOf(
  leaf: string,
  records: readonly Attachment[],
  keys: KeysByMachine,
): readonly GuestId[] {
  return records
    .map(record => record.guest)
    .filter(guest => {
      const key = attachmentName(leaf, guest)
      // A guest that was renamed or has moved still has its disk.
      return !keys.has(guest.machine) || [...keys.values()].some(seen => seen.has(key))
    })
}
