// Size of a staged or published volume. It reports how much is in use, and grows the file system to
// the device size that the guest sees.

import type { Host } from '../shell/host.ts'
import { refuseBroken, refuseFailed } from './mounts.ts'
import type { Paths } from './paths.ts'
import type { Places } from './places.ts'
import type { Amounts, Platform, Use } from './platform.ts'
import { Refusal } from './refusal.ts'
import type { PathRequest } from './requests.ts'

export class Growth {
  readonly #platform: Platform
  readonly #host: Host
  readonly #paths: Pick<Paths, 'findFailure'>
  readonly #places: Places

  constructor(options: {
    readonly platform: Platform
    readonly host: Host
    readonly paths: Pick<Paths, 'findFailure'>
    readonly places: Places
  }) {
    this.#platform = options.platform
    this.#host = options.host
    this.#paths = options.paths
    this.#places = options.places
  }

  async statistics(
    request: PathRequest,
    signal?: AbortSignal,
  ): Promise<{ bytes: Amounts; inodes: Amounts | undefined }> {
    const { path, blockPath, mount } = await this.#places.find(request, signal)
    if (mount !== undefined) {
      await refuseFailed(this.#paths, { mounted: mount, path }, signal)
      return this.#platform.fileSystems.measure(path, signal)
    }
    // Only its user knows how much of a raw disk is in use. On the wire, 0 means "not told".
    const total = await this.#platform.disks.measure(blockPath, 0, signal)
    return { bytes: { total, used: 0, available: 0 }, inodes: undefined }
  }

  /** Expects that no other request works on the volume in this guest. */
  async expand(
    request: PathRequest & { readonly sizeBytes: number },
    signal?: AbortSignal,
  ): Promise<{ sizeBytes: number }> {
    const { path, blockPath, mount } = await this.#places.find(request, signal)
    const names = [...this.#platform.disks.namesOf(blockPath), path, request.volumeId]
    await this.#host.settled(names, signal)
    const sizeBytes = await this.#platform.disks.measure(blockPath, request.sizeBytes, signal)
    if (sizeBytes < request.sizeBytes) {
      // Waiting helps only if the guest notices the growth by itself. The orchestrator still mounts
      // a volume whose growth is refused for good. It does not mount one whose growth may still
      // come.
      throw new Refusal(
        this.#platform.disks.seesGrowth ? 'unavailable' : 'failed-precondition',
        `this guest still sees ${sizeBytes} of ${request.sizeBytes} bytes on ${blockPath}; ` +
          'detach and attach the volume so that it reads the size again',
      )
    }
    // Grow the mount itself: the caller may have named another path that shows it, for example a
    // read-only bind mount.
    if (mount !== undefined && !mount.readonly) await this.#grow(blockPath, mount, signal)
    return { sizeBytes }
  }

  async #grow(blockPath: string, mounted: Use, signal?: AbortSignal): Promise<void> {
    refuseBroken(mounted, mounted.path)
    const refusal = await this.#platform.contents.widen({ blockPath }, signal)
    if (refusal !== undefined) {
      throw new Refusal(
        'failed-precondition',
        `${blockPath} cannot grow with its disk: ${refusal}; extend slice 0 by hand with format, ` +
          'then expand the volume again',
      )
    }
    await this.#platform.fileSystems.grow({ blockPath }, mounted, signal)
  }
}
