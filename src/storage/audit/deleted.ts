import type { Properties } from '../../zfs/zfs.ts'
import { listSnapshotNames, type PoolReading, readListedSnapshots } from '../catalog/lists.ts'
import { ownerCluster } from '../catalog/properties.ts'
import { isHiddenSnapshotLeaf } from '../names.ts'
import { placeOf } from '../places.ts'
import type { Pool } from '../pool.ts'
import type { Finding } from './known.ts'

// Reports deleted volumes that wait for something the driver will not delete. A volume that waits
// for one of the driver's own snapshots is destroyed with that snapshot. Nobody else would notice
// the others.
export async function auditDeleted(
  pool: Pool,
  reading: PoolReading,
  signal?: AbortSignal,
): Promise<readonly Finding[]> {
  const deleted = new Set(reading.tombstones.map(volume => placeOf(pool, volume.leaf).dataset))
  if (deleted.size === 0) return []
  const names = (await listSnapshotNames(pool, { signal })).filter(name =>
    deleted.has(datasetOf(name)),
  )
  const snapshots = Map.groupBy(await readListedSnapshots(pool, names, signal), ([name]) =>
    datasetOf(name),
  )
  const origins = new Set([...reading.volumes, ...reading.tombstones].map(volume => volume.origin))
  return reading.tombstones.flatMap(({ id, leaf }) => {
    const detail = whyItWaits(pool, new Map(snapshots.get(placeOf(pool, leaf).dataset)), origins)
    return detail === undefined
      ? []
      : [{ kind: 'deleted-volume', object: id, detail: `was deleted, and ${detail}` }]
  })
}

/** Undefined when it waits only for snapshots that callers asked the driver to keep. */
function whyItWaits(
  pool: Pool,
  snapshots: ReadonlyMap<string, Properties>,
  origins: ReadonlySet<string | undefined>,
): string | undefined {
  if (snapshots.size === 0) {
    return (
      'nothing depends on it: the controller destroys it in its next round, unless something ' +
      'has it open'
    )
  }
  const foreign = [...snapshots].flatMap(([name, properties]) =>
    ownerCluster(properties, name) === pool.cluster ? [] : [name],
  )
  if (foreign.length > 0) {
    return (
      `waits for ${listed(foreign)}, not created by this driver; destroy those that nobody ` +
      'needs, then the controller destroys it'
    )
  }
  const isWaiting = ([name, properties]: [string, Properties]) =>
    isHiddenSnapshotLeaf(name.slice(name.indexOf('@') + 1)) &&
    properties.get('defer_destroy')?.value === 'on' &&
    !origins.has(name)
  const used = [...snapshots].filter(isWaiting).map(([name]) => name)
  return used.length > 0
    ? `waits for a clone or a hold (zfs holds) of ${listed(used)}, not created by this driver`
    : undefined
}

function listed(names: readonly string[]): string {
  const more = names.length - 3
  return `${names.slice(0, 3).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

function datasetOf(snapshot: string): string {
  return snapshot.slice(0, snapshot.indexOf('@'))
}
