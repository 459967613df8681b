// The data of a simulated Xen machine: running domains and the disks that dom0 serves to them. Data
// only; sim-xen.ts says what happens to it.

import type { SimHost } from '../host.ts'

/** A disk as it was given to xl. */
export interface DiskSpec {
  /** As the caller spelled it: `xvdb`. */
  readonly vdev: string
  readonly number: number
  readonly target: string
  readonly access: 'r' | 'w'
  /** `phy`: a block device or a file, through dom0's kernel. `qdisk`: through a device model. */
  readonly backEnd: 'phy' | 'qdisk'
}

/** One disk of a running domain, with both of its sides. */
export interface Vbd extends DiskSpec {
  /** State of the guest's side: 1 initialising, 3 initialised, 4 connected, 6 closed. */
  front: number
  back: number
  /** What the hot-plug script wrote; undefined until it has ended. */
  hotplug: 'connected' | 'busy' | undefined
  hotplugError: string | undefined
  online: boolean
  /** A removal waits for the guest to answer. */
  removing: boolean
  /** Numbers and path of the device that the script found. */
  physical: PhysicalDevice | undefined
  /** Closes the device; undefined while it is not open. */
  close: (() => void) | undefined
}

export interface PhysicalDevice {
  /** Major and minor number, hexadecimal. */
  readonly numbers: string
  readonly path: string
}

export interface XenDomain {
  readonly name: string
  readonly id: number
  readonly memoryMiB: number
  paused: boolean
  /** It has shut down in order to reboot, and is still listed. */
  reboots: boolean
  /** Its kernel takes no disk any more, and lets none go (recorded: after a forced detach). */
  wedged: boolean
  /** Whether an operating system runs in it. */
  system: boolean
  readonly vbds: Map<number, Vbd>
}

/** Where a guest is on its way through a reboot (recorded: 15-reboot.txt). */
export type RebootStep = 'shut down' | 'not listed' | 'created' | 'disks added' | 'disks ready'

/** How a removal ends: `kept` is what xl says after ten seconds. */
export type Removal = 'removed' | 'kept'

/** The machine as the programs of dom0 see it. */
export interface XenControl {
  readonly host: SimHost
  readonly domains: readonly XenDomain[]
  /** By name, or by id as digits. */
  domain(text: string): XenDomain | undefined
  /** Whether dom0 has something at the path: a block device, a file, or neither. */
  kindOf(target: string): 'device' | 'file' | undefined
  /** The last known size of its device, whatever its path has become. */
  sizeOf(vbd: Vbd): number
  /** Adds a disk. Returns the script's complaint, `hung`, or undefined for success. */
  attach(domain: XenDomain, spec: DiskSpec): string | undefined
  detach(domain: XenDomain, vbd: Vbd, how: { readonly force: boolean }): Removal
  pause(domain: XenDomain): void
  unpause(domain: XenDomain): void
  destroy(name: string): void
}

/** The store keeps its keys in the order of their text: 10 before 9 (16-order-and-modes.txt). */
export const inStoreOrder = (a: number, b: number) => (String(a) < String(b) ? -1 : 1)

export const disksOf = ({ vbds }: XenDomain): readonly Vbd[] =>
  [...vbds.values()].sort((a, b) => inStoreOrder(a.number, b.number))
