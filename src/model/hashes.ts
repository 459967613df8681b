// Hashes for computed names: equal parts give equal text, on every host and in every version.

import { createHash } from 'node:crypto'

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'

/** SHA-256 of the parts. */
export function digest(parts: readonly string[]): Buffer {
  return createHash('sha256').update(JSON.stringify(parts)).digest()
}

/** `length` characters of 5 bits each. */
export function base32(parts: readonly string[], length: number): string {
  const bytes = digest(parts)
  let text = ''
  // Each byte gives 5 bits, so 20 characters are 100 bits. The only handling of collisions is the
  // comparison of names.
  for (let at = 0; at < length; at++) text += BASE32[(bytes[at] ?? 0) & 31]
  return text
}
