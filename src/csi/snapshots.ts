// The snapshot RPCs of the Controller service, and the GroupController service. It turns requests
// into storage calls and results into responses.

import { StorageError } from '../errors.ts'
import { findVolumeId } from '../model/ids.ts'
import type { Snapshot } from '../model/volumes.ts'
import type { Group, GroupSnapshots } from '../storage/snapshots/groups.ts'
import type { Snapshots } from '../storage/snapshots/snapshots.ts'
import { cutPage, rangeOf } from './pages.ts'
import * as requests from './snapshot-requests.ts'
import { formatTopology } from './topology.ts'
import { type Handlers, type Service, service } from './wire/handler.ts'
import type { Draft } from './wire/proto.ts'
import {
  type ControllerMethods,
  GroupControllerServiceCapabilityRPCType as GroupType,
  type Timestamp,
  type VolumeGroupSnapshot,
  type Snapshot as WireSnapshot,
} from './wire/types.gen.ts'

/** The part of storage that the services call. */
export type SnapshotStore = Pick<
  Snapshots,
  'createSnapshot' | 'deleteSnapshot' | 'getSnapshot' | 'listSnapshots'
>
export type GroupStore = Pick<GroupSnapshots, 'createGroup' | 'getGroup' | 'deleteGroup'>

export interface SnapshotOptions {
  readonly driverName: string
  readonly snapshots: SnapshotStore
  /** The machines that reach each pool, and so the volumes created from its snapshots. */
  readonly pools: ReadonlyMap<string, { readonly machines: ReadonlyMap<string, unknown> }>
  /**
   * Return topologies, and honour requested ones. A driver that does so must declare
   * SNAPSHOT_ACCESSIBILITY_CONSTRAINTS.
   */
  readonly snapshotTopology: boolean
}

export function snapshotHandlers(options: SnapshotOptions): Handlers<ControllerMethods> {
  const { driverName, snapshots } = options
  return {
    CreateSnapshot: async (request, signal) => {
      const { name, volumeId, requisite } = requests.parseCreateSnapshot(driverName, request)
      const wanted = options.snapshotTopology ? requisite : []
      refuseUnreachable(options, volumeId, wanted)
      const snapshot = await snapshots.createSnapshot({ name, volumeId }, signal)
      return { snapshot: wireSnapshot(options, snapshot, wanted) }
    },
    DeleteSnapshot: async (request, signal) => {
      await snapshots.deleteSnapshot(requests.requireSnapshotId(request), signal)
      return {}
    },
    GetSnapshot: async (request, signal) => {
      const snapshot = await snapshots.getSnapshot(requests.requireSnapshotId(request), signal)
      return { snapshot: wireSnapshot(options, snapshot) }
    },
    ListSnapshots: async (request, signal) => {
      const { page, filter } = requests.parseListSnapshots(request)
      const all = await snapshots.listSnapshots({ ...filter, range: rangeOf(page) }, signal)
      return cutPage(all, page, {
        idOf: each => each.id,
        entry: each => ({ snapshot: wireSnapshot(options, each) }),
      })
    },
  }
}

export function groupControllerService(
  options: SnapshotOptions & { readonly groups: GroupStore },
): Service {
  const { groups } = options
  return service('GroupController', {
    GroupControllerGetCapabilities: async () => ({
      capabilities: [{ rpc: { type: GroupType.CREATE_DELETE_GET_VOLUME_GROUP_SNAPSHOT } }],
    }),
    CreateVolumeGroupSnapshot: async (request, signal) => {
      const group = await groups.createGroup(requests.parseCreateGroup(request), signal)
      return { group_snapshot: wireGroup(options, group) }
    },
    DeleteVolumeGroupSnapshot: async (request, signal) => {
      const { groupId, memberIds } = requests.parseGroup(request)
      await groups.deleteGroup(groupId, memberIds, signal)
      return {}
    },
    GetVolumeGroupSnapshot: async (request, signal) => {
      const { groupId, memberIds } = requests.parseGroup(request)
      return {
        group_snapshot: wireGroup(options, await groups.getGroup(groupId, memberIds, signal)),
      }
    },
  })
}

function machinesOf({ pools }: SnapshotOptions, volumeId: string): readonly string[] {
  const id = findVolumeId(volumeId)
  return [...(pools.get(id?.pool ?? '')?.machines.keys() ?? [])].sort()
}

// Storage answers for a volume of an unknown pool.
function refuseUnreachable(
  options: SnapshotOptions,
  volumeId: string,
  requisite: readonly string[],
): void {
  const machines = machinesOf(options, volumeId)
  if (
    requisite.length === 0 ||
    machines.length === 0 ||
    machines.some(machine => requisite.includes(machine))
  ) {
    return
  }
  throw new StorageError(
    'no-space',
    `snapshots of volume ${volumeId} can be used on ${machines.join(', ')}, not on ` +
      `${requisite.join(', ')} as the request requires`,
  )
}

// A caller that requests topologies gets back the requested ones, and only if some are missing. The
// reason: csi-sanity 5.6.0 compares the topologies of answer and request as Go structures, caches
// included, and fails every driver that repeats them. A snapshot looked up by id always says where
// it can be used. Creating a volume from it elsewhere is rejected with the code for another place.
function placesOf(
  options: SnapshotOptions,
  snapshot: Snapshot,
  requisite: readonly string[],
): readonly string[] {
  if (!options.snapshotTopology) return []
  const machines = machinesOf(options, snapshot.volumeId)
  if (requisite.length === 0) return machines
  const served = machines.filter(machine => requisite.includes(machine))
  return served.length === requisite.length ? [] : served
}

function wireSnapshot(
  options: SnapshotOptions,
  snapshot: Snapshot,
  requisite: readonly string[] = [],
): Draft<WireSnapshot> {
  return {
    size_bytes: String(snapshot.sizeBytes),
    snapshot_id: snapshot.id,
    source_volume_id: snapshot.volumeId,
    creation_time: wireTime(snapshot),
    // A ZFS snapshot is complete as soon as it exists.
    ready_to_use: true,
    group_snapshot_id: snapshot.groupId ?? '',
    accessible_topology: placesOf(options, snapshot, requisite).map(machine =>
      formatTopology(options.driverName, machine),
    ),
  }
}

function wireGroup(options: SnapshotOptions, { id, snapshots }: Group): Draft<VolumeGroupSnapshot> {
  return {
    group_snapshot_id: id,
    snapshots: snapshots.map(snapshot => wireSnapshot(options, snapshot)),
    // All members are taken at the same time.
    creation_time: snapshots[0] && wireTime(snapshots[0]),
    ready_to_use: true,
  }
}

function wireTime({ createdAtSeconds }: Snapshot): Timestamp {
  return { seconds: String(createdAtSeconds), nanos: 0 }
}
