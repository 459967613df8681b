// The logical units and views of a simulated SCSI target framework: state and its rules. The texts
// of stmfadm are in stmfadm.ts.

import { DeviceError } from '../devices.ts'
import type { SimDataset } from '../zfs/model.ts'
import type { SimZfs } from '../zfs/sim-zfs.ts'

/**
 * The property in which sbd keeps its data about a unit on a zvol. No listing of the dataset shows
 * it (source).
 */
const METADATA = 'stmf_sbd_lu'
const MINIMUM_BYTES = 1024 * 1024

export interface SimView {
  readonly guid: string
  readonly entry: number
  readonly hostGroup: string
  readonly targetGroup: string
  readonly lun: number
}

export interface SimLogicalUnit {
  readonly guid: string // upper case
  readonly dataFile: string
  readonly alias: string
  sizeBytes: number
  writeCacheEnabled: boolean
  status: 'Online' | 'Offline'
  /** Whether the storage host restores the unit when it boots. */
  persisted: boolean
}

interface Registered extends SimLogicalUnit {
  readonly dataset: SimDataset
  readonly close: () => void
}

/** A refused change; the message is the text of stmfadm. */
export class StmfError extends Error {}

export class LogicalUnits {
  readonly #zfs: SimZfs
  readonly #units = new Map<string, Registered>()
  readonly #byDataset = new Map<SimDataset, Registered>()
  /** Units that a restart could not restore, as their volume was not there. */
  readonly #lost = new Map<string, string>() // GUID, data file
  readonly views: SimView[] = []

  constructor(zfs: SimZfs) {
    this.#zfs = zfs
  }

  all(): readonly SimLogicalUnit[] {
    return [...this.#units.values()]
  }

  find(guid: string): SimLogicalUnit | undefined {
    return this.#units.get(guid.toUpperCase())
  }

  datasetOf(guid: string): SimDataset | undefined {
    return this.#units.get(guid.toUpperCase())?.dataset
  }

  /** The GUIDs of registered units, and of units that have only views left. */
  guids(): readonly string[] {
    return [...new Set([...this.#units.keys(), ...this.views.map(view => view.guid)])]
  }

  knows(guid: string): boolean {
    return this.#units.has(guid) || this.views.some(view => view.guid === guid)
  }

  create(wanted: {
    guid: string
    alias: string | undefined
    dataFile: string
    sizeBytes: number | undefined
    writeCacheEnabled: boolean
  }): SimLogicalUnit {
    const dataset = this.#zfs.volumeAt(wanted.dataFile)
    if (dataset?.volume === undefined) throw new StmfError('data file error')
    if (this.#byDataset.has(dataset)) throw new StmfError(`filename ${wanted.dataFile}: in use`)
    if (this.#units.has(wanted.guid)) throw new StmfError('guid in use')
    const sizeBytes = wanted.sizeBytes ?? dataset.volume.store.sizeBytes
    if (sizeBytes < MINIMUM_BYTES) throw new StmfError('file size invalid')
    const unit = this.#register(dataset, {
      guid: wanted.guid,
      dataFile: wanted.dataFile,
      alias: wanted.alias ?? wanted.dataFile,
      sizeBytes,
      writeCacheEnabled: wanted.writeCacheEnabled,
      status: 'Online',
      persisted: true,
    })
    this.#remember(unit)
    return unit
  }

  import(dataFile: string): SimLogicalUnit {
    const dataset = this.#zfs.volumeAt(dataFile)
    if (dataset?.volume === undefined) throw new StmfError('data file error')
    if (this.#byDataset.has(dataset)) throw new StmfError(`filename ${dataFile}: in use`)
    const stored = dataset.hidden.get(METADATA)
    if (stored === undefined) throw new StmfError('meta file error')
    const unit = JSON.parse(stored) as SimLogicalUnit
    if (this.#units.has(unit.guid)) throw new StmfError('guid in use')
    this.#lost.delete(unit.guid)
    return this.#register(dataset, { ...unit, dataFile, status: 'Online', persisted: true })
  }

  modify(guid: string, sizeBytes: number): void {
    const unit = this.#get(guid)
    if (unit.status !== 'Online') throw new StmfError('cannot modify while in standby mode')
    // Source: sbd accepts any size, also one that the volume does not have.
    unit.sizeBytes = sizeBytes
    this.#remember(unit)
  }

  setStatus(guid: string, status: SimLogicalUnit['status']): void {
    this.#get(guid).status = status
  }

  delete(guid: string): void {
    const unit = this.#units.get(guid)
    if (unit === undefined) throw new StmfError('not found')
    unit.close()
    this.#units.delete(guid)
    this.#byDataset.delete(unit.dataset)
  }

  /**
   * The first half of a deletion: removes the views and the stored registration. It stays done when
   * the second half fails (source). Returns whether there were views.
   */
  forget(guid: string): boolean {
    const before = this.views.length
    this.views.splice(0, before, ...this.views.filter(view => view.guid !== guid))
    const unit = this.#units.get(guid)
    if (unit) unit.persisted = false
    this.#lost.delete(guid)
    return this.views.length < before
  }

  addView(wanted: {
    guid: string
    hostGroup: string
    targetGroup: string
    lun: number | undefined
  }): void {
    const { guid, hostGroup, targetGroup } = wanted
    if (
      this.views.some(
        view =>
          view.guid === guid && view.hostGroup === hostGroup && view.targetGroup === targetGroup,
      )
    ) {
      throw new StmfError('view entry exists')
    }
    const taken = new Set(
      this.views
        .filter(view => view.hostGroup === hostGroup && view.targetGroup === targetGroup)
        .map(view => view.lun),
    )
    if (wanted.lun !== undefined && taken.has(wanted.lun)) throw new StmfError('LUN already in use')
    let lun = wanted.lun ?? 0
    while (taken.has(lun)) lun += 1
    const entries = new Set(this.views.filter(view => view.guid === guid).map(view => view.entry))
    let entry = 0
    while (entries.has(entry)) entry += 1
    this.views.push({ guid, entry, hostGroup, targetGroup, lun })
  }

  removeView(guid: string, entry: number): void {
    const at = this.views.findIndex(view => view.guid === guid && view.entry === entry)
    if (at < 0) throw new StmfError('not found')
    this.views.splice(at, 1)
  }

  /**
   * Restarts the framework: open devices are closed, stored units return if their volume exists.
   */
  restart(): void {
    const before = [...this.#units.values()]
    for (const unit of before) unit.close()
    this.#units.clear()
    this.#byDataset.clear()
    for (const unit of before) if (unit.persisted) this.#lost.set(unit.guid, unit.dataFile)
    for (const [guid, dataFile] of [...this.#lost]) {
      try {
        this.import(dataFile)
      } catch (error) {
        if (!(error instanceof StmfError)) throw error
        this.#lost.set(guid, dataFile)
      }
    }
  }

  #get(guid: string): Registered {
    const unit = this.#units.get(guid)
    if (unit === undefined) throw new StmfError('not found')
    return unit
  }

  // The unit keeps the volume open exclusively as long as it exists. So nothing else can open the
  // volume, and `zfs destroy` answers busy (source).
  #register(dataset: SimDataset, unit: SimLogicalUnit): Registered {
    try {
      const close = dataset.volume?.open(`stmf ${unit.guid}`, true)
      if (close === undefined) throw new StmfError('data file error')
      const registered: Registered = { ...unit, dataset, close }
      this.#units.set(unit.guid, registered)
      this.#byDataset.set(dataset, registered)
      return registered
    } catch (error) {
      if (error instanceof DeviceError) throw new StmfError('resource busy')
      throw error
    }
  }

  #remember(unit: Registered): void {
    const { dataset, close: _close, ...stored } = unit
    dataset.hidden.set(METADATA, JSON.stringify(stored))
  }
}
