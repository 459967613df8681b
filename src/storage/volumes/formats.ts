// Checks that a new volume suits its format: a size that the guest can use, and a source with the
// same file system. The driver checks at creation. A guest would find out too late, with a volume
// that never mounts. Pure.

import { StorageError } from '../../errors.ts'
import type { VolumeParameters } from '../../model/parameters.ts'
import { MiB, type VolumeFormat } from '../../model/volumes.ts'

/** mkfs.xfs creates no smaller file system (xfsprogs 5.19 and later, source). */
const SMALLEST_XFS_BYTES = 300 * MiB
/**
 * An EFI label takes 8 MiB of a whole disk (EFI_MIN_RESV_SIZE, source). A file system needs some
 * space beyond that.
 */
const SMALLEST_LABELLED_BYTES = 9 * MiB

/**
 * For an empty volume, which its first guest labels and formats. `out-of-range` if the volume is
 * too small for that.
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
      'mkfs.xfs creates no smaller file system; ext4 can be smaller',
    )
  }
  // Linux guests put no label on a disk. Volumes of the other formats may go to a Solaris guest.
  const isLinux = type === 'ext4' || type === 'xfs'
  if (shape === 'full' && !isLinux && sizeBytes < SMALLEST_LABELLED_BYTES) {
    throw tooSmall(
      sizeBytes,
      SMALLEST_LABELLED_BYTES,
      'the label that a Solaris guest puts on a whole disk takes 8 MiB; for a Linux guest set ' +
        'csi.storage.k8s.io/fstype: ext4',
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
 * A copy has the file system of its source and is never formatted. If either side is raw or of type
 * `any`, only the guest knows the file system. Backup programs ask for a raw copy of a file system.
 */
export function checkSourceFormat(wanted: VolumeFormat, source: VolumeFormat): void {
  if (wanted.kind === 'block' || source.kind === 'block') return
  if (wanted.type === 'any' || source.type === 'any' || wanted.type === source.type) return
  throw new StorageError(
    'invalid-argument',
    `the source has the file system ${source.type}, which a copy keeps; ask for ${source.type} ` +
      `instead of ${wanted.type} (csi.storage.k8s.io/fstype)`,
  )
}
