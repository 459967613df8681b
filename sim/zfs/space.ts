// The space accounting of simulated pools: what datasets use, reserve and may still take. The sums
// are those of ZFS's DSL (usedby*, refreservation, quota). Compression, padding and the metadata of
// large volumes are left out.

import { type Content, unionBytesNotIn } from './content.ts'
import type { SimDataset, SimSnapshot } from './model.ts'

function bytesOf(dataset: SimDataset, property: string): number {
  return Number(dataset.local.get(property) ?? 0)
}

/** Bytes of the live dataset that its last snapshot does not keep; they use up a reservation. */
export function uniqueBytes(dataset: SimDataset): number {
  return dataset.content.bytesNotIn(contentsOf(dataset.previous))
}

export function usedByDataset(dataset: SimDataset): number {
  return dataset.content.bytesNotIn(contentsOf(dataset.origin))
}

export function usedBySnapshots(dataset: SimDataset): number {
  const contents = dataset.snapshots.map(snapshot => snapshot.content)
  return unionBytesNotIn(contents, [dataset.content, ...contentsOf(dataset.origin)])
}

export function usedByReservation(
  dataset: SimDataset,
  reservation = bytesOf(dataset, 'refreservation'),
): number {
  return Math.max(0, reservation - uniqueBytes(dataset))
}

/** Adds up only the children that changed since the last call. */
export function usedByChildren({ account, children }: SimDataset): number {
  for (const child of account.stale) {
    const charge = children.has(child) ? charged(child) : 0
    account.childrenBytes += charge - (account.charges.get(child) ?? 0)
    if (children.has(child)) account.charges.set(child, charge)
    else account.charges.delete(child)
  }
  account.stale.clear()
  return account.childrenBytes
}

export function used(dataset: SimDataset): number {
  const { account } = dataset
  account.used ??=
    usedByDataset(dataset) +
    usedBySnapshots(dataset) +
    usedByReservation(dataset) +
    usedByChildren(dataset)
  return account.used
}

/** The property `logicalused`: with what is below, and without reservations. */
export function logicalUsed(dataset: SimDataset): number {
  const contents = [dataset.content, ...dataset.snapshots.map(snapshot => snapshot.content)]
  const own = unionBytesNotIn(contents, contentsOf(dataset.origin), 'logicalBytesNotIn')
  return [...dataset.children].reduce((sum, child) => sum + logicalUsed(child), own)
}

/** Bytes that are allocated, without reservations. */
export function allocated(dataset: SimDataset): number {
  const own = usedByDataset(dataset) + usedBySnapshots(dataset)
  return [...dataset.children].reduce((sum, child) => sum + allocated(child), own)
}

// The space that a dataset costs its parent.
function charged(dataset: SimDataset): number {
  return Math.max(used(dataset), bytesOf(dataset, 'reservation'))
}

/** The space that the dataset and its children may still take beyond its refreservation. */
export function room(dataset: SimDataset): number {
  const { pool, parent } = dataset
  const above =
    parent === undefined ? (pool.full ? 0 : pool.sizeBytes - used(dataset)) : room(parent)
  const own = Math.max(0, bytesOf(dataset, 'reservation') - used(dataset))
  const quota = bytesOf(dataset, 'quota')
  const allowed = quota > 0 ? Math.min(above + own, quota - used(dataset)) : above + own
  return Math.max(0, allowed)
}

/** The property `available`. */
export function available(dataset: SimDataset): number {
  return room(dataset) + usedByReservation(dataset)
}

/**
 * Free space that a snapshot of a dataset with a reservation needs. The snapshot keeps the bytes,
 * so ZFS reserves them once more.
 */
export function neededForSnapshot(dataset: SimDataset): number {
  return Math.min(uniqueBytes(dataset), bytesOf(dataset, 'refreservation'))
}

/** Bytes that neither of the snapshots beside it has; what clones have does not count (recorded). */
export function usedBySnapshot(snapshot: SimSnapshot): number {
  const { dataset } = snapshot
  const at = dataset.snapshots.indexOf(snapshot)
  const next = dataset.snapshots[at + 1]?.content ?? dataset.content
  const before = dataset.snapshots[at - 1] ?? dataset.origin
  return snapshot.content.bytesNotIn([next, ...contentsOf(before)])
}

export function writtenBySnapshot(snapshot: SimSnapshot): number {
  const { dataset } = snapshot
  const before = dataset.snapshots[dataset.snapshots.indexOf(snapshot) - 1] ?? dataset.origin
  return snapshot.content.bytesNotIn(contentsOf(before))
}

function contentsOf(snapshot: SimSnapshot | undefined): readonly Content[] {
  return snapshot === undefined ? [] : [snapshot.content]
}
