// What several calls ask of a guest's mount table, and what they reject for the same reason.

import type { Paths } from './paths.ts'
import {
  type DeviceAddress,
  type Disks,
  describeFailure,
  type Mounts,
  type Use,
  type UseTable,
} from './platform.ts'
import { Refusal } from './refusal.ts'

/** Where the device is mounted or bound, except at one path. */
export function pathsBesides(
  uses: UseTable,
  device: DeviceAddress,
  besides?: string,
): readonly string[] {
  return uses.of(device).flatMap(use => (use.path === besides ? [] : [use.path]))
}

export function refuseWhileUsed(blockPath: string, places: readonly string[]): void {
  if (places.length === 0) return
  throw new Refusal(
    'busy',
    `${blockPath} is still mounted at ${places.join(', ')}; unpublish it there`,
  )
}

export async function refuseWhileHeld(
  disks: Pick<Disks, 'listHolders'>,
  device: DeviceAddress,
  signal?: AbortSignal,
): Promise<void> {
  const holders = await disks.listHolders(device, signal)
  if (holders.length > 0) {
    throw new Refusal(
      'busy',
      `${device.blockPath} is still in use by ${holders.join(', ')}; stop that first`,
    )
  }
}

/** Rejects a file system that does not work any more according to the mount table. */
export function refuseBroken(mounted: Use, path: string): void {
  refuseFailure(describeFailure(mounted), path)
}

/**
 * Like `refuseBroken`, but also looks at the directory itself: not every failure shows in the
 * table.
 */
export async function refuseFailed(
  paths: Pick<Paths, 'findFailure'>,
  { mounted, path }: { readonly mounted: Use; readonly path: string },
  signal?: AbortSignal,
): Promise<void> {
  refuseFailure(describeFailure(mounted) ?? (await paths.findFailure(path, signal)), path)
}

function refuseFailure(failure: string | undefined, path: string): void {
  if (!failure) return
  throw new Refusal(
    'failed-precondition',
    `the file system at ${path} ${failure}; stage the volume again`,
  )
}

/** Unmounts, then checks that nothing else covers the path. */
export async function unmountWhole(
  mounts: Pick<Mounts, 'unmount' | 'readUses'>,
  path: string,
  signal?: AbortSignal,
): Promise<void> {
  await mounts.unmount(path, signal)
  const left = (await mounts.readUses(signal)).at(path)
  if (left) {
    throw new Refusal('busy', `${left.source} is still mounted at ${path}; unmount it`)
  }
}
