// The reservation of thick volumes, and growth, which includes the reservation. A thick volume
// reserves at least its size; a smaller reservation means that a call was cut off. The reservation
// that zfs computes is larger, with metadata and parity, and is never overwritten.

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
 * Runs work with the reservation that zfs computes from the disks and adjusts when the volume
 * grows. Dialects before 2018 cannot compute one. There it is the volume's size, because illumos
 * and Solaris refuse more (libzfs). Returns the minimum of what is reserved.
 */
export async function reserving(
  wanted: Omit<Reserved, 'reservedBytes'>,
  work: (value: string) => Promise<void>,
): Promise<number> {
  try {
    await work('auto')
    return thickReservation(wanted.sizeBytes, wanted.blockSizeBytes)
  } catch (error) {
    // If the command was invalid for another reason, the second try reports it.
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
 * Grows the volume and the reservation of a thick volume, and never shrinks them. Also completes a
 * growth that an earlier call left open.
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
  // If zfs cannot compute a reservation, the volume reserves exactly its size, and zfs does not
  // adjust it.
  if (grows && reservedBytes === volume.sizeBytes) {
    await withRoom(place, 'a reservation of its whole size', () =>
      zfs.setProperty(place.dataset, ['refreservation', String(sizeBytes)], signal),
    )
    return
  }
  // zfs adjusts a reservation only if it is exactly the computed one (source). On raidz that number
  // differs from the one computed here.
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
