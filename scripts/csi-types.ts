// Generates TypeScript from the files in proto/: messages as readonly interfaces, enums as constants,
// services as tables of methods. It also generates the descriptor that the driver loads at start,
// so that the driver needs no proto file.

import { readFileSync } from 'node:fs'
import protobuf from 'protobufjs'

const FILES = [
  { file: 'proto/csi.proto', scope: 'csi.v1' },
  { file: 'proto/disks.proto', scope: 'ldom_csi.v1' },
] as const
const SCOPES: readonly string[] = FILES.map(({ scope }) => scope)
const GENERATED = '// Generated from the files in proto/ by `npm run generate`. Not to be edited.\n'

const SCALARS: Readonly<Record<string, string>> = {
  string: 'string',
  bool: 'boolean',
  int32: 'number',
  // 64-bit values do not fit a number, so both sides use decimal text.
  int64: 'string',
}

function load(): protobuf.Root {
  const root = new protobuf.Root()
  for (const { file, scope } of FILES) loadFile(root, file, scope)
  root.resolveAll()
  return root
}

function loadFile(root: protobuf.Root, file: string, scope: string): void {
  const text = readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')
  const { imports } = protobuf.parse(text, root, { keepCase: true, alternateCommentMode: true })
  for (const imported of imports ?? []) {
    // Options are read by name, so the descriptor needs no declarations of them.
    if (imported === 'google/protobuf/descriptor.proto') continue
    const bundled = protobuf.common.get(imported)
    if (!bundled?.nested) {
      throw new Error(`${file} imports ${imported}, which protobufjs does not carry`)
    }
    root.addJSON(bundled.nested)
  }
  const members = root.lookup(scope)
  if (!(members instanceof protobuf.Namespace)) {
    throw new Error(`${file} has no package ${scope}`)
  }
  for (const object of members.nestedArray) {
    if (object instanceof protobuf.Field) members.remove(object)
  }
}

export function generateDescriptor(): string {
  const json = JSON.stringify(load().toJSON(), undefined, 1)
  return `${GENERATED}\nexport const DESCRIPTOR = ${json}\n`
}

export function generateTypes(): string {
  const root = load()
  const parts = [GENERATED]
  for (const namespace of [...SCOPES, 'google.protobuf']) {
    parts.push(...declarations(root.lookup(namespace)))
  }
  refuseTwice(parts.flatMap(part => part.match(/(?<=^export (?:interface|type) )\w+/gm) ?? []))
  return `${parts.join('\n')}`
}

/** The packages share one file, so that a name may stand in one of them only. */
function refuseTwice(names: readonly string[]): void {
  const twice = names.filter((name, at) => names.indexOf(name) !== at)
  if (twice.length > 0) throw new Error(`two packages in proto/ have ${twice.join(', ')}`)
}

function declarations(scope: protobuf.ReflectionObject | null): string[] {
  if (!(scope instanceof protobuf.Namespace)) return []
  return scope.nestedArray.flatMap(object => {
    if (object instanceof protobuf.Service) return [service(object)]
    if (object instanceof protobuf.Enum) return [enumeration(object)]
    if (object instanceof protobuf.Type) {
      return isUsed(object) ? [message(object), ...declarations(object)] : []
    }
    return []
  })
}

/** Only those of Google's types that messages use. */
function isUsed(type: protobuf.Type): boolean {
  return (
    SCOPES.some(scope => type.fullName.startsWith(`.${scope}.`)) ||
    ['BoolValue', 'Int64Value', 'Timestamp'].includes(type.name)
  )
}

function message(type: protobuf.Type): string {
  const lines = type.fieldsArray.map(
    field => `${comment(field.comment, '  ')}  readonly ${member(field)}\n`,
  )
  return `${comment(type.comment, '')}export interface ${typeName(type)} {\n${lines.join('')}}\n`
}

function member(field: protobuf.Field): string {
  const type = field.resolvedType ? typeName(field.resolvedType) : SCALARS[field.type]
  if (type === undefined) throw new Error(`${field.fullName}: no TypeScript type for ${field.type}`)
  if (field instanceof protobuf.MapField) return `${field.name}: Readonly<Record<string, ${type}>>`
  if (field.repeated) return `${field.name}: readonly ${type}[]`
  // A message field may be absent on the wire. An absent scalar has its default.
  if (field.resolvedType instanceof protobuf.Type) return `${field.name}?: ${type} | undefined`
  return `${field.name}: ${type}`
}

function enumeration(type: protobuf.Enum): string {
  const name = typeName(type)
  const values = Object.entries(type.values).map(([key, value]) => `  ${key}: ${value},\n`)
  return (
    `export const ${name} = {\n${values.join('')}} as const\nexport type ${name} = (typeof ` +
    `${name})[keyof typeof ${name}]\n`
  )
}

function service(type: protobuf.Service): string {
  const lines = type.methodsArray.map(method => {
    if (!method.resolvedRequestType || !method.resolvedResponseType) {
      throw new Error(`${method.fullName} is not resolved`)
    }
    const [request, response] = [
      typeName(method.resolvedRequestType),
      typeName(method.resolvedResponseType),
    ]
    const kind = method.responseStream ? 'server-stream' : 'unary'
    return (
      `  readonly ${method.name}: { readonly kind: '${kind}'; readonly request: ` +
      `${request}; readonly response: ${response} }\n`
    )
  })
  return `export interface ${type.name}Methods {\n${lines.join('')}}\n`
}

/**
 * `VolumeCapability.AccessMode` becomes `VolumeCapabilityAccessMode`, because TypeScript's
 * namespaces are not erasable.
 */
function typeName(type: protobuf.ReflectionObject): string {
  const scope = SCOPES.find(each => type.fullName.startsWith(`.${each}.`)) ?? 'google.protobuf'
  return type.fullName.slice(scope.length + 2).replaceAll('.', '')
}

function comment(text: string | null, indent: string): string {
  return text ? `${indent}/** ${text.replaceAll('\n', ' ')} */\n` : ''
}
