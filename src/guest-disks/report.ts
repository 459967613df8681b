// Writes what was seen of a disk, and what keeps it from being ready, to its status; tells what a
// person has to know. A status that is right already is not written.

import { isDeepStrictEqual } from 'node:util'
import type { GuestDiskObject } from '../kubernetes/cluster-objects.ts'
import type { Bound } from './entitlement.ts'
import type { Parts } from './parts.ts'
import { type Observed, type Obstacles, statusOf } from './status.ts'
import type { Outcome } from './work-queue.ts'

export interface Finding {
  readonly parts: Parts
  readonly bound?: Bound | undefined
  readonly obstacles: Obstacles
  /** What was missing, and was brought back. */
  readonly lost?: readonly string[]
}

export function observe(
  volumeId: string | undefined,
  guest: string,
  { looks }: Pick<Parts, 'looks'>,
): Pick<Observed, 'attachment' | 'mount'> {
  if (volumeId === undefined) return { attachment: { kind: 'none' }, mount: { kind: 'none' } }
  return { attachment: looks.attachment(volumeId, guest), mount: looks.mount(volumeId, guest) }
}

/** `again`: something failed, or the object has changed meanwhile. */
export async function report(
  disk: GuestDiskObject,
  { parts, bound, obstacles, lost = [] }: Finding,
  signal: AbortSignal,
): Promise<Outcome> {
  // A disk for which nothing was begun has nothing in its guest.
  const volumeId = disk.status.volume
  const observed = { bound, volumeId, ...observe(volumeId, disk.spec.guest, parts) }
  const status = statusOf(disk, { observed, obstacles }, parts.now())
  const failed = obstacles.trouble !== undefined
  if (!isDeepStrictEqual(status, disk.status)) {
    const written = await parts.writes.patchStatus(disk, status, signal)
    if (written !== 'done') return written === 'gone' ? 'done' : 'again'
  }
  parts.teller.tell({ disk, status, claim: bound?.claim, obstacles, lost })
  return failed ? 'again' : 'done'
}
