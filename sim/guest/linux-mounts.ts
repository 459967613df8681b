// `mount` and `umount` of the simulated Linux guest, and the table they change. As in util-linux
// 2.38, the status is 32 when the kernel refuses, and a second line points to the kernel's log.

import { DeviceError, type VirtualDisk } from '../devices.ts'
import type { SimAnswer, SimProgram } from '../host.ts'
import { readSuperblock, type Superblock } from './file-system.ts'
import type { MountTable, SimMount } from './guest.ts'
import type { LinuxKernel } from './linux-kernel.ts'
import { answer, refuse, unsupported } from './names.ts'

const KERNEL_LOG = '       dmesg(1) may have more information after failed mount system call.'
const DEVTMPFS = '0:6'

export class LinuxMounts {
  readonly #guest: LinuxKernel
  readonly #state: MountTable

  constructor(guest: LinuxKernel, state: MountTable) {
    this.#guest = guest
    this.#state = state
  }

  programs(): readonly (readonly [string, SimProgram])[] {
    return [
      ['mount', args => this.#mount(args)],
      ['umount', args => this.#umount(args)],
    ]
  }

  /** The mount of a device, or the mount at a path: file system tools accept both as operand. */
  mountOf(path: string): SimMount | undefined {
    const disk = this.#guest.deviceAt(path)
    const isShown = (mount: SimMount) => mount.what === 'filesystem' && mount.disk === disk
    return disk ? this.#state.table().find(isShown) : this.#state.mountAt(path)
  }

  mountInfo(): string {
    const lines = this.#state.table().map((mount, index) => {
      const isNode = mount.what === 'node'
      const numbers =
        mount.disk && !isNode
          ? this.#guest.numbers(mount.disk)
          : mount.type === 'devtmpfs' || isNode
            ? DEVTMPFS
            : `0:${20 + index}`
      const superOptions = [
        mount.options.find(option => option === 'rw' || option === 'ro') ?? 'rw',
        ...this.#failureWords(mount),
      ].join(',')
      const source = isNode ? 'devtmpfs' : mount.source
      const root = isNode ? `/${mount.root}` : mount.root
      return (
        `${20 + index} 1 ${numbers} ${root} ${escaped(mount.path)} ` +
        `${mount.options.join(',')} - ${mount.type} ${source} ${superOptions}`
      )
    })
    return lines.map(line => `${line}\n`).join('')
  }

  // Recorded on Linux 6.18. xfs shows no such option.
  #failureWords(mount: SimMount): readonly string[] {
    const failure = mount.type === 'ext4' ? this.#guest.failureOf(mount) : undefined
    if (failure === undefined) return []
    return [failure === 'shut-down' ? 'shutdown' : 'emergency_ro']
  }

  #mount(args: readonly string[]): SimAnswer {
    const parsed = parseMount(args)
    if (!parsed) return unsupported('mount', args)
    const { options, type, operands } = parsed
    const [first = '', second] = operands
    if (options.includes('remount')) {
      return second === undefined ? this.#remount(first, options) : unsupported('mount', args)
    }
    if (second === undefined) return unsupported('mount', args)
    const target = this.#guest.names.find(second)
    if (!target) return refuse(32, `mount: ${second}: mount point does not exist.\n${KERNEL_LOG}`)
    if (options.includes('bind')) return this.#bind(first, second, options)
    if (target.kind !== 'directory') {
      return refuse(32, `mount: ${second}: mount point is not a directory.\n${KERNEL_LOG}`)
    }
    return this.#mountDevice({ path: first, target: second, type, options })
  }

  #mountDevice(request: {
    path: string
    target: string
    type: string
    options: readonly string[]
  }): SimAnswer {
    const { path, target, type, options } = request
    const disk = this.#guest.deviceAt(path)
    if (!disk) {
      return refuse(32, `mount: ${target}: special device ${path} does not exist.\n${KERNEL_LOG}`)
    }
    const node = `/dev/${this.#guest.nameOf(disk)}`
    const there = this.#state.mountAt(target)
    if (there?.what === 'filesystem' && there.disk === disk) {
      return refuse(32, `mount: ${target}: ${node} already mounted on ${target}.\n${KERNEL_LOG}`)
    }
    if (this.#guest.exclusive.has(disk)) {
      return refuse(
        32,
        `mount: ${target}: ${node} already mounted or mount point busy.\n${KERNEL_LOG}`,
      )
    }
    try {
      const superblock = readSuperblock(this.#guest.region(disk))
      if (superblock?.type === 'xfs' && type === 'xfs' && superblock.damaged) {
        return refuse(
          32,
          `mount: ${target}: mount(2) system call failed: Structure needs cleaning.\n${KERNEL_LOG}`,
        )
      }
      if (!superblock || !this.#isMountable(disk, superblock, { type, options })) {
        return refuse(
          32,
          `mount: ${target}: wrong fs type, bad option, bad superblock on ${node}, missing ` +
            `codepage or helper program, or other error.\n${KERNEL_LOG}`,
        )
      }
      const readonly = options.includes('ro')
      // Recorded for a disk after `blockdev --setro`, with a log to replay.
      if (!superblock.clean && readonly && this.#guest.isSetReadonly(disk)) {
        return refuse(32, `mount: ${target}: cannot mount ${node} read-only.\n${KERNEL_LOG}`)
      }
      const withoutLog =
        readonly && options.some(option => option === 'noload' || option === 'norecovery')
      // Without these options even a read-only mount replays the log, and so writes to the disk.
      if (!readonly || (!withoutLog && !superblock.clean)) this.#state.markClean(disk, readonly)
      this.#add({
        path: target,
        type,
        source: node,
        options: shownOptions(options),
        disk,
        root: '/',
        what: 'filesystem',
      })
      disk.holders.set('mount', undefined)
      return answer()
    } catch (error) {
      // Recalled from util-linux: the message when the device cannot be read or written.
      if (error instanceof DeviceError) {
        return refuse(32, `mount: ${target}: can't read superblock on ${node}.\n${KERNEL_LOG}`)
      }
      throw error
    }
  }

  #isMountable(
    disk: VirtualDisk,
    superblock: Superblock,
    { type, options }: { readonly type: string; readonly options: readonly string[] },
  ): boolean {
    const isSound = !superblock.newer && !superblock.damaged && superblock.type === type
    if (!isSound || superblock.sizeBytes > this.#guest.region(disk).sizeBytes) return false
    if (!hasOnlyKnownOptions(type, options)) return false
    // The kernel mounts only one xfs of a UUID, unless it is told to ignore the UUID.
    return (
      type !== 'xfs' ||
      options.includes('nouuid') ||
      !this.#isMountedElsewhere(superblock.uuid, disk)
    )
  }

  #isMountedElsewhere(uuid: string, disk: VirtualDisk): boolean {
    return this.#state.table().some(mount => {
      if (
        mount.type !== 'xfs' ||
        !mount.disk ||
        mount.disk === disk ||
        mount.options.includes('nouuid')
      ) {
        return false
      }
      return readSuperblock(this.#guest.region(mount.disk))?.uuid === uuid
    })
  }

  #bind(source: string, target: string, options: readonly string[]): SimAnswer {
    const shown = shownOptions(options)
    const disk = this.#guest.deviceAt(source)
    if (disk) {
      const root = this.#guest.nameOf(disk)
      this.#add({
        path: target,
        type: 'devtmpfs',
        source: 'devtmpfs',
        options: shown,
        disk,
        root,
        what: 'node',
      })
      return answer()
    }
    const from = this.#state.mountAt(source)
    if (!this.#guest.names.find(source)) {
      return refuse(32, `mount: ${target}: special device ${source} does not exist.\n${KERNEL_LOG}`)
    }
    // A directory outside all volumes is part of the system's own file system.
    const shownMount: SimMount = from ?? {
      path: '/',
      type: 'ext4',
      source: this.#guest.systemDisk,
      options: [],
      disk: undefined,
      root: source,
      what: 'system',
    }
    this.#add({ ...shownMount, path: target, options: shown })
    return answer()
  }

  #remount(path: string, options: readonly string[]): SimAnswer {
    const mount = this.#state.mountAt(path)
    if (!mount) {
      return refuse(32, `mount: ${path}: mount point not mounted or bad option.\n${KERNEL_LOG}`)
    }
    mount.options = shownOptions(options.filter(option => option !== 'remount'))
    return answer()
  }

  #umount(args: readonly string[]): SimAnswer {
    const [path = ''] = args
    if (args.length !== 1 || path.startsWith('-')) return unsupported('umount', args)
    if (!this.#guest.names.find(path)) {
      return refuse(32, `umount: ${path}: no mount point specified.`)
    }
    const mount = this.#state.mountAt(path)
    if (!mount) return refuse(32, `umount: ${path}: not mounted.`)
    if (this.#state.isBusy(mount)) return refuse(32, `umount: ${path}: target is busy.`)
    this.#state.unmount(mount)
    return answer()
  }

  #add(mount: SimMount): void {
    this.#state.setTable([...this.#state.table(), mount])
  }
}

function parseMount(
  args: readonly string[],
): { options: string[]; type: string; operands: string[] } | undefined {
  const options: string[] = []
  const operands: string[] = []
  let type = ''
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? ''
    if (word === '--bind') options.push('bind')
    else if (word === '-t') type = args[++at] ?? ''
    else if (word === '-o') options.push(...((args[++at] ?? '').match(OPTION) ?? []))
    else if (word.startsWith('-')) return undefined
    else operands.push(word)
  }
  return operands.length >= 1 && operands.length <= 2 ? { options, type, operands } : undefined
}

// A comma in quotes belongs to the option (documented: mount(8), for SELinux labels).
const OPTION = /(?:[^,"]|"[^"]*")+/g
const COMMON = ['rw', 'ro', 'noatime', 'relatime', 'nosuid', 'nodev', 'noexec', 'sync']
const OWN: Readonly<Record<string, readonly string[]>> = {
  ext4: ['noload', 'norecovery', 'data=ordered', 'errors=remount-ro'],
  xfs: ['nouuid', 'norecovery', 'inode64', 'noquota'],
}

function hasOnlyKnownOptions(type: string, options: readonly string[]): boolean {
  return options.every(
    option =>
      COMMON.includes(option) || option.startsWith('context=') || OWN[type]?.includes(option),
  )
}

function shownOptions(options: readonly string[]): readonly string[] {
  const own = options.filter(
    option => !['rw', 'ro', 'bind', 'relatime', 'noload', 'norecovery'].includes(option),
  )
  return [
    options.includes('ro') ? 'ro' : 'rw',
    ...own.filter(option => option !== 'nouuid'),
    'relatime',
    ...own.filter(option => option === 'nouuid'),
  ]
}

function escaped(path: string): string {
  return path.replace(
    /[ \t\n\\]/g,
    character => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`,
  )
}
