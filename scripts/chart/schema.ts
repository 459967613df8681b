// values.schema.json: the shape of the values, and that of the controller's file under `config`.

import { z } from 'zod'
import { controllerSchema } from '../../src/config/schema.ts'
import { chartValues } from './values.ts'

export type JsonSchema = z.core.JSONSchema.JSONSchema

/** What Helm 3 and Helm 4 both read. */
const TARGET = { target: 'draft-7', io: 'input' } as const

export function valuesSchema(): JsonSchema {
  const values = z.toJSONSchema(chartValues, TARGET)
  return {
    ...values,
    properties: { ...values.properties, config: configSchema() },
    required: [...(values.required ?? []), 'config'],
  }
}

export function generateValuesSchema(): string {
  return `${JSON.stringify(valuesSchema(), null, 2)}\n`
}

/**
 * The chart fills in the two files of a host, so they may be left out. Nothing is required of an
 * empty object: that is the default, and the templates say what to do about it.
 */
function configSchema(): JsonSchema {
  const { $schema: _, required, ...file } = z.toJSONSchema(controllerSchema, TARGET)
  const config: JsonSchema = {
    description:
      "The controller's configuration file, key by key. `local: true` is not for a pod. Hosts may " +
      'leave out `privateKeyFile` and `knownHostsFile`: see `ssh`. Otherwise these are ' +
      '`/etc/ldom-csi/ssh/<secret>/<key>`.',
    ...file,
    if: { minProperties: 1 },
    // biome-ignore lint/suspicious/noThenProperty: a word of JSON Schema
    then: { required: required ?? [] },
  }
  const ssh = at(config, ['hosts', '*', 'ssh'])
  ssh.required = (ssh.required ?? []).filter(key => !key.endsWith('File'))
  return config
}

/** The schema below some keys; `*` is any key of a map. */
function at(schema: JsonSchema, keys: readonly string[]): JsonSchema {
  return keys.reduce<JsonSchema>((found, key) => {
    const next = key === '*' ? found.additionalProperties : found.properties?.[key]
    if (typeof next !== 'object') throw new Error(`the schema of config has no ${keys.join('.')}`)
    return next
  }, schema)
}
