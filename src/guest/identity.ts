// How a volume is recognised on its own disk. A disk number can be given to another volume while a
// request is on its way, or while the guest is off. So the driver marks what it creates with a
// value computed from the volume's id. Pure functions; nothing is stored.

import { createHash } from 'node:crypto'

/**
 * UUID version 8 (RFC 9562: its content is free): "ldomcs" and 74 bits of a digest of the volume's
 * id.
 */
const UUID = /^6c646f6d-6373-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
/** A label keeps only 8 characters. The `@` sets the mark apart from names that people choose. */
const LABEL = /^@[a-z2-7]{7}$/

export function fileSystemUuid(volumeId: string): string {
  const hex = digest(volumeId).toString('hex')
  const variant = '89ab'[Number.parseInt(hex.slice(3, 4), 16) & 3]
  return `6c646f6d-6373-8${hex.slice(0, 3)}-${variant}${hex.slice(4, 7)}-${hex.slice(7, 19)}`
}

export function isFileSystemUuid(text: string): boolean {
  return UUID.test(text)
}

export function labelName(volumeId: string): string {
  const letters = [...digest(volumeId).subarray(0, 7)].map(
    byte => 'abcdefghijklmnopqrstuvwxyz234567'[byte & 31],
  )
  return `@${letters.join('')}`
}

export function isLabelName(text: string): boolean {
  return LABEL.test(text)
}

function digest(volumeId: string): Buffer {
  return createHash('sha256').update(`mark of ${volumeId}`).digest()
}
