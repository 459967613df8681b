// The private service Disks of the controller: what machines show of the disks that guests should
// have, in one call for all of them. It decides nothing.

import { formatGuestId } from '../model/ids.ts'
import type { DiskListing, SeenDisk, SeenDiskPath, SeenDisks } from '../storage/seen-disks.ts'
import { checkText } from './fields.ts'
import { type Service, service } from './wire/handler.ts'
import type { Draft } from './wire/proto.ts'
import {
  type Disk,
  GuestReadiness,
  type ListDisksResponse,
  PathState,
  type Silence,
} from './wire/types.gen.ts'

/** The part of storage that the service calls. */
export type DiskStore = Pick<SeenDisks, 'list'>

export function disksService({ disks }: { readonly disks: DiskStore }): Service {
  return service('Disks', {
    ListDisks: async (request, signal) => {
      const volumeId = checkText(request.volume_id, 'volume_id')
      return wireListing(await disks.list(volumeId === '' ? undefined : volumeId, signal))
    },
  })
}

function wireListing({ disks, silences }: DiskListing): Draft<ListDisksResponse> {
  return {
    disks: disks.map(wireDisk),
    silences: silences.map(
      ({ of, name, reason }): Draft<Silence> =>
        of === 'pool' ? { pool: name, reason } : { machine: name, reason },
    ),
  }
}

const READINESS: Readonly<Record<SeenDisk['readiness']['kind'], GuestReadiness>> = {
  unknown: GuestReadiness.UNKNOWN,
  running: GuestReadiness.RUNNING,
  off: GuestReadiness.OFF,
  'no-os': GuestReadiness.NO_OS,
  changing: GuestReadiness.CHANGING,
  unclear: GuestReadiness.UNCLEAR,
  unlisted: GuestReadiness.UNLISTED,
}

const STATES: Readonly<Record<SeenDiskPath['state'], PathState>> = {
  unknown: PathState.UNKNOWN_STATE,
  active: PathState.ACTIVE,
  standby: PathState.STANDBY,
  down: PathState.DOWN,
}

/** Zero is a number of a disk, and the wire has no other default. */
const NO_NUMBER = -1

function wireDisk({ guest, readiness, ...disk }: SeenDisk): Draft<Disk> {
  return {
    volume_id: disk.volumeId,
    node_id: formatGuestId(guest),
    guest: READINESS[readiness.kind],
    guest_reason: 'reason' in readiness ? readiness.reason : '',
    attached: disk.isAttached,
    vdisk: disk.slot ?? NO_NUMBER,
    missing: disk.missing ?? '',
    paths: disk.paths.map(({ serviceDomain, service: name, state }) => ({
      service_domain: serviceDomain,
      service: name,
      state: STATES[state],
    })),
  }
}
