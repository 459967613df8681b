// Objects of the API as JSON and back, by the library's own models: which fields there are, of what
// type, and how each is spelt. Only the models named here are loaded: the library's serializer
// would load all of them, which costs more memory than the controller itself.

import { CoreV1Event } from '@kubernetes/client-node/dist/gen/models/CoreV1Event.js'
import { V1CSINode } from '@kubernetes/client-node/dist/gen/models/V1CSINode.js'
import { V1CSINodeDriver } from '@kubernetes/client-node/dist/gen/models/V1CSINodeDriver.js'
import { V1CSINodeSpec } from '@kubernetes/client-node/dist/gen/models/V1CSINodeSpec.js'
import { V1CSIPersistentVolumeSource } from '@kubernetes/client-node/dist/gen/models/V1CSIPersistentVolumeSource.js'
import { V1EventSource } from '@kubernetes/client-node/dist/gen/models/V1EventSource.js'
import { V1Lease } from '@kubernetes/client-node/dist/gen/models/V1Lease.js'
import { V1LeaseSpec } from '@kubernetes/client-node/dist/gen/models/V1LeaseSpec.js'
import { V1ObjectMeta } from '@kubernetes/client-node/dist/gen/models/V1ObjectMeta.js'
import { V1ObjectReference } from '@kubernetes/client-node/dist/gen/models/V1ObjectReference.js'
import { V1OwnerReference } from '@kubernetes/client-node/dist/gen/models/V1OwnerReference.js'
import { V1PersistentVolume } from '@kubernetes/client-node/dist/gen/models/V1PersistentVolume.js'
import { V1PersistentVolumeClaim } from '@kubernetes/client-node/dist/gen/models/V1PersistentVolumeClaim.js'
import { V1PersistentVolumeClaimCondition } from '@kubernetes/client-node/dist/gen/models/V1PersistentVolumeClaimCondition.js'
import { V1PersistentVolumeClaimSpec } from '@kubernetes/client-node/dist/gen/models/V1PersistentVolumeClaimSpec.js'
import { V1PersistentVolumeClaimStatus } from '@kubernetes/client-node/dist/gen/models/V1PersistentVolumeClaimStatus.js'
import { V1PersistentVolumeSpec } from '@kubernetes/client-node/dist/gen/models/V1PersistentVolumeSpec.js'
import { V1PersistentVolumeStatus } from '@kubernetes/client-node/dist/gen/models/V1PersistentVolumeStatus.js'
import { V1Status } from '@kubernetes/client-node/dist/gen/models/V1Status.js'
import { V1StorageClass } from '@kubernetes/client-node/dist/gen/models/V1StorageClass.js'
import { V1VolumeResourceRequirements } from '@kubernetes/client-node/dist/gen/models/V1VolumeResourceRequirements.js'
import { V1MicroTime } from '@kubernetes/client-node/dist/types.js'
import { StorageError } from '../errors.ts'
import {
  GuestDiskConditionModel,
  GuestDiskPathModel,
  GuestDiskSpecModel,
  GuestDiskStatusModel,
} from './guest-disk-model.ts'

interface Attribute {
  readonly name: string
  readonly baseName: string
  readonly type: string
}

/** A class of the library's models. */
export interface Model<T extends object> {
  readonly name: string
  new (): T
  getAttributeTypeMap(): readonly Attribute[]
}

const MODELS = new Map<string, Model<object>>(
  [
    GuestDiskConditionModel,
    GuestDiskPathModel,
    GuestDiskSpecModel,
    GuestDiskStatusModel,
    CoreV1Event,
    V1CSINode,
    V1CSINodeDriver,
    V1CSINodeSpec,
    V1CSIPersistentVolumeSource,
    V1EventSource,
    V1Lease,
    V1LeaseSpec,
    V1ObjectMeta,
    V1ObjectReference,
    V1OwnerReference,
    V1PersistentVolume,
    V1PersistentVolumeClaim,
    V1PersistentVolumeClaimCondition,
    V1PersistentVolumeClaimSpec,
    V1PersistentVolumeClaimStatus,
    V1PersistentVolumeSpec,
    V1PersistentVolumeStatus,
    V1Status,
    V1StorageClass,
    V1VolumeResourceRequirements,
  ].map(model => [model.name, model]),
)

const ARRAY = /^Array<(.*)>$/
const MAP = /^\{ \[key: string\]: (.*); \}$/

/** Fields of other models than those above are left out. Anything of a wrong type throws. */
export function readObject<T extends object>(model: Model<T>, json: unknown): T {
  return Object.assign(new model(), readFields(model, json, model.name))
}

function readFields(model: Model<object>, json: unknown, at: string): object {
  if (!isRecord(json)) throw malformed(at, 'an object')
  const fields: Record<string, unknown> = {}
  for (const { name, baseName, type } of model.getAttributeTypeMap()) {
    const value = json[baseName]
    if (value === undefined || value === null) continue
    const read = readValue(type, value, `${at}.${baseName}`)
    if (read !== undefined) fields[name] = read
  }
  return fields
}

function readValue(type: string, value: unknown, at: string): unknown {
  const item = ARRAY.exec(type)?.[1]
  if (item !== undefined) {
    if (!Array.isArray(value)) throw malformed(at, 'a list')
    if (!isRead(item)) return undefined
    return value.map((each, index) => readValue(item, each, `${at}[${index}]`))
  }
  const member = MAP.exec(type)?.[1]
  if (member !== undefined) {
    if (!isRecord(value)) throw malformed(at, 'an object')
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => [key, readValue(member, each, `${at}.${key}`)]),
    )
  }
  if (type === 'string' || type === 'number' || type === 'boolean') {
    if (typeof value !== type) throw malformed(at, `a ${type}`)
    return value
  }
  if (type === 'Date' || type === 'V1MicroTime') {
    const time = type === 'Date' ? new Date(String(value)) : new V1MicroTime(String(value))
    if (Number.isNaN(time.getTime())) throw malformed(at, 'a time')
    return time
  }
  const model = MODELS.get(type)
  return model && Object.assign(new model(), readFields(model, value, at))
}

function isRead(type: string): boolean {
  return ['string', 'number', 'boolean'].includes(type) || MODELS.has(type)
}

/** As the API server reads it: names as in the models, times in their own form. */
export function writeObject<T extends object>(model: Model<T>, object: T): string {
  return JSON.stringify(written(model, object))
}

function written(model: Model<object>, object: object): Record<string, unknown> {
  const fields = new Map(Object.entries(object))
  return Object.fromEntries(
    model.getAttributeTypeMap().flatMap(({ name, baseName, type }) => {
      const value: unknown = fields.get(name)
      return value === undefined ? [] : [[baseName, writtenValue(type, value)]]
    }),
  )
}

function writtenValue(type: string, value: unknown): unknown {
  const item = ARRAY.exec(type)?.[1]
  if (item !== undefined && Array.isArray(value)) return value.map(each => writtenValue(item, each))
  // In UTC, as text of the API.
  if (value instanceof Date) return value.toISOString()
  const model = MODELS.get(type)
  return model && typeof value === 'object' && value !== null ? written(model, value) : value
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function malformed(at: string, wanted: string): StorageError {
  return new StorageError('internal', `the API server answered with ${at} that is not ${wanted}`)
}
