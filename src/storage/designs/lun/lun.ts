// Design `lun`: the storage host offers each zvol as a COMSTAR logical unit with a computed GUID.
// Both service domains of a machine see it under that GUID. The view is the fence: adding it lets
// the machine reach the bytes, and removing it makes them unreachable.

import type { Check } from '../../../checks.ts'
import type { Clock } from '../../../clock.ts'
import type { Stmfadm } from '../../../comstar/stmfadm.ts'
import { describeError, isStorageError, StorageError } from '../../../errors.ts'
import type { DeviceTree } from '../../../iscsi/devices.ts'
import type { Iscsiadm } from '../../../iscsi/iscsiadm.ts'
import {
  describeOwner,
  formatOwnerProperties,
  ownerCluster,
  STATE_PROPERTIES,
} from '../../catalog/properties.ts'
import { preferredLun } from '../../names.ts'
import type {
  Design,
  DesignFinding,
  DesignInventory,
  LunChoice,
  PathProof,
  Pool,
  PoolExamination,
  PoolMachine,
  PoolPath,
  VolumePlace,
} from '../../pool.ts'
import { CANARY_BYTES, type CanaryPath, canaryPlace, exchangeNonces, nameOfPath } from './canary.ts'
import { examineUnits } from './checks.ts'
import { LunPaths } from './paths.ts'
import { auditUnits } from './unit-audit.ts'
import { dataFile, guidOf } from './unit-state.ts'
import { LunUnits } from './units.ts'

export interface LunDesignOptions {
  readonly stmfadm: Stmfadm
  readonly target: string // iqn of the pool's target
  readonly targetGroup: string
  readonly hostGroup: (machineName: string) => string
  readonly initiator: (path: PoolPath) => {
    readonly iscsiadm: Iscsiadm
    readonly devices: DeviceTree
  }
  readonly clock: Clock
}

export class LunDesign implements Design {
  readonly kind = 'lun'
  readonly shapes = ['full'] as const
  readonly canFence = true
  readonly #units: LunUnits
  readonly #paths: LunPaths
  readonly #options: LunDesignOptions

  constructor(options: LunDesignOptions) {
    this.#units = new LunUnits(options)
    this.#paths = new LunPaths(options)
    this.#options = options
  }

  preferredNumber(place: VolumePlace): number {
    return preferredLun(place.leaf)
  }

  names(place: VolumePlace): readonly string[] {
    return [guidOf(place)]
  }

  ensure(place: VolumePlace, sizeBytes: number, signal?: AbortSignal): Promise<void> {
    return this.#units.ensure(place, sizeBytes, signal)
  }

  async resize(
    place: VolumePlace,
    request: { readonly sizeBytes: number; readonly paths: readonly PoolPath[] },
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#units.resize(place, request.sizeBytes, signal)
    await Promise.all(
      request.paths.map(path =>
        this.#paths.waitForSize(place, { path, sizeBytes: request.sizeBytes }, signal),
      ),
    )
  }

  async expose(
    place: VolumePlace,
    request: {
      readonly machine: PoolMachine
      readonly machineName: string
      readonly sizeBytes: number
      readonly lun: LunChoice | undefined
      readonly recordedOn: ReadonlySet<string>
    },
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<PoolPath, string>> {
    const { machine, machineName, sizeBytes } = request
    if (request.lun === undefined) throw new Error('design lun needs a LUN number')
    await this.#units.ensureRegistered(place, sizeBytes, signal)
    const lun = await this.#units.ensureView(place, { machineName, choice: request.lun }, signal)
    await this.#units.refuseOtherViews(place, request.recordedOn, signal)
    // Every path must pass the same proofs in this call, or no path is exported.
    const disks = await Promise.all(
      machine.paths.map(
        async path =>
          [path, await this.#paths.prove(place, { path, lun, sizeBytes }, signal)] as const,
      ),
    )
    return new Map(disks.map(([path, disk]) => [path, `/dev/dsk/${disk}s2`]))
  }

  isExposed(
    place: VolumePlace,
    machineNames: ReadonlySet<string>,
    signal?: AbortSignal,
  ): Promise<boolean> {
    return this.#units.isShown(place, machineNames, signal)
  }

  hide(
    place: VolumePlace,
    machineName: string,
    signal?: AbortSignal,
  ): Promise<'hidden' | 'absent'> {
    return this.#units.hideFrom(place, machineName, signal)
  }

  async forget(machine: PoolMachine, signal?: AbortSignal): Promise<void> {
    await Promise.all(machine.paths.map(path => this.#paths.forget(path, signal)))
  }

  async isFenced(place: VolumePlace, signal?: AbortSignal): Promise<boolean> {
    return (await this.#units.listViews(place, signal)).length === 0
  }

  findUnit(place: VolumePlace, signal?: AbortSignal): Promise<string | undefined> {
    return this.#units.findAny(place, signal)
  }

  async isFencedFrom(
    place: VolumePlace,
    machineName: string,
    signal?: AbortSignal,
  ): Promise<boolean> {
    return !(await this.#units.isVisibleTo(place, machineName, signal))
  }

  remove(place: VolumePlace, signal?: AbortSignal): Promise<void> {
    return this.#units.remove(place, signal)
  }

  isDeviceOf(place: VolumePlace, device: string): boolean {
    return (
      device.toUpperCase().includes(`T${guidOf(place)}D0`) ||
      device.replace('/dsk/', '/rdsk/') === dataFile(place)
    )
  }

  async provePaths(pool: Pool, signal?: AbortSignal): Promise<readonly PathProof[]> {
    const place = canaryPlace(pool)
    await this.#ensureCanary(place, signal)
    const exposed: CanaryPath[] = []
    const failed: PathProof[] = []
    for (const [machine, { paths }] of pool.machines) {
      const existing = await this.#units.findView(place, machine, signal)
      const wanted = typeof existing?.lun === 'number' ? existing.lun : this.preferredNumber(place)
      const lun = await this.#units.ensureView(
        place,
        { machineName: machine, choice: { number: wanted, replace: async () => {} } },
        signal,
      )
      for (const path of paths) {
        try {
          const disk = await this.#paths.prove(
            place,
            { path, lun, sizeBytes: CANARY_BYTES },
            signal,
          )
          exposed.push({ machine, path, disk, devices: this.#options.initiator(path).devices })
        } catch (error) {
          if (!isStorageError(error)) throw error
          failed.push({
            path: nameOfPath({ machine, path }),
            proved: false,
            detail: describeError(error),
          })
        }
      }
    }
    return [...failed, ...(await exchangeNonces(exposed, signal))]
  }

  async #ensureCanary(place: VolumePlace, signal?: AbortSignal): Promise<void> {
    const creation = {
      dataset: place.dataset,
      sizeBytes: CANARY_BYTES,
      blockSizeBytes: 8192,
      reservation: 'thin',
      compression: 'off',
      properties: formatOwnerProperties(place.pool.cluster),
    } as const
    try {
      await place.pool.zfs.createVolume(creation, signal)
    } catch (error) {
      if (!isStorageError(error, 'already-exists')) throw error
      await this.#refuseForeignCanary(place, signal)
    }
    await this.ensure(place, CANARY_BYTES, signal)
  }

  // The driver writes to the canary, so it must be the driver's own. Earlier versions set no
  // property, but created its unit.
  async #refuseForeignCanary(
    { pool, dataset, ...place }: VolumePlace,
    signal?: AbortSignal,
  ): Promise<void> {
    const properties = (await pool.zfs.getProperties(STATE_PROPERTIES, [dataset], signal)).get(
      dataset,
    )
    const owner = properties && ownerCluster(properties, dataset)
    if (owner === pool.cluster || (await this.#units.isMade({ pool, dataset, ...place }, signal))) {
      return
    }
    throw new StorageError(
      'failed-precondition',
      `dataset ${dataset} ${describeOwner(owner)}: the driver does not write to it and cannot ` +
        `prove the paths of pool ${pool.name}; rename the dataset, or destroy it if nobody ` +
        'needs it',
    )
  }

  examine(
    pool: Pool,
    examination: PoolExamination,
    signal?: AbortSignal,
  ): Promise<readonly Check[]> {
    const { stmfadm, target, initiator } = this.#options
    const tools = { stmfadm, target, iscsiadm: (path: PoolPath) => initiator(path).iscsiadm }
    return examineUnits(pool, { ...examination, ...tools }, signal)
  }

  audit(
    pool: Pool,
    inventory: DesignInventory,
    signal?: AbortSignal,
  ): Promise<readonly DesignFinding[]> {
    const { stmfadm, hostGroup } = this.#options
    return auditUnits(pool, { inventory, stmfadm, hostGroup }, signal)
  }
}
