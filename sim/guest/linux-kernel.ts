// The kernel of a simulated Linux guest, as the guest's tools see it: disks, devices and names.

import type { VirtualDisk } from '../devices.ts'
import type { Region } from './file-system.ts'
import type { FileSystemFailure, SimMount } from './guest.ts'
import type { NameTree } from './names.ts'

export interface LinuxKernel {
  readonly names: NameTree
  readonly physicalSectorBytes: number
  /** Disks that are open exclusively (O_EXCL), as when the kernel itself uses them. */
  readonly exclusive: ReadonlySet<VirtualDisk>
  /** The disk behind a path: a device node, or a path to which a node is bind-mounted. */
  deviceAt(path: string): VirtualDisk | undefined
  failureOf(mount: SimMount): FileSystemFailure | undefined
  isSetReadonly(disk: VirtualDisk): boolean
  /** The kernel's name of a disk. */
  nameOf(disk: VirtualDisk): string
  /** Where the system itself is. */
  readonly systemDisk: string
  /** `<major>:<minor>` */
  numbers(disk: VirtualDisk): string
  region(disk: VirtualDisk): Region
}
