// Completes a volume whose creation a power failure cut off between two transactions of ZFS: it has
// no properties. Only what the request itself would have made, and nobody has touched, is
// completed. Nothing is destroyed. Records are never completed: creating one decides who has a
// volume, and two controllers could both believe that they did (decision 027).

import { parseBytes } from '../../zfs/bytes.ts'
import { readPropertyNames } from '../../zfs/dialect.ts'
import type { Properties } from '../../zfs/zfs.ts'
import { COUNTED_PROPERTIES, countsBlocks, isUntouched } from '../catalog/blank.ts'
import {
  formatOwnerProperties,
  formatVolumeProperties,
  ownerCluster,
  READ_PROPERTIES,
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
  /** Those of the pool's parent dataset. */
  readonly parent: Properties
  /** Names of the properties that are set on it. */
  readonly set: readonly string[]
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
  const { design, host } = place.pool
  if (!countsBlocks(await readPropertyNames(host.shell, signal))) {
    return 'the zfs of its host does not tell whether something was written to it'
  }
  const unit = await design.findUnit(place, signal)
  if (unit !== undefined) return `it is ${unit}`
  const found = await findExport(place, await observeMachines(place.pool, signal), signal)
  if (found?.kind === 'unseen') return `machine ${found.machine} does not answer and may export it`
  return found && `machine ${found.machine} exports it as ${found.label}`
}

/** Undefined: it is gone. */
async function readUnfinished(
  place: VolumePlace,
  signal?: AbortSignal,
): Promise<Found | undefined> {
  const { pool, dataset, record } = place
  const { found: there } = await readInSight(
    pool,
    { names: ['type'], datasets: [dataset, record] },
    signal,
  )
  if (!there.has(dataset)) return undefined
  const set = await pool.zfs.listSetProperties(dataset, signal)
  const names = [...new Set([...READ_PROPERTIES, 'volblocksize', ...COUNTED_PROPERTIES, ...set])]
  const { parent, found } = await readInSight(pool, { names, datasets: [dataset] }, signal)
  const properties = found.get(dataset)
  if (properties === undefined || parent === undefined) return undefined
  const snapshots = await pool.zfs.getSnapshots(['type'], dataset, signal)
  const hasRecord = there.has(record)
  return { properties, parent, set, hasRecord, snapshots: [...snapshots.keys()] }
}

/** What shows that the dataset is not just what the request would have made. Pure. */
function findHindrance(found: Found, creation: Creation): string | undefined {
  const { properties, set, snapshots } = found
  const { record } = creation.place
  if (properties.get('type')?.value !== 'volume') return 'it is no volume'
  if (found.hasRecord) return `it has a record of an attachment, ${record}`
  if (snapshots.length > 0) return `it has snapshots: ${snapshots.join(', ')}`
  // A completion that was cut off has set some of them.
  const wanted = propertiesOf(creation)
  const other = set.find(
    name => !COMPARED.has(name) && properties.get(name)?.value !== wanted.get(name),
  )
  if (other !== undefined) return `its ${other} is not what this request would have set`
  return findOtherSize(found, creation) ?? findOtherContent(found, creation)
}

/** Properties that every volume has set. `findOtherSize` compares their values. */
const COMPARED: ReadonlySet<string> = new Set(['volsize', 'refreservation'])

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
  const origin = properties.get('origin')?.value
  if (origin !== (cloneOf?.snapshot ?? '-')) {
    const wants = cloneOf === undefined ? 'an empty volume' : `a clone of ${cloneOf.snapshot}`
    return `its origin is ${origin}, and this request wants ${wants}`
  }
  return isUntouched(properties, parent, place.dataset)
    ? undefined
    : 'something was written to it, or its parent has files or its pool disks of which this is ' +
        'not known'
}

// One property per command, as everywhere. The owner comes last, so whatever cuts this off leaves a
// volume without an owner, which the next call completes.
async function complete(
  properties: Properties,
  creation: Creation,
  signal?: AbortSignal,
): Promise<void> {
  const { place, wanted } = creation
  const [sizeBytes, reservedBytes] = [
    bytesOf(place, properties, 'volsize'),
    bytesOf(place, properties, 'refreservation'),
  ]
  if (effective(creation).reservation === 'thick' && reservedBytes < sizeBytes) {
    await reserve(place, { sizeBytes, blockSizeBytes: wanted.parameters.blockSizeBytes }, signal)
  }
  for (const property of propertiesOf(creation)) {
    await place.pool.zfs.setProperty(place.dataset, property, signal)
  }
}

/** What the creation would have set, apart from sizes; the owner last. */
function propertiesOf(creation: Creation): ReadonlyMap<string, string> {
  const { wanted, place } = creation
  const { compression, properties: newer } = effective(creation)
  const owner = Object.entries(formatOwnerProperties(place.pool.cluster))
  const labels = Object.entries(formatVolumeProperties(wanted, place.pool.cluster))
  const isOwners = (name: string) => owner.some(([own]) => own === name)
  return new Map([
    ...Object.entries({ compression, ...newer }),
    ...labels.filter(([name]) => !isOwners(name)),
    ...owner,
  ])
}

function bytesOf({ dataset }: VolumePlace, properties: Properties, name: string): number {
  return parseBytes(properties.get(name)?.value, `${name} of ${dataset}`)
}
