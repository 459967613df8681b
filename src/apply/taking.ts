// Unmounts a claim in its guests and detaches it from them. A guest that is off cannot unmount and
// does not need to. Then the controller detaches on a condition: the machine shows the guest off at
// that moment. Every call is safe to repeat.

import { RpcError } from '../csi/wire/client.ts'
import type { Volume } from '../csi/wire/types.gen.ts'
import { describeError, isStorageError, StorageError } from '../errors.ts'
import type { Claim } from '../manifests/objects.ts'
import { detachDisk } from '../steps/attach.ts'
import type { AttachTools, StepDisk } from '../steps/disk.ts'
import { unmountDisk } from '../steps/mount.ts'
import { diskOf, stepTools } from './disk.ts'
import { hintAtOldPath } from './old-path.ts'
import type { Plugins } from './plugins.ts'
import { type ApplyTools, CALL_MS } from './step.ts'

interface Holding {
  readonly claim: Claim
  readonly volume: Volume
  readonly plugins: Plugins
}

interface Taking {
  readonly disk: StepDisk
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
  for (const place of claim.places) {
    const disk = diskOf(claim, volume, place)
    if ((await unmountFrom({ disk, plugins, tools })) === 'off') continue
    await detachDisk(disk, stepTools(tools, undefined), { onlyWhileOff: false })
  }
}

/** `off`: the guest could not be asked, and the controller has already detached the volume. */
async function unmountFrom(taking: Taking): Promise<'unmounted' | 'off'> {
  const { disk, plugins, tools } = taking
  if (disk.path === undefined) return 'unmounted'
  const offGuest = new OffGuest(taking)
  const isOver = (error: unknown) => offGuest.detach(error)
  try {
    const { node } = plugins.node(disk.guest).client
    const unmounting = unmountDisk(disk, stepTools({ ...tools, isOver }, node))
    await nameInnerClaims(hintAtOldPath(unmounting), taking)
    return 'unmounted'
  } catch (error) {
    if (offGuest.isDetached) return 'off'
    // The plugin never answered, so the machine has not been asked yet.
    if (isStorageError(error, 'unavailable') && (await offGuest.detach(error))) return 'off'
    throw offGuest.explain(error)
  }
}

/**
 * The node plugin names the volumes that are mounted below a path. The controller's list gives
 * their claims.
 */
async function nameInnerClaims<T>(work: Promise<T>, { disk, plugins }: Taking): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (!(error instanceof RpcError) || error.rpc !== 'NodeUnpublishVolume') throw error
    if (error.code !== 'FAILED_PRECONDITION') throw error
    const inner = (await plugins.claimsIn(error.message)).filter(each => each !== disk.name)
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
  isDetached = false

  constructor(taking: Taking) {
    this.#taking = taking
  }

  /** False: the guest is not off, or the machine cannot say that it is. */
  async detach(silence: unknown): Promise<boolean> {
    if (!isSilence(silence)) return false
    const { disk, plugins, tools } = this.#taking
    if (!plugins.knowsConditions) {
      this.#refusal = 'the controller is of a version that cannot detach from a guest that is off'
      return false
    }
    const timeoutMs = Math.min(CALL_MS, Math.max(tools.timeoutMs, SHORTEST_ASKING_MS))
    const asking: AttachTools = {
      ...stepTools(tools, undefined),
      run: (_, call) => call({ timeoutMs }),
    }
    try {
      await detachDisk(disk, asking, { onlyWhileOff: true })
      this.isDetached = true
    } catch (error) {
      if (!(error instanceof RpcError)) throw error
      this.#refusal = error.details
    }
    return this.isDetached
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
