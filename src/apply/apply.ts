// The work of `apply`: creates claims and snapshots, or deletes or detaches them, through the CSI
// sockets. It makes the same calls in the same order as Kubernetes' sidecars and kubelet. It keeps
// no state. Every call is safe to repeat: a second run changes nothing, and a run that was cut can
// be repeated.

import { describeError, StorageError } from '../errors.ts'
import type { Manifests } from '../manifests/manifests.ts'
import type { Claim, ManifestObject, Snapshot, Source } from '../manifests/objects.ts'
import { findEarlier, keyOf } from '../manifests/order.ts'
import { formatBytes } from '../model/quantity.ts'
import { bringAboutClaim, deleteClaim, otherGuests, refuseOtherGuests } from './claim.ts'
import { type Made, meetPlugins, type Plugins } from './plugins.ts'
import { type ApplyTools, step } from './step.ts'
import { takeFromGuests } from './taking.ts'

export interface ApplyFailure {
  readonly object: string
  readonly message: string
}

/**
 * Creates, attaches and mounts everything in the files. An object that fails stops only the objects
 * that depend on it.
 */
export async function applyManifests(
  manifests: Manifests,
  tools: ApplyTools,
): Promise<readonly ApplyFailure[]> {
  const plugins = await meetPlugins(manifests, tools, 'give')
  const made = new Map<string, Made>()
  const earlier = findEarlier(manifests.objects)
  sayIfEmpty(manifests, tools)
  const find = async (source: Source): Promise<Made | undefined> =>
    made.get(keyOf(source)) ?? plugins.findSource(source)
  return forEachObject(manifests.objects, tools, async object => {
    const failed = earlier.get(keyOf(object))?.find(({ key }) => !made.has(key))
    if (failed !== undefined) {
      const why =
        failed.how === 'from'
          ? `its source, ${failed.key}, failed`
          : `it is mounted below ${failed.key}, which failed`
      throw new StorageError('failed-precondition', `not created: ${why}`)
    }
    if (object.kind === 'snapshot') {
      return void made.set(keyOf(object), await cut(object, { find, plugins }, tools))
    }
    const source = object.source && (await find(object.source))
    made.set(keyOf(object), await bringAboutClaim({ claim: object, source, plugins, tools }))
  })
}

/**
 * Unmounts, detaches and deletes everything in the files, in reverse order. It never creates
 * anything. A claim without a volume counts as deleted.
 */
export async function deleteManifests(
  manifests: Manifests,
  tools: ApplyTools,
): Promise<readonly ApplyFailure[]> {
  const plugins = await meetPlugins(manifests, tools, 'take')
  sayIfEmpty(manifests, tools)
  const innermost = new InnermostFirst(manifests)
  return forEachObject(manifests.objects.toReversed(), tools, object =>
    innermost.take(object, async () => {
      if (object.kind === 'snapshot') return deleteSnapshot(object, plugins, tools)
      const found = await plugins.findVolume(object)
      if (found === undefined) {
        await plugins.requireNone(object)
        return tools.print(`${object.name}: no such volume, nothing to delete`)
      }
      refuseOtherGuests(object, found)
      await takeFromGuests({ claim: object, volume: found.volume, plugins }, tools)
      await deleteClaim(object, found.volume, tools)
    }),
  )
}

/** Unmounts and detaches in reverse order. Volumes and snapshots are kept. */
export async function detachManifests(
  manifests: Manifests,
  tools: ApplyTools,
): Promise<readonly ApplyFailure[]> {
  const plugins = await meetPlugins(manifests, tools, 'take')
  const claims = manifests.objects
    .toReversed()
    .filter((object): object is Claim => object.kind === 'claim')
  if (claims.length === 0) tools.print('no claim in the files: nothing to detach')
  const innermost = new InnermostFirst(manifests)
  return forEachObject(claims, tools, claim =>
    innermost.take(claim, async () => {
      const found = await plugins.findVolume(claim)
      if (found === undefined) {
        await plugins.requireNone(claim)
        return tools.print(`${claim.name}: no such volume, nothing to detach`)
      }
      const others = otherGuests(claim, found)
      const isNamed = claim.places.some(({ guest }) => found.guests.includes(guest))
      // A shared volume may be detached from some of its guests and kept by the others.
      if (!isNamed) refuseOtherGuests(claim, found)
      await takeFromGuests({ claim, volume: found.volume, plugins }, tools)
      if (claim.places.length === 0) {
        tools.print(`${claim.name}: attached to no guest, nothing to detach`)
      }
      if (others.length > 0) {
        tools.print(
          `${claim.name}: stays attached to ${others.join(', ')}, which the claim does not name`,
        )
      }
    }),
  )
}

/**
 * Unmounts inner mount paths before outer ones. An outer path is left mounted while an inner path
 * below it could not be unmounted.
 */
class InnermostFirst {
  readonly #earlier: ReturnType<typeof findEarlier>
  /** Keys of the claims that must stay mounted, each with the claim that is mounted below it. */
  readonly #held = new Map<string, string>()

  constructor({ objects }: Manifests) {
    this.#earlier = findEarlier(objects)
  }

  async take(object: ManifestObject, work: () => Promise<void>): Promise<void> {
    const key = keyOf(object)
    try {
      const inner = this.#held.get(key)
      if (inner !== undefined) {
        throw new StorageError(
          'failed-precondition',
          `not unmounted: ${inner} is mounted below it and could not be unmounted`,
        )
      }
      await work()
    } catch (error) {
      for (const { how, key: outer } of this.#earlier.get(key) ?? []) {
        if (how === 'below') this.#held.set(outer, key)
      }
      throw error
    }
  }
}

export function sayIfEmpty({ objects }: Manifests, tools: Pick<ApplyTools, 'print'>): void {
  if (objects.length === 0) tools.print('no claim and no snapshot in the files: nothing to do')
}

async function cut(
  snapshot: Snapshot,
  {
    find,
    plugins,
  }: { find: (source: Source) => Promise<Made | undefined>; readonly plugins: Plugins },
  tools: ApplyTools,
): Promise<Made> {
  const { name, claim, snapshotClass } = snapshot
  const title = titleOf(snapshot)
  const source = await find({ kind: 'claim', name: claim })
  if (source === undefined) {
    // A snapshot outlives the volume that it was made from.
    const existing = await plugins.findSource({ kind: 'snapshot', name })
    if (existing === undefined) {
      throw new StorageError(
        'not-found',
        `its claim ${claim} is not in the files and does not exist`,
      )
    }
    tools.print(
      `${title}: ${existing.id}, ${formatBytes(existing.sizeBytes)}; the volume of ${claim} is ` +
        'gone',
    )
    return existing
  }
  const { snapshot: made } = await step(`${title}: create`, tools, options =>
    tools.controller.controller.CreateSnapshot(
      { name, source_volume_id: source.id, parameters: snapshotClass.parameters },
      options,
    ),
  )
  if (made === undefined) {
    throw new StorageError('internal', `${title}: the controller answered without a snapshot`)
  }
  const sizeBytes = Number(made.size_bytes)
  tools.print(`${title}: ${made.snapshot_id}, ${formatBytes(sizeBytes)}`)
  return { id: made.snapshot_id, sizeBytes }
}

async function deleteSnapshot(
  snapshot: Snapshot,
  plugins: Plugins,
  tools: ApplyTools,
): Promise<void> {
  const title = titleOf(snapshot)
  const existing = await plugins.findSnapshot(snapshot.name)
  if (existing === undefined) return tools.print(`${title}: no such snapshot, nothing to delete`)
  const { snapshot_id } = existing
  const { name, deletionPolicy } = snapshot.snapshotClass
  if (deletionPolicy === 'Retain') {
    return tools.print(
      `${title}: ${snapshot_id} is kept, as VolumeSnapshotClass ${name} says Retain`,
    )
  }
  await step(`${title}: delete ${snapshot_id}`, tools, options =>
    tools.controller.controller.DeleteSnapshot({ snapshot_id }, options),
  )
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
      const message =
        error instanceof StorageError
          ? describeError(error)
          : error instanceof Error
            ? error.message
            : String(error)
      failures.push({ object: titleOf(object), message })
      tools.print(`${titleOf(object)}: failed: ${message}`)
    }
  }
  return failures
}

/** Messages call a claim by its name alone. */
function titleOf({ kind, name }: ManifestObject): string {
  return kind === 'claim' ? name : `snapshot ${name}`
}
