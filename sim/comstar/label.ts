// Disk labels as far as a simulated SPARC host cares: a disk without one cannot be read through its
// slices (sd.c, source), and where a label puts slice 0.

import type { SimDevice } from '../devices.ts'

const SECTOR = 512
/** Where Solaris begins slice 0 of an EFI label on a fresh disk (recalled). */
const FIRST_SECTOR = 256
const EFI_SIGNATURE = Buffer.from('EFI PART', 'latin1')
/** Last word but one of a VTOC label's sector. */
const VTOC_MAGIC = 0xdabe

export function isLabelled(disk: Pick<SimDevice, 'read'>): boolean {
  const efi = disk.read(SECTOR, EFI_SIGNATURE.length).equals(EFI_SIGNATURE)
  return efi || disk.read(SECTOR - 4, 2).readUInt16BE(0) === VTOC_MAGIC
}

export function writeLabel(disk: Pick<SimDevice, 'write'>): void {
  disk.write(SECTOR, EFI_SIGNATURE)
}

/** Slice 0 lies behind the label; s2 and the name without slice are the whole disk. */
export function sliceStart(slice: string | undefined): number {
  return slice === '0' ? FIRST_SECTOR * SECTOR : 0
}
