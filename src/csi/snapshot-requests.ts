// Parses requests for snapshots and group snapshots. The order of checks is that of
// controller-requests.ts.

import { findSnapshotId } from '../model/ids.ts'
import { checkMap, checkText, invalid, requireText } from './fields.ts'
import { type Page, parsePage } from './pages.ts'
import { refuseSnapshotParameters } from './parameters.ts'
import { parseRequirement } from './topology.ts'
import type {
  CreateSnapshotRequest,
  CreateVolumeGroupSnapshotRequest,
  DeleteVolumeGroupSnapshotRequest,
  GetVolumeGroupSnapshotRequest,
  ListSnapshotsRequest,
} from './wire/types.gen.ts'

export interface SnapshotSpec {
  readonly name: string
  readonly volumeId: string
  /**
   * At least one of these machines must reach volumes created from the snapshot. Empty: any
   * machine.
   */
  readonly requisite: readonly string[]
}

export function parseCreateSnapshot(
  driverName: string,
  request: CreateSnapshotRequest,
): SnapshotSpec {
  const name = requireText(request.name, 'name')
  const volumeId = requireText(request.source_volume_id, 'source_volume_id')
  checkMap(request.secrets, 'secrets')
  refuseSnapshotParameters(request.parameters)
  return {
    name,
    volumeId,
    requisite: parseRequirement(driverName, request.accessibility_requirements),
  }
}

export function requireSnapshotId(request: {
  readonly snapshot_id: string
  readonly secrets: Readonly<Record<string, string>>
}): string {
  const id = requireText(request.snapshot_id, 'snapshot_id')
  checkMap(request.secrets, 'secrets')
  return id
}

export interface SnapshotFilter {
  readonly snapshotId?: string
  readonly volumeId?: string
}

export function parseListSnapshots(request: ListSnapshotsRequest): {
  page: Page
  filter: SnapshotFilter
} {
  const page = parsePage(request, token => findSnapshotId(token) !== undefined)
  const snapshotId = checkText(request.snapshot_id, 'snapshot_id')
  const volumeId = checkText(request.source_volume_id, 'source_volume_id')
  checkMap(request.secrets, 'secrets')
  return {
    page,
    filter: {
      ...(snapshotId === '' ? {} : { snapshotId }),
      ...(volumeId === '' ? {} : { volumeId }),
    },
  }
}

export function parseCreateGroup(request: CreateVolumeGroupSnapshotRequest): {
  name: string
  volumeIds: readonly string[]
} {
  const name = requireText(request.name, 'name')
  if (request.source_volume_ids.length === 0) throw invalid('source_volume_ids', 'is missing')
  const volumeIds = request.source_volume_ids.map((id, at) =>
    requireText(id, `source_volume_ids[${at}]`),
  )
  checkMap(request.secrets, 'secrets')
  refuseSnapshotParameters(request.parameters)
  return { name, volumeIds }
}

export function parseGroup(
  request: DeleteVolumeGroupSnapshotRequest | GetVolumeGroupSnapshotRequest,
): {
  groupId: string
  memberIds: readonly string[]
} {
  const groupId = requireText(request.group_snapshot_id, 'group_snapshot_id')
  const memberIds = request.snapshot_ids.map((id, at) => requireText(id, `snapshot_ids[${at}]`))
  checkMap(request.secrets, 'secrets')
  return { groupId, memberIds }
}
