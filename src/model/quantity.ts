// Parses Kubernetes quantities ("10Gi", "1.5G", "2e9") into whole bytes exactly as Kubernetes does:
// fractions of a byte are rounded up.

import { StorageError } from '../errors.ts'

const QUANTITY = /^\+?(\d+(?:\.\d*)?|\.\d+)(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?\d{1,3})?$/
export const ZERO_SIZE = 'must be more than 0; write a size such as 10Gi'
const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei']
const DECIMAL_EXPONENT: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
}

/**
 * Rejects text that is no quantity (`invalid-argument`), and sizes that are zero or too large for
 * exact numbers (`out-of-range`).
 */
export function parseQuantity(text: string): number {
  const match = QUANTITY.exec(text)
  if (match === null) {
    throw new StorageError(
      'invalid-argument',
      `${JSON.stringify(text)} is not a quantity such as 10Gi or 500M`,
    )
  }
  const [, mantissa = '', suffix = ''] = match
  const [whole = '', fraction = ''] = mantissa.split('.')
  const exponent = decimalExponent(suffix) - fraction.length
  let numerator =
    BigInt(`${whole}${fraction}`) * 1024n ** BigInt(Math.max(BINARY.indexOf(suffix), 0))
  let denominator = 1n
  if (exponent >= 0) numerator *= 10n ** BigInt(exponent)
  else denominator = 10n ** BigInt(-exponent)
  const bytes = Number((numerator + denominator - 1n) / denominator)
  if (bytes === 0) throw new StorageError('out-of-range', ZERO_SIZE)
  if (!Number.isSafeInteger(bytes)) throw new StorageError('out-of-range', `${text} is too large`)
  return bytes
}

function decimalExponent(suffix: string): number {
  if (/^[eE][+-]?\d/.test(suffix)) return Number(suffix.slice(1))
  return DECIMAL_EXPONENT[suffix] ?? 0
}

/** A size for people, in the largest binary unit that fits, with at most one decimal. */
export function formatBytes(bytes: number): string {
  let unit = 0
  while (unit < BINARY.length - 1 && bytes >= 1024 ** (unit + 1)) unit++
  const value = bytes / 1024 ** unit
  return `${Number.isInteger(value) ? value : value.toFixed(1)}${BINARY[unit]}B`
}

/** Exactly these bytes as a quantity, in the largest binary unit that divides them. */
export function formatQuantity(bytes: number): string {
  let unit = 0
  while (unit < BINARY.length - 1 && bytes % 1024 ** (unit + 1) === 0) unit++
  return `${bytes / 1024 ** unit}${BINARY[unit]}`
}
