// Disk labels, as far as a simulated SPARC host needs them. A disk without a label cannot be read
// through its slices (source: sd.c). The label says where slice 0 begins.

import type { SimDevice } from '../devices.ts'

const SECTOR = 512
/** Recalled: the first sector of slice 0 when Solaris writes an EFI label on a new disk. */
const FIRST_SECTOR = 256
const EFI_SIGNATURE = Buffer.from('EFI PART', 'latin1')
/** The last 16-bit word but one in the sector of a VTOC label. */
const VTOC_MAGIC = 0xdabe

export function isLabelled(disk: Pick<SimDevice, 'read'>): boolean {
  const efi = disk.read(SECTOR, EFI_SIGNATURE.length).equals(EFI_SIGNATURE)
  return efi || disk.read(SECTOR - 4, 2).readUInt16BE(0) === VTOC_MAGIC
}

export function writeLabel(disk: Pick<SimDevice, 'write'>): void {
  disk.write(SECTOR, EFI_SIGNATURE)
}

/** Slice 0 begins after the label. Other slices, and names without one, begin with the disk. */
export function sliceStart(slice: string | undefined): number {
  return slice === '0' ? FIRST_SECTOR * SECTOR : 0
}
