// values.schema.json: the shape of the values, and that of the controller's file under `config`.

import { z } from 'zod'
import { controllerSchema } from '../../src/config/schema.ts'
import { forHelm, type JsonSchema } from './helm-schema.ts'
import { chartValues } from './values.ts'

/** What Helm 3 and Helm 4 both read. */
const TARGET = { target: 'draft-7', io: 'input' } as const

/** As zod has it. Helm reads another form of the same. */
export function valuesSchema(): JsonSchema {
  const values = z.toJSONSchema(chartValues, TARGET)
  letKeysBeLeftOut(at(values, ['guestDisks', 'config', 'guests', '[]', 'ssh']))
  return {
    ...values,
    properties: { ...values.properties, config: configSchema() },
    required: [...(values.required ?? []), 'config'],
  }
}

export function generateValuesSchema(): string {
  return `${JSON.stringify(forHelm(valuesSchema()), null, 2)}\n`
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
  letKeysBeLeftOut(at(config, ['hosts', '*', 'ssh']))
  return config
}

function letKeysBeLeftOut(ssh: JsonSchema): void {
  ssh.required = (ssh.required ?? []).filter(key => !key.endsWith('File'))
}

/** The schema below some keys; `*` is any key of a map, `[]` an entry of a list. */
function at(schema: JsonSchema, keys: readonly string[]): JsonSchema {
  return keys.reduce<JsonSchema>((found, key) => {
    const next =
      key === '*'
        ? found.additionalProperties
        : key === '[]'
          ? found.items
          : found.properties?.[key]
    if (typeof next !== 'object' || Array.isArray(next)) {
      throw new Error(`the schema has no ${keys.join('.')}`)
    }
    return next
  }, schema)
}
