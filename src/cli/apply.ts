// Brings claims and snapshots about, and takes them away, through the CSI sockets: the same calls in the same order as Kubernetes'
// sidecars and kubelet make. It keeps nothing: every call is safe to repeat, so a second run changes nothing and a cut run is
// simply run again.

import { describeError, StorageError } from '../errors.ts'
import { bringAboutClaim, deleteClaim, takeFromGuests } from './apply-claim.ts'
import { type Made, meetPlugins, type Plugins } from './apply-plugins.ts'
import { type ApplyTools, step } from './apply-step.ts'
import type { Claim, ManifestObject, Manifests, Snapshot, Source } from './manifests.ts'
import { keyOf, sourceKeyOf } from './manifests-order.ts'
import { formatBytes } from './quantity.ts'

export interface ApplyFailure {
  readonly object: string
  readonly message: string
}

/** Makes, cuts, attaches and mounts what is asked for. What fails stops only what is made from it. */
export async function applyManifests(manifests: Manifests, tools: ApplyTools): Promise<readonly ApplyFailure[]> {
  const plugins = await meetPlugins(manifests, tools)
  const made = new Map<string, Made>()
  const inFiles = new Set(manifests.objects.map(keyOf))
  const find = async (source: Source): Promise<Made | undefined> => made.get(keyOf(source)) ?? plugins.findSource(source)
  return forEachObject(manifests.objects, tools, async object => {
    const sourceKey = sourceKeyOf(object)
    if (sourceKey !== undefined && inFiles.has(sourceKey) && !made.has(sourceKey)) {
      throw new StorageError('failed-precondition', `not made, as it is made from ${sourceKey}, which failed`)
    }
    if (object.kind === 'snapshot') return void made.set(keyOf(object), await cut(object, find, plugins, tools))
    const source = object.source && (await find(object.source))
    made.set(keyOf(object), await bringAboutClaim({ claim: object, source, plugins, tools }))
  })
}

/** The opposite, in reverse order. It makes nothing: a claim without a volume is already deleted. */
export async function deleteManifests(manifests: Manifests, tools: ApplyTools): Promise<readonly ApplyFailure[]> {
  const plugins = await meetPlugins(manifests, tools)
  return forEachObject(manifests.objects.toReversed(), tools, async object => {
    if (object.kind === 'snapshot') return deleteSnapshot(object, plugins, tools)
    const volume = await plugins.findVolume(object)
    if (volume === undefined) return tools.print(`${object.name}: no such volume, nothing to delete`)
    await takeFromGuests(object, volume, plugins, tools)
    await deleteClaim(object, volume, tools)
  })
}

/** Unmounts and detaches, in reverse order; volumes and snapshots stay. */
export async function detachManifests(manifests: Manifests, tools: ApplyTools): Promise<readonly ApplyFailure[]> {
  const plugins = await meetPlugins(manifests, tools)
  const claims = manifests.objects.toReversed().filter((object): object is Claim => object.kind === 'claim')
  return forEachObject(claims, tools, async claim => {
    const volume = await plugins.findVolume(claim)
    if (volume === undefined) return tools.print(`${claim.name}: no such volume, nothing to detach`)
    await takeFromGuests(claim, volume, plugins, tools)
  })
}

async function cut(
  snapshot: Snapshot,
  find: (source: Source) => Promise<Made | undefined>,
  plugins: Plugins,
  tools: ApplyTools,
): Promise<Made> {
  const { name, claim, snapshotClass } = snapshot
  const title = titleOf(snapshot)
  const source = await find({ kind: 'claim', name: claim })
  if (source === undefined) {
    // It outlives the volume that it was cut from.
    const existing = await plugins.findSource({ kind: 'snapshot', name })
    if (existing === undefined) throw new StorageError('not-found', `its claim ${claim} is neither in the files nor made before`)
    tools.print(`${title}: ${existing.id}, ${formatBytes(existing.sizeBytes)}; the volume of ${claim} is gone`)
    return existing
  }
  const { snapshot: made } = await step(`${title}: cut`, tools, options =>
    tools.controller.controller.CreateSnapshot({ name, source_volume_id: source.id, parameters: snapshotClass.parameters }, options),
  )
  if (made === undefined) throw new StorageError('internal', `${title}: the controller answered without a snapshot`)
  const sizeBytes = Number(made.size_bytes)
  tools.print(`${title}: ${made.snapshot_id}, ${formatBytes(sizeBytes)}`)
  return { id: made.snapshot_id, sizeBytes }
}

async function deleteSnapshot(snapshot: Snapshot, plugins: Plugins, tools: ApplyTools): Promise<void> {
  const title = titleOf(snapshot)
  const existing = await plugins.findSnapshot(snapshot.name)
  if (existing === undefined) return tools.print(`${title}: no such snapshot, nothing to delete`)
  const { snapshot_id } = existing
  const { name, deletionPolicy } = snapshot.snapshotClass
  if (deletionPolicy === 'Retain') return tools.print(`${title}: ${snapshot_id} is kept, as VolumeSnapshotClass ${name} says Retain`)
  await step(`${title}: delete ${snapshot_id}`, tools, options => tools.controller.controller.DeleteSnapshot({ snapshot_id }, options))
  tools.print(`${title}: ${snapshot_id} deleted`)
}

async function forEachObject<T extends ManifestObject>(
  objects: readonly T[],
  tools: ApplyTools,
  work: (object: T) => Promise<void>,
): Promise<readonly ApplyFailure[]> {
  const failures: ApplyFailure[] = []
  for (const object of objects) {
    try {
      await work(object)
    } catch (error) {
      const message = error instanceof StorageError ? describeError(error) : error instanceof Error ? error.message : String(error)
      failures.push({ object: titleOf(object), message })
      tools.print(`${titleOf(object)}: failed: ${message}`)
    }
  }
  return failures
}

/** A claim is called by its name alone. */
function titleOf({ kind, name }: ManifestObject): string {
  return kind === 'claim' ? name : `snapshot ${name}`
}
