// What a format asks of a new volume: a size that the guest can use, and a source that holds it.
// Refused when the volume is asked for: found out by the guest it would be too late, with a volume
// that never mounts. Pure.

import { StorageError } from '../../errors.ts'
import type { VolumeParameters } from '../../model/parameters.ts'
import { MiB, type VolumeFormat } from '../../model/volumes.ts'

/** mkfs.xfs makes no smaller one (xfsprogs 5.19 and later, source). */
const SMALLEST_XFS_BYTES = 300 * MiB
/**
 * An EFI label keeps 8 MiB of a whole disk for itself (EFI_MIN_RESV_SIZE, source), and a file
 * system needs some of the rest.
 */
const SMALLEST_LABELLED_BYTES = 9 * MiB

/**
 * Of an empty volume, which its first guest will label and format: `out-of-range` where that cannot
 * be.
 */
export function checkFormatSize(
  format: VolumeFormat,
  sizeBytes: number,
  shape: VolumeParameters['export'],
): void {
  const type = format.kind === 'filesystem' ? format.type : 'none'
  if (type === 'xfs' && sizeBytes < SMALLEST_XFS_BYTES) {
    throw tooSmall(
      sizeBytes,
      SMALLEST_XFS_BYTES,
      'mkfs.xfs makes no smaller file system; or ask for ext4',
    )
  }
  // Linux guests put no label on a disk; the other formats may reach a Solaris guest.
  const isLinux = type === 'ext4' || type === 'xfs'
  if (shape === 'full' && !isLinux && sizeBytes < SMALLEST_LABELLED_BYTES) {
    throw tooSmall(
      sizeBytes,
      SMALLEST_LABELLED_BYTES,
      'the label that a Solaris guest puts on a whole disk takes 8 MiB; for a Linux guest say ' +
        'so with csi.storage.k8s.io/fstype: ext4',
    )
  }
}

function tooSmall(sizeBytes: number, neededBytes: number, why: string): StorageError {
  return new StorageError(
    'out-of-range',
    `${sizeBytes} bytes are too few, ask for ${neededBytes / MiB} MiB or more: ${why}`,
  )
}

/**
 * A copy holds the file system of its source and is never formatted. Where the source left the
 * choice to its guest, or is raw, only the guest sees what is on it; a raw copy of a file system is
 * what programs that make backups ask for.
 */
export function checkSourceFormat(wanted: VolumeFormat, source: VolumeFormat): void {
  if (wanted.kind === 'block' || source.kind === 'block') return
  if (wanted.type === 'any' || source.type === 'any' || wanted.type === source.type) return
  throw new StorageError(
    'invalid-argument',
    `the source was made with the file system ${source.type}, which a copy keeps: ` +
      `${wanted.type} cannot be had (csi.storage.k8s.io/fstype)`,
  )
}
