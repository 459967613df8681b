// Checks single request fields: presence, the lengths that CSI allows, control characters, byte
// ranges. Lengths count UTF-8 bytes, as in CSI. No object is looked up here.

import { StorageError } from '../errors.ts'
import type { SizeRange } from '../model/volumes.ts'
import type { CapacityRange } from './wire/types.gen.ts'

const TEXT_LIMIT = 128
export const NODE_ID_LIMIT = 256
const MAP_LIMIT = 4096
/**
 * CSI leaves the length of paths to the operating system. PATH_MAX is 4096 on Linux and 1024 on
 * Solaris.
 */
export const PATH_LIMIT = 4096

// CSI forbids these characters in names, and allows tab, line feed and carriage return.
const CONTROL_CHARACTERS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/

export type TextMap = Readonly<Record<string, string>>

export function invalid(field: string, problem: string): StorageError {
  return new StorageError('invalid-argument', `${field} ${problem}`)
}

/** The field may be empty. */
export function checkText(value: string, field: string, limitBytes = TEXT_LIMIT): string {
  const bytes = Buffer.byteLength(value)
  if (bytes > limitBytes) throw invalid(field, `has ${bytes} bytes; ${limitBytes} are allowed`)
  if (CONTROL_CHARACTERS.test(value)) throw invalid(field, 'has a control character')
  return value
}

export function requireText(value: string, field: string, limitBytes = TEXT_LIMIT): string {
  if (value === '') throw invalid(field, 'is missing')
  return checkText(value, field, limitBytes)
}

/** For paths at which something is created: it is unknown what a relative path would start from. */
export function requireAbsolutePath(value: string, field: string): string {
  requireText(value, field, PATH_LIMIT)
  if (!value.startsWith('/')) {
    throw invalid(field, `${JSON.stringify(value)} is not an absolute path`)
  }
  return value
}

/** For paths that are looked up: the guest finds no relative path and reports it. */
export function requirePath(value: string, field: string): string {
  return requireText(value, field, PATH_LIMIT)
}

export function checkMap(map: TextMap, field: string): TextMap {
  const bytes = Object.entries(map).reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value),
    0,
  )
  if (bytes > MAP_LIMIT) {
    throw invalid(field, `has ${bytes} bytes, keys and values together; ${MAP_LIMIT} are allowed`)
  }
  return map
}

export function checkTexts(values: readonly string[], field: string): readonly string[] {
  const bytes = values.reduce((sum, value) => sum + Buffer.byteLength(value), 0)
  if (bytes > MAP_LIMIT) throw invalid(field, `has ${bytes} bytes; ${MAP_LIMIT} are allowed`)
  if (values.some(value => CONTROL_CHARACTERS.test(value))) {
    throw invalid(field, 'has a control character')
  }
  return values
}

export function parseSizeRange(range: CapacityRange | undefined): SizeRange {
  const requiredBytes = parseBytes(range?.required_bytes ?? '0', 'capacity_range.required_bytes')
  const limitBytes = parseBytes(range?.limit_bytes ?? '0', 'capacity_range.limit_bytes')
  if (limitBytes > 0 && requiredBytes > limitBytes) {
    throw new StorageError(
      'out-of-range',
      `capacity_range: required_bytes ${requiredBytes} is more than limit_bytes ${limitBytes}`,
    )
  }
  return { requiredBytes, limitBytes }
}

/** From decimal text of a 64-bit field. */
function parseBytes(text: string, field: string): number {
  const bytes = Number(text)
  if (!Number.isSafeInteger(bytes)) {
    throw new StorageError('out-of-range', `${field} ${text} is too large for this driver`)
  }
  if (bytes < 0) throw new StorageError('out-of-range', `${field} ${text} is negative`)
  return bytes
}
