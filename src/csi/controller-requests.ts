// Parses controller requests into the driver's own types. Order of checks: required fields, then
// values. Storage then checks that objects exist, and last that the call is allowed. Everything
// below trusts the result.

import { StorageError } from '../errors.ts'
import { findVolumeId, parseGuestId } from '../model/ids.ts'
import { parseMkfsOptions } from '../model/mkfs-options.ts'
import { checkMountOptions } from '../model/mount-options.ts'
import type { MutableParameters } from '../model/parameters.ts'
import type {
  AttachRequest,
  FileSystemType,
  GuestId,
  SizeRange,
  VolumeFormat,
  VolumeSource,
  VolumeSpec,
} from '../model/volumes.ts'
import {
  type Access,
  commonFormat,
  requireCapabilities,
  requireCapability,
} from './capabilities.ts'
import { parseWantedSlot } from './contexts.ts'
import {
  checkMap,
  checkText,
  invalid,
  NODE_ID_LIMIT,
  parseSizeRange,
  requireText,
} from './fields.ts'
import { type Page, parsePage } from './pages.ts'
import { type ClassParameters, parseMutableParameters, parseParameters } from './parameters.ts'
import { findMachine, parseRequirement } from './topology.ts'
import type {
  ControllerExpandVolumeRequest,
  ControllerModifyVolumeRequest,
  ControllerPublishVolumeRequest,
  ControllerUnpublishVolumeRequest,
  CreateVolumeRequest,
  GetCapacityRequest,
  ListVolumesRequest,
  ValidateVolumeCapabilitiesRequest,
  VolumeContentSource,
} from './wire/types.gen.ts'

export function parseCreateVolume(driverName: string, request: CreateVolumeRequest): VolumeSpec {
  const name = requireText(request.name, 'name')
  const accesses = requireCapabilities(request.volume_capabilities)
  checkMap(request.secrets, 'secrets')
  const mutable = parseMutableParameters(request.mutable_parameters)
  const { pool, volume, fileSystem } = parseParameters(request.parameters)
  checkOptionsOf(accesses)
  const format = formatOf(accesses, fileSystem)
  const source = parseSource(request.volume_content_source)
  // A copy is not formatted.
  if (source.kind === 'empty' && format.kind === 'filesystem' && format.type !== 'any') {
    parseMkfsOptions(volume.mkfsOptions ?? '', format.type)
  }
  return {
    name,
    pool,
    size: parseSizeRange(request.capacity_range),
    format,
    parameters: volume,
    source,
    mutable,
    machines: parseRequirement(driverName, request.accessibility_requirements),
  }
}

// A guest would reject these options only later.
function checkOptionsOf(accesses: readonly Access[]): void {
  for (const { mountOptions } of accesses) checkMountOptions('volume_capabilities', mountOptions)
}

// The provisioner copies the file system of the class into the capability. If both name one, they
// must be equal.
function formatOf(accesses: readonly Access[], fileSystem: FileSystemType | 'any'): VolumeFormat {
  const format = commonFormat(accesses)
  if (format.kind === 'block' || fileSystem === 'any' || fileSystem === format.type) return format
  if (format.type === 'any') return { kind: 'filesystem', type: fileSystem }
  throw invalid(
    'parameters',
    `name the file system ${fileSystem}, volume_capabilities name ${format.type}`,
  )
}

function parseSource(source: VolumeContentSource | undefined): VolumeSource {
  if (source === undefined) return { kind: 'empty' }
  const { snapshot, volume } = source
  if (snapshot !== undefined && volume !== undefined) {
    throw invalid('volume_content_source', 'has both snapshot and volume')
  }
  if (snapshot !== undefined) {
    return {
      kind: 'snapshot',
      id: requireText(snapshot.snapshot_id, 'volume_content_source.snapshot.snapshot_id'),
    }
  }
  if (volume !== undefined) {
    return {
      kind: 'volume',
      id: requireText(volume.volume_id, 'volume_content_source.volume.volume_id'),
    }
  }
  throw invalid('volume_content_source', 'has neither snapshot nor volume')
}

export function requireVolumeId(request: { readonly volume_id: string }): string {
  return requireText(request.volume_id, 'volume_id')
}

export function parseControllerPublish(request: ControllerPublishVolumeRequest): AttachRequest {
  const volumeId = requireVolumeId(request)
  const nodeId = requireText(request.node_id, 'node_id', NODE_ID_LIMIT)
  const access = requireCapability(request.volume_capability, 'volume_capability')
  checkMap(request.secrets, 'secrets')
  checkMap(request.volume_context, 'volume_context')
  const slot = parseWantedSlot(request.volume_context)
  const mode = request.readonly || !access.writable ? 'ro' : 'rw'
  const wanted = {
    volumeId,
    guest: parseGuestId(nodeId),
    mode,
    format: access.format,
    sharing: access.sharing,
  } as const
  return slot === undefined ? wanted : { ...wanted, slot }
}

export type GuestChoice =
  | { readonly kind: 'every' }
  | { readonly kind: 'one'; readonly guest: GuestId }
  | { readonly kind: 'none' }

export function parseControllerUnpublish(request: ControllerUnpublishVolumeRequest): {
  volumeId: string
  from: GuestChoice
} {
  const volumeId = requireVolumeId(request)
  const nodeId = checkText(request.node_id, 'node_id', NODE_ID_LIMIT)
  checkMap(request.secrets, 'secrets')
  return { volumeId, from: parseGuestChoice(nodeId) }
}

// No volume can be attached to a guest that this text cannot name, so there is nothing to detach.
function parseGuestChoice(nodeId: string): GuestChoice {
  if (nodeId === '') return { kind: 'every' }
  try {
    return { kind: 'one', guest: parseGuestId(nodeId) }
  } catch (error) {
    if (error instanceof StorageError && error.kind === 'not-found') return { kind: 'none' }
    throw error
  }
}

export type ValidationQuestion =
  | { readonly kind: 'served'; readonly accesses: readonly Access[] }
  /** Well formed, but the driver serves it for no volume. */
  | { readonly kind: 'unserved'; readonly reason: string }

export function parseValidate(request: ValidateVolumeCapabilitiesRequest): {
  volumeId: string
  question: ValidationQuestion
} {
  const volumeId = requireVolumeId(request)
  checkMap(request.secrets, 'secrets')
  checkMap(request.volume_context, 'volume_context')
  return { volumeId, question: parseQuestion(request) }
}

function parseQuestion(request: ValidateVolumeCapabilitiesRequest): ValidationQuestion {
  let accesses: readonly Access[]
  try {
    accesses = requireCapabilities(request.volume_capabilities)
  } catch (error) {
    if (error instanceof StorageError && error.kind === 'unsupported') {
      return { kind: 'unserved', reason: error.message }
    }
    throw error
  }
  try {
    checkOptionsOf(accesses)
    parseParameters(request.parameters)
    parseMutableParameters(request.mutable_parameters)
  } catch (error) {
    // The caller asks whether a parameter or a mount option is served, so a wrong one is an answer
    // and no error.
    if (error instanceof StorageError && error.kind === 'invalid-argument') {
      return { kind: 'unserved', reason: error.message }
    }
    throw error
  }
  return { kind: 'served', accesses }
}

export function parseListVolumes(request: ListVolumesRequest): Page {
  return parsePage(request, token => findVolumeId(token) !== undefined)
}

export function parseExpand(request: ControllerExpandVolumeRequest): {
  volumeId: string
  range: SizeRange
} {
  const volumeId = requireVolumeId(request)
  if (request.capacity_range === undefined) throw invalid('capacity_range', 'is missing')
  const range = parseSizeRange(request.capacity_range)
  if (range.requiredBytes === 0 && range.limitBytes === 0) {
    throw invalid('capacity_range', 'has neither required_bytes nor limit_bytes')
  }
  if (request.volume_capability !== undefined) {
    requireCapability(request.volume_capability, 'volume_capability')
  }
  checkMap(request.secrets, 'secrets')
  return { volumeId, range }
}

export function parseModify(request: ControllerModifyVolumeRequest): {
  volumeId: string
  changes: MutableParameters
} {
  const volumeId = requireVolumeId(request)
  checkMap(request.secrets, 'secrets')
  return { volumeId, changes: parseMutableParameters(request.mutable_parameters) }
}

/**
 * Where the caller asks for capacity: on one machine, anywhere, or where this driver has nothing.
 */
export type Place =
  | { readonly kind: 'anywhere' }
  | { readonly kind: 'machine'; readonly machine: string }
  | { readonly kind: 'nowhere' }

export function parseGetCapacity(
  driverName: string,
  request: GetCapacityRequest,
): { parameters: ClassParameters; place: Place } {
  if (request.volume_capabilities.length > 0) {
    commonFormat(requireCapabilities(request.volume_capabilities))
  }
  return { parameters: parseParameters(request.parameters), place: parsePlace(driverName, request) }
}

function parsePlace(
  driverName: string,
  { accessible_topology: topology }: GetCapacityRequest,
): Place {
  if (topology === undefined) return { kind: 'anywhere' }
  const machine = findMachine(driverName, topology, 'accessible_topology')
  return machine === undefined ? { kind: 'nowhere' } : { kind: 'machine', machine }
}
