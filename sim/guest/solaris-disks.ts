// Disks of the simulated Solaris guest: names in /dev/dsk, labels, prtvtoc, format, fmthard,
// iostat, devfsadm. A name stays when its disk goes. For a slice the disk server generates a label;
// on a whole disk the label is written. Source: illumos vds.c, vdc.c, prtvtoc.c, fmthard.c. The
// behaviour of format is recalled.

import { DeviceError, type VirtualDisk } from '../devices.ts'
import type { SimAnswer, SimProgram } from '../host.ts'
import { type IostatRelease, printDiskErrors } from '../iostat.ts'
import type { Region } from './file-system.ts'
import { answer, type NameEntry, refuse, unsupported } from './names.ts'
import {
  accessible,
  efiLabel,
  type Label,
  madeUpLabel,
  printTable,
  readTable,
  SECTOR,
  totalSectors,
} from './solaris-layouts.ts'

const MAGIC = 'SIMLABEL'
const SLICES = 8
const NODES = '/devices/virtual-devices@100/channel-devices@200'

export class SolarisDisks {
  /** Controller number of the guest's virtual disks. */
  readonly controller: number
  /** When false, names of new disks appear only when devfsadm runs, as with a slow daemon. */
  followsHotplug = true
  /** The release whose layout `iostat -En` prints. */
  iostatRelease: IostatRelease = 'current'
  readonly #list: () => readonly VirtualDisk[]
  /** Numbers of disks that have names, even if the disk is gone. */
  readonly #named = new Set<number>()

  constructor(list: () => readonly VirtualDisk[], controller: number) {
    this.#list = list
    this.controller = controller
  }

  /** Names that remain of disks under another controller, each with the target of its link. */
  readonly strayNames = new Map<string, string>()

  changed(): void {
    if (this.followsHotplug) this.#nameAll()
  }

  #nameAll(): void {
    for (const disk of this.#list()) this.#named.add(disk.id)
  }

  programs(): readonly (readonly [string, SimProgram])[] {
    return [
      ['devfsadm', args => this.#devfsadm(args)],
      ['iostat', args => this.#iostat(args)],
      ['prtvtoc', args => this.#prtvtoc(args)],
      ['format', (args, { input }) => this.#format(args, input)],
      ['fmthard', (args, { input }) => this.#fmthard(args, input)],
    ]
  }

  /** Names in /dev/dsk. */
  names(): readonly string[] {
    const named = [...this.#named].sort((a, b) => a - b)
    const slices = named.flatMap(id =>
      Array.from({ length: SLICES }, (_, slice) => `c${this.controller}d${id}s${slice}`),
    )
    return [...slices, ...this.strayNames.keys()].sort()
  }

  /** The link behind a name in /dev/dsk or /dev/rdsk. */
  link(path: string): NameEntry | undefined {
    const name = path.match(/^\/dev\/r?dsk\/(.+)$/)?.[1] ?? ''
    const stray = this.strayNames.get(name)
    if (stray !== undefined) return { kind: 'link', target: stray }
    const match = name.match(/^c(\d+)d(\d+)s([0-7])$/)
    if (!match || Number(match[1]) !== this.controller || !this.#named.has(Number(match[2]))) {
      return undefined
    }
    const minor = String.fromCharCode('a'.charCodeAt(0) + Number(match[3]))
    const raw = path.startsWith('/dev/rdsk/') ? ',raw' : ''
    return {
      kind: 'link',
      target: `../..${NODES}/disk@${Number(match[2]).toString(16)}:${minor}${raw}`,
    }
  }

  /** The disk and slice behind a name, if both the name and the disk exist. */
  slice(path: string): { disk: VirtualDisk; slice: number } | undefined {
    const target = this.link(path)
    const match =
      target?.kind === 'link' ? target.target.match(/disk@([0-9a-f]+):([a-h])(,raw)?$/) : undefined
    if (!match) return undefined
    const disk = this.#list().find(
      candidate => candidate.id === Number.parseInt(match[1] ?? '', 16),
    )
    return disk && { disk, slice: (match[2] ?? 'a').charCodeAt(0) - 'a'.charCodeAt(0) }
  }

  /** Slice 0 of a disk, which holds its file system. EIO for an unlabelled disk (source: vdc.c). */
  region(disk: VirtualDisk): Region {
    const label = this.#label(disk)
    const slice = label?.slices.find(({ number }) => number === 0)
    if (!slice) throw new DeviceError('EIO', `disk ${disk.id} has no slice 0`)
    // A backend exported as a slice is exactly slice 0. On a whole disk the label says where slice
    // 0 begins.
    const start = disk.shape === 'slice' ? 0 : slice.first * SECTOR
    return {
      sizeBytes: slice.count * SECTOR,
      read: (offset, length) => disk.read(start + offset, length),
      write: (offset, bytes) => disk.write(start + offset, bytes),
    }
  }

  /** The first bytes of a slice, as a program reads them. */
  readSlice(disk: VirtualDisk, slice: number, length: number): Buffer {
    if (slice === 0) {
      const region = this.region(disk)
      return region.read(0, Math.min(length, region.sizeBytes))
    }
    // Slice 2 is the whole disk. It begins with the label; the simulator shows a generated label as
    // zeros.
    if (slice !== 2 || !this.#label(disk)) {
      throw new DeviceError('EIO', `disk ${disk.id}: slice ${slice} cannot be opened`)
    }
    return disk.shape === 'slice'
      ? Buffer.alloc(length)
      : disk.read(0, Math.min(length, disk.sizeBytes()))
  }

  label(disk: VirtualDisk): Label | undefined {
    return this.#label(disk)
  }

  #label(disk: VirtualDisk): Label | undefined {
    if (disk.shape === 'slice') return madeUpLabel(disk.sizeBytes())
    const bytes = disk.read(0, SECTOR)
    if (bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) return undefined
    const end = bytes.indexOf(0)
    return JSON.parse(bytes.toString('utf8', MAGIC.length, end < 0 ? undefined : end))
  }

  #writeLabel(disk: VirtualDisk, label: Label): void {
    const bytes = Buffer.alloc(SECTOR)
    bytes.write(MAGIC + JSON.stringify(label), 'utf8')
    disk.write(0, bytes)
  }

  #devfsadm(args: readonly string[]): SimAnswer {
    const words = args.join(' ')
    if (words === '-i vdc') {
      this.#nameAll()
      return answer()
    }
    if (words !== '-C -c disk') return unsupported('devfsadm', args)
    const present = new Set(this.#list().map(disk => disk.id))
    for (const id of this.#named) if (!present.has(id)) this.#named.delete(id)
    for (const [name] of this.strayNames) {
      if (!this.slice(`/dev/dsk/${name}`)) this.strayNames.delete(name)
    }
    this.#nameAll()
    return answer()
  }

  // The items of vdc.c (source: vdc_create_err_kstats): no revision and no serial number.
  #iostat(args: readonly string[]): SimAnswer {
    const [option, name = ''] = args
    if (option !== '-En' || args.length !== 2) return unsupported('iostat', args)
    const found = this.slice(`/dev/dsk/${name}s0`)
    if (!found) return answer()
    const bytes = this.#onDisk(() => totalSectors(found.disk) * SECTOR) ?? 0
    const items = [
      ['Soft Errors', 0],
      ['Transport Errors', 0],
      ['Protocol Errors', 0],
      ['Vendor', 'SUN'],
      ['Product', 'VDSK'],
      ['Size', bytes],
    ] as const
    return answer(printDiskErrors(name, items, this.iostatRelease))
  }

  #prtvtoc(args: readonly string[]): SimAnswer {
    const [path = ''] = args
    if (args.length !== 1) return unsupported('prtvtoc', args)
    const found = this.slice(path)
    if (!found) {
      return refuse(1, `prtvtoc: ${path}: failed to open device: No such file or directory`)
    }
    try {
      const label = this.#label(found.disk)
      const sectors = totalSectors(found.disk)
      const table = label ?? {
        kind: 'vtoc' as const,
        totalSectors: sectors,
        slices: [{ number: 2, tag: 5, first: 0, count: accessible(sectors) }],
      }
      return answer(printTable(path, table, found.disk))
    } catch (error) {
      if (error instanceof DeviceError) {
        return refuse(1, `prtvtoc: ${path}: Unable to read Disk geometry errno = 0x5`)
      }
      throw error
    }
  }

  // Recalled from format(1M): `-L` labels without questions (Solaris 11). `-e` offers both kinds of
  // label and reads the answers from standard input. Only EFI labels are modelled.
  #format(args: readonly string[], input: string): SimAnswer {
    const words = args.slice(0, -1).join(' ')
    const found = this.slice(`/dev/dsk/${args.at(-1)}s2`)
    const isAsked = words === '-e -d' && input.startsWith('label\n1\n')
    if (words !== '-L efi -d' && !isAsked) return unsupported('format', args)
    if (!found) return refuse(1, 'No permission (or no disks found)!')
    if (!isAsked && !this.hasLabelOption) return refuse(1, 'format: illegal option -- L')
    if (found.disk.shape === 'slice') {
      return refuse(1, 'Cannot label disk when partitions are in use as described.')
    }
    const done = this.#onDisk(
      () => this.#writeLabel(found.disk, efiLabel(totalSectors(found.disk))) ?? true,
    )
    return done ? answer() : refuse(1, 'Warning: error writing EFI.')
  }

  /** Whether format knows `-L`, as on Solaris 11; older releases only ask questions. */
  hasLabelOption = true

  // load64 and validate64 of fmthard.c (source): fmthard reads a whole table from standard input
  // and checks it against the present size of the disk. It ignores mounts and the table that was
  // there. Only disks with an EFI label are modelled.
  #fmthard(args: readonly string[], input: string): SimAnswer {
    const named = args[0] === '-n' ? args[1] : undefined
    const [s, from, path = ''] =
      named === undefined
        ? args
        : [...args.slice(2, -1), ...(args.length === 3 ? ['', ''] : []), args.at(-1)]
    const takesTable = s === '-s' && from === '-'
    if (!takesTable && (named === undefined || args.length !== 3)) {
      return unsupported('fmthard', args)
    }
    const found = path.startsWith('/dev/rdsk/') ? this.slice(path) : undefined
    if (!found) return refuse(1, `fmthard:  Cannot stat device ${path}`)
    const { disk } = found
    try {
      const label = disk.shape === 'slice' ? undefined : this.#label(disk)
      if (label?.kind !== 'efi') return unsupported('fmthard', args)
      const sectors = totalSectors(disk)
      const read = takesTable ? readTable(input, sectors) : label
      if (typeof read === 'string') return refuse(1, read)
      // fmthard copies 8 bytes of the name (source: fmthard.c).
      const name = named === undefined ? {} : { name: named.slice(0, 8) }
      this.#writeLabel(disk, { ...read, ...name })
      return answer('fmthard:  New volume table of contents now in place.\n')
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error
      return refuse(
        1,
        error.code === 'EROFS'
          ? `${path}: Cannot write EFI`
          : `fmthard:  Cannot open device ${path} - I/O error`,
      )
    }
  }

  #onDisk<T>(work: () => T): T | undefined {
    try {
      return work()
    } catch (error) {
      if (error instanceof DeviceError) return undefined
      throw error
    }
  }
}
