// Attaches the volume of a claim to a guest, mounts it there and expands it. Every call is safe to
// repeat.

import type { Volume } from '../csi/wire/types.gen.ts'
import type { Claim, Place } from '../manifests/objects.ts'
import { formatBytes } from '../manifests/quantity.ts'
import { capabilityAtPath, capabilityOf } from './capability.ts'
import { OLD_PATH, stagingPath, withHint } from './mount-path.ts'
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
  const { claim, volume, sizeBytes, growth } = giving
  const { name } = claim
  const { volume_id, volume_context } = volume
  const common = { volume_id, volume_capability: capabilityOf(claim) }
  const asked: Record<string, string> =
    place.vdiskNumber === undefined ? {} : { vdiskNumber: String(place.vdiskNumber) }
  const { publish_context } = await step(`${name}: attach to ${place.guest}`, tools, options =>
    tools.controller.controller.ControllerPublishVolume(
      { ...common, node_id: place.guest, volume_context: { ...volume_context, ...asked } },
      options,
    ),
  )
  tools.print(`${name}: attached to ${place.guest}${describeContext(publish_context)}`)
  // The guest got the disk before the volume grew. An earlier run may have been cut before the
  // controller finished, so the call is repeated.
  const hasGrown = Number(publish_context.sizeBytes) < sizeBytes
  if (hasGrown && growth === 'unknown') await grow(claim, volume, tools)
  if (place.mountPath !== undefined) {
    const { guest, mountPath } = place
    const publishContext = publish_context
    await mountIn({ ...giving, guest, mountPath, publishContext, hasGrown }, tools)
  }
}

interface Mounting extends Giving {
  readonly guest: string
  readonly mountPath: string
  readonly publishContext: Readonly<Record<string, string>>
  /** Whether the volume grew after it was attached to the guest. */
  readonly hasGrown: boolean
}

async function mountIn(mounting: Mounting, tools: ApplyTools): Promise<void> {
  const { claim, plugins, volume, sizeBytes, hasGrown } = mounting
  const { guest, mountPath: target_path, publishContext: publish_context } = mounting
  const { name } = claim
  const { volume_id, volume_context } = volume
  const node = plugins.node(guest)
  const common = { volume_id, volume_capability: capabilityOf(claim) }
  const staging = {
    staging_target_path: stagingPath(tools, volume_id),
    publish_context,
    volume_context,
  }
  await step(`${name}: stage in ${node.id}`, tools, options =>
    node.client.node.NodeStageVolume({ ...common, ...staging }, options),
  )
  tools.print(`${name}: staged in ${node.id} at ${staging.staging_target_path}`)

  const publish = step(`${name}: publish at ${target_path}`, tools, options =>
    node.client.node.NodePublishVolume(
      { volume_id, ...staging, volume_capability: capabilityAtPath(claim), target_path },
      options,
    ),
  )
  await withHint(publish, 'FAILED_PRECONDITION', OLD_PATH)
  tools.print(
    `${name}: ${claim.mode === 'block' ? 'device' : 'mounted'} in ${node.id} at ${target_path}`,
  )
  if (!hasGrown) return

  const { staging_target_path } = staging
  const capacity_range = { required_bytes: String(sizeBytes), limit_bytes: '0' }
  await step(`${name}: grow in ${node.id}`, tools, options =>
    node.client.node.NodeExpandVolume(
      { ...common, volume_path: target_path, staging_target_path, capacity_range },
      options,
    ),
  )
  tools.print(`${name}: ${node.id} has ${formatBytes(sizeBytes)} at ${target_path}`)
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
        volume_capability: capabilityOf(claim),
      },
      options,
    ),
  )
  const sizeBytes = Number(capacity_bytes)
  if (sizeBytes > Number(before)) tools.print(`${claim.name}: grown to ${formatBytes(sizeBytes)}`)
  return sizeBytes
}

function describeContext(context: Readonly<Record<string, string>>): string {
  return context.vdisk === undefined ? '' : ` as vdisk ${context.vdisk}`
}
