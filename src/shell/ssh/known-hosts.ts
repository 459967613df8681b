// Pinned host keys, read from a file in OpenSSH's known_hosts format (sshd(8), SSH_KNOWN_HOSTS FILE
// FORMAT). It only judges a key, and never accepts one that is not in the file. Certificate
// authorities are not used.

import { createHash, createHmac } from 'node:crypto'
import { StorageError } from '../../errors.ts'

interface KnownKey {
  readonly marker: 'revoked' | 'cert-authority' | undefined
  readonly hosts: string
  readonly type: string
  readonly key: string // base64
}

export type KnownHosts = readonly KnownKey[]

/** `differs`: the file has other keys of this host. */
export type HostKeyVerdict = 'known' | 'unknown' | 'differs' | 'revoked'

/**
 * Rejects a line that it does not understand: a broken line would otherwise read as "this host is
 * unknown".
 */
export function parseKnownHosts(text: string, file: string): KnownHosts {
  return text.split('\n').flatMap((line, index) => {
    const fields = line.trim().split(/\s+/)
    if (fields[0] === '' || fields[0]?.startsWith('#')) return []
    const marker = fields[0]?.startsWith('@') ? fields.shift() : undefined
    const [hosts, type, key] = fields
    const isKnownMarker =
      marker === undefined || marker === '@revoked' || marker === '@cert-authority'
    if (
      hosts === undefined ||
      type === undefined ||
      key === undefined ||
      !isKnownMarker ||
      keyType(key) !== type
    ) {
      throw new StorageError(
        'invalid-argument',
        `${file}, line ${index + 1}: not a known_hosts entry; correct or remove the line`,
      )
    }
    return [{ marker: marker?.slice(1) as KnownKey['marker'], hosts, type, key }]
  })
}

export function judgeHostKey(
  known: KnownHosts,
  { address, port }: { readonly address: string; readonly port: number },
  key: Buffer,
): HostKeyVerdict {
  const offered = key.toString('base64')
  // A revoked key is rejected only for the hosts that its line names, as ssh(1) does; `*` names
  // all.
  const lines = known.filter(entry => namesHost(entry.hosts, address, port))
  if (lines.some(entry => entry.marker === 'revoked' && entry.key === offered)) return 'revoked'
  const pinned = lines.filter(entry => entry.marker === undefined)
  if (pinned.some(entry => entry.key === offered)) return 'known'
  return pinned.length > 0 ? 'differs' : 'unknown'
}

/**
 * Types of the keys that the file has for the host. Only these are requested, so that the server
 * shows a key that can be checked.
 */
export function knownKeyTypes(known: KnownHosts, address: string, port: number): readonly string[] {
  const pinned = known.filter(
    entry => entry.marker === undefined && namesHost(entry.hosts, address, port),
  )
  return [...new Set(pinned.map(entry => entry.type))]
}

export function fingerprint(key: Buffer): string {
  return (
    `${keyType(key.toString('base64')) ?? 'key'} ` +
    `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`
  )
}

/** The host's name in the file: with the port only if that is not 22. */
export function formatHostName(address: string, port: number): string {
  return port === 22 ? address : `[${address}]:${port}`
}

function namesHost(hosts: string, address: string, port: number): boolean {
  const name = formatHostName(address, port).toLowerCase()
  if (hosts.startsWith('|')) return isHashOf(hosts, name)
  const patterns = hosts.toLowerCase().split(',')
  if (patterns.some(pattern => pattern.startsWith('!') && matches(pattern.slice(1), name))) {
    return false
  }
  return patterns.some(pattern => matches(pattern, name))
}

function isHashOf(hashed: string, name: string): boolean {
  const [, version, salt, hash] = hashed.split('|')
  if (version !== '1' || salt === undefined) return false
  return createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest('base64') === hash
}

function matches(pattern: string, name: string): boolean {
  const expression = pattern
    .replace(/[\\^$.|+()[\]{}]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${expression}$`).test(name)
}

/** The key contains its type as well, after its length (RFC 4253, 6.6). */
function keyType(base64: string): string | undefined {
  const bytes = Buffer.from(base64, 'base64')
  if (bytes.length < 4) return undefined
  const length = bytes.readUInt32BE(0)
  return length <= 64 && bytes.length > 4 + length
    ? bytes.toString('latin1', 4, 4 + length)
    : undefined
}
