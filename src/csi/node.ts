// The Node service of one guest: turns requests into guest calls and results into responses. It
// needs no controller and no storage host. Everything it needs to know is in the two contexts.

import type { GuestVolumes } from '../guest/guest-volumes.ts'
import type { Amounts } from '../guest/platform.ts'
import { formatGuestId } from '../model/ids.ts'
import type { GuestId } from '../model/volumes.ts'
import { checkMap } from './fields.ts'
import { wireHealth } from './health.ts'
import { type GuestHealthStore, NodeHealth } from './node-health.ts'
import * as requests from './node-requests.ts'
import { formatTopology } from './topology.ts'
import { type Handlers, type Service, service } from './wire/handler.ts'
import {
  type NodeMethods,
  NodeServiceCapabilityRPCType as Type,
  VolumeUsageUnit as Unit,
  type VolumeUsage,
} from './wire/types.gen.ts'

/** The part of the guest code that the service calls. */
export type GuestStore = Pick<
  GuestVolumes,
  'stage' | 'unstage' | 'publish' | 'unpublish' | 'statistics' | 'expand'
>

export interface NodeOptions {
  readonly driverName: string
  readonly guest: GuestId
  /** The most volumes for this guest. Undefined: the caller decides. */
  readonly attachLimit: number | undefined
  readonly volumes: GuestStore
  /** Undefined: health is switched off, and its RPCs are not registered. */
  readonly health: GuestHealthStore | undefined
}

const CAPABILITIES = [
  Type.STAGE_UNSTAGE_VOLUME,
  Type.GET_VOLUME_STATS,
  Type.EXPAND_VOLUME,
  Type.SINGLE_NODE_MULTI_WRITER,
]
const HEALTH_CAPABILITIES = [Type.GET_VOLUME_HEALTH, Type.GET_STORAGE_HEALTH]

export function nodeService(options: NodeOptions): Service {
  const health = options.health && new NodeHealth(options.health)
  const types = [...CAPABILITIES, ...(health ? HEALTH_CAPABILITIES : [])]
  return service('Node', {
    NodeGetCapabilities: async () => ({ capabilities: types.map(type => ({ rpc: { type } })) }),
    ...volumeHandlers(options, health),
    ...(health ? healthHandlers(health) : {}),
  })
}

function volumeHandlers(
  { driverName, guest, attachLimit, volumes }: NodeOptions,
  health: NodeHealth | undefined,
): Handlers<NodeMethods> {
  return {
    NodeStageVolume: async (request, signal) => {
      const parsed = requests.parseStage(request)
      await volumes.stage(parsed, signal)
      health?.noteStaged(parsed.volumeId, parsed)
      return {}
    },
    NodeUnstageVolume: async (request, signal) => {
      const parsed = requests.parseUnstage(request)
      if (requests.isOurId(parsed.volumeId)) await volumes.unstage(parsed, signal)
      health?.noteUnstaged(parsed.volumeId)
      return {}
    },
    NodePublishVolume: async (request, signal) => {
      await volumes.publish(requests.parsePublish(request), signal)
      return {}
    },
    NodeUnpublishVolume: async (request, signal) => {
      const parsed = requests.parseUnpublish(request)
      if (requests.isOurId(parsed.volumeId)) await volumes.unpublish(parsed, signal)
      return {}
    },
    NodeGetVolumeStats: async (request, signal) => {
      const { bytes, inodes } = await volumes.statistics(requests.parseStats(request), signal)
      return {
        usage: [wireUsage(bytes, Unit.BYTES), ...(inodes ? [wireUsage(inodes, Unit.INODES)] : [])],
      }
    },
    NodeExpandVolume: async (request, signal) => {
      const { sizeBytes } = await volumes.expand(requests.parseNodeExpand(request), signal)
      return { capacity_bytes: String(sizeBytes) }
    },
    NodeGetInfo: async () => ({
      node_id: formatGuestId(guest),
      max_volumes_per_node: String(attachLimit ?? 0),
      accessible_topology: formatTopology(driverName, guest.machine),
    }),
  }
}

function healthHandlers(health: NodeHealth): Handlers<NodeMethods> {
  return {
    NodeGetVolumeHealth: async (request, signal) => ({
      volume_health: wireHealth(
        await health.volumeHealth(requests.parseVolumeHealth(request), signal),
      ),
    }),
    NodeGetStorageHealth: async (request, signal) => {
      checkMap(request.secrets, 'secrets')
      return { backend_health: await health.storageHealth(signal) }
    },
  }
}

function wireUsage({ total, used, available }: Amounts, unit: Unit): VolumeUsage {
  return { total: String(total), used: String(used), available: String(available), unit }
}
