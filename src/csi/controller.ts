// The Controller service: turns requests into storage calls and results into responses. It decides
// nothing about volumes or guests.

import { findVolumeId, formatGuestId } from '../model/ids.ts'
import type { GuestId, Volume, VolumeSource } from '../model/volumes.ts'
import type { Attachments } from '../storage/attachments/attachments.ts'
import type { Health } from '../storage/health.ts'
import type { VolumeChanges } from '../storage/volumes/changes.ts'
import type { Volumes } from '../storage/volumes/volumes.ts'
import { describe, isCompatible } from './capabilities.ts'
import { formatPublishContext, formatVolumeContext } from './contexts.ts'
import * as requests from './controller-requests.ts'
import { checkMap } from './fields.ts'
import { wireHealth } from './health.ts'
import { cutPage, parsePage, rangeOf } from './pages.ts'
import { type SnapshotOptions, snapshotHandlers } from './snapshots.ts'
import { formatTopology } from './topology.ts'
import { type Handlers, type Service, service } from './wire/handler.ts'
import type { Draft } from './wire/proto.ts'
import {
  type ControllerMethods,
  ControllerServiceCapabilityRPCType as Type,
  type ValidateVolumeCapabilitiesRequest,
  type ValidateVolumeCapabilitiesResponse,
  type VolumeContentSource,
  type Volume as WireVolume,
} from './wire/types.gen.ts'

/** The part of storage that the service calls. */
export type VolumeStore = Pick<Volumes, 'ensureVolume' | 'deleteVolume' | 'getVolume' | 'capacity'>
export type ChangeStore = Pick<VolumeChanges, 'expandVolume' | 'modifyVolume'>
export type AttachmentStore = Pick<
  Attachments,
  'attach' | 'detach' | 'detachWhileOff' | 'listPublished' | 'publishedTo'
>
export type HealthStore = Pick<Health, 'volumeHealth' | 'listVolumeHealth'>

export interface ControllerOptions extends SnapshotOptions {
  readonly volumes: VolumeStore
  readonly changes: ChangeStore
  readonly attachments: AttachmentStore
  /** Undefined: health is switched off, and its RPCs are not registered. */
  readonly health: HealthStore | undefined
}

// List a capability only when every RPC and rule that it requires is implemented.
const CAPABILITIES = [
  Type.CREATE_DELETE_VOLUME,
  Type.PUBLISH_UNPUBLISH_VOLUME,
  Type.LIST_VOLUMES,
  Type.GET_CAPACITY,
  Type.CREATE_DELETE_SNAPSHOT,
  Type.LIST_SNAPSHOTS,
  Type.CLONE_VOLUME,
  Type.PUBLISH_READONLY,
  Type.EXPAND_VOLUME,
  Type.LIST_VOLUMES_PUBLISHED_NODES,
  Type.GET_VOLUME,
  Type.SINGLE_NODE_MULTI_WRITER,
  Type.MODIFY_VOLUME,
  Type.GET_SNAPSHOT,
]
const HEALTH_CAPABILITIES = [Type.GET_VOLUME_HEALTH, Type.LIST_VOLUME_HEALTH]

export function controllerService(options: ControllerOptions): Service {
  const { health } = options
  const types = [...CAPABILITIES, ...(health ? HEALTH_CAPABILITIES : [])]
  return service('Controller', {
    ControllerGetCapabilities: async () => ({
      capabilities: types.map(type => ({ rpc: { type } })),
    }),
    ...volumeHandlers(options),
    ...changeHandlers(options),
    ...attachmentHandlers(options),
    ...listHandlers(options),
    ...snapshotHandlers(options),
    ...(health ? healthHandlers(health) : {}),
  })
}

function volumeHandlers({ driverName, volumes }: ControllerOptions): Handlers<ControllerMethods> {
  return {
    CreateVolume: async (request, signal) => {
      const volume = await volumes.ensureVolume(
        requests.parseCreateVolume(driverName, request),
        signal,
      )
      return { volume: wireVolume(driverName, volume) }
    },
    DeleteVolume: async (request, signal) => {
      const volumeId = requests.requireVolumeId(request)
      checkMap(request.secrets, 'secrets')
      await volumes.deleteVolume(volumeId, signal)
      return {}
    },
    ValidateVolumeCapabilities: async (request, signal) => {
      const { volumeId, question } = requests.parseValidate(request)
      return validation(request, question, await volumes.getVolume(volumeId, signal))
    },
    GetCapacity: async (request, signal) => {
      const { parameters, place } = requests.parseGetCapacity(driverName, request)
      if (place.kind === 'nowhere') return { available_capacity: '0' }
      const machine = place.kind === 'machine' ? place.machine : undefined
      const { availableBytes, maximumVolumeBytes } = await volumes.capacity(
        { pool: parameters.pool, machine, parameters: parameters.volume },
        signal,
      )
      return {
        available_capacity: String(availableBytes),
        maximum_volume_size:
          maximumVolumeBytes === undefined ? undefined : { value: String(maximumVolumeBytes) },
      }
    },
  }
}

function changeHandlers({ changes }: ControllerOptions): Handlers<ControllerMethods> {
  return {
    ControllerExpandVolume: async (request, signal) => {
      const { volumeId, range } = requests.parseExpand(request)
      const { sizeBytes, guestMustGrow } = await changes.expandVolume(volumeId, range, signal)
      return { capacity_bytes: String(sizeBytes), node_expansion_required: guestMustGrow }
    },
    ControllerModifyVolume: async (request, signal) => {
      const { volumeId, changes: wanted } = requests.parseModify(request)
      await changes.modifyVolume(volumeId, wanted, signal)
      return {}
    },
  }
}

function attachmentHandlers({ attachments }: ControllerOptions): Handlers<ControllerMethods> {
  return {
    ControllerPublishVolume: async (request, signal) => {
      const attachment = await attachments.attach(requests.parseControllerPublish(request), signal)
      return { publish_context: formatPublishContext(attachment) }
    },
    ControllerUnpublishVolume: async (request, signal, { onlyWhileOff }) => {
      const { volumeId, from } = requests.parseControllerUnpublish(request)
      const detach = (guest: GuestId | undefined) =>
        onlyWhileOff
          ? attachments.detachWhileOff(volumeId, guest, signal)
          : attachments.detach(volumeId, guest, signal)
      if (from.kind !== 'none') await detach(from.kind === 'one' ? from.guest : undefined)
      return {}
    },
  }
}

function listHandlers({
  driverName,
  volumes,
  attachments,
}: ControllerOptions): Handlers<ControllerMethods> {
  return {
    ListVolumes: async (request, signal) => {
      const page = requests.parseListVolumes(request)
      return cutPage(await attachments.listPublished(signal, rangeOf(page)), page, {
        idOf: ({ volume }) => volume.id,
        entry: ({ volume, publishedTo }) => ({
          volume: wireVolume(driverName, volume),
          status: published(publishedTo),
        }),
      })
    },
    ControllerGetVolume: async (request, signal) => {
      const volume = await volumes.getVolume(requests.requireVolumeId(request), signal)
      const guests = await attachments.publishedTo(volume, signal)
      return { volume: wireVolume(driverName, volume), status: published(guests) }
    },
  }
}

function healthHandlers(health: HealthStore): Handlers<ControllerMethods> {
  return {
    ControllerGetVolumeHealth: async (request, signal) => {
      const volumeId = requests.requireVolumeId(request)
      checkMap(request.secrets, 'secrets')
      return { volume_health: wireHealth(await health.volumeHealth(volumeId, signal)) }
    },
    ControllerListVolumeHealth: async (request, signal) => {
      const page = parsePage(request, token => findVolumeId(token) !== undefined)
      checkMap(request.secrets, 'secrets')
      return cutPage(await health.listVolumeHealth(signal), page, {
        idOf: ({ volumeId }) => volumeId,
        entry: wireHealth,
      })
    },
  }
}

function validation(
  request: ValidateVolumeCapabilitiesRequest,
  question: requests.ValidationQuestion,
  volume: Volume,
): Draft<ValidateVolumeCapabilitiesResponse> {
  if (question.kind === 'unserved') return { message: question.reason }
  const other = question.accesses.find(access => !isCompatible(access.format, volume.format))
  if (other) {
    return {
      message:
        `volume ${volume.id} was created as ${describe(volume.format)}, not as ` +
        `${describe(other.format)}`,
    }
  }
  const { volume_context, volume_capabilities, parameters, mutable_parameters } = request
  return { confirmed: { volume_context, volume_capabilities, parameters, mutable_parameters } }
}

function published(guests: readonly GuestId[]): { published_node_ids: readonly string[] } {
  return { published_node_ids: guests.map(formatGuestId).sort() }
}

function wireVolume(driverName: string, volume: Volume): Draft<WireVolume> {
  return {
    capacity_bytes: String(volume.sizeBytes),
    volume_id: volume.id,
    volume_context: formatVolumeContext(volume),
    content_source: wireSource(volume.source),
    accessible_topology: volume.machines
      .toSorted()
      .map(machine => formatTopology(driverName, machine)),
  }
}

function wireSource(source: VolumeSource): VolumeContentSource | undefined {
  switch (source.kind) {
    case 'empty':
      return undefined
    case 'snapshot':
      return { snapshot: { snapshot_id: source.id } }
    case 'volume':
      return { volume: { volume_id: source.id } }
  }
}
