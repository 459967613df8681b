// The ids that callers see: of volumes, snapshots, groups and guests. Controller, node plugin and
// `apply` parse them alike. The leaf of an id is computed from a name, never allocated.

import { StorageError } from '../errors.ts'
import { base32 } from './hashes.ts'
import type { GuestId } from './volumes.ts'

const POOL_NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/
const LEAF = /^v-[a-z2-7]{20}$/

/** Last component of a volume's dataset. */
export function volumeLeaf(cluster: string, pool: string, name: string): string {
  return `v-${base32([cluster, pool, name], 20)}`
}

/**
 * Snapshot names are unique over the driver, so the leaf depends on the name alone. The same name
 * on another volume is found by its leaf.
 */
export function snapshotLeaf(cluster: string, name: string): string {
  return `s-${base32([cluster, 'snapshot', name], 20)}`
}

/** All members of a group snapshot have this leaf, each on its own volume. */
export function groupLeaf(cluster: string, name: string): string {
  return `g-${base32([cluster, 'group', name], 20)}`
}

export function isVolumeLeaf(leaf: string): boolean {
  return LEAF.test(leaf)
}

export function isSnapshotLeaf(leaf: string): boolean {
  return /^[sg]-[a-z2-7]{20}$/.test(leaf)
}

export function formatVolumeId(pool: string, leaf: string): string {
  return `${pool}/${leaf}`
}

/** Undefined for text that this driver cannot have given as a volume id. */
export function findVolumeId(
  id: string,
): { readonly pool: string; readonly leaf: string } | undefined {
  const slash = id.indexOf('/')
  const pool = id.slice(0, slash)
  const leaf = id.slice(slash + 1)
  return slash > 0 && POOL_NAME.test(pool) && LEAF.test(leaf) ? { pool, leaf } : undefined
}

export function formatSnapshotId(volumeId: string, leaf: string): string {
  return `${volumeId}@${leaf}`
}

/** Undefined for text that this driver cannot have given as a snapshot id. */
export function findSnapshotId(
  id: string,
): { readonly volumeId: string; readonly leaf: string } | undefined {
  const at = id.indexOf('@')
  const volumeId = id.slice(0, at)
  const leaf = id.slice(at + 1)
  return at > 0 && findVolumeId(volumeId) !== undefined && isSnapshotLeaf(leaf)
    ? { volumeId, leaf }
    : undefined
}

/** `<pool>/<leaf of the group>`; undefined for text that cannot be a group id of this driver. */
export function findGroupId(
  id: string,
): { readonly pool: string; readonly leaf: string } | undefined {
  const match = /^(.+)\/(g-[a-z2-7]{20})$/.exec(id)
  return match?.[1] !== undefined && match[2] !== undefined && POOL_NAME.test(match[1])
    ? { pool: match[1], leaf: match[2] }
    : undefined
}

export function sameGuest(a: GuestId, b: GuestId): boolean {
  return a.machine === b.machine && a.guest === b.guest
}

export function formatGuestId(guest: GuestId): string {
  return `${guest.machine}/${guest.guest}`
}

export function parseGuestId(text: string): GuestId {
  const [machine = '', guest = '', ...rest] = text.split('/')
  if (machine === '' || guest === '' || rest.length > 0) {
    throw new StorageError(
      'not-found',
      `guest ${JSON.stringify(text)} is not known: a guest is named <machine>/<guest>`,
    )
  }
  return { machine, guest }
}
