// Several objects may give one claim to one guest. One of them acts, the others are refused: the
// one that has begun, else the oldest.

import type { GuestDiskObject } from '../kubernetes/cluster-objects.ts'
import { claimKeyOf, type Parts } from './parts.ts'

/** The disk that has the claim in this guest instead; undefined: this one acts. */
export async function findRival(
  disk: GuestDiskObject,
  { view, writes }: Pick<Parts, 'view' | 'writes'>,
  signal?: AbortSignal,
): Promise<GuestDiskObject | undefined> {
  // Whoever has begun stays so: a cache that says it is never too old for that.
  if (hasBegun(disk)) return undefined
  const others = othersInGuest(disk, view.disksOfClaim(claimKeyOf(disk)))
  const known = others.find(hasBegun)
  if (known !== undefined) return known
  // What they have begun since stands in their status, which a cache may not have yet.
  const now = await Promise.all(others.map(({ meta }) => writes.readDisk(meta, signal)))
  const present = now.filter(each => each !== undefined)
  return present.find(hasBegun) ?? present.find(each => isOlder(each, disk))
}

function othersInGuest(
  { meta, spec }: GuestDiskObject,
  disks: readonly GuestDiskObject[],
): readonly GuestDiskObject[] {
  return disks.filter(each => each.meta.uid !== meta.uid && each.spec.guest === spec.guest)
}

/** The volume is written to the status before the first call for it. */
export function hasBegun({ status }: GuestDiskObject): boolean {
  return status.volume !== undefined
}

function isOlder(one: GuestDiskObject, other: GuestDiskObject): boolean {
  const [a, b] = [one.meta, other.meta]
  return a.createdMs < b.createdMs || (a.createdMs === b.createdMs && a.uid < b.uid)
}
