// The command stmfadm: zvols as SCSI logical units and who may see them. It keeps nothing and
// decides nothing; whoever calls it lists again after a failure, as create-lu registers before it
// persists and delete-lu drops the views before it can fail (source).

import { StorageError } from '../errors.ts'
import type { Shell } from '../shell/shell.ts'
import { type Failure, isNotFound, Tool } from '../shell/tool.ts'
import { STMFADM_FAILURES } from './failures.ts'
import type { LogicalUnit, View } from './listing.ts'
import { parseLogicalUnits, parseViews } from './listing.ts'

export type { LogicalUnit, View } from './listing.ts'

const STMFADM = '/usr/sbin/stmfadm'

/** The LUN number is another logical unit's in this host group. */
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
   * Without write cache: vds does not flush disk backends, so an acknowledged write must be on the
   * device (source). `already-exists`: the device is offered already, under whatever GUID;
   * `in-use`: the GUID offers another device.
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
   * Registers again what the device's own metadata describes, after the storage host started
   * without its pool. A device that came back by `zfs receive` has none (operator's report): then
   * the unit has to be made anew.
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

  /** All units, or the one; a unit that is not there throws `not-found`. */
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
    // A GUID that is not 32 digits gets a message and status 0 (source): nothing was looked up.
    if (unit === undefined) {
      throw new StorageError('internal', `stmfadm list-lu did not answer for logical unit ${guid}`)
    }
    return unit
  }

  /**
   * `already-exists`: the unit has a view that collides; LunTakenError: the number is taken by
   * another unit.
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
    // A number that is none becomes LUN 0 without a word (source).
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
        `LUN ${view.lun} of host group ${view.hostGroup} is taken by another logical unit than ` +
          `${view.guid}`,
      )
    }
  }

  /**
   * Empty for a unit without views and for a unit that is not there: stmfadm answers both alike.
   */
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
   * stmfadm takes any size, also one that the device does not have (source): the caller has set the
   * volume's size before.
   */
  async modifySize(guid: string, sizeBytes: number, signal?: AbortSignal): Promise<void> {
    await this.#tool.write([STMFADM, 'modify-lu', '-s', String(sizeBytes), guid], {
      about: `logical unit ${guid}`,
      signal,
    })
  }

  /**
   * Removes its views as well. After `busy` they are gone although the unit is still there: the
   * same call again finishes.
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

  /** `online` and `initialized` where all is well. */
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

// Only the sentence about this very unit counts, in either case of its digits: "not found" is also
// said of the service and of the program.
function isMissing({ result }: Failure, guid: string): boolean {
  return new RegExp(`^stmfadm: ${guid}: (not found|no views found)$`, 'im').test(result.stderr)
}
