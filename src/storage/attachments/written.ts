// Whether something was written to a volume that is attached. Its guest formats the disk only if
// not. Reads, and changes nothing.

import type { Attachment, Volume } from '../../model/volumes.ts'
import { readPropertyNames } from '../../zfs/dialect.ts'
import { countsBlocks, holdsData, isBlank, MEASURED_PROPERTIES } from '../catalog/blank.ts'
import { readInSight } from '../catalog/sight.ts'
import type { VolumePlace } from '../pool.ts'
import { meanwhile } from './records.ts'

/**
 * Two commands, unless the volume holds so much that they cannot matter. The volume's record is the
 * file system that tells the disks: the driver made it, and nobody ever mounts it. Where zfs does
 * not count blocks (Solaris), and on disks that are not known, the volume counts as not written.
 */
export async function readWritten(
  place: VolumePlace,
  { holdsData: holdsMuch }: Pick<Volume, 'holdsData'>,
  signal?: AbortSignal,
): Promise<Pick<Attachment, 'written' | 'little'>> {
  if (holdsMuch) return { written: true }
  const { pool, dataset, record } = place
  if (!countsBlocks(await readPropertyNames(pool.host.shell, signal))) return { written: false }
  const reading = { names: MEASURED_PROPERTIES, datasets: [dataset, record] }
  const { found } = await readInSight(pool, reading, signal)
  const [volume, fileSystem] = [found.get(dataset), found.get(record)]
  if (volume === undefined || fileSystem === undefined) throw meanwhile(place, undefined)
  if (isBlank(volume, fileSystem, dataset) !== false) return { written: false }
  // Files in the parent dataset hide how little a label takes; in the record there are none.
  return holdsData(volume, fileSystem, dataset)
    ? { written: true }
    : { written: true, little: true }
}
