// The Node service of one guest: request to guest call to response. It needs no controller and no storage host: what it has
// to know comes in the two contexts.

import type { GuestId } from '../storage/model.ts'
import { formatGuestId } from '../storage/names.ts'
import { type Service, service } from './handler.ts'
import * as requests from './node-requests.ts'
import { formatTopology } from './topology.ts'
import { NodeServiceCapabilityRPCType as Type, VolumeUsageUnit as Unit, type VolumeUsage } from './types.gen.ts'

export type GuestFormat =
  | { readonly kind: 'block' }
  /** An empty type is the platform's default. */
  | { readonly kind: 'filesystem'; readonly type: string; readonly mountOptions: readonly string[] }

export interface StageRequest {
  readonly volumeId: string
  readonly slot: number
  readonly sizeBytes: number
  readonly format: GuestFormat
  readonly createdEmpty: boolean
  readonly written: boolean
  readonly mode: 'rw' | 'ro'
  readonly stagingPath: string
}

export interface TargetRequest {
  readonly volumeId: string
  readonly targetPath: string
}

export interface PublishRequest extends TargetRequest {
  readonly slot: number
  readonly sizeBytes: number
  readonly format: GuestFormat
  readonly stagingPath: string
  readonly readonly: boolean
  readonly exclusive: boolean
}

export interface Usage {
  readonly total: number
  readonly used: number
  readonly available: number
}

/** What the service needs of the guest's platform. Absence is success for unstage and unpublish. */
export interface GuestStore {
  stage(request: StageRequest, signal?: AbortSignal): Promise<void>
  unstage(request: { readonly volumeId: string; readonly stagingPath: string }, signal?: AbortSignal): Promise<void>
  publish(request: PublishRequest, signal?: AbortSignal): Promise<void>
  unpublish(request: TargetRequest, signal?: AbortSignal): Promise<void>
  statistics(
    request: { readonly volumeId: string; readonly path: string },
    signal?: AbortSignal,
  ): Promise<{ readonly bytes: Usage; readonly inodes?: Usage | undefined }>
}

export interface NodeOptions {
  readonly driverName: string
  readonly guest: GuestId
  /** Most volumes that the guest takes; undefined leaves it to the caller. */
  readonly attachLimit: number | undefined
  readonly volumes: GuestStore
}

const CAPABILITIES = [Type.STAGE_UNSTAGE_VOLUME, Type.GET_VOLUME_STATS, Type.SINGLE_NODE_MULTI_WRITER]

export function nodeService({ driverName, guest, attachLimit, volumes }: NodeOptions): Service {
  return service('Node', {
    NodeStageVolume: async (request, signal) => {
      await volumes.stage(requests.parseStage(request), signal)
      return {}
    },
    NodeUnstageVolume: async (request, signal) => {
      const parsed = requests.parseUnstage(request)
      if (requests.isOurId(parsed.volumeId)) await volumes.unstage(parsed, signal)
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
      return { usage: [wireUsage(bytes, Unit.BYTES), ...(inodes ? [wireUsage(inodes, Unit.INODES)] : [])] }
    },
    NodeGetCapabilities: async () => ({ capabilities: CAPABILITIES.map(type => ({ rpc: { type } })) }),
    NodeGetInfo: async () => ({
      node_id: formatGuestId(guest),
      max_volumes_per_node: String(attachLimit ?? 0),
      accessible_topology: formatTopology(driverName, guest.machine),
    }),
  })
}

function wireUsage({ total, used, available }: Usage, unit: Unit): VolumeUsage {
  return { total: String(total), used: String(used), available: String(available), unit }
}
