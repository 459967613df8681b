// The service domains' side of design `lun`. Finds the device of a unit in each service domain,
// proves that it is that unit, and removes stale devices.

import { type Clock, until, type Wait } from '../../../clock.ts'
import { isStorageError, StorageError } from '../../../errors.ts'
import type { DeviceTree } from '../../../iscsi/devices.ts'
import type { Iscsiadm } from '../../../iscsi/iscsiadm.ts'
import type { PoolPath, VolumePlace } from '../../pool.ts'
import { guidOf } from './unit-state.ts'

/** No figures are published. The vendor's own connector polls after 1, 4, 9 … s (parser). */
const DEVICE_WAIT_MS = 30_000
const DEVICE_POLL_MS = 1_000

export interface LunPathsOptions {
  readonly target: string // iqn of the pool's target
  readonly initiator: (path: PoolPath) => {
    readonly iscsiadm: Iscsiadm
    readonly devices: DeviceTree
  }
  readonly clock: Clock
}

/** What a service domain should see of a unit. */
export interface WantedDisk {
  readonly path: PoolPath
  readonly lun: number
  readonly sizeBytes: number
}

export class LunPaths {
  readonly #options: LunPathsOptions

  constructor(options: LunPathsOptions) {
    this.#options = options
  }

  /**
   * Returns the disk's name, `c0t<GUID>d0`, after all proofs: the GUID in the name, the LUN of the
   * driver's own target, the size.
   */
  async prove(place: VolumePlace, want: WantedDisk, signal?: AbortSignal): Promise<string> {
    const { path, lun, sizeBytes } = want
    const guid = guidOf(place)
    const raw = await this.#waitForDevice(place, want, signal)
    const name = /^\/dev\/rdsk\/(c\d+t([0-9A-F]{32})d0)s2$/i.exec(raw)
    if (name?.[1] === undefined || name[2]?.toUpperCase() !== guid) {
      throw new StorageError(
        'failed-precondition',
        `volume ${place.volumeId}: service domain ${path.serviceDomain} has ${raw} as LUN ` +
          `${lun} of ${this.#options.target}, not a device named by GUID ${guid}; check ` +
          'multipathing (mpxio) and that all paths lead to the same storage host',
      )
    }
    const seen = await asked(
      place,
      path,
      this.#options.initiator(path).devices.describe(name[1], signal),
    )
    if (seen.sizeBytes !== sizeBytes) {
      throw new StorageError(
        'failed-precondition',
        `volume ${place.volumeId}: service domain ${path.serviceDomain} sees ${seen.sizeBytes} ` +
          `bytes on ${name[1]}, the volume has ${sizeBytes}; the path may lead to other bytes, ` +
          'check which storage host it reaches',
      )
    }
    return name[1]
  }

  async #waitForDevice(
    place: VolumePlace,
    { path, lun }: WantedDisk,
    signal?: AbortSignal,
  ): Promise<string> {
    const { target } = this.#options
    const { iscsiadm, devices } = this.#options.initiator(path)
    let why = ''
    const look = async () => {
      await asked(place, path, devices.enumerate(signal))
      const seen = await asked(place, path, iscsiadm.listTarget(target, signal))
      why =
        seen === undefined
          ? `is not logged in to ${target}`
          : seen.connections === 0
            ? `has no connection to ${target}`
            : `does not see LUN ${lun} of ${target}`
      return seen?.luns.find(unit => unit.lun === lun)?.device
    }
    const device = await until(this.#wait, look, signal)
    if (device !== undefined) return device
    throw new StorageError(
      'unavailable',
      `volume ${place.volumeId}: service domain ${path.serviceDomain} ${why}; check its ` +
        `iSCSI discovery and the storage host's target`,
    )
  }

  get #wait(): Wait {
    return { clock: this.#options.clock, limitMs: DEVICE_WAIT_MS, pollMs: DEVICE_POLL_MS }
  }

  async #findDevice(place: VolumePlace, path: PoolPath, signal?: AbortSignal): Promise<string> {
    const seen = await this.#options
      .initiator(path)
      .iscsiadm.listTarget(this.#options.target, signal)
    const names = (seen?.luns ?? []).map(unit =>
      /\/(c\d+t([0-9A-F]{32})d0)s2$/i.exec(unit.device ?? ''),
    )
    const name = names.find(match => match?.[2]?.toUpperCase() === guidOf(place))?.[1]
    if (name === undefined) {
      throw new StorageError(
        'unavailable',
        `volume ${place.volumeId}: service domain ${path.serviceDomain} does not see logical ` +
          `unit ${guidOf(place)} now; publish the volume again, then try again`,
      )
    }
    return name
  }

  // The target tells the initiators "capacity changed" on its own (stmf, source), a moment later.
  async waitForSize(
    place: VolumePlace,
    { path, sizeBytes }: Omit<WantedDisk, 'lun'>,
    signal?: AbortSignal,
  ): Promise<void> {
    const { devices } = this.#options.initiator(path)
    const device = await this.#findDevice(place, path, signal)
    let seenBytes = 0
    const look = async () => {
      seenBytes = (await devices.describe(device, signal)).sizeBytes
      return seenBytes === sizeBytes ? device : undefined
    }
    if ((await until(this.#wait, look, signal)) !== undefined) return
    throw new StorageError(
      'unavailable',
      `volume ${place.volumeId}: service domain ${path.serviceDomain} still sees ${seenBytes} ` +
        `bytes on ${device} after the growth to ${sizeBytes}; try again`,
    )
  }

  // A stale device node does no harm: LUNs are not reused soon, and every attachment enumerates
  // again. So a service domain that is down must not block the release of a volume.
  async forget(path: PoolPath, signal?: AbortSignal): Promise<void> {
    const { devices } = this.#options.initiator(path)
    try {
      await devices.enumerate(signal)
      await devices.clean(signal)
    } catch (error) {
      if (!isStorageError(error)) throw error
    }
  }
}

/**
 * Returns a service domain's answer. An error gets the volume and a way out, because a volume
 * cannot be attached with one path less.
 */
async function asked<T>(place: VolumePlace, path: PoolPath, answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    if (!isStorageError(error)) throw error
    throw new StorageError(
      error.kind,
      `volume ${place.volumeId}: service domain ${path.serviceDomain} does not show its disks; ` +
        `the driver must prove every path of pool ${place.pool.name}, so bring the service ` +
        'domain back or remove its path from the configuration',
      { cause: error },
    )
  }
}
