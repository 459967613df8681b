// What the tools of a simulated Linux guest ask its kernel about disks, devices and names.

import type { VirtualDisk } from '../devices.ts'
import type { Region } from './file-system.ts'
import type { FileSystemFailure, SimMount } from './guest.ts'
import type { NameTree } from './names.ts'

export interface LinuxKernel {
  readonly names: NameTree
  readonly physicalSectorBytes: number
  /** Disks that somebody has opened exclusively (O_EXCL), as the kernel's own users do. */
  readonly exclusive: ReadonlySet<VirtualDisk>
  /** The device that a path names: its node, or a place where the node is bound. */
  deviceAt(path: string): VirtualDisk | undefined
  failureOf(mount: SimMount): FileSystemFailure | undefined
  isSetReadonly(disk: VirtualDisk): boolean
  /** `<major>:<minor>` */
  numbers(disk: VirtualDisk): string
  region(disk: VirtualDisk): Region
}
