// The reservation of thick volumes, and growth, which has to take it along. A thick volume reserves
// its size at the least: what is less was cut off between two commands. What zfs itself reserves is
// more, with metadata and parity, and is never overwritten.

import { isStorageError } from '../../errors.ts'
import { parseBytes } from '../../zfs/bytes.ts'
import { thickReservation } from '../../zfs/dialect.ts'
import { withRoom } from '../places.ts'
import type { VolumePlace } from '../pool.ts'

export interface Reserved {
  readonly sizeBytes: number
  /** 0 for a thin volume. */
  readonly reservedBytes: number
  readonly blockSizeBytes: number
}

export interface Growth extends Reserved {
  readonly targetBytes: number
}

/**
 * With the reservation that zfs computes, which it knows the disks for and moves along when the
 * volume grows; where the dialect cannot compute one (before 2018), with the size: illumos and
 * Solaris refuse more than that (libzfs). Answers what is reserved at the least.
 */
export async function reserving(
  wanted: Omit<Reserved, 'reservedBytes'>,
  work: (value: string) => Promise<void>,
): Promise<number> {
  try {
    await work('auto')
    return thickReservation(wanted.sizeBytes, wanted.blockSizeBytes)
  } catch (error) {
    // Another mistake of the same command is told by the second try.
    if (!isStorageError(error, 'invalid-argument')) throw error
    await work(String(wanted.sizeBytes))
    return wanted.sizeBytes
  }
}

/** Reserves a volume's whole size. */
export async function reserve(
  place: VolumePlace,
  wanted: Omit<Reserved, 'reservedBytes'>,
  signal?: AbortSignal,
): Promise<void> {
  await withRoom(place, 'a reservation of its whole size', () =>
    reserving(wanted, value =>
      place.pool.zfs.setProperty(place.dataset, ['refreservation', value], signal),
    ),
  )
}

/**
 * To the size, never below the present one, and the reservation of a thick volume with it: also
 * what an earlier call left open.
 */
export async function growTo(
  place: VolumePlace,
  volume: Growth,
  signal?: AbortSignal,
): Promise<void> {
  const { zfs } = place.pool
  const { reservedBytes, blockSizeBytes, targetBytes: sizeBytes } = volume
  const grows = sizeBytes > volume.sizeBytes
  if (grows) {
    await withRoom(place, `${sizeBytes} bytes`, () =>
      zfs.setProperty(place.dataset, ['volsize', String(sizeBytes)], signal),
    )
  }
  if (reservedBytes === 0) return
  // The size itself is what is reserved where zfs cannot compute more, and does not move along.
  if (grows && reservedBytes === volume.sizeBytes) {
    await withRoom(place, 'a reservation of its whole size', () =>
      zfs.setProperty(place.dataset, ['refreservation', String(sizeBytes)], signal),
    )
    return
  }
  // Only a reservation that is exactly the computed one moves along (source); on raidz that is
  // another number than here.
  const computed = (['current', 'old'] as const).map(arithmetic =>
    thickReservation(volume.sizeBytes, blockSizeBytes, arithmetic),
  )
  if (grows && computed.includes(reservedBytes)) return
  const reserved = grows ? await readReserved(place, signal) : reservedBytes
  if (reserved < sizeBytes) await reserve(place, { sizeBytes, blockSizeBytes }, signal)
}

async function readReserved({ pool, dataset }: VolumePlace, signal?: AbortSignal): Promise<number> {
  const found = await pool.zfs.getProperties(['refreservation'], [dataset], signal)
  return parseBytes(
    found.get(dataset)?.get('refreservation')?.value,
    `refreservation of ${dataset}`,
  )
}
