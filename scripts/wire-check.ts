// Compares the driver's messages, field by field, with the descriptor that the CSI specification
// publishes. It uses the descriptor that the driver loads, not the file from which that was
// generated.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import protobuf from 'protobufjs'
import descriptor from 'protobufjs/ext/descriptor.js'
import { DESCRIPTOR } from '../src/csi/wire/descriptor.gen.ts'
import { buildTool } from './csi-tools.ts'

const PACKAGE = 'csi.v1'

// google/protobuf/descriptor.proto. protobufjs's own emitter leaves type names relative and names
// map entries differently.
const TYPES: Readonly<Record<string, number>> = {
  int64: 3,
  int32: 5,
  bool: 8,
  string: 9,
  message: 11,
  enum: 14,
}
const LABEL = { optional: 1, repeated: 3 } as const

/** Throws if there is a difference. Each difference is printed. */
export async function checkWire(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'ldom-csi-wire-'))
  try {
    const file = join(directory, 'csi.binpb')
    writeFileSync(
      file,
      descriptor.FileDescriptorSet.encode(
        descriptor.FileDescriptorSet.fromObject({ file: [describeFile()] }),
      ).finish(),
    )
    execFileSync(await buildTool('protocheck'), [file], { stdio: 'inherit' })
  } finally {
    rmSync(directory, { recursive: true })
  }
}

function describeFile(): object {
  const root = protobuf.Root.fromJSON(DESCRIPTOR).resolveAll()
  const scope = root.lookup(PACKAGE)
  if (!(scope instanceof protobuf.Namespace)) throw new Error(`no package ${PACKAGE}`)
  const members = scope.nestedArray
  return {
    name: 'csi.proto',
    package: PACKAGE,
    syntax: 'proto3',
    messageType: members.filter(each => each instanceof protobuf.Type).map(describeMessage),
    enumType: members.filter(each => each instanceof protobuf.Enum).map(describeEnum),
    service: members.filter(each => each instanceof protobuf.Service).map(describeService),
  }
}

function describeMessage(type: protobuf.Type): object {
  const entries = type.fieldsArray
    .filter(field => field instanceof protobuf.MapField)
    .map(describeEntry)
  return {
    name: type.name,
    field: type.fieldsArray.map(describeField),
    oneofDecl: type.oneofsArray.map(({ name }) => ({ name })),
    nestedType: [
      ...type.nestedArray.filter(each => each instanceof protobuf.Type).map(describeMessage),
      ...entries,
    ],
    enumType: type.nestedArray.filter(each => each instanceof protobuf.Enum).map(describeEnum),
  }
}

function describeField(field: protobuf.Field): object {
  const { name, id: number, parent } = field
  const isMap = field instanceof protobuf.MapField
  const oneof =
    field.partOf && parent instanceof protobuf.Type
      ? { oneofIndex: parent.oneofsArray.indexOf(field.partOf) }
      : {}
  const typed = isMap
    ? { type: TYPES.message, typeName: `${parent?.fullName}.${entryName(field)}` }
    : describeType(field)
  const isNumber =
    !isMap &&
    field.repeated &&
    !['string', 'bytes'].includes(field.type) &&
    !(field.resolvedType instanceof protobuf.Type)
  return {
    ...{ name, number, ...typed, ...oneof },
    label: field.repeated || isMap ? LABEL.repeated : LABEL.optional,
    ...(isNumber ? { options: { packed: field.packed } } : {}),
  }
}

function describeType({ type, resolvedType, fullName }: protobuf.FieldBase): object {
  if (resolvedType) {
    const kind = resolvedType instanceof protobuf.Enum ? TYPES.enum : TYPES.message
    return { type: kind, typeName: resolvedType.fullName }
  }
  if (TYPES[type] === undefined) throw new Error(`${fullName}: no number is known for type ${type}`)
  return { type: TYPES[type] }
}

/**
 * On the wire a map is a list of messages with a key and a value, named after the field (protobuf
 * language guide).
 */
function describeEntry(field: protobuf.MapField): object {
  const label = LABEL.optional
  return {
    name: entryName(field),
    options: { mapEntry: true },
    field: [
      { name: 'key', number: 1, label, type: TYPES[field.keyType] },
      { name: 'value', number: 2, label, ...describeType(field) },
    ],
  }
}

function entryName({ name }: protobuf.FieldBase): string {
  const words = name.split('_').map(word => word.charAt(0).toUpperCase() + word.slice(1))
  return `${words.join('')}Entry`
}

function describeEnum({ name, values }: protobuf.Enum): object {
  return { name, value: Object.entries(values).map(([key, number]) => ({ name: key, number })) }
}

function describeService({ name, methodsArray }: protobuf.Service): object {
  const method = methodsArray.map(each => ({
    name: each.name,
    inputType: each.resolvedRequestType?.fullName,
    outputType: each.resolvedResponseType?.fullName,
    clientStreaming: each.requestStream === true,
    serverStreaming: each.responseStream === true,
  }))
  return { name, method }
}

if (import.meta.main) await checkWire()
