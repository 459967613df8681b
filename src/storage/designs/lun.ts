// Design `lun`: the storage host offers each zvol as a COMSTAR logical unit with a computed GUID, and both service domains
// of a machine see it under that name. The view is the fence: the last step of exposing, and what makes the bytes unreachable.

import type { Clock } from '../../clock.ts'
import { type LogicalUnit, LunTakenError, type Stmfadm } from '../../comstar/stmfadm.ts'
import { describeError, isStorageError, StorageError } from '../../errors.ts'
import type { DeviceTree } from '../../iscsi/devices.ts'
import type { Iscsiadm } from '../../iscsi/iscsiadm.ts'
import { logicalUnitGuid, nextLun, preferredLun } from '../names.ts'
import type { Pool, PoolMachine, PoolPath, VolumePlace } from '../pool.ts'
import { CANARY_BYTES, type CanaryPath, canaryPlace, exchangeNonces, nameOfPath, type PathProof } from './canary.ts'
import type { Design, DesignFinding, DesignInventory, LunChoice } from './design.ts'

/** No published figures; the vendor's own connector polls after 1, 4, 9 … s (parser). */
const DEVICE_WAIT_MS = 30_000
const DEVICE_POLL_MS = 1_000
const LUN_TRIES = 64

export interface LunDesignOptions {
  readonly stmfadm: Stmfadm
  readonly target: string // iqn of the pool's target
  readonly targetGroup: string
  readonly hostGroup: (machineName: string) => string
  readonly initiator: (path: PoolPath) => { readonly iscsiadm: Iscsiadm; readonly devices: DeviceTree }
  readonly clock: Clock
}

export class LunDesign implements Design {
  readonly kind = 'lun'
  readonly shapes = ['full'] as const
  readonly usesLun = true
  readonly #options: LunDesignOptions

  constructor(options: LunDesignOptions) {
    this.#options = options
  }

  names(place: VolumePlace): readonly string[] {
    return [guidOf(place)]
  }

  async ensure(place: VolumePlace, sizeBytes: number, signal?: AbortSignal): Promise<void> {
    const { stmfadm } = this.#options
    const guid = guidOf(place)
    try {
      await stmfadm.createLogicalUnit({ guid, alias: place.leaf, dataFile: dataFile(place) }, signal)
    } catch (error) {
      if (!isStorageError(error, 'already-exists', 'in-use')) throw error
    }
    const unit = await stmfadm.findLogicalUnit(guid, signal)
    if (unit === undefined) {
      throw new StorageError(
        'failed-precondition',
        `volume ${place.volumeId}: ${dataFile(place)} is a logical unit of another GUID than ${guid}; remove that unit with stmfadm delete-lu, then repeat`,
      )
    }
    this.#check(place, unit, sizeBytes)
  }

  async resize(
    place: VolumePlace,
    request: { readonly sizeBytes: number; readonly paths: readonly PoolPath[] },
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#options.stmfadm.modifySize(guidOf(place), request.sizeBytes, signal)
    await Promise.all(request.paths.map(path => this.#waitForSize(place, path, request.sizeBytes, signal)))
  }

  async expose(
    place: VolumePlace,
    request: {
      readonly machine: PoolMachine
      readonly machineName: string
      readonly sizeBytes: number
      readonly lun: LunChoice | undefined
    },
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<PoolPath, string>> {
    if (request.lun === undefined) throw new Error('design lun needs a LUN number')
    await this.#ensureRegistered(place, request.sizeBytes, signal)
    const lun = await this.#ensureView(place, request.machineName, request.lun, signal)
    const proofs = await Promise.all(request.machine.paths.map(path => this.#prove(place, path, lun, request.sizeBytes, signal)))
    return new Map(request.machine.paths.map((path, at) => [path, proofs[at] ?? '']))
  }

  async hide(
    place: VolumePlace,
    request: { readonly machine: PoolMachine; readonly machineName: string },
    signal?: AbortSignal,
  ): Promise<void> {
    const { stmfadm } = this.#options
    const guid = guidOf(place)
    const hostGroup = this.#options.hostGroup(request.machineName)
    for (const view of await stmfadm.listViews(guid, signal)) {
      if (view.hostGroup === hostGroup) await stmfadm.removeView(guid, view.entry, signal)
    }
    await Promise.all(request.machine.paths.map(path => this.#forget(path, signal)))
  }

  async isFenced(place: VolumePlace, signal?: AbortSignal): Promise<boolean> {
    return (await this.#options.stmfadm.listViews(guidOf(place), signal)).length === 0
  }

  async isFencedFrom(place: VolumePlace, machineName: string, signal?: AbortSignal): Promise<boolean> {
    return (await this.#findView(guidOf(place), this.#options.hostGroup(machineName), signal)) === undefined
  }

  async remove(place: VolumePlace, signal?: AbortSignal): Promise<void> {
    const { stmfadm } = this.#options
    const views = await stmfadm.listViews(guidOf(place), signal)
    if (views.length > 0) {
      const groups = views.map(view => view.hostGroup).join(', ')
      throw new StorageError(
        'in-use',
        `volume ${place.volumeId}: its logical unit is still visible to host group ${groups}; detach it there first`,
      )
    }
    await stmfadm.deleteLogicalUnit(guidOf(place), signal)
  }

  isDeviceOf(place: VolumePlace, device: string): boolean {
    return device.toUpperCase().includes(`T${guidOf(place)}D0`) || device.replace('/dsk/', '/rdsk/') === dataFile(place)
  }

  async provePaths(pool: Pool, signal?: AbortSignal): Promise<readonly PathProof[]> {
    const place = canaryPlace(pool)
    await this.#ensureCanary(place, signal)
    const exposed: CanaryPath[] = []
    const failed: PathProof[] = []
    for (const [machine, { paths }] of pool.machines) {
      const existing = await this.#findView(guidOf(place), this.#options.hostGroup(machine), signal)
      const wanted = typeof existing?.lun === 'number' ? existing.lun : preferredLun(place.leaf)
      const lun = await this.#ensureView(place, machine, { number: wanted, replace: async () => {} }, signal)
      for (const path of paths) {
        try {
          const device = await this.#prove(place, path, lun, CANARY_BYTES, signal)
          const disk = device.slice('/dev/dsk/'.length, -'s2'.length)
          exposed.push({ machine, path, disk, devices: this.#options.initiator(path).devices })
        } catch (error) {
          if (!isStorageError(error)) throw error
          failed.push({ path: nameOfPath({ machine, path }), proved: false, detail: describeError(error) })
        }
      }
    }
    return [...failed, ...(await exchangeNonces(exposed, signal))]
  }

  async #ensureCanary(place: VolumePlace, signal: AbortSignal | undefined): Promise<void> {
    const creation = {
      dataset: place.dataset,
      sizeBytes: CANARY_BYTES,
      blockSizeBytes: 8192,
      reservation: 'thin',
      compression: 'off',
      properties: {},
    } as const
    try {
      await place.pool.zfs.createVolume(creation, signal)
    } catch (error) {
      if (!isStorageError(error, 'already-exists')) throw error
    }
    await this.ensure(place, CANARY_BYTES, signal)
  }

  async audit(inventory: DesignInventory, signal?: AbortSignal): Promise<readonly DesignFinding[]> {
    const { stmfadm } = this.#options
    const findings: DesignFinding[] = []
    const units = await stmfadm.listLogicalUnits(undefined, signal)
    const byGuid = new Map(units.map(unit => [unit.guid.toUpperCase(), unit]))
    for (const { place, sizeBytes, attachedTo } of inventory.volumes) {
      const unit = byGuid.get(guidOf(place))
      if (unit === undefined) {
        findings.push({
          kind: 'missing-logical-unit',
          object: place.volumeId,
          detail: `no logical unit ${guidOf(place)}; repeat the creation or the publication of the volume`,
        })
        continue
      }
      byGuid.delete(guidOf(place))
      for (const problem of problemsOf(place, unit, sizeBytes))
        findings.push({ kind: 'logical-unit', object: place.volumeId, detail: problem })
      if (unit.viewCount > attachedTo.length) {
        const groups = (await stmfadm.listViews(unit.guid, signal)).map(view => view.hostGroup)
        findings.push({
          kind: 'view',
          object: place.volumeId,
          detail: `visible to ${groups.join(', ')}, recorded as attached on ${attachedTo.join(', ') || 'no machine'}`,
        })
      }
    }
    const prefix =
      inventory.volumes[0] === undefined
        ? undefined
        : dataFile({ ...inventory.volumes[0].place, dataset: inventory.volumes[0].place.pool.dataset })
    for (const unit of byGuid.values()) {
      if (prefix !== undefined && unit.dataFile.startsWith(`${prefix}/v-`)) {
        findings.push({ kind: 'stray-logical-unit', object: unit.guid, detail: `offers ${unit.dataFile}, which no volume explains` })
      }
    }
    return findings
  }

  // The registration is lost when the storage host booted without the pool (stmfadm then says `unregistered`); the zvol keeps
  // its GUID in a hidden property (sbd, source). A unit that was deleted behind the driver's back is made again: same GUID, same bytes.
  async #ensureRegistered(place: VolumePlace, sizeBytes: number, signal: AbortSignal | undefined): Promise<void> {
    const unit = await this.#options.stmfadm.findLogicalUnit(guidOf(place), signal)
    if (unit === undefined) return this.ensure(place, sizeBytes, signal)
    if (!unit.registered) {
      await this.#options.stmfadm.importLogicalUnit(dataFile(place), signal)
      const imported = await this.#options.stmfadm.findLogicalUnit(guidOf(place), signal)
      if (imported === undefined)
        throw new StorageError('unavailable', `volume ${place.volumeId}: logical unit ${guidOf(place)} did not come back after its import`)
      return this.#check(place, imported, sizeBytes)
    }
    this.#check(place, unit, sizeBytes)
  }

  #check(place: VolumePlace, unit: LogicalUnit, sizeBytes: number): void {
    const [problem] = problemsOf(place, unit, sizeBytes)
    if (problem !== undefined) throw new StorageError('failed-precondition', `volume ${place.volumeId}: ${problem}`)
  }

  async #ensureView(place: VolumePlace, machineName: string, choice: LunChoice, signal: AbortSignal | undefined): Promise<number> {
    const { stmfadm, targetGroup } = this.#options
    const guid = guidOf(place)
    const hostGroup = this.#options.hostGroup(machineName)
    let lun = choice.number
    for (let tries = 0; tries < LUN_TRIES; tries++) {
      try {
        await stmfadm.addView({ guid, hostGroup, targetGroup, lun }, signal)
        return lun
      } catch (error) {
        if (isStorageError(error, 'already-exists')) return await this.#sameView(place, hostGroup, lun, signal)
        if (!(error instanceof LunTakenError)) throw error
      }
      // A view of this unit under our number may be what "taken" means: then nothing is to be done.
      const view = await this.#findView(guid, hostGroup, signal)
      if (view !== undefined) return await this.#sameView(place, hostGroup, lun, signal)
      lun = nextLun(lun)
      await choice.replace(lun)
    }
    throw new StorageError(
      'no-space',
      `volume ${place.volumeId}: no free LUN number found for host group ${hostGroup} after ${LUN_TRIES} tries`,
    )
  }

  async #findView(guid: string, hostGroup: string, signal: AbortSignal | undefined) {
    return (await this.#options.stmfadm.listViews(guid, signal)).find(view => view.hostGroup === hostGroup)
  }

  async #sameView(place: VolumePlace, hostGroup: string, lun: number, signal: AbortSignal | undefined): Promise<number> {
    const view = await this.#findView(guidOf(place), hostGroup, signal)
    if (view?.lun === lun) return lun
    throw new StorageError(
      'failed-precondition',
      `volume ${place.volumeId}: host group ${hostGroup} sees its logical unit as LUN ${view?.lun ?? 'none'}, the record says ${lun}; remove that view with stmfadm remove-view, then repeat`,
    )
  }

  // All proofs in the same call, for every path: the GUID in the name, the LUN of our own target, the size.
  async #prove(place: VolumePlace, path: PoolPath, lun: number, sizeBytes: number, signal: AbortSignal | undefined): Promise<string> {
    const guid = guidOf(place)
    const raw = await this.#waitForDevice(place, path, lun, signal)
    const name = /^\/dev\/rdsk\/(c\d+t([0-9A-F]{32})d0)s2$/i.exec(raw)
    if (name?.[1] === undefined || name[2]?.toUpperCase() !== guid) {
      throw new StorageError(
        'failed-precondition',
        `volume ${place.volumeId}: service domain ${path.serviceDomain} has ${raw} as LUN ${lun} of ${this.#options.target}, not a device named by GUID ${guid}; check multipathing (mpxio) and that all paths lead to the same storage host`,
      )
    }
    const seen = await this.#options.initiator(path).devices.describe(name[1], signal)
    if (seen.sizeBytes !== sizeBytes) {
      throw new StorageError(
        'failed-precondition',
        `volume ${place.volumeId}: service domain ${path.serviceDomain} sees ${seen.sizeBytes} bytes on ${name[1]}, the volume has ${sizeBytes}; the path is refused as it may lead to other bytes`,
      )
    }
    return `/dev/dsk/${name[1]}s2`
  }

  async #waitForDevice(place: VolumePlace, path: PoolPath, lun: number, signal: AbortSignal | undefined): Promise<string> {
    const { clock, target } = this.#options
    const { iscsiadm, devices } = this.#options.initiator(path)
    const deadlineMs = clock.nowMs() + DEVICE_WAIT_MS
    for (;;) {
      await devices.enumerate(signal)
      const seen = await iscsiadm.listTarget(target, signal)
      const device = seen?.luns.find(unit => unit.lun === lun)?.device
      if (device !== undefined) return device
      if (clock.nowMs() >= deadlineMs) {
        const why =
          seen === undefined
            ? `is not logged in to ${target}`
            : seen.connections === 0
              ? `has no connection to ${target}`
              : `does not see LUN ${lun} of ${target}`
        throw new StorageError(
          'unavailable',
          `volume ${place.volumeId}: service domain ${path.serviceDomain} ${why}; check its iSCSI discovery and the storage host's target`,
        )
      }
      await clock.sleep(DEVICE_POLL_MS, signal)
    }
  }

  async #findDevice(place: VolumePlace, path: PoolPath, signal: AbortSignal | undefined): Promise<string> {
    const seen = await this.#options.initiator(path).iscsiadm.listTarget(this.#options.target, signal)
    const names = (seen?.luns ?? []).map(unit => /\/(c\d+t([0-9A-F]{32})d0)s2$/i.exec(unit.device ?? ''))
    const name = names.find(match => match?.[2]?.toUpperCase() === guidOf(place))?.[1]
    if (name === undefined)
      throw new StorageError(
        'unavailable',
        `volume ${place.volumeId}: service domain ${path.serviceDomain} does not see logical unit ${guidOf(place)} now`,
      )
    return name
  }

  // "Capacity changed" reaches the initiators by itself (stmf, source), a moment later.
  async #waitForSize(place: VolumePlace, path: PoolPath, sizeBytes: number, signal: AbortSignal | undefined): Promise<void> {
    const { clock, initiator } = this.#options
    const deadlineMs = clock.nowMs() + DEVICE_WAIT_MS
    const device = await this.#findDevice(place, path, signal)
    for (;;) {
      const seen = await initiator(path).devices.describe(device, signal)
      if (seen.sizeBytes === sizeBytes) return
      if (clock.nowMs() >= deadlineMs) {
        throw new StorageError(
          'unavailable',
          `volume ${place.volumeId}: service domain ${path.serviceDomain} still sees ${seen.sizeBytes} bytes on ${device} after the growth to ${sizeBytes}; try again`,
        )
      }
      await clock.sleep(DEVICE_POLL_MS, signal)
    }
  }

  // A stale node harms nobody: LUN numbers are not reused soon and every attach enumerates again. So a service domain
  // that is down must not keep a volume from being released.
  async #forget(path: PoolPath, signal: AbortSignal | undefined): Promise<void> {
    const { devices } = this.#options.initiator(path)
    try {
      await devices.enumerate(signal)
      await devices.clean(signal)
    } catch (error) {
      if (!isStorageError(error)) throw error
    }
  }
}

function guidOf(place: VolumePlace): string {
  return logicalUnitGuid(place.pool.cluster, place.volumeId)
}

function dataFile(place: Pick<VolumePlace, 'dataset'>): string {
  return `/dev/zvol/rdsk/${place.dataset}`
}

function problemsOf(place: VolumePlace, unit: LogicalUnit, sizeBytes: number): readonly string[] {
  const problems: string[] = []
  if (unit.dataFile.replace('/dsk/', '/rdsk/') !== dataFile(place) && unit.registered) {
    problems.push(
      `logical unit ${unit.guid} offers ${unit.dataFile} instead of ${dataFile(place)}; its GUID is taken by other data, delete that unit or use another cluster name`,
    )
    return problems
  }
  if (!unit.registered)
    problems.push(`logical unit ${unit.guid} is not registered; publish the volume again or run stmfadm import-lu ${dataFile(place)}`)
  else {
    if (unit.sizeBytes !== sizeBytes)
      problems.push(
        `logical unit ${unit.guid} has ${unit.sizeBytes} bytes, the volume has ${sizeBytes}; run stmfadm modify-lu -s ${sizeBytes} ${unit.guid}`,
      )
    // Without the cache off an acknowledged write is lost with the storage host: vds does not flush disk backends (source).
    if (unit.writeCacheEnabled)
      problems.push(`logical unit ${unit.guid} has its write cache enabled; run stmfadm modify-lu -p wcd=true ${unit.guid}`)
    if (unit.status !== 'Online') problems.push(`logical unit ${unit.guid} is ${unit.status}; run stmfadm online-lu ${unit.guid}`)
  }
  return problems
}
