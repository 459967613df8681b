// The bus on which a simulated Linux guest sees its disks: their names, their numbers, their entries
// in sysfs, and what their driver does with sizes.

import { diskName } from './names.ts'

export interface GuestBus {
  readonly directory: string
  /** Other entries of the directory. */
  readonly others: readonly string[]
  /** What the entry of a disk contains besides `block`. */
  readonly files: readonly string[]
  entryOf(id: number): string
  diskName(id: number): string
  /** `<major>:<minor>` */
  numbers(id: number): string
  /** The size as the driver keeps it. */
  kept(sectors: number): number
  /** Whether the driver learns a new size while the disk is there. */
  readonly followsSize: boolean
  /** Where the guest's own system is. */
  readonly systemDisk: string
}

const SIZE_FIELD_SECTORS = 2 ** 32
// Linux assigns block majors to drivers without a fixed one from 254 down. sunvdc takes 8 minors
// per disk (source: sunvdc.c).
const SUNVDC_MAJOR = 253
const SUNVDC_MINORS = 8

/** sparc64 with Logical Domains (source: sunvdc.c). */
export const VIO: GuestBus = {
  directory: '/sys/bus/vio/devices',
  others: ['channel-devices', 'vnet-port-0-0'],
  files: ['devspec', 'modalias', 'obppath', 'type'],
  entryOf: id => `vdc-port-${id}-0`,
  diskName,
  numbers: id => `${SUNVDC_MAJOR}:${id * SUNVDC_MINORS}`,
  kept: sectors => sectors % SIZE_FIELD_SECTORS,
  followsSize: false,
  systemDisk: '/dev/vdiska1',
}

const BLKFRONT_MAJOR = 202

/** Xen (recorded: 02-attach-detach.txt, 05-attach-errors.txt, 08-snapshot-grow.txt). */
export const XEN: GuestBus = {
  directory: '/sys/bus/xen/devices',
  others: ['vif-0'],
  files: 'devtype driver modalias nodename power state subsystem uevent xenbus'.split(' '),
  entryOf: id => `vbd-${id < 16 ? (202 << 8) | (id << 4) : (1 << 28) | (id << 8)}`,
  diskName: id => diskName(id).replace('vdisk', 'xvd'),
  numbers: id => `${BLKFRONT_MAJOR}:${id < 16 ? id * 16 : id * 256}`,
  kept: sectors => sectors,
  followsSize: true,
  systemDisk: '/dev/xvda1',
}
