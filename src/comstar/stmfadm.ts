// The command stmfadm: zvols as SCSI logical units, and who may see them. It stores and decides
// nothing. After a failure the caller must list again: create-lu registers before it persists, and
// delete-lu removes the views before it can fail (source).

import { StorageError } from '../errors.ts'
import type { Shell } from '../shell/shell.ts'
import { type Failure, isNotFound, Tool } from '../shell/tool.ts'
import { STMFADM_FAILURES } from './failures.ts'
import type { LogicalUnit, View } from './listing.ts'
import { parseLogicalUnits, parseViews } from './listing.ts'

export type { LogicalUnit, View } from './listing.ts'

const STMFADM = '/usr/sbin/stmfadm'

/** Another logical unit has the LUN number in this host group. */
export class LunTakenError extends StorageError {
  constructor(message: string) {
    super('busy', message)
    this.name = 'LunTakenError'
  }
}

export class Stmfadm {
  readonly #tool: Tool

  constructor(shell: Shell) {
    this.#tool = new Tool(shell, STMFADM_FAILURES)
  }

  /**
   * Disables the write cache: vds does not flush disk backends, so an acknowledged write must be on
   * the device (source). Throws `already-exists` if a logical unit, with whatever GUID, uses the
   * device. Throws `in-use` if the GUID belongs to another device.
   */
  async createLogicalUnit(
    unit: { readonly guid: string; readonly alias: string; readonly dataFile: string },
    signal?: AbortSignal,
  ): Promise<void> {
    const properties = ['-p', `guid=${unit.guid}`, '-p', `alias=${unit.alias}`, '-p', 'wcd=true']
    await this.#tool.write([STMFADM, 'create-lu', ...properties, unit.dataFile], {
      about: `logical unit ${unit.guid} on ${unit.dataFile}`,
      signal,
    })
  }

  /**
   * Registers the unit again from the metadata on the device, after the storage host started
   * without its pool. A device restored by `zfs receive` has no metadata (operator's report): then
   * the unit must be created anew.
   */
  async importLogicalUnit(
    dataFile: string,
    signal?: AbortSignal,
  ): Promise<'imported' | 'no-metadata'> {
    const imported = await this.#tool.attempt([STMFADM, 'import-lu', dataFile], {
      about: `logical unit on ${dataFile}`,
      effect: 'write',
      expected: ({ result }) => /^stmfadm: .*meta file error$/m.test(result.stderr),
      signal,
    })
    return imported === undefined ? 'no-metadata' : 'imported'
  }

  /** All units, or the given one; throws `not-found` if that does not exist. */
  async listLogicalUnits(guid?: string, signal?: AbortSignal): Promise<readonly LogicalUnit[]> {
    const { stdout } = await this.#tool.read(
      [STMFADM, 'list-lu', '-v', ...(guid === undefined ? [] : [guid])],
      { about: guid === undefined ? 'logical units' : `logical unit ${guid}`, signal },
    )
    return parseLogicalUnits(stdout)
  }

  async findLogicalUnit(guid: string, signal?: AbortSignal): Promise<LogicalUnit | undefined> {
    const found = await this.#tool.attempt([STMFADM, 'list-lu', '-v', guid], {
      about: `logical unit ${guid}`,
      effect: 'read',
      expected: failure => isMissing(failure, guid),
      signal,
    })
    if (found === undefined) return undefined
    const unit = parseLogicalUnits(found.stdout).find(
      candidate => candidate.guid === guid.toUpperCase(),
    )
    // For a GUID that is not 32 digits stmfadm prints a message with status 0 (source): it looked
    // nothing up.
    if (unit === undefined) {
      throw new StorageError('internal', `stmfadm list-lu did not answer for logical unit ${guid}`)
    }
    return unit
  }

  /**
   * Throws `already-exists` if the unit has a view that collides, LunTakenError if another unit has
   * the number.
   */
  async addView(
    view: {
      readonly guid: string
      readonly hostGroup: string
      readonly targetGroup: string
      readonly lun: number
    },
    signal?: AbortSignal,
  ): Promise<void> {
    // stmfadm silently reads text that is not a number as LUN 0 (source).
    if (!Number.isInteger(view.lun) || view.lun < 1 || view.lun > 16383) {
      throw new Error(`not a LUN number: ${view.lun}`)
    }
    const groups = ['-h', view.hostGroup, '-t', view.targetGroup]
    const added = await this.#tool.attempt(
      [STMFADM, 'add-view', ...groups, '-n', String(view.lun), view.guid],
      {
        about: `view of logical unit ${view.guid} for host group ${view.hostGroup}`,
        effect: 'write',
        expected: ({ result }) => /^stmfadm: .*LUN already in use/m.test(result.stderr),
        signal,
      },
    )
    if (added === undefined) {
      throw new LunTakenError(
        `LUN ${view.lun} of host group ${view.hostGroup} is in use by another logical unit than ` +
          view.guid,
      )
    }
  }

  /** Empty for a unit without views and for a missing unit: stmfadm answers both alike. */
  async listViews(guid: string, signal?: AbortSignal): Promise<readonly View[]> {
    const found = await this.#tool.attempt([STMFADM, 'list-view', '-l', guid], {
      about: `views of logical unit ${guid}`,
      effect: 'read',
      expected: failure => isMissing(failure, guid),
      signal,
    })
    if (found === undefined) return []
    const views = parseViews(found.stdout)
    if (views.length === 0) {
      throw new StorageError(
        'internal',
        `stmfadm list-view did not answer for logical unit ${guid}`,
      )
    }
    return views
  }

  async removeView(
    guid: string,
    entry: number,
    signal?: AbortSignal,
  ): Promise<'removed' | 'absent'> {
    const removed = await this.#tool.attempt([STMFADM, 'remove-view', '-l', guid, String(entry)], {
      about: `view ${entry} of logical unit ${guid}`,
      effect: 'write',
      expected: isNotFound,
      signal,
    })
    return removed === undefined ? 'absent' : 'removed'
  }

  /**
   * stmfadm accepts any size, even one that the device does not have (source). The caller must set
   * the volume's size first.
   */
  async modifySize(guid: string, sizeBytes: number, signal?: AbortSignal): Promise<void> {
    await this.#tool.write([STMFADM, 'modify-lu', '-s', String(sizeBytes), guid], {
      about: `logical unit ${guid}`,
      signal,
    })
  }

  /**
   * Also removes its views. After `busy` the views are gone but the unit still exists; repeat the
   * call to finish.
   */
  async deleteLogicalUnit(guid: string, signal?: AbortSignal): Promise<'deleted' | 'absent'> {
    const deleted = await this.#tool.attempt([STMFADM, 'delete-lu', guid], {
      about: `logical unit ${guid}`,
      effect: 'write',
      expected: failure => isMissing(failure, guid),
      signal,
    })
    return deleted === undefined ? 'absent' : 'deleted'
  }

  /** `online` and `initialized` if all is well. */
  async state(
    signal?: AbortSignal,
  ): Promise<{ readonly operational: string; readonly configuration: string }> {
    const call = { about: 'SCSI target framework', signal }
    const { stdout } = await this.#tool.read([STMFADM, 'list-state'], call)
    const operational = /^Operational Status\s*: *(\S+)/m.exec(stdout)?.[1]
    const configuration = /^Config Status\s*: *(\S+)/m.exec(stdout)?.[1]
    if (operational === undefined || configuration === undefined) {
      throw new StorageError(
        'internal',
        `stmfadm list-state printed no state: ${JSON.stringify(stdout)}`,
      )
    }
    return { operational, configuration }
  }
}

// Only the message about this unit counts, in either case of its digits. stmfadm also says "not
// found" about the service, and a shell says it about the program.
function isMissing({ result }: Failure, guid: string): boolean {
  return new RegExp(`^stmfadm: ${guid}: (not found|no views found)$`, 'im').test(result.stderr)
}
