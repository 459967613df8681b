// Unmounts a claim in its guests and detaches it from them. A guest that is off cannot unmount and
// does not need to. Then the controller detaches on a condition: the machine shows the guest off at
// that moment. Every call is safe to repeat.

import { RpcError } from '../csi/wire/client.ts'
import type { Volume } from '../csi/wire/types.gen.ts'
import { describeError, isStorageError, StorageError } from '../errors.ts'
import type { Claim } from '../manifests/objects.ts'
import { OLD_PATH, stagingPath, withHint } from './mount-path.ts'
import type { Plugins } from './plugins.ts'
import { type ApplyTools, CALL_MS, step } from './step.ts'

interface Holding {
  readonly claim: Claim
  readonly volume: Volume
  readonly plugins: Plugins
}

interface Taking {
  readonly name: string
  readonly volume_id: string
  readonly guest: string
  readonly plugins: Plugins
  readonly tools: ApplyTools
}

/**
 * The time for a step may be used up by a silent guest. The machine is still asked about the guest.
 */
const SHORTEST_ASKING_MS = 10_000

/** Unmounts and detaches from every guest of the claim. What is already gone counts as success. */
export async function takeFromGuests(
  { claim, volume, plugins }: Holding,
  tools: ApplyTools,
): Promise<void> {
  const { name } = claim
  const { volume_id } = volume
  for (const { guest, mountPath } of claim.places) {
    const taking = { name, volume_id, guest, plugins, tools }
    if (mountPath !== undefined && (await unmountFrom(mountPath, taking)) === 'off') {
      tools.print(`${name}: detached from ${guest}, which is off and could not be asked to unmount`)
      continue
    }
    await step(`${name}: detach from ${guest}`, tools, options =>
      tools.controller.controller.ControllerUnpublishVolume({ volume_id, node_id: guest }, options),
    )
    tools.print(`${name}: detached from ${guest}`)
  }
}

/** `off`: the guest could not be asked, and the controller has already detached the volume. */
async function unmountFrom(target_path: string, taking: Taking): Promise<'unmounted' | 'off'> {
  const { name, volume_id, guest, plugins, tools } = taking
  const offGuest = new OffGuest(taking)
  const orOff = { ...tools, otherwise: (error: unknown) => offGuest.detach(error) }
  try {
    const { id, client } = plugins.node(guest)
    const unpublish = async (options: object) => {
      await client.node.NodeUnpublishVolume({ volume_id, target_path }, options)
      return 'unmounted' as const
    }
    const unpublishing = step(`${name}: unpublish ${target_path}`, orOff, unpublish)
    const unpublished = await nameInnerClaims(unpublishing, taking)
    if (unpublished === 'off') return 'off'
    tools.print(`${name}: unpublished at ${target_path} in ${id}`)

    const unstage = async (options: object) => {
      await client.node.NodeUnstageVolume(
        { volume_id, staging_target_path: stagingPath(tools, volume_id) },
        options,
      )
      return 'unmounted' as const
    }
    const unstaged = step(`${name}: unstage in ${id}`, orOff, unstage)
    if ((await withHint(unstaged, 'ABORTED', OLD_PATH)) === 'off') return 'off'
    tools.print(`${name}: unstaged in ${id}`)
    return 'unmounted'
  } catch (error) {
    // The plugin never answered, so the machine has not been asked yet.
    if (isStorageError(error, 'unavailable') && (await offGuest.detach(error)) === 'off') {
      return 'off'
    }
    throw offGuest.explain(error)
  }
}

/**
 * The node plugin names the volumes that are mounted below a path. The controller's list gives
 * their claims.
 */
async function nameInnerClaims<T>(work: Promise<T>, { name, plugins }: Taking): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (!(error instanceof RpcError) || error.code !== 'FAILED_PRECONDITION') throw error
    const inner = (await plugins.claimsIn(error.message)).filter(each => each !== name)
    if (inner.length === 0) throw error
    throw new StorageError(
      'failed-precondition',
      `${error.message}: take claim ${inner.join(', ')} away from its guest first: ` +
        'apply --detach with its file (that deletes nothing)',
    )
  }
}

/** Detaches through the controller when a guest does not answer. */
class OffGuest {
  readonly #taking: Taking
  #refusal: string | undefined

  constructor(taking: Taking) {
    this.#taking = taking
  }

  /** Undefined: the guest is not off, or the machine cannot say that it is. */
  async detach(silence: unknown): Promise<'off' | undefined> {
    if (!isSilence(silence)) return undefined
    const { volume_id, guest, plugins, tools } = this.#taking
    if (!plugins.knowsConditions) {
      this.#refusal = 'the controller is of a version that cannot detach from a guest that is off'
      return undefined
    }
    const timeoutMs = Math.min(CALL_MS, Math.max(tools.timeoutMs, SHORTEST_ASKING_MS))
    try {
      const options = { timeoutMs, conditions: { onlyWhileOff: true } }
      await tools.controller.controller.ControllerUnpublishVolume(
        { volume_id, node_id: guest },
        options,
      )
      return 'off'
    } catch (error) {
      if (!(error instanceof RpcError)) throw error
      this.#refusal = error.details
      return undefined
    }
  }

  explain(error: unknown): unknown {
    if (this.#refusal === undefined || !isSilence(error)) return error
    const said =
      error instanceof StorageError
        ? describeError(error)
        : error instanceof Error
          ? error.message
          : String(error)
    return new StorageError(
      'unavailable',
      `${said}; the controller does not detach without the guest: ${this.#refusal}`,
    )
  }
}

// A busy guest answers, and so does a guest that rejects the call.
function isSilence(error: unknown): boolean {
  if (error instanceof RpcError) {
    return error.code === 'UNAVAILABLE' || error.code === 'DEADLINE_EXCEEDED'
  }
  return isStorageError(error, 'unavailable')
}
