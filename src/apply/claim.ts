// One claim of `apply`: creates, modifies, expands and deletes its volume. Every call is safe to
// repeat.

import { RpcError } from '../csi/wire/client.ts'
import type { Volume, VolumeContentSource } from '../csi/wire/types.gen.ts'
import { StorageError } from '../errors.ts'
import type { Claim } from '../manifests/objects.ts'
import { GUEST_ANNOTATION } from '../manifests/schema.ts'
import { formatBytes } from '../model/quantity.ts'
import { capabilityOf } from '../steps/capability.ts'
import { usageOf } from './disk.ts'
import { giveTo, grow } from './giving.ts'
import type { Found, Made, Plugins } from './plugins.ts'
import { type ApplyTools, step } from './step.ts'

/**
 * The driver creates no volume below SMALLEST_VOLUME_BYTES, and rounds sizes up to a whole block.
 */
const SMALLEST_VOLUME_BYTES = 1024 ** 2
const LARGEST_BLOCK_BYTES = 128 * 1024
export interface ClaimWork {
  readonly claim: Claim
  /** The source of the claim. Undefined: the claim has none, or its source no longer exists. */
  readonly source: Made | undefined
  readonly plugins: Plugins
  readonly tools: ApplyTools
}

/** Returns the volume, for claims and snapshots that have it as their source. */
export async function bringAboutClaim(work: ClaimWork): Promise<Made> {
  const { claim, plugins, tools } = work
  const existing = await plugins.findVolume(claim)
  if (existing !== undefined) refuseOtherGuests(claim, existing)
  const made = await ensureVolume(work, existing?.volume)
  tools.print(
    `${claim.name}: volume ${made.volume_id}, ${formatBytes(Number(made.capacity_bytes))}`,
  )
  refuseShrinking(claim, made)
  await modify(claim, made, tools)
  const mustGrow = Number(made.capacity_bytes) < claim.requiredBytes
  const sizeBytes = mustGrow ? await grow(claim, made, tools) : Number(made.capacity_bytes)
  for (const place of claim.places) {
    await giveTo(
      place,
      { claim, plugins, volume: made, sizeBytes, growth: mustGrow ? 'done' : 'unknown' },
      tools,
    )
  }
  return { id: made.volume_id, sizeBytes }
}

/** Creates the volume or finds it. A volume whose claim asks for more still has its old size. */
async function ensureVolume(work: ClaimWork, existing: Volume | undefined): Promise<Volume> {
  const { claim, plugins, tools } = work
  const content = contentSource(work, existing)
  const topologies = claim.places.flatMap(place =>
    place.mountPath === undefined ? [] : (plugins.node(place.guest).topology ?? []),
  )
  const create = async (requiredBytes: number) => {
    const { volume } = await step(`${claim.name}: create`, tools, options =>
      tools.controller.controller.CreateVolume(
        {
          name: claim.name,
          capacity_range: {
            required_bytes: String(requiredBytes),
            limit_bytes: String(claim.limitBytes),
          },
          volume_capabilities: [capabilityOf(usageOf(claim))],
          parameters: claim.storageClass.parameters,
          mutable_parameters: claim.attributes?.parameters ?? {},
          volume_content_source: content,
          accessibility_requirements:
            topologies.length === 0 ? undefined : { requisite: topologies, preferred: topologies },
        },
        options,
      ),
    )
    if (volume === undefined) {
      throw new StorageError('internal', `${claim.name}: the controller answered without a volume`)
    }
    return volume
  }
  try {
    return await create(claim.requiredBytes)
  } catch (error) {
    if (!(error instanceof RpcError) || error.code !== 'ALREADY_EXISTS') throw error
    const sizeBytes = Number(existing?.capacity_bytes)
    if (!(sizeBytes < claim.requiredBytes)) throw error
    if (claim.storageClass.expansion === 'refused') {
      throw new StorageError(
        'failed-precondition',
        `the claim asks for ${formatBytes(claim.requiredBytes)} and its volume has ` +
          `${formatBytes(sizeBytes)}: StorageClass ${claim.storageClass.name} does not say ` +
          'allowVolumeExpansion: true',
      )
    }
    // The controller still rejects every difference other than the size.
    return create(sizeBytes)
  }
}

/**
 * The source that the volume was or will be created from. An existing volume no longer needs its
 * source.
 */
function contentSource(
  { claim, source }: ClaimWork,
  existing: Volume | undefined,
): VolumeContentSource | undefined {
  if (claim.source === undefined) return undefined
  const { kind, name } = claim.source
  if (source === undefined) {
    if (existing?.content_source !== undefined) return existing.content_source
    throw new StorageError(
      'not-found',
      `its source, ${kind} ${name}, is not in the files and does not exist`,
    )
  }
  // The provisioner checks this too. An existing volume passed the check when it was created.
  if (existing === undefined && claim.requiredBytes < source.sizeBytes) {
    throw new StorageError(
      'out-of-range',
      `the claim asks for ${formatBytes(claim.requiredBytes)}, less than the ` +
        `${formatBytes(source.sizeBytes)} of its source, ${kind} ${name}`,
    )
  }
  return kind === 'snapshot'
    ? { snapshot: { snapshot_id: source.id } }
    : { volume: { volume_id: source.id } }
}

// The driver accepts an existing volume that is larger than asked for. Kubernetes does not, and the
// file would state a size that is wrong.
function refuseShrinking(claim: Claim, volume: Volume): void {
  const sizeBytes = Number(volume.capacity_bytes)
  if (sizeBytes < Math.max(claim.requiredBytes, SMALLEST_VOLUME_BYTES) + LARGEST_BLOCK_BYTES) return
  throw new StorageError(
    'out-of-range',
    `the claim asks for ${formatBytes(claim.requiredBytes)} and its volume has ` +
      `${formatBytes(sizeBytes)}: a volume never shrinks; ask for ${formatBytes(sizeBytes)} or ` +
      'more',
  )
}

async function modify(
  { name, attributes }: Claim,
  { volume_id }: Volume,
  tools: ApplyTools,
): Promise<void> {
  if (attributes === undefined) return
  await step(`${name}: modify`, tools, options =>
    tools.controller.controller.ControllerModifyVolume(
      { volume_id, mutable_parameters: attributes.parameters },
      options,
    ),
  )
  tools.print(`${name}: has the parameters of VolumeAttributesClass ${attributes.name}`)
}

/** Guests to which the volume is attached and which the claim does not name. */
export function otherGuests({ places }: Claim, { guests }: Found): readonly string[] {
  return guests.filter(guest => !places.some(place => place.guest === guest))
}

// `apply` detaches only from guests that the files name. Without the name it cannot ask the guest
// to unmount.
export function refuseOtherGuests(claim: Claim, found: Found): void {
  const others = otherGuests(claim, found)
  if (others.length === 0) return
  const names = others.join(', ')
  throw new StorageError(
    'failed-precondition',
    `volume ${found.volume.volume_id} is attached to ${names}, which the claim does not name: ` +
      `put it back into the annotation ${GUEST_ANNOTATION} or a GuestDisk, with its mount path, ` +
      `or detach it there first (apply --detach with a file that names ${names})`,
  )
}

export async function deleteClaim(
  { name, storageClass }: Claim,
  { volume_id }: Volume,
  tools: ApplyTools,
): Promise<void> {
  if (storageClass.reclaimPolicy === 'Retain') {
    return tools.print(
      `${name}: volume ${volume_id} is kept, as StorageClass ${storageClass.name} says Retain`,
    )
  }
  await step(`${name}: delete ${volume_id}`, tools, options =>
    tools.controller.controller.DeleteVolume({ volume_id }, options),
  )
  tools.print(`${name}: volume ${volume_id} deleted`)
}
