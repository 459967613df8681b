// Compares the layers: what is in one and not in another. Looks and reports; repairs nothing. Every
// layer is sorted by what its objects are found by, once: a pool has as many volumes as its
// machines have exports.

import { describeError, isStorageError } from '../errors.ts'
import type { DiskUse, ExportUse, MachineView } from '../hypervisors/hypervisor.ts'
import { formatGuestId } from '../model/ids.ts'
import type { Attachment, Volume } from '../model/volumes.ts'
import type { Properties } from '../zfs/zfs.ts'
import { describeRenamed } from './attachments/elsewhere.ts'
import { type MachineViews, observeMachines } from './attachments/observation.ts'
import { leadsTo, wantedDisk } from './attachments/uses.ts'
import {
  listSnapshotNames,
  type PoolReading,
  readListedSnapshots,
  readPool,
} from './catalog/lists.ts'
import { ownerCluster } from './catalog/properties.ts'
import {
  attachmentName,
  isHiddenSnapshotLeaf,
  isReleasingRecord,
  leafOfAttachmentName,
} from './names.ts'
import { placeOf } from './places.ts'
import type { Pool, PoolMachine, Pools, VolumePlace } from './pool.ts'

export interface Finding {
  /** `not-seen`: a layer could not be looked at, so nothing is known about it. */
  readonly kind: string
  readonly object: string
  readonly detail: string
}

/**
 * Everything that does not fit, sorted; empty when every layer agrees. A layer that does not answer
 * is a finding, not a failure.
 */
export async function audit(pools: Pools, signal?: AbortSignal): Promise<readonly Finding[]> {
  const findings = await Promise.all([...pools.values()].map(pool => auditPool(pool, signal)))
  return findings
    .flat()
    .sort((a, b) => (`${a.kind} ${a.object}` < `${b.kind} ${b.object}` ? -1 : 1))
}

async function auditPool(pool: Pool, signal?: AbortSignal): Promise<readonly Finding[]> {
  try {
    const [reading, states] = await Promise.all([
      readPool(pool, signal),
      observeMachines(pool, signal),
    ])
    const known = new Known(pool, reading)
    const design = await pool.design.audit(
      pool,
      {
        volumes: reading.volumes.map(volume => ({
          place: placeOf(pool, volume.leaf),
          sizeBytes: volume.sizeBytes,
          attachedTo: known.recordsOf(volume.id).map(record => record.guest.machine),
        })),
        deleted: reading.tombstones.map(volume => placeOf(pool, volume.leaf)),
      },
      signal,
    )
    const deleted = await auditDeleted(pool, reading, signal)
    return [
      ...auditRecords(known, reading, states),
      ...auditMachines(known, states),
      ...deleted,
      ...design,
    ]
  } catch (error) {
    if (!isStorageError(error)) throw error
    return [{ kind: 'not-seen', object: `pool ${pool.name}`, detail: describeError(error) }]
  }
}

const TEXTS_THAT_NAME = /v-[a-z2-7]{20}|[0-9A-F]{32}/gi

/** What is recorded in a pool, by what the other layers call it. */
class Known {
  readonly pool: Pool
  readonly #volumes: ReadonlyMap<string, Volume>
  readonly #records: ReadonlyMap<string, readonly Attachment[]>
  /** By the leaf and by what the design calls it. */
  readonly #places = new Map<string, { readonly place: VolumePlace; readonly what: string }>()

  constructor(pool: Pool, { volumes, tombstones, records }: PoolReading) {
    this.pool = pool
    this.#volumes = new Map(volumes.map(volume => [volume.id, volume]))
    this.#records = Map.groupBy(records, record => record.volumeId)
    for (const [all, what] of [
      [volumes, 'volume'],
      [tombstones, 'deleted volume'],
    ] as const) {
      for (const { leaf, id } of all) {
        const place = placeOf(pool, leaf)
        for (const name of [leaf, ...pool.design.names(place)]) {
          this.#places.set(name.toUpperCase(), { place, what: `${what} ${id}` })
        }
      }
    }
  }

  volume(id: string): Volume | undefined {
    return this.#volumes.get(id)
  }

  recordsOf(id: string): readonly Attachment[] {
    return this.#records.get(id) ?? []
  }

  records(): readonly Attachment[] {
    return [...this.#records.values()].flat()
  }

  /** The volume that an export or a name speaks of, in words. */
  whose(text: string, isOf: (place: VolumePlace) => boolean = () => true): string | undefined {
    const named = (text.match(TEXTS_THAT_NAME) ?? []).flatMap(
      name => this.#places.get(name.toUpperCase()) ?? [],
    )
    return named.find(({ place }) => isOf(place))?.what
  }
}

function auditRecords(
  known: Known,
  { records, given }: PoolReading,
  states: MachineViews,
): readonly Finding[] {
  const { pool } = known
  const machines = new Map(
    [...states].map(([name, state]) => [name, state instanceof Error ? state : sorted(state)]),
  )
  const findings: Finding[] = []
  for (const record of records) {
    const place = placeOf(pool, leafOf(record))
    const guest = formatGuestId(record.guest)
    const volume = known.volume(record.volumeId)
    if (volume === undefined) {
      findings.push({
        kind: 'record-without-volume',
        object: record.volumeId,
        detail: `record ${place.record} speaks of guest ${guest}; detach it to release the record`,
      })
      continue
    }
    const machine = pool.machines.get(record.guest.machine)
    const state = machines.get(record.guest.machine)
    if (machine === undefined || state === undefined) {
      findings.push({
        kind: 'not-seen',
        object: record.volumeId,
        detail:
          `recorded as attached to ${guest}, whose machine is not configured for pool ` +
          `${pool.name}; add it to detach the volume`,
      })
    } else if (!(state instanceof Error)) {
      const about = state(attachmentName(place.leaf, record.guest))
      const renamed = describeRenamed(place.leaf, record.guest, about)
      const missing = about.missing(wantedDisk(place, { volume, attachment: record }, machine))
      if (renamed !== undefined) {
        findings.push({ kind: 'guest-renamed', object: record.volumeId, detail: renamed })
      } else if (missing !== undefined) {
        findings.push({
          kind: 'attachment-incomplete',
          object: record.volumeId,
          detail: `recorded as attached to ${guest}, but ${missing}; publish or detach it again`,
        })
      }
    }
  }
  for (const { volumeId, guest, dataset } of records.filter(record =>
    isReleasingRecord(record.dataset),
  )) {
    findings.push({
      kind: 'attachment-incomplete',
      object: volumeId,
      detail:
        `its detachment from ${formatGuestId(guest)} was begun and has not ended (record ` +
        `${dataset}); detach or publish it again`,
    })
  }
  for (const [id, { sharing, owner }] of given) {
    const all = [
      ...(owner === undefined ? [] : [owner]),
      ...known.recordsOf(id).map(record => record.guest),
    ]
    const guests = [...new Set(all.map(formatGuestId))].sort()
    if (known.recordsOf(id).length === 0) {
      findings.push({
        kind: 'record-without-guest',
        object: id,
        detail:
          `is kept ${guests[0] === undefined ? 'as shared' : `for ${guests[0]}`}, and no ` +
          `guest is recorded as having it; publish or detach it again`,
      })
    } else if (sharing === 'exclusive' && guests.length > 1) {
      findings.push({
        kind: 'recorded-twice',
        object: id,
        detail:
          `is for one guest, and recorded for ${guests.join(' and ')}; see which of them ` +
          `uses it, and detach it from the others`,
      })
    }
  }
  return findings
}

/** The view of a machine as far as it concerns the disk of one attachment. */
function sorted(view: MachineView): (key: string) => MachineView {
  const uses = Map.groupBy(view.uses, use => use.key)
  return key => ({ ...view, uses: uses.get(key) ?? [] })
}

function auditMachines(known: Known, states: MachineViews): readonly Finding[] {
  const byMachine = Map.groupBy(known.records(), record => record.guest.machine)
  return [...states].flatMap(([name, state]) => {
    if (state instanceof Error) {
      const detail = `${describeError(state)}; nothing is known of its attachments until it answers`
      return [{ kind: 'not-seen', object: `machine ${name}`, detail }]
    }
    const explained = new Set(
      (byMachine.get(name) ?? []).map(record => attachmentName(leafOf(record), record.guest)),
    )
    return auditMachine(known, {
      name,
      services: servicesOf(known.pool.machines.get(name)),
      state,
      explained,
    })
  })
}

function auditMachine(
  known: Known,
  machine: {
    readonly name: string
    readonly services: ReadonlySet<string>
    readonly state: MachineView
    readonly explained: ReadonlySet<string>
  },
): readonly Finding[] {
  const { state, name, services, explained } = machine
  const findings: Finding[] = []
  for (const use of state.uses) {
    if (explained.has(use.key)) continue
    if (use.kind === 'disk') findings.push(...auditDisk(known, name, use))
    else if (services.has(use.paths[0].service)) findings.push(...auditExport(known, name, use))
  }
  return findings
}

function auditExport(known: Known, machine: string, use: ExportUse): readonly Finding[] {
  const { device } = use.paths[0]
  const whose = known.whose(`${use.key} ${device}`, place => leadsTo(place, use))
  const object = `${use.label} on ${machine}`
  const wayOut = `withdraw it when nobody uses it: ${use.removal}`
  if (whose !== undefined) {
    const detail = `exports ${device} of ${whose}; ${wayOut}`
    return [{ kind: 'export-without-record', object, detail }]
  }
  if (!isOfPool(known.pool, use)) return []
  const detail = `exports ${device}, which no volume of pool ${known.pool.name} explains; ${wayOut}`
  return [{ kind: 'export-without-volume', object, detail }]
}

function auditDisk(known: Known, machine: string, use: DiskUse): readonly Finding[] {
  const leaf = leafOfAttachmentName(use.key)
  const whose = leaf === undefined ? undefined : known.whose(leaf)
  if (whose === undefined) return []
  const detail =
    `is a disk of ${whose} that no record explains; unmount it there, and remove it: ` + use.removal
  return [
    { kind: 'disk-without-record', object: `${use.label} of ${machine}/${use.guest}`, detail },
  ]
}

// A deleted volume that waits for a snapshot of the driver's goes with that. Nobody waits for the
// others but the volume.
async function auditDeleted(
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

/** Undefined where it waits for what the driver was asked to keep. */
function whyItWaits(
  pool: Pool,
  snapshots: ReadonlyMap<string, Properties>,
  origins: ReadonlySet<string | undefined>,
): string | undefined {
  if (snapshots.size === 0) {
    return (
      'nothing needs it: it goes with the next round of the controller, unless something ' +
      'has it open'
    )
  }
  const foreign = [...snapshots].flatMap(([name, properties]) =>
    ownerCluster(properties, name) === pool.cluster ? [] : [name],
  )
  if (foreign.length > 0) {
    return (
      `waits for ${listed(foreign)}, not made by this driver; destroy what nobody needs, ` +
      `and it goes by itself`
    )
  }
  const isWaiting = ([name, properties]: [string, Properties]) =>
    isHiddenSnapshotLeaf(name.slice(name.indexOf('@') + 1)) &&
    properties.get('defer_destroy')?.value === 'on' &&
    !origins.has(name)
  const used = [...snapshots].filter(isWaiting).map(([name]) => name)
  return used.length > 0
    ? `waits for what others made from ${listed(used)}: a clone, or a hold (zfs holds)`
    : undefined
}

function listed(names: readonly string[]): string {
  const more = names.length - 3
  return `${names.slice(0, 3).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

function datasetOf(snapshot: string): string {
  return snapshot.slice(0, snapshot.indexOf('@'))
}

// Names of the driver without a volume: only those that lead into this pool, as several pools may
// share a vds.
function isOfPool(pool: Pool, { key, paths }: ExportUse): boolean {
  const leaf = leafOfAttachmentName(key)
  return leaf !== undefined && pool.design.isDeviceOf(placeOf(pool, leaf), paths[0].device)
}

function servicesOf(machine: PoolMachine | undefined): ReadonlySet<string> {
  return new Set(machine?.paths.map(path => path.service) ?? [])
}

function leafOf(record: Attachment): string {
  return record.volumeId.slice(record.volumeId.indexOf('/') + 1)
}
