// Decides whether an existing volume matches a request. Pure.

import { StorageError } from '../../errors.ts'
import type { Volume, VolumeSpec } from '../../model/volumes.ts'
import { differences } from './parameters.ts'

/**
 * Throws `already-exists` for the first difference. The size must be inside the requested range.
 */
export function refuseOther(volume: Volume, wanted: Volume, spec: VolumeSpec): void {
  const differs = (field: string, has: unknown, wants: unknown) =>
    new StorageError(
      'already-exists',
      `volume ${JSON.stringify(wanted.name)} exists and differs in its ${field}: it has ` +
        `${show(has)}, the request wants ${show(wants)}`,
    )
  if (volume.name !== wanted.name) throw differs('name', volume.name, wanted.name)
  if (!equal(volume.source, wanted.source)) {
    throw differs('source', describeSource(volume), describeSource(wanted))
  }
  if (!equal(volume.format, wanted.format)) {
    throw differs('format', describeFormat(volume), describeFormat(wanted))
  }
  const others = differences(volume.parameters, wanted.parameters)
  if (others.length > 0) {
    throw differs(
      others.length === 1 ? 'parameter' : 'parameters',
      others.map(({ name, has }) => `${name} ${show(has)}`).join(', '),
      others.map(({ name, wants }) => `${name} ${show(wants)}`).join(', '),
    )
  }
  const sizeBytes = Math.max(volume.sizeBytes, volume.createdSizeBytes)
  const { requiredBytes, limitBytes } = spec.size
  if (sizeBytes < requiredBytes || (limitBytes > 0 && sizeBytes > limitBytes)) {
    throw differs(
      'size',
      sizeBytes,
      `at least ${requiredBytes}${limitBytes > 0 ? ` and at most ${limitBytes}` : ''}`,
    )
  }
}

export function equal(a: unknown, b: unknown): boolean {
  return JSON.stringify(a, sortKeys) === JSON.stringify(b, sortKeys)
}

function sortKeys(_key: string, value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function show(value: unknown): string {
  return value === '' ? 'none' : String(value)
}

function describeSource({ source }: Volume): string {
  return source.kind === 'empty' ? 'none' : `${source.kind} ${source.id}`
}

function describeFormat({ format }: Volume): string {
  if (format.kind === 'block') return 'a raw device'
  return format.type === 'any' ? 'the file system of its guest' : `a file system ${format.type}`
}
