// The iSCSI initiator of a simulated service domain: its targets, its disk nodes, and the programs
// iscsiadm, devfsadm, iostat and format. Nodes are named by GUID. Only an enumeration adds nodes,
// and only a clean-up removes them.

import { addDevicePrograms } from '../device-programs.ts'
import { DeviceError, type SimDevice } from '../devices.ts'
import type { SimAnswer, SimHost } from '../host.ts'
import { type IostatRelease, printDiskErrors } from '../iostat.ts'
import { parseOptions } from '../options.ts'
import { isLabelled, sliceStart, writeLabel } from './label.ts'
import type { SimComstar, VisibleUnit } from './sim-comstar.ts'

export interface SimInitiatorOptions {
  readonly iqn: string
  /** The X of cXt<GUID>d0, which differs between domains. */
  readonly controller: number
  readonly targets: readonly SimComstar[]
}

interface DiskNode {
  readonly guid: string
  readonly target: SimComstar
  opens: number
}

export class SimInitiator {
  readonly host: SimHost
  readonly iqn: string
  readonly controller: number
  readonly targets: readonly SimComstar[]
  /** Whether the storage network works. */
  connected = true
  /** The release whose layout `iostat -En` prints. */
  iostatRelease: IostatRelease = 'current'
  /** Number of enumerations before the one that creates the node of a new unit. */
  slowEnumerations = 0
  readonly #nodes = new Map<string, DiskNode>() // by GUID
  readonly #waiting = new Map<string, number>()

  constructor(host: SimHost, options: SimInitiatorOptions) {
    this.host = host
    this.iqn = options.iqn
    this.controller = options.controller
    this.targets = options.targets
    host.programs.set('iscsiadm', args => this.#iscsiadm(args))
    host.programs.set('devfsadm', args => this.#devfsadm(args))
    host.programs.set('iostat', args => this.#iostat(args))
    host.programs.set('format', args => this.#format(args))
    host.devices.push(path => this.#device(path))
    addDevicePrograms(host)
  }

  /** Names of the disks that have nodes, also of disks that are gone: `c0t<GUID>d0`. */
  disks(): readonly string[] {
    return [...this.#nodes.keys()].map(guid => this.#diskName(guid))
  }

  /** Labels a disk as an administrator does with `format -L efi`. */
  label(disk: string): void {
    const device = this.#device(`/dev/rdsk/${disk}s2`)
    if (device?.raw === undefined) throw new Error(`no disk ${disk}`)
    writeLabel(device.raw)
  }

  #diskName(guid: string): string {
    return `c${this.controller}t${guid}d0`
  }

  #visible(target: SimComstar): readonly VisibleUnit[] | undefined {
    return this.connected ? target.visibleTo(this.iqn) : undefined
  }

  #unit(node: DiskNode): VisibleUnit {
    const visible = this.#visible(node.target)
    if (visible === undefined) throw new DeviceError('EIO', node.guid)
    const found = visible.find(({ unit }) => unit.guid === node.guid)
    if (found === undefined) throw new DeviceError('ENXIO', node.guid)
    return found
  }

  // Names with s0 to s7, or without a slice for the whole disk. Of an unlabelled disk only `raw`
  // can be read and written.
  #device(path: string): SimDevice | undefined {
    const [, controller, guid = '', slice] =
      /^\/dev\/r?dsk\/c(\d+)t([0-9A-F]{32})d0(?:s([0-7]))?$/.exec(path) ?? []
    const node = this.#nodes.get(guid)
    if (node === undefined || Number(controller) !== this.controller) return undefined
    const unit = () => this.#unit(node).unit
    const raw: Pick<SimDevice, 'read' | 'write'> = {
      read: (offset, length) => node.target.read(unit(), offset, length),
      write: (offset, bytes) => node.target.write(unit(), offset, bytes),
    }
    const start = () => {
      if (!isLabelled(raw)) throw new DeviceError('EIO', path)
      return sliceStart(slice)
    }
    const fileOf = () => node.target.fileOf(unit())
    return {
      get sizeBytes() {
        return unit().sizeBytes
      },
      get file() {
        return fileOf()
      },
      raw,
      read: (offset, length) => raw.read(start() + offset, length),
      write: (offset, bytes) => raw.write(start() + offset, bytes),
      open: () => {
        unit()
        node.opens += 1
        return () => {
          node.opens -= 1
        }
      },
    }
  }

  #iscsiadm(args: readonly string[]): SimAnswer {
    const [verb, object, ...rest] = args
    if (verb === 'list' && object === 'initiator-node') {
      return success(`Initiator node name: ${this.iqn}\nInitiator node alias: ${this.host.name}\n`)
    }
    if (verb === 'list' && object === 'target') return this.#listTargets(rest)
    if (verb === 'list' && object === 'discovery-address') {
      return success('Discovery Address: 127.0.0.1:3260\n')
    }
    // Both commands may be repeated (parser: the vendor's own connector repeats them).
    if (
      (verb === 'add' && object === 'discovery-address') ||
      (verb === 'modify' && object === 'discovery')
    ) {
      return success()
    }
    return failure('iscsiadm', `${verb ?? ''} ${object ?? ''} is not simulated`)
  }

  // Recorded: units in descending order.
  #listTargets(args: readonly string[]): SimAnswer {
    const parsed = parseOptions(args, 'Sv')
    if (parsed.kind !== 'parsed') {
      return failure('iscsiadm', `unrecognized option -${parsed.letter}`)
    }
    const targets = this.targets.filter(
      target => parsed.operands.length === 0 || parsed.operands.includes(target.target),
    )
    const withUnits = parsed.options.some(option => option.letter === 'S')
    return success(targets.map(target => this.#formatTarget(target, withUnits)).join(''))
  }

  #formatTarget(target: SimComstar, withUnits: boolean): string {
    const visible = this.#visible(target)
    const head = [
      `Target: ${target.target}`,
      '        Alias: -',
      '        TPGT: 1',
      '        ISID: 4000002a0000',
      `        Connections: ${visible === undefined ? 0 : 1}`,
    ]
    const known = (visible ?? []).filter(
      ({ unit }) => this.#nodes.has(unit.guid) || this.#waiting.has(unit.guid),
    )
    const units = [...known]
      .sort((a, b) => b.lun - a.lun)
      .flatMap(({ lun, unit }) => {
        const device = this.#nodes.has(unit.guid)
          ? `/dev/rdsk/${this.#diskName(unit.guid)}s2`
          : 'Not Available'
        return [
          `        LUN: ${lun}`,
          '             Vendor:  SUN     ',
          '             Product: COMSTAR         ',
          `             OS Device Name: ${device}`,
        ]
      })
    return [...head, ...(withUnits ? units : [])].map(line => `${line}\n`).join('')
  }

  #devfsadm(args: readonly string[]): SimAnswer {
    const parsed = parseOptions(args, 'i:Cc:v')
    if (parsed.kind !== 'parsed' || parsed.operands.length > 0) {
      return failure('devfsadm', 'unsupported arguments in the simulation')
    }
    const has = (letter: string, value: string) =>
      parsed.options.some(option => option.letter === letter && option.value === value)
    if (has('i', 'iscsi')) this.#enumerate()
    if (
      has('C', '') &&
      (has('c', 'disk') || !parsed.options.some(option => option.letter === 'c'))
    ) {
      this.#clean()
    }
    return success()
  }

  #enumerate(): void {
    for (const target of this.targets) {
      for (const { unit } of this.#visible(target) ?? []) {
        if (this.#nodes.has(unit.guid)) continue
        const waited = this.#waiting.get(unit.guid) ?? 0
        if (waited < this.slowEnumerations) this.#waiting.set(unit.guid, waited + 1)
        else this.#nodes.set(unit.guid, { guid: unit.guid, target, opens: 0 })
      }
    }
  }

  // Recalled: the node of an open disk stays.
  #clean(): void {
    for (const [guid, node] of [...this.#nodes]) {
      const visible = this.#visible(node.target)
      if (
        node.opens === 0 &&
        visible !== undefined &&
        !visible.some(({ unit }) => unit.guid === guid)
      ) {
        this.#nodes.delete(guid)
        this.#waiting.delete(guid)
      }
    }
  }

  // The form of Solaris 11 without questions (parser: the vendor's connector uses it). Its output
  // is not simulated.
  #format(args: readonly string[]): SimAnswer {
    const [letter, label, option, disk = ''] = args
    if (letter !== '-L' || label !== 'efi' || option !== '-d' || args.length !== 4) {
      return failure('format', 'unsupported arguments in the simulation')
    }
    if (!this.disks().includes(disk)) return failure('format', `${disk}: cannot find disk`)
    this.label(disk)
    return success()
  }

  #iostat(args: readonly string[]): SimAnswer {
    const parsed = parseOptions(args, 'En')
    if (parsed.kind !== 'parsed' || parsed.options.length < 2) {
      return failure('iostat', 'unsupported arguments in the simulation')
    }
    const shown = [...this.#nodes.values()].filter(
      node => parsed.operands.length === 0 || parsed.operands.includes(this.#diskName(node.guid)),
    )
    return success(shown.map(node => this.#describe(node)).join(''))
  }

  #describe(node: DiskNode): string {
    const found = (this.#visible(node.target) ?? []).find(({ unit }) => unit.guid === node.guid)
    const sizeBytes = found?.unit.sizeBytes ?? 0
    // The items of sd are as captured. The values for COMSTAR are recalled.
    const items = [
      ['Soft Errors', 0],
      ['Hard Errors', 0],
      ['Transport Errors', 0],
      ['Vendor', 'SUN     '],
      ['Product', 'COMSTAR         '],
      ['Revision', '1.0 '],
      ['Serial No', ''],
      ['Size', sizeBytes],
      ['Media Error', 0],
      ['Device Not Ready', 0],
      ['No Device', 0],
      ['Recoverable', 0],
      ['Illegal Request', 0],
      ['Predictive Failure Analysis', 0],
    ] as const
    return printDiskErrors(this.#diskName(node.guid), items, this.iostatRelease)
  }
}

function success(stdout = ''): SimAnswer {
  return { exitStatus: 0, stdout, stderr: '' }
}

function failure(program: string, text: string): SimAnswer {
  return { exitStatus: 1, stdout: '', stderr: `${program}: ${text}\n` }
}
