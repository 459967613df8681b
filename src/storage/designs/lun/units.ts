// The logical units and views of design `lun` on the storage host: creates, completes, shows and
// hides them. Every method is safe to repeat. A unit in a wrong state is never attached.

import { type LogicalUnit, LunTakenError, type Stmfadm } from '../../../comstar/stmfadm.ts'
import { isStorageError, StorageError } from '../../../errors.ts'
import { nextLun } from '../../names.ts'
import type { LunChoice, VolumePlace } from '../../pool.ts'
import { dataFile, guidOf, offers, problemsOf, refuseForeign } from './unit-state.ts'

const LUN_TRIES = 64
/** The host group in stmfadm's listing of a view that covers every initiator. */
const EVERYBODY = 'All'

export class LunUnits {
  readonly #stmfadm: Stmfadm
  readonly #targetGroup: string
  readonly #hostGroup: (machineName: string) => string

  constructor(options: {
    stmfadm: Stmfadm
    targetGroup: string
    hostGroup: (machineName: string) => string
  }) {
    this.#stmfadm = options.stmfadm
    this.#targetGroup = options.targetGroup
    this.#hostGroup = options.hostGroup
  }

  async ensure(place: VolumePlace, sizeBytes: number, signal?: AbortSignal): Promise<void> {
    await this.#complete(place, { unit: await this.#make(place, signal), sizeBytes }, signal)
  }

  async #make(place: VolumePlace, signal?: AbortSignal): Promise<LogicalUnit> {
    const guid = guidOf(place)
    try {
      await this.#stmfadm.createLogicalUnit(
        { guid, alias: place.leaf, dataFile: dataFile(place) },
        signal,
      )
    } catch (error) {
      if (!isStorageError(error, 'already-exists', 'in-use')) throw error
    }
    const unit = await this.#stmfadm.findLogicalUnit(guid, signal)
    if (unit === undefined) {
      throw new StorageError(
        'failed-precondition',
        `volume ${place.volumeId}: ${dataFile(place)} is a logical unit with another GUID than ` +
          `${guid}; delete that unit with stmfadm delete-lu, then try again`,
      )
    }
    return unit
  }

  // The registration is lost when the storage host boots without the pool (stmfadm then says
  // `unregistered`). The zvol keeps its GUID in a hidden property (sbd, source). If the unit was
  // deleted by someone else, the driver creates it again: same GUID, same bytes.
  async #registered(place: VolumePlace, signal?: AbortSignal): Promise<LogicalUnit> {
    const unit = await this.#stmfadm.findLogicalUnit(guidOf(place), signal)
    if (unit === undefined) return this.#make(place, signal)
    if (unit.registered) return unit
    // Without metadata, the pool was restored by zfs send and receive. They keep the bytes but not
    // the hidden property.
    if ((await this.#stmfadm.importLogicalUnit(dataFile(place), signal)) === 'no-metadata') {
      return this.#make(place, signal)
    }
    const imported = await this.#stmfadm.findLogicalUnit(guidOf(place), signal)
    if (imported !== undefined) return imported
    throw new StorageError(
      'unavailable',
      `volume ${place.volumeId}: logical unit ${guidOf(place)} is not listed after its import; ` +
        'try again',
    )
  }

  async ensureRegistered(
    place: VolumePlace,
    sizeBytes: number,
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#complete(place, { unit: await this.#registered(place, signal), sizeBytes }, signal)
  }

  // A growth may have been cut off between the zvol and the unit. The unit cannot hold data beyond
  // its own size yet.
  async #complete(
    place: VolumePlace,
    { unit, sizeBytes }: { readonly unit: LogicalUnit; readonly sizeBytes: number },
    signal?: AbortSignal,
  ): Promise<void> {
    const isSmaller = unit.sizeBytes < sizeBytes && offers(place, unit)
    if (isSmaller) await this.resize(place, sizeBytes, signal)
    this.#check(place, isSmaller ? { ...unit, sizeBytes } : unit, sizeBytes)
  }

  #check(place: VolumePlace, unit: LogicalUnit, sizeBytes: number): void {
    const [problem] = problemsOf(place, unit, sizeBytes)
    if (problem !== undefined) {
      throw new StorageError('failed-precondition', `volume ${place.volumeId}: ${problem}`)
    }
  }

  /** The logical unit that offers the volume's bytes, whatever its GUID is. */
  async findAny(place: VolumePlace, signal?: AbortSignal): Promise<string | undefined> {
    const units = await this.#stmfadm.listLogicalUnits(undefined, signal)
    const unit = units.find(each => offers(place, each))
    return unit && `logical unit ${unit.guid}`
  }

  /** Whether the unit is online and each of these machines has its own view. */
  async isShown(
    place: VolumePlace,
    machineNames: ReadonlySet<string>,
    signal?: AbortSignal,
  ): Promise<boolean> {
    const [unit, views] = await Promise.all([
      this.#stmfadm.findLogicalUnit(guidOf(place), signal),
      this.listViews(place, signal),
    ])
    const groups = new Set(views.map(view => view.hostGroup))
    const isServing = unit?.registered === true && unit.status === 'Online'
    return isServing && [...machineNames].every(machine => groups.has(this.#hostGroup(machine)))
  }

  /**
   * Called after a view was added. If two controllers add views at the same time, at least one of
   * them sees the other's.
   */
  async refuseOtherViews(
    place: VolumePlace,
    recordedOn: ReadonlySet<string>,
    signal?: AbortSignal,
  ): Promise<void> {
    const explained = new Set([...recordedOn].map(this.#hostGroup))
    const other = (await this.listViews(place, signal)).find(view => !explained.has(view.hostGroup))
    if (other === undefined) return
    throw new StorageError(
      'failed-precondition',
      `volume ${place.volumeId}: host group ${other.hostGroup} can reach its bytes without a ` +
        'record; detach the volume from the guests of that machine, or make sure that nobody ' +
        `uses it there and run stmfadm remove-view -l ${guidOf(place)} ${other.entry}`,
    )
  }

  /** Shows the unit to a machine's service domains and returns the LUN under which they see it. */
  async ensureView(
    place: VolumePlace,
    { machineName, choice }: { readonly machineName: string; readonly choice: LunChoice },
    signal?: AbortSignal,
  ): Promise<number> {
    const guid = guidOf(place)
    const hostGroup = this.#hostGroup(machineName)
    let lun = choice.number
    for (let tries = 0; tries < LUN_TRIES; tries++) {
      try {
        await this.#stmfadm.addView(
          { guid, hostGroup, targetGroup: this.#targetGroup, lun },
          signal,
        )
        return lun
      } catch (error) {
        if (isStorageError(error, 'already-exists')) {
          return await this.#sameView(place, { hostGroup, lun }, signal)
        }
        if (!(error instanceof LunTakenError)) throw error
      }
      // "Taken" may refer to this unit's own view under this LUN. Then there is nothing to do.
      const view = await this.#viewOf(place, hostGroup, signal)
      if (view !== undefined) return await this.#sameView(place, { hostGroup, lun }, signal)
      lun = nextLun(lun)
      await choice.replace(lun)
    }
    throw new StorageError(
      'no-space',
      `volume ${place.volumeId}: no free LUN found for host group ${hostGroup} after ` +
        `${LUN_TRIES} tries; detach volumes from guests of that machine`,
    )
  }

  /**
   * Whether the volume has its own unit. If nothing else shows it, the unit proves that the driver
   * created the volume.
   */
  async isMade(place: VolumePlace, signal?: AbortSignal): Promise<boolean> {
    const unit = await this.#stmfadm.findLogicalUnit(guidOf(place), signal)
    return unit !== undefined && offers(place, unit)
  }

  async isVisibleTo(
    place: VolumePlace,
    machineName: string,
    signal?: AbortSignal,
  ): Promise<boolean> {
    const groups = [this.#hostGroup(machineName), EVERYBODY]
    return (await this.listViews(place, signal)).some(view => groups.includes(view.hostGroup))
  }

  /** The view through which a machine's service domains see the unit. */
  findView(place: VolumePlace, machineName: string, signal?: AbortSignal) {
    return this.#viewOf(place, this.#hostGroup(machineName), signal)
  }

  async #viewOf(place: VolumePlace, hostGroup: string, signal?: AbortSignal) {
    return (await this.listViews(place, signal)).find(view => view.hostGroup === hostGroup)
  }

  listViews(place: VolumePlace, signal?: AbortSignal) {
    return this.#stmfadm.listViews(guidOf(place), signal)
  }

  async hideFrom(
    place: VolumePlace,
    machineName: string,
    signal?: AbortSignal,
  ): Promise<'hidden' | 'absent'> {
    const hostGroup = this.#hostGroup(machineName)
    const views = (await this.listViews(place, signal)).filter(view => view.hostGroup === hostGroup)
    if (views.length > 0) await this.#findOwn(place, signal)
    for (const view of views) await this.#stmfadm.removeView(guidOf(place), view.entry, signal)
    return views.length > 0 ? 'hidden' : 'absent'
  }

  // A GUID is computed, so another installation with the same names may use it for other data. Only
  // the unit's device shows which data it offers.
  async #findOwn(place: VolumePlace, signal?: AbortSignal): Promise<LogicalUnit | undefined> {
    const unit = await this.#stmfadm.findLogicalUnit(guidOf(place), signal)
    if (unit !== undefined) refuseForeign(place, unit)
    return unit
  }

  async resize(place: VolumePlace, sizeBytes: number, signal?: AbortSignal): Promise<void> {
    // A missing unit is created again, and an unregistered one is imported with its former size.
    const unit = await this.#registered(place, signal)
    refuseForeign(place, unit)
    if (unit.sizeBytes !== sizeBytes) {
      await this.#stmfadm.modifySize(guidOf(place), sizeBytes, signal)
    }
  }

  async remove(place: VolumePlace, signal?: AbortSignal): Promise<void> {
    // The listing of the unit includes the number of its views.
    const unit = await this.#findOwn(place, signal)
    if (unit !== undefined && unit.viewCount > 0) {
      const views = await this.listViews(place, signal)
      const groups = views.map(view => view.hostGroup).join(', ')
      throw new StorageError(
        'in-use',
        `volume ${place.volumeId}: its logical unit is still visible to host group ${groups}; ` +
          'detach it there first, or make sure that nobody uses it there and remove the view ' +
          `(stmfadm remove-view -l ${guidOf(place)} -a)`,
      )
    }
    await this.#stmfadm.deleteLogicalUnit(guidOf(place), signal)
  }

  async #sameView(
    place: VolumePlace,
    { hostGroup, lun }: { readonly hostGroup: string; readonly lun: number },
    signal?: AbortSignal,
  ): Promise<number> {
    const view = await this.#viewOf(place, hostGroup, signal)
    if (view?.lun === lun) return lun
    throw new StorageError(
      'failed-precondition',
      `volume ${place.volumeId}: host group ${hostGroup} sees its logical unit as LUN ` +
        `${view?.lun ?? 'none'}, the record says ${lun}; remove that view with stmfadm ` +
        'remove-view, then try again',
    )
  }
}
