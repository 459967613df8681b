// Reads what the API server answers into the reduced objects. What no API server of Kubernetes
// answers is rejected; what is only strange is undefined, so that it hides no other object.

import type { V1ObjectMeta } from '@kubernetes/client-node/dist/gen/models/V1ObjectMeta.js'
import { V1PersistentVolume } from '@kubernetes/client-node/dist/gen/models/V1PersistentVolume.js'
import { V1PersistentVolumeClaim } from '@kubernetes/client-node/dist/gen/models/V1PersistentVolumeClaim.js'
import { V1StorageClass } from '@kubernetes/client-node/dist/gen/models/V1StorageClass.js'
import { isStorageError, StorageError } from '../errors.ts'
import { parseQuantity } from '../model/quantity.ts'
import {
  type ClaimCondition,
  type ClaimObject,
  type ClassObject,
  type Condition,
  type DiskPath,
  type GuestDiskObject,
  type GuestDiskStatus,
  type Meta,
  NO_STATUS,
  type Texts,
  type VolumeObject,
} from './cluster-objects.ts'
import {
  type GuestDiskConditionModel,
  GuestDiskModel,
  type GuestDiskPathModel,
  type GuestDiskStatusModel,
} from './guest-disk-model.ts'
import { readObject } from './objects.ts'
import { Shared } from './shared.ts'

const TEXTS = new Shared<string>()
const LISTS = new Shared<readonly string[]>()
const RECORDS = new Shared<Texts>()
const NO_OWNERS: readonly string[] = []
const PATHS = new Shared<readonly DiskPath[]>()
const CONDITIONS = new Shared<readonly ClaimCondition[]>()

export function readGuestDisk(json: unknown): GuestDiskObject {
  const { metadata, spec = {}, status } = readObject(GuestDiskModel, json)
  const meta = readMeta(metadata, 'GuestDisk')
  return {
    key: `${meta.namespace}/${meta.name}`,
    meta,
    spec: {
      claimName: needed(spec.claimName, 'GuestDisk.spec.claimName'),
      guest: TEXTS.keep(needed(spec.guest, 'GuestDisk.spec.guest')),
      mountPath: spec.mountPath,
      devicePath: spec.devicePath,
      readOnly: spec.readOnly ?? false,
      vdiskNumber: spec.vdiskNumber,
      mountOptions: LISTS.keep(spec.mountOptions ?? []),
    },
    status: status === undefined ? NO_STATUS : readStatus(status),
  }
}

function readStatus(status: GuestDiskStatusModel): GuestDiskStatus {
  return {
    observedGeneration: status.observedGeneration,
    conditions: (status.conditions ?? []).map(readCondition),
    volume: status.volume,
    size: optional(status.size),
    vdisk: status.vdisk,
    device: status.device,
    paths: PATHS.keep((status.paths ?? []).map(readPath)),
    pathsWorking: status.pathsWorking,
  }
}

function readCondition(condition: GuestDiskConditionModel): Condition {
  const { type = '', status, reason = '', message = '', lastTransitionTime = '' } = condition
  const { observedGeneration } = condition
  const truth = status === 'True' || status === 'False' ? status : 'Unknown'
  return {
    type: TEXTS.keep(type),
    status: truth,
    reason: TEXTS.keep(reason),
    message,
    lastTransitionTime: TEXTS.keep(lastTransitionTime),
    observedGeneration,
  }
}

function readPath({ serviceDomain = '', service = '', state }: GuestDiskPathModel): DiskPath {
  const isKnown = state === 'active' || state === 'standby' || state === 'down'
  return { serviceDomain, service, state: isKnown ? state : 'unknown' }
}

export function readClaim(json: unknown): ClaimObject {
  const { metadata, spec, status } = readObject(V1PersistentVolumeClaim, json)
  const meta = readMeta(metadata, 'PersistentVolumeClaim')
  const conditions = (status?.conditions ?? []).map(
    ({ type, status: truth, reason, message }): ClaimCondition => ({
      type,
      status: truth,
      reason,
      message,
    }),
  )
  return {
    key: `${meta.namespace}/${meta.name}`,
    meta,
    phase: status?.phase,
    volumeName: spec?.volumeName,
    storageClassName: optional(spec?.storageClassName),
    accessModes: LISTS.keep(spec?.accessModes ?? []),
    volumeMode: readMode(spec?.volumeMode),
    requestedBytes: readBytes(spec?.resources?.requests),
    capacityBytes: readBytes(status?.capacity),
    isResizePending: conditions.some(
      ({ type, status: truth }) => type === 'FileSystemResizePending' && truth === 'True',
    ),
    conditions: CONDITIONS.keep(conditions),
    allocatedResourceStatuses: RECORDS.keep(status?.allocatedResourceStatuses ?? {}),
  }
}

/** Undefined: the volume is another driver's. */
export function readVolume(json: unknown, driverName: string): VolumeObject | undefined {
  const { metadata = {}, spec, status } = readObject(V1PersistentVolume, json)
  const csi = spec?.csi
  if (spec === undefined || csi?.driver !== driverName) return undefined
  const { namespace: within, name: claim, uid } = spec.claimRef ?? {}
  const namespace = optional(within)
  const name = needed(metadata.name, 'PersistentVolume.metadata.name')
  return {
    key: name,
    name,
    uid: needed(metadata.uid, 'PersistentVolume.metadata.uid'),
    resourceVersion: needed(metadata.resourceVersion, 'PersistentVolume.metadata.resourceVersion'),
    deleting: metadata.deletionTimestamp !== undefined,
    phase: status?.phase,
    handle: needed(csi.volumeHandle, 'PersistentVolume.spec.csi.volumeHandle'),
    attributes: RECORDS.keep(csi.volumeAttributes ?? {}),
    fsType: csi.fsType,
    mountOptions: LISTS.keep(spec.mountOptions ?? []),
    accessModes: LISTS.keep(spec.accessModes ?? []),
    volumeMode: readMode(spec.volumeMode),
    capacityBytes: readBytes(spec.capacity),
    readOnly: csi.readOnly ?? false,
    storageClassName: optional(spec.storageClassName),
    claimRef:
      namespace === undefined || claim === undefined ? undefined : { namespace, name: claim, uid },
  }
}

export function readClass(json: unknown): ClassObject {
  const read = readObject(V1StorageClass, json)
  return {
    name: needed(read.metadata?.name, 'StorageClass.metadata.name'),
    provisioner: needed(read.provisioner, 'StorageClass.provisioner'),
    parameters: read.parameters ?? {},
    mountOptions: read.mountOptions ?? [],
    waitsForConsumer: read.volumeBindingMode === 'WaitForFirstConsumer',
    allowsExpansion: read.allowVolumeExpansion ?? false,
  }
}

function readMeta(meta: V1ObjectMeta = {}, kind: string): Meta {
  return {
    namespace: TEXTS.keep(needed(meta.namespace, `${kind}.metadata.namespace`)),
    name: needed(meta.name, `${kind}.metadata.name`),
    uid: needed(meta.uid, `${kind}.metadata.uid`),
    resourceVersion: needed(meta.resourceVersion, `${kind}.metadata.resourceVersion`),
    generation: meta.generation ?? 0,
    createdMs: meta.creationTimestamp?.getTime() ?? 0,
    deleting: meta.deletionTimestamp !== undefined,
    finalizers: LISTS.keep(meta.finalizers ?? []),
    annotations: only(meta.annotations, /^(ldom-csi|volume\.kubernetes)\.io\//),
    labels: only(meta.labels, /^ldom-csi\.io\//),
    ownerUids: meta.ownerReferences?.map(({ uid }) => uid) ?? NO_OWNERS,
  }
}

function only(texts: Texts = {}, keys: RegExp): Texts {
  return RECORDS.keep(Object.fromEntries(Object.entries(texts).filter(([key]) => keys.test(key))))
}

function optional(text: string | undefined): string | undefined {
  return text === undefined ? undefined : TEXTS.keep(text)
}

function readMode(mode: string | undefined): 'Filesystem' | 'Block' {
  return mode === 'Block' ? 'Block' : 'Filesystem'
}

// The API server takes any quantity, among them a zero. One that cannot be used must not hide the
// other objects.
function readBytes(quantities: Texts | undefined): number | undefined {
  const text = quantities?.storage
  if (text === undefined) return undefined
  try {
    return parseQuantity(text)
  } catch (error) {
    if (!isStorageError(error)) throw error
    return undefined
  }
}

function needed(value: string | undefined, at: string): string {
  if (value !== undefined && value !== '') return value
  throw new StorageError('internal', `the API server answered with no ${at}`)
}
