// Attaches the volume of a claim to a guest, mounts it there and expands it. Every call is safe to
// repeat.

import { type CallOptions, RpcError } from '../csi/wire/client.ts'
import type { Volume } from '../csi/wire/types.gen.ts'
import type { Claim, Place } from '../manifests/objects.ts'
import { formatBytes } from '../model/quantity.ts'
import { askForDisk, attachDisk } from '../steps/attach.ts'
import { capabilityOf } from '../steps/capability.ts'
import type { AttachTools, PublishContext, StepDisk } from '../steps/disk.ts'
import { growDisk, mountDisk } from '../steps/mount.ts'
import { diskOf, stepTools, usageOf } from './disk.ts'
import { hintAtOldPath } from './old-path.ts'
import type { Plugins } from './plugins.ts'
import { type ApplyTools, step } from './step.ts'

export interface Giving {
  readonly claim: Claim
  readonly plugins: Plugins
  readonly volume: Volume
  readonly sizeBytes: number
  /** `done`: this run has already asked the controller to expand the volume. */
  readonly growth: 'done' | 'unknown'
}

/** Attaches the volume to a guest and, if the claim has a path for the guest, mounts it there. */
export async function giveTo(place: Place, giving: Giving, tools: ApplyTools): Promise<void> {
  const { claim, plugins, volume, sizeBytes, growth } = giving
  const { guest, mountPath } = place
  const disk = diskOf(claim, volume, place)
  const node = mountPath === undefined ? undefined : plugins.node(guest).client.node
  const steps = stepTools(tools, node)
  const context = await attachDisk(disk, steps)
  // The guest got the disk before the volume grew. An earlier run may have been cut before the
  // controller finished, so the call is repeated.
  const hasGrown = Number(context.sizeBytes) < sizeBytes
  if (hasGrown && growth === 'unknown') await grow(claim, volume, tools)
  const mounting = stepTools({ ...tools, mayPass: isGuestAway }, node)
  await hintAtOldPath(mountDisk(disk, newestContext(disk, context, steps), mounting))
  if (hasGrown) await growDisk(disk, sizeBytes, steps)
}

/**
 * The known context serves the first call. Before each other one the controller is asked: somebody
 * may have written to the volume meanwhile, or the guest may have lost the disk.
 */
function newestContext(
  disk: StepDisk,
  known: PublishContext,
  { controller }: AttachTools,
): (options: CallOptions) => Promise<PublishContext> {
  let unused: PublishContext | undefined = known
  return async options => {
    const context = unused ?? (await askForDisk(disk, controller, options))
    unused = undefined
    return context
  }
}

// The guest was there when the disk was attached. One that reboots may not be listed for a moment.
function isGuestAway(error: unknown): boolean {
  return (
    error instanceof RpcError &&
    error.rpc === 'ControllerPublishVolume' &&
    error.code === 'NOT_FOUND'
  )
}

/** Asks the controller to expand the volume. Answers with the size after that. */
export async function grow(
  claim: Claim,
  { volume_id, capacity_bytes: before }: Volume,
  tools: ApplyTools,
): Promise<number> {
  const { capacity_bytes } = await step(`${claim.name}: grow`, tools, options =>
    tools.controller.controller.ControllerExpandVolume(
      {
        volume_id,
        capacity_range: {
          required_bytes: String(claim.requiredBytes),
          limit_bytes: String(claim.limitBytes),
        },
        volume_capability: capabilityOf(usageOf(claim)),
      },
      options,
    ),
  )
  const sizeBytes = Number(capacity_bytes)
  if (sizeBytes > Number(before)) tools.print(`${claim.name}: grown to ${formatBytes(sizeBytes)}`)
  return sizeBytes
}
