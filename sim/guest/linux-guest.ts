// A simulated Linux guest: sysfs entries, device nodes, mounts and the tools that the node plugin
// runs. Messages are those of test/transcripts/linux-guest-tools*.txt unless a comment says
// otherwise. Its bus says what is different on sparc64 and on Xen. The kernel does not object when
// a mounted disk is removed (source: sunvdc.c; recorded for Xen).

import { DeviceError, type VirtualDisk } from '../devices.ts'
import type { SimAnswer, SimHost } from '../host.ts'
import { octalDump, parseBlockRead } from './block-reads.ts'
import { type GuestBus, VIO } from './bus.ts'
import type { Region } from './file-system.ts'
import { type GuestOptions, SimGuest, type SimMount } from './guest.ts'
import { KernelRoot } from './kernel-root.ts'
import { LinuxFileSystems } from './linux-file-systems.ts'
import { LinuxMounts } from './linux-mounts.ts'
import { answer, type NameEntry, NameTree, refuse, unsupported } from './names.ts'

const SECTOR = 512

export interface LinuxGuestOptions extends GuestOptions {
  /** The directory in which the disks appear as real block devices; needs root on Linux. */
  readonly kernelRoot?: string
  /** Physical block size that the disk server reports; file system tools warn about a large one. */
  readonly physicalSectorBytes?: number
  /** That of sparc64 if left out. */
  readonly bus?: GuestBus
}

export class SimLinuxGuest extends SimGuest {
  readonly names: NameTree
  readonly fileSystems: LinuxFileSystems
  readonly physicalSectorBytes: number
  readonly #bus: GuestBus
  /** Sizes that the kernel read when the disks appeared. */
  readonly #probed = new Map<VirtualDisk, number>()
  readonly #setReadonly = new Set<VirtualDisk>()
  readonly #kernelRoot: KernelRoot | undefined
  readonly #mounts: LinuxMounts
  /** Disks that are open exclusively (O_EXCL), as when the kernel itself uses them. */
  readonly exclusive = new Set<VirtualDisk>()
  /** Names of disks used as swap area. */
  readonly swaps = new Set<string>()
  /** Processes whose files the account may not read. */
  readonly unseen = new Set<number>()
  /** Further nodes with the numbers of a disk, as container runtimes create them. */
  readonly #nodes = new Map<string, number>()

  constructor(host: SimHost, options: LinuxGuestOptions) {
    super(host, options)
    this.#bus = options.bus ?? VIO
    host.cutsCommandLines = false
    this.physicalSectorBytes = options.physicalSectorBytes ?? SECTOR
    this.#kernelRoot =
      options.kernelRoot === undefined ? undefined : new KernelRoot(options.kernelRoot, this.#bus)
    this.names = new NameTree(
      {
        text: path => this.#kernelText(path),
        list: path => this.#kernelList(path),
        entry: path => this.#node(path),
        isMountPoint: path => this.mountAt(path) !== undefined,
        failure: path => this.#nameFailure(path),
      },
      {
        inaccessible: (tool, path, words) => `${tool}: cannot access '${path}': ${words}`,
        rmdirRefusal: (path, reason) =>
          `rmdir: failed to remove '${path}': ${RMDIR_REASONS[reason]}`,
      },
    )
    this.table = [...this.systemMounts()]
    this.#mounts = new LinuxMounts(this, this.mountTable())
    this.disksChanged()
    this.fileSystems = new LinuxFileSystems(this, path => this.#mounts.mountOf(path))
    for (const [name, program] of [
      ...this.names.programs(),
      ...this.#mounts.programs(),
      ...this.fileSystems.programs(),
    ]) {
      host.programs.set(name, program)
    }
    host.programs.set('blockdev', args => this.#blockdev(args))
    host.programs.set('od', args => this.#od(args))
    host.programs.set('dd', args => this.#dd(args))
    host.programs.set('fuser', args => this.#fuser(args))
    host.programs.set('find', args => this.#find(args))
    host.programs.set('readlink', args => this.#readlink(args))
  }

  /** Detaches real block devices, if there are any. */
  dispose(): void {
    this.#kernelRoot?.dispose()
  }

  /** The disk behind a path: a device node, or a path to which a node is bind-mounted. */
  deviceAt(path: string): VirtualDisk | undefined {
    const node = this.#nodes.get(path)
    if (node !== undefined) return this.disks.list().find(disk => disk.id === node)
    const bound = this.mountAt(path)
    if (bound?.what === 'node') return this.disks.list().find(disk => disk === bound.disk)
    return this.disks
      .list()
      .find(disk => `/dev/${this.nameOf(disk)}` === path && this.probedBytes(disk) !== undefined)
  }

  makeNode(path: string, id: number): void {
    this.#nodes.set(path, id)
  }

  /** Undefined until the disk server has answered: until then the kernel has no such disk. */
  probedBytes(disk: VirtualDisk): number | undefined {
    const known = this.#probed.get(disk)
    if (known !== undefined && !this.#bus.followsSize) return known
    try {
      const sectors = this.#bus.kept(Math.floor(disk.sizeBytes() / SECTOR))
      this.#probed.set(disk, sectors * SECTOR)
      return sectors * SECTOR
    } catch (error) {
      if (error instanceof DeviceError) return known
      throw error
    }
  }

  /** As if every disk had been removed and added again, but only their sizes are read again. */
  forgetSizes(): void {
    this.#probed.clear()
    this.disksChanged()
  }

  /** Whether `blockdev --setro` was used on the disk. The kernel forgets it when the disk goes. */
  isSetReadonly(disk: VirtualDisk): boolean {
    return this.#setReadonly.has(disk)
  }

  numbers(disk: VirtualDisk): string {
    return this.#bus.numbers(disk.id)
  }

  nameOf(disk: VirtualDisk): string {
    return this.#bus.diskName(disk.id)
  }

  get systemDisk(): string {
    return this.#bus.systemDisk
  }

  region(disk: VirtualDisk): Region {
    return {
      sizeBytes: this.probedBytes(disk) ?? 0,
      read: (offset, length) => disk.read(offset, length),
      write: (offset, bytes) => disk.write(offset, bytes),
    }
  }

  protected override booted(): void {
    this.#probed.clear()
    this.#setReadonly.clear()
  }

  protected override disksChanged(): void {
    const present = this.disks.list()
    for (const disk of this.#setReadonly) {
      if (!present.includes(disk)) this.#setReadonly.delete(disk)
    }
    for (const disk of this.#probed.keys()) if (!present.includes(disk)) this.#probed.delete(disk)
    for (const disk of present) this.probedBytes(disk)
    this.#kernelRoot?.show(
      present.map(disk => ({
        entry: this.#bus.entryOf(disk.id),
        name: this.nameOf(disk),
        file: () => disk.file(),
        readonly: disk.mode === 'ro',
      })),
    )
  }

  protected override systemMounts(): readonly SimMount[] {
    const system = { disk: undefined, root: '/', what: 'system' } as const
    return [
      {
        path: '/',
        type: 'ext4',
        source: this.systemDisk,
        options: ['rw', 'relatime'],
        ...system,
      },
      {
        path: '/proc',
        type: 'proc',
        source: 'proc',
        options: ['rw', 'nosuid', 'nodev', 'noexec', 'relatime'],
        ...system,
      },
      {
        path: '/sys',
        type: 'sysfs',
        source: 'sysfs',
        options: ['rw', 'nosuid', 'nodev', 'noexec', 'relatime'],
        ...system,
      },
      { path: '/dev', type: 'devtmpfs', source: 'devtmpfs', options: ['rw', 'nosuid'], ...system },
    ]
  }

  #node(path: string): NameEntry | undefined {
    const disk = this.deviceAt(path)
    return disk && { kind: 'block', numbers: this.numbers(disk).replace(':', ', ') }
  }

  #kernelList(path: string): readonly string[] | undefined {
    const present = this.disks.list()
    const { directory, others, files, entryOf } = this.#bus
    if (path === directory) return [...others, ...present.map(disk => entryOf(disk.id))].sort()
    if (path.startsWith(`${directory}/`)) {
      const [entry = '', below, ...more] = path.slice(directory.length + 1).split('/')
      const disk = present.find(candidate => entryOf(candidate.id) === entry)
      if (!disk || more.length > 0) return undefined
      const probed = this.probedBytes(disk) !== undefined
      if (below === undefined) return [...(probed ? ['block'] : []), ...files]
      return probed && below === 'block' ? [this.nameOf(disk)] : undefined
    }
    const live = path.match(/^\/sys\/fs\/(ext4|xfs)\/(\w+)\/$/)
    if (live) {
      return this.liveFileSystems(live[1] ?? '').some(disk => this.nameOf(disk) === live[2])
        ? ['stats']
        : undefined
    }
    const block = path.match(/^\/sys\/class\/block\/(\w+)(\/holders)?$/)
    const disk = block && present.find(candidate => this.nameOf(candidate) === block[1])
    if (!disk) return undefined
    return block[2] === undefined ? ['dev', 'holders', 'size'] : []
  }

  #kernelText(path: string): string | undefined {
    if (path === '/proc/self/mountinfo') return this.#mounts.mountInfo()
    if (path === '/proc/swaps') {
      const rows = [...this.swaps].map(
        name => `/dev/${name.padEnd(35)}partition\t1048572\t\t0\t\t-2`,
      )
      return ['Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority', ...rows]
        .map(line => `${line}\n`)
        .join('')
    }
    const name = path.match(/^\/sys\/class\/block\/(\w+)\/dev$/)?.[1]
    const disk = this.disks.list().find(candidate => this.nameOf(candidate) === name)
    return disk && this.probedBytes(disk) !== undefined ? `${this.numbers(disk)}\n` : undefined
  }

  #blockdev(args: readonly string[]): SimAnswer {
    const [option, path = ''] = args
    if (!['--getsize64', '--setro', '--setrw'].includes(option ?? '') || args.length !== 2) {
      return unsupported('blockdev', args)
    }
    const disk = this.deviceAt(path)
    if (disk && option !== '--getsize64') {
      if (option === '--setro') this.#setReadonly.add(disk)
      else this.#setReadonly.delete(disk)
      return answer()
    }
    if (disk) return answer(`${this.probedBytes(disk)}\n`)
    return refuse(1, `blockdev: cannot open ${path}: No such file or directory`)
  }

  #od(args: readonly string[]): SimAnswer {
    const [option, count, path = ''] = args
    if (option !== '-N' || !/^\d+$/.test(count ?? '') || args.length !== 3) {
      return unsupported('od', args)
    }
    const disk = this.deviceAt(path)
    if (!disk) return refuse(1, `od: ${path}: No such file or directory`)
    try {
      return answer(octalDump(disk.read(0, Math.min(Number(count), this.region(disk).sizeBytes))))
    } catch (error) {
      // After a read error GNU od still prints the offset at which it stopped.
      if (error instanceof DeviceError) {
        return refuse(1, `od: ${path}: read error: Input/output error`, '0000000\n')
      }
      throw error
    }
  }

  // Recorded: after a shutdown xfs answers nothing; ext4 shows what it remembers and fails on an
  // attribute.
  #nameFailure(path: string): { words: string; remembers: boolean } | undefined {
    const mount = this.mountAt(path)
    if (mount === undefined || this.failureOf(mount) !== 'shut-down') return undefined
    return { words: 'Input/output error', remembers: mount.type === 'ext4' }
  }

  #dd(args: readonly string[]): SimAnswer {
    const request = parseBlockRead(args)
    if (!request) return unsupported('dd', args)
    const { path, bytes } = request
    const disk = this.deviceAt(path)
    if (!disk) return refuse(1, `dd: failed to open '${path}': No such file or directory`)
    try {
      disk.read(0, bytes)
      const amount =
        `${bytes} bytes (${(bytes / 1000).toFixed(1)} kB, ` + `${(bytes / 1024).toFixed(1)} KiB)`
      return {
        exitStatus: 0,
        stdout: '',
        stderr: `1+0 records in\n1+0 records out\n${amount} copied, 0.0001 s, 32 MB/s\n`,
      }
    } catch (error) {
      // Recalled from coreutils.
      if (error instanceof DeviceError) {
        return refuse(
          1,
          `dd: error reading '${path}': Input/output error\n0+0 records in\n0+0 records out`,
        )
      }
      throw error
    }
  }

  #fuser(args: readonly string[]): SimAnswer {
    const [path = ''] = args
    if (args.length !== 1 || path.startsWith('-')) return unsupported('fuser', args)
    if (!this.names.find(path)) return refuse(1, `Specified filename ${path} does not exist.`)
    const processes = this.processesOn(path)
    const hidden = [...this.unseen]
      .map(process => `Cannot stat file /proc/${process}/fd/0: Permission denied\n`)
      .join('')
    if (processes.length === 0) return { exitStatus: 1, stdout: '', stderr: hidden }
    return {
      exitStatus: 0,
      stdout: processes.map(process => `  ${process}`).join(''),
      stderr: `${hidden}${path}:          `,
    }
  }

  // The only search that the node plugin runs: which processes have a device with these numbers
  // open, or mounted in their own namespace. Recorded with findutils 4.9, GNU grep 3.8 and
  // coreutils 9.1 on Linux 6.18.
  #find(args: readonly string[]): SimAnswer {
    const numbers = args[args.indexOf('-lF') + 1]?.trim()
    if (args[0] !== '/proc' || !args.includes('-xtype') || !numbers) {
      return unsupported('find', args)
    }
    const disk = this.disks.list().find(candidate => this.numbers(candidate) === numbers)
    const [major = '', minor = ''] = numbers.split(':').map(part => Number(part).toString(16))
    const mounted = disk
      ? this.namespacesWith(disk).map(process => `/proc/${process}/mountinfo`)
      : []
    const openers = this.openFiles().filter(
      file => disk !== undefined && this.deviceAt(file.path) === disk,
    )
    const opened = openers.map(file => `${major}:${minor} /proc/${file.process}/fd/3`)
    const stdout = ['/proc/uptime', ...mounted, ...opened].map(line => `${line}\n`).join('')
    return { exitStatus: mounted.length > 0 ? 0 : 1, stdout, stderr: '' }
  }

  // Links inside paths are not modelled: the answer is the path itself, if its parent exists.
  #readlink(args: readonly string[]): SimAnswer {
    const [option, path = ''] = args
    if (!['-f', '-m'].includes(option ?? '') || args.length !== 2) {
      return unsupported('readlink', args)
    }
    const plain = `/${path
      .split('/')
      .filter(part => part !== '')
      .join('/')}`
    const parent = plain.slice(0, plain.lastIndexOf('/')) || '/'
    return option === '-m' || this.names.find(parent)
      ? answer(`${plain}\n`)
      : { exitStatus: 1, stdout: '', stderr: '' }
  }
}

const RMDIR_REASONS = {
  missing: 'No such file or directory',
  mounted: 'Device or resource busy',
  'not-a-directory': 'Not a directory',
}
