// Reports records that do not match a machine's listing, or that contradict each other.

import type { MachineView } from '../../hypervisors/hypervisor.ts'
import { formatGuestId } from '../../model/ids.ts'
import type { Attachment } from '../../model/volumes.ts'
import { describeRenamed } from '../attachments/elsewhere.ts'
import type { PoolReading } from '../catalog/lists.ts'
import type { RecordReading } from '../catalog/read.ts'
import { attachmentName, isReleasingRecord } from '../names.ts'
import type { MachineViews } from '../observation.ts'
import { placeOf } from '../places.ts'
import type { Recorded } from '../pool.ts'
import { viewsByKey, wantedDisk } from '../uses.ts'
import { type Finding, type Known, leafOf } from './known.ts'

/** The machine's view reduced to the disk with a given key, or the error of a silent machine. */
type Views = ReadonlyMap<string, Error | ((key: string) => MachineView)>

export function auditRecords(
  known: Known,
  { records, given }: PoolReading,
  states: MachineViews,
): readonly Finding[] {
  const views = new Map(
    [...states].map(([name, state]) => [name, state instanceof Error ? state : viewsByKey(state)]),
  )
  return [
    ...records.flatMap(record => auditAttachment(known, record, views)),
    ...records.filter(record => isReleasingRecord(record.dataset)).map(describeRelease),
    ...[...given].flatMap(([id, owner]) => auditGiven(known, id, owner)),
  ]
}

function auditAttachment(known: Known, record: Attachment, views: Views): readonly Finding[] {
  const { pool } = known
  const place = placeOf(pool, leafOf(record))
  const guest = formatGuestId(record.guest)
  const volume = known.volume(record.volumeId)
  const find = (kind: string, detail: string) => [{ kind, object: record.volumeId, detail }]
  if (volume === undefined) {
    return find(
      'record-without-volume',
      `record ${place.record} names guest ${guest}; detach the volume to delete the record`,
    )
  }
  const machine = pool.machines.get(record.guest.machine)
  const view = views.get(record.guest.machine)
  if (machine === undefined || view === undefined) {
    return find(
      'not-seen',
      `recorded as attached to ${guest}, whose machine is not configured for pool ` +
        `${pool.name}; add the machine, then detach the volume`,
    )
  }
  // `auditMachines` reports a machine that does not answer.
  if (view instanceof Error) return []
  const about = view(attachmentName(place.leaf, record.guest))
  const renamed = describeRenamed(place.leaf, record.guest, about)
  if (renamed !== undefined) return find('guest-renamed', renamed)
  const missing = about.missing(wantedDisk(place, { volume, attachment: record }, machine))
  if (missing === undefined) return []
  return find(
    'attachment-incomplete',
    `recorded as attached to ${guest}, but ${missing}; publish or detach it again`,
  )
}

function describeRelease({ volumeId, guest, dataset }: Recorded): Finding {
  const detail =
    `its detachment from ${formatGuestId(guest)} was started but not finished (record ` +
    `${dataset}); detach or publish it again`
  return { kind: 'attachment-incomplete', object: volumeId, detail }
}

function auditGiven(
  known: Known,
  id: string,
  { sharing, owner }: Pick<RecordReading, 'sharing' | 'owner'>,
): readonly Finding[] {
  const recorded = known.recordsOf(id).map(record => record.guest)
  const all = owner === undefined ? recorded : [owner, ...recorded]
  const guests = [...new Set(all.map(formatGuestId))].sort()
  if (recorded.length === 0) {
    const detail =
      `is recorded ${guests[0] === undefined ? 'as shared' : `for ${guests[0]}`}, but no ` +
      'guest has a record of its own; publish or detach it again'
    return [{ kind: 'record-without-guest', object: id, detail }]
  }
  if (sharing !== 'exclusive' || guests.length < 2) return []
  const detail =
    `is exclusive, but recorded for ${guests.join(' and ')}; find out which of them uses ` +
    'it, and detach it from the others'
  return [{ kind: 'recorded-twice', object: id, detail }]
}
