// Converts CSI messages to plain objects and back, defines the services for grpc-js, and knows
// which fields hold secrets. It does not interpret messages.

import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js'
import protobuf from 'protobufjs'
import { DESCRIPTOR } from './descriptor.gen.ts'
import type {
  ControllerMethods,
  DisksMethods,
  GroupControllerMethods,
  IdentityMethods,
  NodeMethods,
  SnapshotMetadataMethods,
} from './types.gen.ts'

export interface ServiceMethods {
  readonly Identity: IdentityMethods
  readonly Controller: ControllerMethods
  readonly GroupController: GroupControllerMethods
  readonly SnapshotMetadata: SnapshotMetadataMethods
  readonly Node: NodeMethods
  readonly Disks: DisksMethods
}
export type ServiceName = keyof ServiceMethods

/** A message to send. An omitted field has its default on the wire. */
export type Draft<T> = T extends readonly (infer Item)[]
  ? readonly Draft<Item>[]
  : T extends object
    ? { readonly [K in keyof T]?: Draft<T[K]> | undefined }
    : T

/**
 * A received message: every scalar, list and map is present, and a message field only if it was
 * sent.
 */
export type PlainMessage = Readonly<Record<string, unknown>>

// 64-bit values as text, enums as numbers, every default present.
const TO_OBJECT: protobuf.IConversionOptions = { longs: String, enums: Number, defaults: true }

/** The services of CSI, and the private one of this driver. */
const PACKAGES: Readonly<Record<ServiceName, string>> = {
  Identity: 'csi.v1',
  Controller: 'csi.v1',
  GroupController: 'csi.v1',
  SnapshotMetadata: 'csi.v1',
  Node: 'csi.v1',
  Disks: 'ldom_csi.v1',
}

// csi.proto marks a field that must never be shown.
const SECRET = '(csi_secret)'

const root = protobuf.Root.fromJSON(DESCRIPTOR).resolveAll()

export interface MethodType {
  readonly rpc: string // e.g. CreateVolume
  readonly path: string
  readonly definition: MethodDefinition<PlainMessage, PlainMessage>
  /** Every secret value of a request, in all fields that the proto marks. */
  secretsOf(request: PlainMessage): string[]
}

const services = new Map<ServiceName, readonly MethodType[]>()

export function methodsOf(name: ServiceName): readonly MethodType[] {
  const known = services.get(name)
  if (known) return known
  const methods = root
    .lookupService(`${PACKAGES[name]}.${name}`)
    .methodsArray.map(method => methodType(name, method))
  services.set(name, methods)
  return methods
}

/** The definition of a whole service, or of the named methods only. */
export function serviceDefinition(name: ServiceName, rpcs?: readonly string[]): ServiceDefinition {
  const methods = methodsOf(name).filter(method => rpcs === undefined || rpcs.includes(method.rpc))
  return Object.fromEntries(methods.map(method => [method.rpc, method.definition]))
}

function methodType(service: ServiceName, method: protobuf.Method): MethodType {
  const { resolvedRequestType: request, resolvedResponseType: response } = method
  if (!request || !response) throw new Error(`${method.fullName} has no types`)
  const path = `/${PACKAGES[service]}.${service}/${method.name}`
  return {
    rpc: method.name,
    path,
    definition: {
      path,
      originalName: method.name,
      requestStream: false,
      responseStream: method.responseStream === true,
      requestSerialize: message => encode(request, message),
      requestDeserialize: bytes => decode(request, bytes),
      responseSerialize: message => encode(response, message),
      responseDeserialize: bytes => decode(response, bytes),
    },
    secretsOf: message => secretsIn(request, message),
  }
}

function encode(type: protobuf.Type, message: PlainMessage): Buffer {
  return Buffer.from(type.encode(type.fromObject(message)).finish())
}

function decode(type: protobuf.Type, bytes: Buffer): PlainMessage {
  return withoutNulls(type.toObject(type.decode(bytes), TO_OBJECT))
}

/** protobufjs sets a message field to null if it was not sent. Here the field is absent. */
function withoutNulls(message: PlainMessage): PlainMessage {
  const entries = Object.entries(message).filter(([, value]) => value !== null)
  return Object.fromEntries(
    entries.map(([key, value]) => [key, Array.isArray(value) ? value.map(plain) : plain(value)]),
  )
}

function plain(value: unknown): unknown {
  return isMessage(value) ? withoutNulls(value) : value
}

function isMessage(value: unknown): value is PlainMessage {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function secretsIn(type: protobuf.Type, message: PlainMessage): string[] {
  return type.fieldsArray.flatMap(field => {
    const value = message[field.name]
    if (field.options?.[SECRET] === true) return texts(value)
    const inner = field.resolvedType
    if (!(inner instanceof protobuf.Type)) return []
    const messages: readonly unknown[] = Array.isArray(value) ? value : [value]
    return messages.filter(isMessage).flatMap(each => secretsIn(inner, each))
  })
}

function texts(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(texts) : []
}
