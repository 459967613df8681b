// Where a Linux guest shows its virtual disks, and what their driver does: sunvdc of a guest of
// Logical Domains, xen-blkfront of a guest of Xen. Pure; the platform is the same for both.

import { diskLetters, vdevName, vdevNumber } from '../../model/vdev.ts'

export interface LinuxBus {
  /** Below /sys, with one entry for each device of the bus. */
  readonly directory: string
  readonly driver: string
  readonly lastSlot: number
  /** Undefined: the driver has no limit that matters. */
  readonly maximumSizeBytes: number | undefined
  readonly seesGrowth: boolean
  /** Whether an entry of the directory belongs to the disk with this number. */
  isEntryOf(entry: string, slot: number): boolean
  /** The kernel's name of a disk number. */
  diskName(slot: number): string
  /** The disk number in the last part of a path. */
  diskSlot(path: string): number | undefined
}

/** 26 names of one letter, and 26 times 26 of two. */
const LAST_OF_TWO_LETTERS = 26 * 27 - 1

/** sunvdc, drivers/block/sunvdc.c: 0 is vdiska, 25 vdiskz, 26 vdiskaa. */
export const VIO: LinuxBus = {
  directory: '/sys/bus/vio/devices',
  driver: 'sunvdc',
  lastSlot: LAST_OF_TWO_LETTERS,
  // It keeps the size in 32 bits of 512-byte sectors: a larger disk appears modulo 2 TiB.
  maximumSizeBytes: (2 ** 32 - 1) * 512,
  // It reads the size once, when the disk appears.
  seesGrowth: false,
  // If a disk has several ports, the kernel probes only the first. The others have no block
  // directory.
  isEntryOf: (entry, slot) => entry.match(/^vdc-port-(\d+)-\d+$/)?.[1] === String(slot),
  diskName: slot => `vdisk${diskLetters(slot)}`,
  diskSlot: path => slotOf(path, 'vdisk'),
}

/** xen-blkfront: 0 is xvda, 25 xvdz, 26 xvdaa (xen/05-attach-errors.txt). */
export const XEN: LinuxBus = {
  directory: '/sys/bus/xen/devices',
  driver: 'xen-blkfront',
  lastSlot: LAST_OF_TWO_LETTERS,
  maximumSizeBytes: undefined,
  // Also while the disk is mounted, and without any command (xen/08, 11).
  seesGrowth: true,
  // The kernel names disks of other numbers like these (sdb is xvdb, xen/05). So the number
  // decides, and the name is checked.
  isEntryOf: (entry, slot) => entry === `vbd-${vdevNumber(slot)}`,
  diskName: vdevName,
  diskSlot: path => slotOf(path, 'xvd'),
}

function slotOf(path: string, prefix: string): number | undefined {
  const [, found] = new RegExp(`/${prefix}([a-z]{1,2})$`).exec(path) ?? []
  if (found === undefined) return undefined
  const value = (index: number) => found.charCodeAt(index) - 'a'.charCodeAt(0)
  return found.length === 1 ? value(0) : (value(0) + 1) * 26 + value(1)
}
