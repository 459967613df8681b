// The Controller service: request to storage call to response. No decision about volumes or guests is made here.

import { StorageError } from '../errors.ts'
import type { Attachments, PublishedVolume } from '../storage/attachments.ts'
import type { GuestId, Volume, VolumeSource } from '../storage/model.ts'
import { formatGuestId } from '../storage/names.ts'
import type { Volumes } from '../storage/volumes.ts'
import { describe, isCompatible } from './capabilities.ts'
import { formatPublishContext, formatVolumeContext } from './contexts.ts'
import { checkMap } from './fields.ts'
import { type Handlers, type Service, service } from './handler.ts'
import type { Draft } from './proto.ts'
import * as requests from './requests.ts'
import { formatTopology } from './topology.ts'
import {
  type ControllerMethods,
  ControllerServiceCapabilityRPCType as Type,
  type ValidateVolumeCapabilitiesRequest,
  type ValidateVolumeCapabilitiesResponse,
  type VolumeContentSource,
  type Volume as WireVolume,
} from './types.gen.ts'

/** What the service needs of storage. */
export type VolumeStore = Pick<Volumes, 'ensureVolume' | 'deleteVolume' | 'getVolume' | 'capacity'>
export type AttachmentStore = Pick<Attachments, 'attach' | 'detach' | 'listPublished' | 'publishedTo'>

export interface ControllerOptions {
  readonly driverName: string
  readonly volumes: VolumeStore
  readonly attachments: AttachmentStore
}

// A capability stands here only when every RPC and rule that it promises holds.
const CAPABILITIES = [
  Type.CREATE_DELETE_VOLUME,
  Type.PUBLISH_UNPUBLISH_VOLUME,
  Type.LIST_VOLUMES,
  Type.GET_CAPACITY,
  Type.PUBLISH_READONLY,
  Type.LIST_VOLUMES_PUBLISHED_NODES,
  Type.GET_VOLUME,
  Type.SINGLE_NODE_MULTI_WRITER,
]

// Go clients receive at most 4 MiB; an entry with the longest name, id and topology stays under 1 KiB.
const LARGEST_PAGE = 2000

export function controllerService(options: ControllerOptions): Service {
  return service('Controller', { ...volumeHandlers(options), ...attachmentHandlers(options), ...listHandlers(options) })
}

function volumeHandlers({ driverName, volumes }: ControllerOptions): Handlers<ControllerMethods> {
  return {
    CreateVolume: async (request, signal) => {
      const spec = requests.parseCreateVolume(driverName, request)
      if (spec.source.kind !== 'empty') {
        throw new StorageError('unsupported', `volume_content_source: making a volume from a ${spec.source.kind} is not served`)
      }
      return { volume: wireVolume(driverName, await volumes.ensureVolume(spec, signal)) }
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
        maximum_volume_size: maximumVolumeBytes === undefined ? undefined : { value: String(maximumVolumeBytes) },
      }
    },
  }
}

function attachmentHandlers({ attachments }: ControllerOptions): Handlers<ControllerMethods> {
  return {
    ControllerPublishVolume: async (request, signal) => {
      const attachment = await attachments.attach(requests.parseControllerPublish(request), signal)
      return { publish_context: formatPublishContext(attachment) }
    },
    ControllerUnpublishVolume: async (request, signal) => {
      const { volumeId, from } = requests.parseControllerUnpublish(request)
      if (from.kind !== 'none') await attachments.detach(volumeId, from.kind === 'one' ? from.guest : undefined, signal)
      return {}
    },
  }
}

function listHandlers({ driverName, volumes, attachments }: ControllerOptions): Handlers<ControllerMethods> {
  return {
    ListVolumes: async (request, signal) => {
      const page = requests.parseListVolumes(request)
      const { entries, next } = cut(await attachments.listPublished(signal), page)
      return {
        entries: entries.map(({ volume, publishedTo }) => ({ volume: wireVolume(driverName, volume), status: published(publishedTo) })),
        next_token: next,
      }
    },
    ControllerGetVolume: async (request, signal) => {
      const volume = await volumes.getVolume(requests.requireVolumeId(request), signal)
      const guests = await attachments.publishedTo(volume, signal)
      return { volume: wireVolume(driverName, volume), status: published(guests) }
    },
    ControllerGetCapabilities: async () => ({ capabilities: CAPABILITIES.map(type => ({ rpc: { type } })) }),
  }
}

function validation(
  request: ValidateVolumeCapabilitiesRequest,
  question: requests.ValidationQuestion,
  volume: Volume,
): Draft<ValidateVolumeCapabilitiesResponse> {
  if (question.kind === 'unserved') return { message: question.reason }
  const other = question.accesses.find(access => !isCompatible(access.format, volume.format))
  if (other) return { message: `volume ${volume.id} was created as ${describe(volume.format)}, not as ${describe(other.format)}` }
  const { volume_context, volume_capabilities, parameters, mutable_parameters } = request
  return { confirmed: { volume_context, volume_capabilities, parameters, mutable_parameters } }
}

/** The page after the last id of the page before: volumes that come and go meanwhile move no other volume over an edge. */
function cut(all: readonly PublishedVolume[], page: requests.Page): { entries: readonly PublishedVolume[]; next: string } {
  const { after, maxEntries } = page
  const sorted = all.toSorted((a, b) => (a.volume.id < b.volume.id ? -1 : 1))
  const rest = sorted.filter(({ volume }) => after === undefined || volume.id > after)
  const entries = rest.slice(0, maxEntries === 0 ? LARGEST_PAGE : Math.min(maxEntries, LARGEST_PAGE))
  return { entries, next: entries.length < rest.length ? (entries.at(-1)?.volume.id ?? '') : '' }
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
    accessible_topology: volume.machines.toSorted().map(machine => formatTopology(driverName, machine)),
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
