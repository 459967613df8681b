// What is wrong with a staged or published volume as its guest sees it: vanished, gone with its device, read-only, not answering.
// Reads only. What the guest does not tell is an error; it is never taken for health.

import { describeError, isStorageError } from '../errors.ts'
import type { Host } from '../shell/host.ts'
import { BlockRecords } from './block-records.ts'
import type { Platform, Use } from './disks.ts'
import { Paths } from './paths.ts'

export interface GuestProblem {
  readonly kind: 'degraded' | 'inaccessible'
  /** One word in CamelCase, the same for the same cause. */
  readonly reason: string
  readonly message: string
}

export interface HealthRequest {
  readonly volumeId: string
  /** Where the volume is staged or published, as the caller knows. */
  readonly path: string
  /** Whether it was asked for read-only. */
  readonly mode: 'rw' | 'ro' | 'unknown'
}

export class GuestHealth {
  readonly #platform: Platform
  readonly #records: BlockRecords

  constructor({ platform, host }: { readonly platform: Platform; readonly host: Host }) {
    this.#platform = platform
    this.#records = new BlockRecords(new Paths(host.shell), platform)
  }

  /** Throws when the guest does not answer. */
  async reach(signal?: AbortSignal): Promise<void> {
    await this.#platform.readUses(signal)
  }

  /** Empty: healthy. */
  async inspect(request: HealthRequest, signal?: AbortSignal): Promise<readonly GuestProblem[]> {
    const object = `volume ${request.volumeId} at ${request.path}`
    const path = await this.#platform.resolvePath(request.path, signal)
    const mounted = (await this.#platform.readUses(signal)).at(path)
    if (mounted?.kind === 'filesystem') return this.#inspectFileSystem(object, mounted, request.mode, signal)
    const blockPath = (await this.#platform.readDeviceAt(path, signal)) ?? (await this.#records.readDevice(path, signal))
    if (blockPath === undefined) {
      return [{ kind: 'inaccessible', reason: 'MountVanished', message: `${object}: nothing of it is there any more` }]
    }
    return this.#inspectDevice(object, blockPath, signal)
  }

  async #inspectFileSystem(
    object: string,
    mounted: Use,
    mode: HealthRequest['mode'],
    signal: AbortSignal | undefined,
  ): Promise<readonly GuestProblem[]> {
    if ((await this.#platform.identify(mounted.source, signal)) === undefined) return [gone(object, mounted.source)]
    const unanswered = await notAnswering(object, this.#platform.measureFileSystem(mounted.path, signal))
    if (unanswered) return [unanswered]
    if (!mounted.readonly || mode === 'ro') return []
    const why = mode === 'rw' ? 'though it was asked for writable' : 'and whether that was asked for is not known'
    return [{ kind: 'degraded', reason: 'MountedReadOnly', message: `${object}: the file system is mounted read-only, ${why}` }]
  }

  async #inspectDevice(object: string, blockPath: string, signal: AbortSignal | undefined): Promise<readonly GuestProblem[]> {
    if ((await this.#platform.identify(blockPath, signal)) === undefined) return [gone(object, blockPath)]
    const unanswered = await notAnswering(object, this.#platform.measureDevice(blockPath, 0, signal))
    return unanswered ? [unanswered] : []
  }
}

function gone(object: string, device: string): GuestProblem {
  return { kind: 'inaccessible', reason: 'DeviceGone', message: `${object}: device ${device} has gone; see whether it is attached` }
}

// The guest has just answered about other things, so it is the volume that does not.
async function notAnswering(object: string, measurement: Promise<unknown>): Promise<GuestProblem | undefined> {
  try {
    await measurement
    return undefined
  } catch (error) {
    if (!isStorageError(error)) throw error
    return { kind: 'inaccessible', reason: 'NotAnswering', message: `${object}: ${describeError(error)}` }
  }
}
