// Attaches the volume of a claim to a guest, mounts it there and expands it. Every call is safe to
// repeat.

import type { Volume } from '../csi/wire/types.gen.ts'
import type { Claim, Place } from '../manifests/objects.ts'
import { formatBytes } from '../model/quantity.ts'
import { attachDisk } from '../steps/attach.ts'
import { capabilityOf } from '../steps/capability.ts'
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
  await hintAtOldPath(mountDisk(disk, context, steps))
  if (hasGrown) await growDisk(disk, sizeBytes, steps)
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
