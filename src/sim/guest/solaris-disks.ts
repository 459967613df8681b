// Disks of the simulated Solaris guest: names in /dev/dsk that appear, and stay when the disk goes; labels, made up by the disk
// server around a slice or written on a whole disk; prtvtoc, format, iostat, devfsadm.
// Layouts and defaults: illumos vds.c, vdc.c, prtvtoc.c. What only format and iostat know is recalled, and says so.

import { DeviceError, type VirtualDisk } from '../devices.ts'
import type { SimAnswer, SimProgram } from '../host.ts'
import type { Region } from './file-system.ts'
import { answer, type NameEntry, refuse, unsupported } from './names.ts'

const SECTOR = 512
const GiB = 1024 ** 3
const TiB = 1024 ** 4
const MAGIC = 'SIMLABEL'
const EFI_FIRST = 34
const EFI_RESERVED = 16_384
const EFI_BACKUP = 33
const SLICES = 8
const NODES = '/devices/virtual-devices@100/channel-devices@200'

interface Slice {
  readonly number: number
  readonly tag: number
  readonly first: number
  readonly count: number
}

interface Label {
  readonly kind: 'vtoc' | 'efi'
  readonly totalSectors: number
  readonly slices: readonly Slice[]
}

export class SolarisDisks {
  /** Controller number that the guest gave to its virtual disks. */
  readonly controller: number
  /** When false, names of new disks appear only when devfsadm is asked (a daemon that lags behind). */
  followsHotplug = true
  readonly #list: () => readonly VirtualDisk[]
  /** Numbers of disks that have names, whether or not the disk is there. */
  readonly #named = new Set<number>()

  constructor(list: () => readonly VirtualDisk[], controller: number) {
    this.#list = list
    this.controller = controller
  }

  /** A name left over by a disk that another controller once had. */
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
    ]
  }

  /** Names in /dev/dsk. */
  names(): readonly string[] {
    const named = [...this.#named].sort((a, b) => a - b)
    const slices = named.flatMap(id => Array.from({ length: SLICES }, (_, slice) => `c${this.controller}d${id}s${slice}`))
    return [...slices, ...this.strayNames.keys()].sort()
  }

  /** The link that a name in /dev/dsk or /dev/rdsk is. */
  link(path: string): NameEntry | undefined {
    const name = path.match(/^\/dev\/r?dsk\/(.+)$/)?.[1] ?? ''
    const stray = this.strayNames.get(name)
    if (stray !== undefined) return { kind: 'link', target: stray }
    const match = name.match(/^c(\d+)d(\d+)s([0-7])$/)
    if (!match || Number(match[1]) !== this.controller || !this.#named.has(Number(match[2]))) return undefined
    const minor = String.fromCharCode('a'.charCodeAt(0) + Number(match[3]))
    const raw = path.startsWith('/dev/rdsk/') ? ',raw' : ''
    return { kind: 'link', target: `../..${NODES}/disk@${Number(match[2]).toString(16)}:${minor}${raw}` }
  }

  /** The disk and slice behind a name, if the name exists and the disk is there. */
  slice(path: string): { disk: VirtualDisk; slice: number } | undefined {
    const target = this.link(path)
    const match = target?.kind === 'link' ? target.target.match(/disk@([0-9a-f]+):([a-h])(,raw)?$/) : undefined
    if (!match) return undefined
    const disk = this.#list().find(candidate => candidate.id === Number.parseInt(match[1] ?? '', 16))
    return disk && { disk, slice: (match[2] ?? 'a').charCodeAt(0) - 'a'.charCodeAt(0) }
  }

  /** Slice 0 of a disk, where its file system lies. Unlabelled disks give EIO (vdc.c). */
  region(disk: VirtualDisk): Region {
    const label = this.#label(disk)
    const slice = label?.slices.find(({ number }) => number === 0)
    if (!slice) throw new DeviceError('EIO', `disk ${disk.id} has no slice 0`)
    // A backend exported as a slice is slice 0, byte by byte; on a whole disk slice 0 begins where the label says.
    const start = disk.shape === 'slice' ? 0 : slice.first * SECTOR
    return {
      sizeBytes: slice.count * SECTOR,
      read: (offset, length) => disk.read(start + offset, length),
      write: (offset, bytes) => disk.write(start + offset, bytes),
    }
  }

  /** First bytes of a slice as a program reads them. */
  readSlice(disk: VirtualDisk, slice: number, length: number): Buffer {
    if (slice === 0) {
      const region = this.region(disk)
      return region.read(0, Math.min(length, region.sizeBytes))
    }
    // The whole disk behind slice 2; the label that the server makes up around a slice is shown as zeros here.
    if (slice !== 2 || !this.#label(disk)) throw new DeviceError('EIO', `disk ${disk.id}: slice ${slice} cannot be opened`)
    return disk.shape === 'slice' ? Buffer.alloc(length) : disk.read(0, Math.min(length, disk.sizeBytes()))
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
    for (const [name] of this.strayNames) if (!this.slice(`/dev/dsk/${name}`)) this.strayNames.delete(name)
    this.#nameAll()
    return answer()
  }

  // Recalled from iostat(1M): three lines of counters around the size.
  #iostat(args: readonly string[]): SimAnswer {
    const [option, name = ''] = args
    if (option !== '-En' || args.length !== 2) return unsupported('iostat', args)
    const found = this.slice(`/dev/dsk/${name}s0`)
    if (!found) return answer()
    const bytes = this.#onDisk(() => totalSectors(found.disk) * SECTOR) ?? 0
    return answer(
      `${name.padEnd(16)} Soft Errors: 0 Hard Errors: 0 Transport Errors: 0 \nVendor: SUN      Product: VDSK             Revision: 1.0  Serial No:  \nSize: ${(bytes / 1e9).toFixed(2)}GB <${bytes} bytes>\nMedia Error: 0 Device Not Ready: 0 No Device: 0 Recoverable: 0 \nIllegal Request: 0 Predictive Failure Analysis: 0 \n`,
    )
  }

  #prtvtoc(args: readonly string[]): SimAnswer {
    const [path = ''] = args
    if (args.length !== 1) return unsupported('prtvtoc', args)
    const found = this.slice(path)
    if (!found) return refuse(1, `prtvtoc: ${path}: failed to open device: No such file or directory`)
    try {
      const label = this.#label(found.disk)
      const sectors = totalSectors(found.disk)
      const table = label ?? {
        kind: 'vtoc' as const,
        totalSectors: sectors,
        slices: [{ number: 2, tag: 5, first: 0, count: accessible(sectors) }],
      }
      return answer(printTable(path, table, found.disk.sizeBytes()))
    } catch (error) {
      if (error instanceof DeviceError) return refuse(1, `prtvtoc: ${path}: Unable to read Disk geometry errno = 0x5`)
      throw error
    }
  }

  // Recalled from format(1M): -L labels without questions (Solaris 11), -e offers both kinds of label and reads answers from
  // standard input. Only EFI labels are modelled.
  #format(args: readonly string[], input: string): SimAnswer {
    const words = args.slice(0, -1).join(' ')
    const found = this.slice(`/dev/dsk/${args.at(-1)}s2`)
    const isAsked = words === '-e -d' && input.startsWith('label\n1\n')
    if (words !== '-L efi -d' && !isAsked) return unsupported('format', args)
    if (!found) return refuse(1, 'No permission (or no disks found)!')
    if (!isAsked && !this.hasLabelOption) return refuse(1, 'format: illegal option -- L')
    if (found.disk.shape === 'slice') return refuse(1, 'Cannot label disk when partitions are in use as described.')
    const done = this.#onDisk(() => this.#writeLabel(found.disk, efiLabel(totalSectors(found.disk))) ?? true)
    return done ? answer() : refuse(1, 'Warning: error writing EFI.')
  }

  /** Solaris 11; older releases know only the questions. */
  hasLabelOption = true

  #onDisk<T>(work: () => T): T | undefined {
    try {
      return work()
    } catch (error) {
      if (error instanceof DeviceError) return undefined
      throw error
    }
  }
}

/** Sectors per cylinder by disk size: 200 below 2 MiB, 600 below 8 GiB, 96 heads of 768 from there (vd_build_default_label). */
function cylinder(sizeBytes: number): { heads: number; sectors: number } {
  if (sizeBytes >= 8 * GiB) return { heads: 96, sectors: 768 }
  return { heads: 1, sectors: sizeBytes >= 2 * 1024 ** 2 ? 600 : 200 }
}

function cylinderSectors(sizeBytes: number): number {
  const { heads, sectors } = cylinder(sizeBytes)
  return heads * sectors
}

/** Sectors the guest sees: with a slice, more than the backend has, as the made-up label has to lie somewhere. */
function totalSectors(disk: VirtualDisk): number {
  return disk.shape === 'slice' ? madeUpLabel(disk.sizeBytes()).totalSectors : Math.floor(disk.sizeBytes() / SECTOR)
}

/** What all cylinders but the two alternate ones hold. */
function accessible(sectors: number): number {
  const size = cylinderSectors(sectors * SECTOR)
  const physical = Math.max(1, Math.floor(sectors / size))
  return (physical > 2 ? physical - 2 : physical) * size
}

/** vd_setup_partition_vtoc and vd_setup_partition_efi. */
function madeUpLabel(sizeBytes: number): Label {
  const backend = Math.floor(sizeBytes / SECTOR)
  if (sizeBytes >= TiB) {
    const total = backend + EFI_FIRST + EFI_RESERVED + EFI_BACKUP
    return { kind: 'efi', totalSectors: total, slices: efiSlices(EFI_FIRST, backend) }
  }
  const size = cylinderSectors(sizeBytes)
  const whole = Math.floor(backend / size)
  const slices = [
    { number: 0, tag: 0, first: size, count: whole * size },
    { number: 2, tag: 5, first: 0, count: (whole + 1) * size },
  ]
  return { kind: 'vtoc', totalSectors: backend + 3 * size, slices }
}

function efiSlices(first: number, count: number): readonly Slice[] {
  return [
    { number: 0, tag: 4, first, count },
    { number: 8, tag: 11, first: first + count, count: EFI_RESERVED },
  ]
}

function efiLabel(sectors: number): Label {
  return { kind: 'efi', totalSectors: sectors, slices: efiSlices(EFI_FIRST, sectors - EFI_FIRST - EFI_RESERVED - EFI_BACKUP) }
}

/** puttable and puttable64 of prtvtoc.c, without the list of free space. */
function printTable(path: string, label: Label, sizeBytes: number): string {
  const { heads, sectors } = cylinder(sizeBytes)
  const number = (value: number, name: string) => `* ${String(value).padStart(11)} ${name}`
  const size = heads * sectors
  const physical = Math.floor(label.totalSectors / size)
  const usable = (label.slices.find(slice => slice.number === 2)?.count ?? 0) / size
  const dimensions =
    label.kind === 'efi'
      ? [number(label.totalSectors, 'sectors'), number(label.totalSectors - EFI_FIRST - EFI_BACKUP, 'accessible sectors')]
      : [
          number(sectors, 'sectors/track'),
          number(heads, 'tracks/cylinder'),
          number(size, 'sectors/cylinder'),
          number(physical, 'cylinders'),
          number(usable, 'accessible cylinders'),
          number(physical * size, 'sectors'),
          number(usable * size, 'accessible sectors'),
        ]
  const rows = label.slices.map(slice => {
    const [first, count, last] = [slice.first, slice.count, slice.first + slice.count - 1].map(value => String(value).padStart(11))
    return `  ${String(slice.number).padStart(6)}   ${String(slice.tag).padStart(4)}    00  ${first} ${count} ${last}`
  })
  const head = [`* ${path} partition map`, '*', '* Dimensions:', number(SECTOR, 'bytes/sector'), ...dimensions]
  const flags = ['*', '* Flags:', '*   1: unmountable', '*  10: read-only', '*']
  const columns = [
    '*                            First       Sector      Last',
    '* Partition  Tag  Flags      Sector       Count      Sector  Mount Directory',
  ]
  return [...head, ...flags, ...columns, ...rows].map(line => `${line}\n`).join('')
}
