// Which failed calls become events on a claim: those after which a person must act, as far as no
// sidecar writes them on the claim itself. csi-provisioner and csi-resizer do so for creation,
// expansion and modification; attach and snapshot troubles stand on other objects.

import type { CallFailure } from '../csi/wire/handler.ts'
import type { ErrorKind } from '../errors.ts'
import type { VolumeEvent } from './events.ts'

const REASONS: ReadonlyMap<string, string> = new Map([
  ['ControllerPublishVolume', 'AttachFailed'],
  ['ControllerUnpublishVolume', 'DetachFailed'],
  ['CreateSnapshot', 'SnapshotFailed'],
  ['CreateVolumeGroupSnapshot', 'GroupSnapshotFailed'],
])

/** After the others, the same call again may succeed by itself. */
const NEEDS_SOMEBODY: Readonly<Record<ErrorKind, boolean>> = {
  'invalid-argument': true,
  unsupported: true,
  'not-found': true,
  'already-exists': true,
  'out-of-range': true,
  'in-use': true,
  'failed-precondition': true,
  'no-space': true,
  busy: false,
  unavailable: false,
  'permission-denied': true,
  internal: true,
}

/** An event for each volume that the call was about. */
export function eventsOfFailure({
  rpc,
  request,
  kind,
  message,
}: CallFailure): readonly VolumeEvent[] {
  const reason = REASONS.get(rpc)
  if (reason === undefined || kind === undefined || !NEEDS_SOMEBODY[kind]) return []
  const { volume_id, source_volume_id, source_volume_ids } = request
  const group: readonly unknown[] = Array.isArray(source_volume_ids) ? source_volume_ids : []
  const volumes = [volume_id, source_volume_id, ...group]
  return volumes.flatMap(volumeId =>
    typeof volumeId === 'string' && volumeId !== ''
      ? [{ volumeId, type: 'Warning', reason, message }]
      : [],
  )
}
