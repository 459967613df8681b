// Parses node requests into what the guest code is asked to do. The order of checks is that of
// controller-requests.ts.

import { doesNotExist, StorageError } from '../errors.ts'
import type { GuestFormat, PublishRequest, StageRequest } from '../guest/requests.ts'
import { findVolumeId } from '../model/ids.ts'
import type { GuestParameters } from '../model/parameters.ts'
import { type Access, requireCapability } from './capabilities.ts'
import { parsePublishContext, parseVolumeContext } from './contexts.ts'
import { requireVolumeId } from './controller-requests.ts'
import {
  checkMap,
  checkText,
  invalid,
  PATH_LIMIT,
  parseSizeRange,
  requireAbsolutePath,
  requirePath,
  type TextMap,
} from './fields.ts'
import type {
  NodeExpandVolumeRequest,
  NodeGetVolumeHealthRequest,
  NodeGetVolumeStatsRequest,
  NodePublishVolumeRequest,
  NodeStageVolumeRequest,
  NodeUnpublishVolumeRequest,
  NodeUnstageVolumeRequest,
} from './wire/types.gen.ts'

export function parseStage(request: NodeStageVolumeRequest): StageRequest {
  const volumeId = requireVolumeId(request)
  const stagingPath = requireAbsolutePath(request.staging_target_path, 'staging_target_path')
  const access = requireCapability(request.volume_capability, 'volume_capability')
  const { createdEmpty, publish, format } = parseContexts(request, access)
  requireOurId(volumeId)
  return {
    volumeId,
    slot: publish.slot,
    sizeBytes: publish.sizeBytes,
    grownTo: publish.grownTo,
    format,
    createdEmpty,
    written: publish.written,
    little: publish.little,
    mode: access.writable ? publish.mode : 'ro',
    attached: publish.mode,
    contentOf: publish.contentOf,
    bornSeconds: publish.bornSeconds,
    stagingPath,
  }
}

export function parseUnstage(request: NodeUnstageVolumeRequest): {
  volumeId: string
  stagingPath: string
} {
  const volumeId = requireVolumeId(request)
  return {
    volumeId,
    stagingPath: requireAbsolutePath(request.staging_target_path, 'staging_target_path'),
  }
}

export function parsePublish(request: NodePublishVolumeRequest): PublishRequest {
  const volumeId = requireVolumeId(request)
  const targetPath = requireAbsolutePath(request.target_path, 'target_path')
  const access = requireCapability(request.volume_capability, 'volume_capability')
  if (request.staging_target_path === '') {
    // CSI has a code of its own for a volume that must be staged first, so this is not
    // INVALID_ARGUMENT.
    throw new StorageError(
      'failed-precondition',
      'staging_target_path is missing: the volume has to be staged first',
    )
  }
  const stagingPath = requireAbsolutePath(request.staging_target_path, 'staging_target_path')
  const { publish, format } = parseContexts(request, access)
  requireOurId(volumeId)
  return {
    volumeId,
    slot: publish.slot,
    sizeBytes: publish.sizeBytes,
    format,
    stagingPath,
    targetPath,
    readonly: request.readonly || !access.writable || publish.mode === 'ro',
    mode: publish.mode,
    exclusive: access.exclusive,
  }
}

export function parseUnpublish(request: NodeUnpublishVolumeRequest): {
  volumeId: string
  targetPath: string
} {
  const volumeId = requireVolumeId(request)
  return { volumeId, targetPath: requireAbsolutePath(request.target_path, 'target_path') }
}

export function parseStats(request: NodeGetVolumeStatsRequest): { volumeId: string; path: string } {
  const volumeId = requireVolumeId(request)
  const path = requirePath(request.volume_path, 'volume_path')
  requireOurId(volumeId)
  return { volumeId, path }
}

/** Without a range the file system grows to the size of its device. */
export function parseNodeExpand(request: NodeExpandVolumeRequest): {
  volumeId: string
  path: string
  sizeBytes: number
} {
  const volumeId = requireVolumeId(request)
  const path = requirePath(request.volume_path, 'volume_path')
  const { requiredBytes } = parseSizeRange(request.capacity_range)
  if (request.volume_capability !== undefined) {
    requireCapability(request.volume_capability, 'volume_capability')
  }
  checkMap(request.secrets, 'secrets')
  requireOurId(volumeId)
  return { volumeId, path, sizeBytes: requiredBytes }
}

/** The caller may name no path. It then asks about the volume at any path. */
export function parseVolumeHealth(request: NodeGetVolumeHealthRequest): {
  volumeId: string
  paths: readonly string[]
} {
  const volumeId = requireVolumeId(request)
  const staging = checkText(request.staging_target_path, 'staging_target_path', PATH_LIMIT)
  const target = checkText(request.volume_publish_path, 'volume_publish_path', PATH_LIMIT)
  requireOurId(volumeId)
  return { volumeId, paths: [staging, target].filter(path => path !== '') }
}

/** An id that this driver cannot have given belongs to no volume staged here. */
export function isOurId(volumeId: string): boolean {
  return findVolumeId(volumeId) !== undefined
}

function requireOurId(volumeId: string): void {
  if (!isOurId(volumeId)) {
    throw doesNotExist(`volume ${JSON.stringify(volumeId)}`)
  }
}

interface Contexts {
  readonly publish_context: TextMap
  readonly volume_context: TextMap
  readonly secrets: TextMap
}

function parseContexts(request: Contexts, access: Access) {
  checkMap(request.secrets, 'secrets')
  const volume = parseVolumeContext(checkMap(request.volume_context, 'volume_context'))
  const publish = parsePublishContext(checkMap(request.publish_context, 'publish_context'))
  if (publish.sizeBytes === 0) throw invalid('publish_context', 'has sizeBytes 0')
  // A raw volume asked for as a file system would be formatted over what its user wrote.
  if (volume.format !== undefined && volume.format !== access.format.kind) {
    throw new StorageError(
      'failed-precondition',
      `the volume was created as ${volume.format}, the request wants ${access.format.kind}`,
    )
  }
  return {
    createdEmpty: volume.createdEmpty,
    publish,
    format: guestFormat(access, volume.parameters),
  }
}

function guestFormat({ format, mountOptions }: Access, parameters: GuestParameters): GuestFormat {
  if (format.kind === 'block') return format
  return {
    kind: 'filesystem',
    type: format.type === 'any' ? '' : format.type,
    mountOptions,
    ...parameters,
  }
}
