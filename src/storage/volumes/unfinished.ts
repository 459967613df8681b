// Completes a volume whose creation a power failure cut off between two transactions of ZFS: it has
// no properties. Only what the request itself would have made, and nobody has touched, is
// completed. Nothing is destroyed. Records are never completed: creating one decides who has a
// volume, and two controllers could both believe that they did (decision 027).

import { parseBytes } from '../../zfs/bytes.ts'
import type { Properties } from '../../zfs/zfs.ts'
import { blankBytesOf, untouchedCloneBytes } from '../catalog/blank.ts'
import {
  formatOwnerProperties,
  formatVolumeProperties,
  listOwn,
  ownerCluster,
  UNTOUCHED_PROPERTIES,
} from '../catalog/properties.ts'
import { readInSight } from '../catalog/sight.ts'
import { observeMachines } from '../observation.ts'
import type { VolumePlace } from '../pool.ts'
import { findExport } from './exports.ts'
import { reserve } from './reservations.ts'
import { type Creation, effective } from './wanted.ts'

/** A volume without an owner, and what depends on it. */
interface Found {
  readonly properties: Properties
  /** Of the pool's parent dataset. */
  readonly parent: Properties | undefined
  readonly hasRecord: boolean
  readonly snapshots: readonly string[]
}

/**
 * Sets the properties that the creation would have set. Returns why it does not, if anything speaks
 * against it. The caller has asked for late commands, and reads the volume afterwards.
 *
 * Another controller may be completing the same volume. The name is computed from the names of the
 * cluster and of the volume. So the other acts for the same cluster, and as a rule for the same
 * request: both set the same values. Parameters could differ only if two controllers work at once,
 * with two requests for one name. Then each compares what it reads afterwards, like that of any
 * existing volume. What the two can mix up are the labels of an untouched volume.
 */
export async function completeUnfinished(
  creation: Creation,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const { place } = creation
  const used = await findUse(place, signal)
  if (used !== undefined) return used
  // Last, so that little time passes before the first change.
  const found = await readUnfinished(place, signal)
  // It is gone, or has got an owner meanwhile: the caller will see.
  if (found === undefined || ownerCluster(found.properties, place.dataset) !== undefined) {
    return undefined
  }
  const hindrance = findHindrance(found, creation)
  if (hindrance === undefined) await complete(found.properties, creation, signal)
  return hindrance
}

async function findUse(place: VolumePlace, signal?: AbortSignal): Promise<string | undefined> {
  const { design } = place.pool
  const found = await findExport(place, await observeMachines(place.pool, signal), signal)
  if (found?.kind === 'unseen') return `machine ${found.machine} does not answer and may export it`
  if (found !== undefined) return `machine ${found.machine} exports it as ${found.label}`
  const isReachable = design.canFence && !(await design.isFenced(place, signal))
  return isReachable ? 'machines can reach its bytes' : undefined
}

/** Undefined: it is gone. */
async function readUnfinished(
  place: VolumePlace,
  signal?: AbortSignal,
): Promise<Found | undefined> {
  const { pool, dataset, record } = place
  const { parent, found } = await readInSight(
    pool,
    { names: UNTOUCHED_PROPERTIES, datasets: [dataset, record] },
    signal,
  )
  const properties = found.get(dataset)
  if (properties === undefined) return undefined
  const snapshots = await pool.zfs.getSnapshots(['type'], dataset, signal)
  return { properties, parent, hasRecord: found.has(record), snapshots: [...snapshots.keys()] }
}

/** What shows that the dataset is not just what the request would have made. Pure. */
function findHindrance(found: Found, creation: Creation): string | undefined {
  const { properties, snapshots } = found
  const { record } = creation.place
  if (properties.get('type')?.value !== 'volume') return 'it is no volume'
  if (found.hasRecord) return `it has a record of an attachment, ${record}`
  if (snapshots.length > 0) return `it has snapshots: ${snapshots.join(', ')}`
  const labels = labelsOf(creation)
  // A completion that was cut off has set some of them. Solaris sets only one in a command.
  const other = [...listOwn(properties)].find(([name, value]) => labels[name] !== value)
  if (other !== undefined) return `its ${other[0]} is not that of this request`
  return findOtherSize(found, creation) ?? findOtherContent(found, creation)
}

function findOtherSize({ properties }: Found, creation: Creation): string | undefined {
  const { wanted, spec, cloneOf, place } = creation
  const of = (name: string) => bytesOf(place, properties, name)
  const [sizeBytes, blockBytes] = [of('volsize'), of('volblocksize')]
  const differs = (what: string, has: number, wants: string) =>
    `it has ${what} of ${has} bytes, and this request wants ${wants}`
  if (blockBytes !== wanted.parameters.blockSizeBytes) {
    return differs('blocks', blockBytes, String(wanted.parameters.blockSizeBytes))
  }
  // A clone is as large as its snapshot was, whatever the source is now: another size would be a
  // change of the clone.
  if (cloneOf === undefined && sizeBytes !== wanted.sizeBytes) {
    return differs('a size', sizeBytes, String(wanted.sizeBytes))
  }
  const { limitBytes } = spec.size
  if (limitBytes > 0 && sizeBytes > limitBytes) {
    return differs('a size', sizeBytes, `at most ${limitBytes}`)
  }
  // ZFS sets the reservation before the other properties, in a transaction of its own.
  const reservedBytes = of('refreservation')
  if (effective(creation).reservation === 'thin' && reservedBytes > 0) {
    return differs('a reservation', reservedBytes, 'none')
  }
  return undefined
}

function findOtherContent(
  { properties, parent }: Found,
  { place, cloneOf }: Creation,
): string | undefined {
  const of = (name: string) => bytesOf(place, properties, name)
  const origin = properties.get('origin')?.value
  if (origin !== (cloneOf?.snapshot ?? '-')) {
    const wants = cloneOf === undefined ? 'an empty volume' : `a clone of ${cloneOf.snapshot}`
    return `its origin is ${origin}, and this request wants ${wants}`
  }
  const isTouched =
    cloneOf === undefined
      ? of('referenced') > blankBytesOf(parent, place.dataset)
      : of('usedbydataset') > untouchedCloneBytes(parent, place.dataset)
  return isTouched ? 'something was written to it' : undefined
}

// One property per command: Solaris takes no more. The owner comes last, so whatever cuts this off
// leaves a volume without an owner, which the next call completes.
async function complete(
  properties: Properties,
  creation: Creation,
  signal?: AbortSignal,
): Promise<void> {
  const { place, wanted } = creation
  const { zfs, cluster } = place.pool
  const { compression, reservation, properties: newer } = effective(creation)
  const [sizeBytes, reservedBytes] = [
    bytesOf(place, properties, 'volsize'),
    bytesOf(place, properties, 'refreservation'),
  ]
  if (reservation === 'thick' && reservedBytes < sizeBytes) {
    await reserve(place, { sizeBytes, blockSizeBytes: wanted.parameters.blockSizeBytes }, signal)
  }
  const owner = formatOwnerProperties(cluster)
  const labels = Object.entries(labelsOf(creation)).filter(([name]) => !(name in owner))
  const all = [...Object.entries({ compression, ...newer }), ...labels, ...Object.entries(owner)]
  for (const property of all) await zfs.setProperty(place.dataset, property, signal)
}

function bytesOf({ dataset }: VolumePlace, properties: Properties, name: string): number {
  return parseBytes(properties.get(name)?.value, `${name} of ${dataset}`)
}

function labelsOf({ wanted, place }: Creation): Readonly<Record<string, string>> {
  return formatVolumeProperties(wanted, place.pool.cluster)
}
