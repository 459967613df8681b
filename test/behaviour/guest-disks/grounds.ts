// Where histories of disks of guests are played: on the machines of the demonstration, and on one
// with Xen. Not there, because Xen has none of them: service domains, boot disks, several guests that
// write to one volume.

import type { VirtualDisk } from '../../../sim/devices.ts'
import type { World } from '../../../sim/world.ts'
import { leafOfAttachmentName } from '../../../src/storage/names.ts'
import type { ClaimOptions } from './world.ts'

/** A disk that a machine shows in a guest. */
export interface ShownDisk {
  readonly machine: string
  readonly name: string
  readonly disk: VirtualDisk
}

interface Machine {
  rebootGuest(name: string): void
  powerCycle(): void
  setGuest(name: string, change: { readonly state: string }): void
}

export interface Ground {
  readonly setting: 'ldoms' | 'xen'
  readonly machines: readonly string[]
  readonly hosts: readonly string[]
  readonly guests: readonly string[]
  /** Claims by their names. */
  readonly claims: Readonly<Record<string, ClaimOptions>>
  /** The state of a guest that was shut down. */
  readonly off: string
  readonly hasBootDisks: boolean
  machine(world: World, name: string): Machine
  /** The volume of a disk, by the last part of its dataset. */
  leafOf(world: World, shown: ShownDisk): string | undefined
  /** What a person types to remove a disk: the host, and the words. */
  removal(shown: ShownDisk): { readonly host: string; readonly words: readonly string[] }
  isReachable(handle: string, guest: string): boolean
}

export const LDOMS: Ground = {
  setting: 'ldoms',
  machines: ['m1', 'm2'],
  hosts: ['m1-primary', 'm1-alternate', 'm2-primary', 'm2-alternate', 'storage1'],
  guests: ['m1/ldg1', 'm1/ldg2', 'm2/ldg1', 'm2/ldg2'],
  claims: {
    a: {},
    b: {},
    c: { pool: 'silver' },
    d: { mode: 'Block' },
    e: { mode: 'Block', accessModes: ['ReadWriteMany'] },
  },
  off: 'bound',
  hasBootDisks: true,
  machine: (world, name) => world.machine(name),
  leafOf: (_, { disk }) => leafOfAttachmentName(disk.name),
  removal: ({ machine, name, disk }) => ({
    host: `${machine}-primary`,
    words: ['ldm', 'remove-vdisk', disk.name, name],
  }),
  isReachable: (handle, guest) => handle.startsWith('gold') || guest.startsWith('m1/'),
}

export const XEN: Ground = {
  setting: 'xen',
  machines: ['x1'],
  hosts: ['dom0'],
  guests: ['x1/web', 'x1/db'],
  claims: { a: {}, b: {}, d: { mode: 'Block' } },
  off: 'inactive',
  hasBootDisks: false,
  machine: (world, name) => world.xen(name),
  leafOf: (world, { machine, name, disk }) => {
    const vbds = world.xen(machine).domain(name)?.vbds.values() ?? []
    return [...vbds]
      .find(({ vdev }) => vdev === disk.name)
      ?.target.split('/')
      .at(-1)
  },
  removal: ({ name, disk }) => ({
    host: 'dom0',
    words: ['xl', 'block-detach', name, disk.name],
  }),
  isReachable: () => true,
}
