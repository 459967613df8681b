// Design `local`: the service domain that owns the ZFS pool exports the zvol itself. One path, no
// multipath, no fence.

import { type Clock, until } from '../../clock.ts'
import { StorageError } from '../../errors.ts'
import type { DeviceTree } from '../../iscsi/devices.ts'
import type { Design, ExposeRequest, PoolPath, VolumePlace } from '../pool.ts'

/**
 * On Linux the device node appears up to 0.3 s after `zfs create` returned (OpenZFS 2.1 to 2.3,
 * recorded). Solaris creates it at once.
 */
const DEVICE_WAIT_MS = 15_000
const DEVICE_FIRST_POLL_MS = 100
const DEVICE_POLL_MS = 500

export class LocalDesign implements Design {
  readonly kind = 'local'
  readonly shapes = ['slice', 'full'] as const
  readonly canFence = false
  readonly #template: string
  readonly #devices: (path: PoolPath) => DeviceTree
  readonly #clock: Clock

  /** `template` holds {dataset} (the pool's parent) and {volume} (the leaf). */
  constructor(options: {
    template: string
    devices: (path: PoolPath) => DeviceTree
    clock: Clock
  }) {
    this.#template = options.template
    this.#devices = options.devices
    this.#clock = options.clock
  }

  preferredNumber(): undefined {
    return undefined
  }

  names(): readonly string[] {
    return []
  }

  async ensure(): Promise<void> {}

  // The disk server reads the current size of the zvol when a guest asks (vds.c, source).
  async resize(): Promise<void> {}

  async expose(
    place: VolumePlace,
    { machine }: ExposeRequest,
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<PoolPath, string>> {
    const devices = new Map<PoolPath, string>()
    for (const path of machine.paths) {
      devices.set(path, await this.#waitFor(place, path, signal))
    }
    return devices
  }

  async isExposed(): Promise<boolean> {
    return true
  }

  async hide(): Promise<'absent'> {
    return 'absent'
  }

  async forget(): Promise<void> {}

  async isFenced(): Promise<boolean> {
    return false
  }

  async findUnit(): Promise<undefined> {}

  async isFencedFrom(): Promise<boolean> {
    return false
  }

  async remove(): Promise<void> {}

  isDeviceOf(place: VolumePlace, device: string): boolean {
    return (
      device === this.#device(place) || device.replace('/rdsk/', '/dsk/') === this.#device(place)
    )
  }

  async provePaths(): Promise<readonly []> {
    return []
  }

  // The design needs only a dataset and a service, and `doctor` checks both for every pool.
  async examine(): Promise<readonly []> {
    return []
  }

  async audit(): Promise<readonly []> {
    return []
  }

  #device(place: VolumePlace): string {
    return this.#template
      .replaceAll('{dataset}', place.pool.dataset)
      .replaceAll('{volume}', place.leaf)
  }

  // The disk server accepts a missing backend silently and retries (vds.c, source). So the driver
  // must check for the device itself.
  async #waitFor(place: VolumePlace, path: PoolPath, signal?: AbortSignal): Promise<string> {
    const device = this.#device(place)
    const devices = this.#devices(path)
    const wait = {
      clock: this.#clock,
      limitMs: DEVICE_WAIT_MS,
      firstPollMs: DEVICE_FIRST_POLL_MS,
      pollMs: DEVICE_POLL_MS,
    }
    const look = async () => ((await devices.exists(device, signal)) ? device : undefined)
    const found = await until(wait, look, signal)
    if (found !== undefined) return found
    throw new StorageError(
      'unavailable',
      `volume ${place.volumeId}: service domain ${path.serviceDomain} has no device ${device}; ` +
        `check that the ZFS pool is imported there and that the pool's device template is right`,
    )
  }
}
