// Parses the values that the driver keeps on datasets. This version, another version or a person
// may have written them. A value that an older version did not write gets its meaning of that time.
// A value that cannot be understood is refused.

import { z } from 'zod'
import { StorageError } from '../../errors.ts'
import { everyParameter, PARAMETERS, type VolumeParameters } from '../../model/parameters.ts'
import type { VolumeFormat, VolumeSource } from '../../model/volumes.ts'

/** Written on every new volume. A volume without a version has format 0. */
export const FORMAT_VERSION = 1

const format: z.ZodType<VolumeFormat> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('block') }),
  z.object({ kind: z.literal('filesystem'), type: z.enum(['ext4', 'xfs', 'ufs', 'any']) }),
])

const source: z.ZodType<VolumeSource> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('empty') }),
  z.object({ kind: z.literal('snapshot'), id: z.string().min(1) }),
  z.object({ kind: z.literal('volume'), id: z.string().min(1) }),
])

const parameters = z.record(z.string(), z.unknown())

/** Where a text was read, for error messages. */
export interface Origin {
  readonly dataset: string
  readonly property: string
}

export function parseFormat(text: string, origin: Origin): VolumeFormat {
  return parseJson(format, text, origin)
}

export function parseSource(text: string, origin: Origin): VolumeSource {
  return parseJson(source, text, origin)
}

export function parseParameters(text: string, origin: Origin): VolumeParameters {
  const written = parseJson(parameters, text, origin)
  return everyParameter(key => readParameter(key, written, origin))
}

function readParameter<K extends keyof VolumeParameters>(
  key: K,
  written: Readonly<Record<string, unknown>>,
  origin: Origin,
): VolumeParameters[K] {
  const { isValue, before, parse } = PARAMETERS[key]
  const value = written[key]
  if (value === undefined && before !== undefined) return parse(before)
  if (!isValue(value)) {
    throw broken(origin, `${key}: ${JSON.stringify(value) ?? 'nothing'} is not understood`)
  }
  return value
}

/** Parses one of the words that the driver writes. */
export function parseWord<T extends string>(words: readonly T[], text: string, origin: Origin): T {
  const word = words.find(each => each === text)
  if (word === undefined) {
    throw broken(origin, `${JSON.stringify(text)} is not one of ${words.join(', ')}`)
  }
  return word
}

export function parseNumber(text: string, origin: Origin): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw broken(origin, `${JSON.stringify(text)} is not a number`)
  }
  return value
}

/** Refuses newer formats: they may contain something that this version would ignore. */
export function checkVersion(text: string | undefined, origin: Origin): void {
  const version = text === undefined ? 0 : parseNumber(text, origin)
  if (version <= FORMAT_VERSION) return
  throw new StorageError(
    'failed-precondition',
    `dataset ${origin.dataset} was written by a newer version of this driver (format ` +
      `${version}, this version knows ${FORMAT_VERSION}); upgrade this driver`,
  )
}

function parseJson<T>(schema: z.ZodType<T>, text: string, origin: Origin): T {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw broken(origin, `${JSON.stringify(text.slice(0, 80))} is not JSON`)
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw broken(
    origin,
    `${issue?.path.join('.') || 'the value'}: ${issue?.message ?? 'not understood'}`,
  )
}

function broken({ dataset, property }: Origin, why: string): StorageError {
  return new StorageError(
    'failed-precondition',
    `dataset ${dataset}: this driver did not write its property ${property} (${why}); correct ` +
      'the property, the driver does nothing with the dataset until then',
  )
}
