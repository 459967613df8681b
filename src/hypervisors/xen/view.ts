// Converts a state of Xen to a view of the port. A disk is one use; there are no exports beside it.

import { vdevName } from '../../model/vdev.ts'
import type { DiskUse, ExpectedDisk, MachineView } from '../hypervisor.ts'
import { isConnected, type XenDisk, type XenState } from './state.ts'
import { BLOCK_BACKEND, CONTROL_DOMAIN } from './traits.ts'

/**
 * The key of the disk that the driver would attach to a guest from a device; undefined for a device
 * that is no volume of the driver.
 */
export type KeyOf = (guest: string, device: string) => string | undefined

export interface ViewOptions {
  readonly machine: string
  readonly keyOf: KeyOf
}

/** `usesOf`: the disk behind each use, for the machine that gave the view. */
export function viewOf(
  state: XenState,
  { machine, keyOf }: ViewOptions,
): { readonly view: MachineView; readonly disks: ReadonlyMap<DiskUse, XenDisk> } {
  const disks = new Map(nameDisks(state.disks, keyOf).map(named => [toUse(named), named.disk]))
  const view: MachineView = {
    guests: state.guests,
    uses: [...disks.keys()],
    frozen: undefined,
    missing: expected => missingFrom(state, expected, machine),
  }
  return { view, disks }
}

interface NamedDisk {
  readonly disk: XenDisk
  readonly device: string | undefined
  /** Undefined for a disk that is no volume of the driver. */
  readonly key: string | undefined
}

/** A disk by another name of a volume's device (`/dev/zd0`) is a disk of that volume. */
function nameDisks(disks: readonly XenDisk[], keyOf: KeyOf): readonly NamedDisk[] {
  const name = (disk: XenDisk, device: string | undefined): NamedDisk => ({
    ...{ disk, device },
    key: device && keyOf(disk.guest, device),
  })
  const asAttached = disks.map(disk => name(disk, disk.device))
  const volumes = new Map(
    asAttached.flatMap(({ disk: { physical }, device, key }) =>
      key === undefined || physical === undefined ? [] : [[physical.numbers, device]],
    ),
  )
  return asAttached.map(named => {
    const { disk, key } = named
    if (key !== undefined || disk.physical === undefined) return named
    const device = volumes.get(disk.physical.numbers)
    return device === undefined ? named : name(disk, device)
  })
}

function toUse({ disk, device, key: known }: NamedDisk): DiskUse {
  const { guest, label } = disk
  const key = known ?? `${guest}/${label}`
  return {
    kind: 'disk',
    key,
    label,
    removal: `xl block-detach ${guest} ${label}`,
    guest,
    slot: disk.slot,
    paths: [
      {
        key,
        domain: CONTROL_DOMAIN,
        service: BLOCK_BACKEND,
        device,
        state: isConnected(disk) ? 'active' : 'down',
      },
    ],
  }
}

/** The disk that a guest has under this number. */
export function diskAt(
  { disks }: XenState,
  { guest, slot }: Pick<ExpectedDisk, 'guest' | 'slot'>,
): XenDisk | undefined {
  return disks.find(disk => disk.guest === guest && disk.slot === slot)
}

/** Whether the disk is what was asked for, connected or not: its device, its mode, its back end. */
export function isSame(disk: XenDisk, { mode, isDevice }: ExpectedDisk): boolean {
  const { device, backEnd } = disk
  return device !== undefined && isDevice(device) && disk.mode === mode && backEnd === BLOCK_BACKEND
}

function missingFrom(state: XenState, expected: ExpectedDisk, machine: string): string | undefined {
  const { guest, slot, mode } = expected
  const name = vdevName(slot)
  const disk = diskAt(state, expected)
  if (disk === undefined) {
    const other = state.disks.find(
      ({ device, ...each }) =>
        each.guest === guest && device !== undefined && expected.isDevice(device),
    )
    return other === undefined
      ? `guest ${machine}/${guest} has no disk ${name}`
      : `guest ${machine}/${guest} has it as disk ${other.label}, the record says ${name}`
  }
  if (!isSame(disk, expected)) {
    return (
      `disk ${name} of guest ${machine}/${guest} is ${disk.device ?? 'of an unknown device'}, ` +
      `${disk.mode ?? 'in an unknown mode'} by ${disk.backEnd}: not this attachment (${mode})`
    )
  }
  return isConnected(disk)
    ? undefined
    : `disk ${name} of guest ${machine}/${guest} ${describe(disk)}`
}

/** Why a disk is not connected. */
export function describe(disk: XenDisk): string {
  const { frontState, backState, hotplug } = disk
  const states = `states ${frontState ?? 'none'} in the guest, ${backState ?? 'none'} in dom0`
  return hotplug === undefined || hotplug === 'connected'
    ? `is not connected (${states})`
    : `is not connected: ${hotplug.replaceAll('\\n', ' ')} (${states})`
}
