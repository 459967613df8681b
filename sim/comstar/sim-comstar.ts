// The SCSI target side of a simulated storage host: logical units on zvols, groups, views, and the
// programs stmfadm and itadm.

import { DeviceError } from '../devices.ts'
import type { SimHost } from '../host.ts'
import type { SimDataset } from '../zfs/model.ts'
import type { SimZfs } from '../zfs/sim-zfs.ts'
import { stmfadm } from './stmfadm.ts'
import { LogicalUnits, type SimLogicalUnit, type SimView } from './units.ts'

export interface SimComstarOptions {
  readonly zfs: SimZfs
  readonly target: string // IQN
  readonly targetGroup: string
  readonly hostGroups: Readonly<Record<string, readonly string[]>> // group, IQNs of initiators
  readonly nowMs: () => number
}

/** A logical unit as one initiator sees it. */
export interface VisibleUnit {
  readonly lun: number
  readonly unit: SimLogicalUnit
}

export class SimComstar {
  readonly host: SimHost
  readonly zfs: SimZfs
  readonly target: string
  readonly targetGroup: string
  readonly hostGroups = new Map<string, readonly string[]>()
  readonly state: LogicalUnits
  /** How many of the next changes fail with `resource busy`. */
  busy = 0
  /** The service svc:/system/stmf. While it is offline, every command except `list-state` fails. */
  serviceOnline = true
  targetOnline = true

  constructor(host: SimHost, options: SimComstarOptions) {
    // Documented: Solaris 10 has only the older iscsitgtd. Linux has other targets.
    if (options.zfs.dialect.nodes !== 'solaris' || options.zfs.dialect.name === 'solaris-10') {
      throw new Error(`${options.zfs.dialect.name} has no COMSTAR`)
    }
    this.host = host
    this.zfs = options.zfs
    this.target = options.target
    this.targetGroup = options.targetGroup
    for (const [group, members] of Object.entries(options.hostGroups)) {
      this.hostGroups.set(group, members)
    }
    this.state = new LogicalUnits(options.zfs)
    host.programs.set('stmfadm', args => stmfadm(this, args))
    host.programs.set('itadm', args => this.#itadm(args))
  }

  units(): readonly SimLogicalUnit[] {
    return this.state.all()
  }

  views(): readonly SimView[] {
    return this.state.views
  }

  /** Restarts the target framework of the storage host, as after a boot. */
  restart(): void {
    this.state.restart()
  }

  /** Units that the target offers to an initiator; undefined while the target does not answer. */
  visibleTo(initiator: string): readonly VisibleUnit[] | undefined {
    if (this.host.down || !this.serviceOnline || !this.targetOnline) return undefined
    const groups = new Set([
      'All',
      ...[...this.hostGroups].flatMap(([name, members]) =>
        members.includes(initiator) ? [name] : [],
      ),
    ])
    return this.state.views.flatMap(view => {
      const unit = groups.has(view.hostGroup) ? this.state.find(view.guid) : undefined
      return unit?.status === 'Online' ? [{ lun: view.lun, unit }] : []
    })
  }

  read(unit: SimLogicalUnit, offset: number, length: number): Buffer {
    const dataset = this.#dataset(unit)
    return dataset.volume?.store.read(offset, length) ?? Buffer.alloc(0)
  }

  write(unit: SimLogicalUnit, offset: number, bytes: Uint8Array): void {
    this.zfs.write(this.#dataset(unit), offset, bytes)
  }

  fileOf(unit: SimLogicalUnit): string | undefined {
    return this.state.datasetOf(unit.guid)?.volume?.store.file
  }

  #dataset(unit: SimLogicalUnit): SimDataset {
    const dataset = this.state.datasetOf(unit.guid)
    if (dataset === undefined || dataset.pool.suspended) throw new DeviceError('EIO', unit.guid)
    return dataset
  }

  // The format is recalled.
  #itadm(args: readonly string[]) {
    if (args[0] !== 'list-target') {
      return {
        exitStatus: 1,
        stdout: '',
        stderr: `ldom-sim: itadm ${args[0] ?? ''} is not simulated\n`,
      }
    }
    const row = (name: string, state: string, sessions: string) =>
      `${name.padEnd(60)} ${state.padEnd(8)} ${sessions.padEnd(9)}\n`
    const stdout =
      row('TARGET NAME', 'STATE', 'SESSIONS') +
      row(this.target, this.targetOnline ? 'online' : 'offline', '0')
    return { exitStatus: 0, stdout, stderr: '' }
  }
}
