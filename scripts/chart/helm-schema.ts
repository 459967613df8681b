// Rewrites a JSON schema so that Helm names the mistake, and the mistake alone. Helm 3 and Helm 4
// use github.com/santhosh-tekuri/jsonschema 6. What it says of three keywords misleads (tried):
//
// - propertyNames: the path is that of some other value. patternProperties has the right one.
// - oneOf: it lists what each alternative lacks. Where the kind decides, one alternative is left.
// - anyOf: the same. One schema with several types has one message.

import type { z } from 'zod'

export type JsonSchema = z.core.JSONSchema.JSONSchema
type Part = z.core.JSONSchema._JSONSchema

export function forHelm(schema: JsonSchema): JsonSchema {
  return joinTypes(chooseByKind(nameByPattern(schema)))
}

const part = (schema: Part): Part => (typeof schema === 'object' ? forHelm(schema) : schema)

function nameByPattern(schema: JsonSchema): JsonSchema {
  const { propertyNames, additionalProperties: each, properties, items, ...rest } = schema
  const below = {
    ...rest,
    ...(properties && { properties: mapValues(properties) }),
    ...(items !== undefined && { items: Array.isArray(items) ? items.map(part) : part(items) }),
  }
  if (each === undefined) return below
  const pattern = typeof propertyNames === 'object' ? propertyNames.pattern : undefined
  return pattern === undefined
    ? { ...below, additionalProperties: part(each) }
    : { ...below, patternProperties: { [pattern]: part(each) }, additionalProperties: false }
}

function mapValues(schemas: Readonly<Record<string, Part>>): Record<string, Part> {
  return Object.fromEntries(Object.entries(schemas).map(([name, each]) => [name, part(each)]))
}

/** The kind is the key that is a constant in every alternative. */
function chooseByKind({ oneOf, ...rest }: JsonSchema): JsonSchema {
  if (oneOf === undefined) return rest
  const [kind] = Object.keys(oneOf[0]?.properties ?? {}).filter(key =>
    oneOf.every(each => constantOf(each, key) !== undefined),
  )
  if (kind === undefined) throw new Error('nothing tells the alternatives apart')
  const constants = oneOf.map(each => constantOf(each, kind) ?? null)
  // A value without the key is of the kind that is the default.
  const required = (each: JsonSchema) => (hasDefault(each, kind) ? {} : { required: [kind] })
  return {
    ...rest,
    type: 'object',
    properties: { [kind]: { enum: constants } },
    ...(oneOf.some(each => hasDefault(each, kind)) ? {} : { required: [kind] }),
    allOf: oneOf.map((each, at) => ({
      if: { properties: { [kind]: { const: constants[at] ?? null } }, ...required(each) },
      // biome-ignore lint/suspicious/noThenProperty: a word of JSON Schema
      then: forHelm(each),
    })),
  }
}

function constantOf({ properties }: JsonSchema, key: string) {
  const found = properties?.[key]
  return typeof found === 'object' ? found.const : undefined
}

function hasDefault({ properties }: JsonSchema, key: string): boolean {
  const found = properties?.[key]
  return typeof found === 'object' && found.default !== undefined
}

/** A keyword of one type says nothing about values of another. */
function joinTypes({ anyOf, ...rest }: JsonSchema): JsonSchema {
  if (anyOf === undefined) return rest
  const type = anyOf.flatMap(each => each.type ?? [])
  if (type.length < anyOf.length || new Set(type).size < type.length) {
    throw new Error('alternatives of one type need a kind')
  }
  return Object.assign({}, ...anyOf, rest, { type })
}
