// UFS and lofs of the simulated Solaris guest: fstyp, newfs, fsck, mount, umount, growfs, df. Where
// a comment names a source file, the texts are from illumos. The progress output of newfs and
// growfs is shortened.

import { DeviceError, type VirtualDisk } from '../devices.ts'
import type { SimAnswer, SimProgram } from '../host.ts'
import {
  makeFileSystem,
  type Region,
  readFiles,
  readSuperblock,
  type Superblock,
  usedBytes,
  writeSuperblock,
} from './file-system.ts'
import { isReadonly, type MountTable, type SimMount } from './guest.ts'
import { answer, type NameTree, refuse, unsupported } from './names.ts'
import type { SolarisDisks } from './solaris-disks.ts'

const FRAGMENT = 1024
const BLOCK = 8192
const BYTES_PER_INODE = 8192

/** The guest's kernel, as the file system tools use it. */
interface SolarisKernel {
  readonly names: NameTree
  readonly solarisDisks: SolarisDisks
  region(disk: VirtualDisk): Region
}

export class SolarisFileSystems {
  readonly #guest: SolarisKernel
  readonly #state: MountTable

  constructor(guest: SolarisKernel, state: MountTable) {
    this.#guest = guest
    this.#state = state
  }

  programs(): readonly (readonly [string, SimProgram])[] {
    return [
      ['fstyp', args => this.#fstyp(args)],
      ['newfs', args => this.#newfs(args)],
      ['fsck', args => this.#fsck(args)],
      ['mount', args => this.#mount(args)],
      ['umount', args => this.#umount(args)],
      ['growfs', args => this.#growfs(args)],
      ['df', args => this.#df(args)],
    ]
  }

  #fstyp(args: readonly string[]): SimAnswer {
    const path = args.at(-1) ?? ''
    const verbose = args[0] === '-v'
    if (args.length !== (verbose ? 2 : 1)) return unsupported('fstyp', args)
    // Source: fstyp_main.c. Status 7 and this text when the device cannot be opened, also because
    // it has no label.
    const closed = refuse(7, 'unknown_fstyp (cannot open device)')
    const disk = this.#sliceZero(path)
    if (!disk) return closed
    try {
      const superblock = readSuperblock(this.#guest.region(disk))
      if (!superblock) return refuse(1, 'unknown_fstyp (no matches)')
      if (!verbose) return answer(`${superblock.type}\n`)
      const fragments = superblock.sizeBytes / FRAGMENT
      // Only the first of many lines (recalled: fstyp of ufs).
      return answer(
        `${superblock.type}\nmagic\t11954\tformat\tdynamic\ttime\tMon Nov  3 10:00:00 ` +
          `2026\nncg\t1\tsize\t${fragments}\tblocks\t${Math.floor(fragments * 0.94)}\nbsize\t${BLOCK}\tshift\t13\tmask\t0xffffe000\nfsize\t${FRAGMENT}\tshift\t10\tmask\t0xfffffc00\n`,
      )
    } catch (error) {
      if (error instanceof DeviceError) return closed
      throw error
    }
  }

  // Without a terminal newfs does not ask (source: newfs.c).
  #newfs(args: readonly string[]): SimAnswer {
    const path = args.at(-1) ?? ''
    const known = (word: string, at: number) =>
      /^-[Tbcfimor]$/.test(word) || /^-[bcfimor]$/.test(args[at - 1] ?? '')
    if (args.length === 0 || !args.slice(0, -1).every(known)) return unsupported('newfs', args)
    const disk = this.#sliceZero(path)
    if (!disk) return refuse(1, `newfs: ${path}: No such file or directory`)
    if (this.#mountsOf(disk).length > 0) return refuse(1, `newfs: ${path}: is mounted, can't newfs`)
    return this.#onDisk(`newfs: ${path}: I/O error`, () => {
      const region = this.#guest.region(disk)
      makeFileSystem(region, 'ufs', FRAGMENT)
      return answer(`${path}:\t${region.sizeBytes / 512} sectors\n`)
    })
  }

  #fsck(args: readonly string[]): SimAnswer {
    const path = args.at(-1) ?? ''
    const words = args.slice(0, -1).join(' ')
    if (words !== '-F ufs -m' && words !== '-F ufs -o p') return unsupported('fsck', args)
    const disk = this.#sliceZero(path)
    if (!disk) return refuse(34, `ufs fsck: sanity check failed : cannot stat ${path}`)
    return this.#onDisk(`${path}: CAN'T CHECK FILE SYSTEM.`, () => {
      const region = this.#guest.region(disk)
      const superblock = readSuperblock(region)
      if (superblock?.type !== 'ufs') {
        return refuse(39, `${path}: BAD SUPERBLOCK AT BLOCK 16: MAGIC NUMBER WRONG`)
      }
      const check = words.endsWith('-m')
      if (this.#mountsOf(disk).length > 0) {
        return refuse(33, `ufs fsck: sanity check: ${path} already mounted`)
      }
      if (check && superblock.clean && !superblock.damaged) {
        return refuse(0, `ufs fsck: sanity check: ${path} okay`)
      }
      if (check) return refuse(32, `ufs fsck: sanity check: ${path} needs checking`)
      if (superblock.damaged) {
        return refuse(36, `${path}: UNEXPECTED INCONSISTENCY; RUN fsck MANUALLY.`)
      }
      writeSuperblock(region, { ...superblock, clean: true })
      return answer(`${path}: is logging.\n`)
    })
  }

  #mount(args: readonly string[]): SimAnswer {
    const [f, type, ...rest] = args
    const options = rest[0] === '-o' ? (rest[1] ?? '').split(',') : []
    const operands = rest[0] === '-o' ? rest.slice(2) : rest
    const [source = '', path = ''] = operands
    if (f !== '-F' || operands.length !== 2) return unsupported('mount', args)
    if (type === 'lofs') return this.#mountLoop(source, path, options)
    if (type !== 'ufs') return unsupported('mount', args)
    if (this.#guest.names.find(path)?.kind !== 'directory') {
      return refuse(32, `mount: ${source} or ${path}, no such file or directory`)
    }
    const disk = this.#sliceZero(source)
    if (!disk || source.startsWith('/dev/rdsk/')) {
      return refuse(32, `mount: ${source} or ${path}, no such file or directory`)
    }
    if (this.#mountsOf(disk).length > 0 || this.#state.mountAt(path)) {
      return refuse(32, `mount: ${source} is already mounted or ${path} is busy`)
    }
    return this.#onDisk(
      `mount: I/O error\nmount: Cannot mount ${source}`,
      () => this.#mountUfs({ disk, source, path, options }),
      32,
    )
  }

  #mountUfs(request: {
    disk: VirtualDisk
    source: string
    path: string
    options: readonly string[]
  }): SimAnswer {
    const { disk, source, path, options } = request
    const superblock = readSuperblock(this.#guest.region(disk))
    if (superblock?.type !== 'ufs') return refuse(32, `mount: ${source} is not this fstype`)
    const readonly = options.includes('ro')
    if (!readonly && disk.mode === 'ro') return refuse(32, `mount: ${source} write-protected`)
    if (!readonly && (!superblock.clean || superblock.damaged)) {
      return refuse(
        32,
        `mount: The state of ${source} is not okay\n\tand it was attempted to be mounted ` +
          'read/write',
        'mount: Please run fsck and try again\n',
      )
    }
    if (!readonly) this.#state.markClean(disk, false)
    const asked = options.filter(option => !['rw', 'ro', 'logging'].includes(option))
    const shown = [
      readonly ? 'ro' : 'rw',
      ...asked,
      'intr',
      'largefiles',
      ...(readonly ? [] : ['logging']),
      'xattr',
      'onerror=panic',
      `dev=${deviceNumber(disk)}`,
    ]
    this.#add({ path, type: 'ufs', source, options: shown, disk, root: '/', what: 'filesystem' })
    disk.holders.set('mount', { resource: source, information: `mounted filesystem "${path}"` })
    return answer()
  }

  // A lofs mount shows a directory. If a file system is mounted there, the mount shows that one.
  #mountLoop(source: string, path: string, options: readonly string[]): SimAnswer {
    for (const directory of [source, path]) {
      if (this.#guest.names.find(directory)?.kind !== 'directory') {
        return refuse(32, `mount: ${directory}: No such file or directory`)
      }
    }
    if (this.#state.mountAt(path)) {
      return refuse(32, `mount: ${path} is already mounted or ${source} is busy`)
    }
    const from = this.#state.mountAt(source)
    const shown = [
      options.includes('ro') || (from && isReadonly(from)) ? 'ro' : 'rw',
      `dev=${from?.disk ? deviceNumber(from.disk) : '4750002'}`,
    ]
    this.#add({
      path,
      type: 'lofs',
      source,
      options: shown,
      disk: from?.disk,
      root: '/',
      what: from?.disk ? 'filesystem' : 'system',
    })
    return answer()
  }

  #umount(args: readonly string[]): SimAnswer {
    const [path = ''] = args
    if (args.length !== 1 || path.startsWith('-')) return unsupported('umount', args)
    const mount = this.#state.mountAt(path)
    if (!mount) {
      return refuse(1, `umount: warning: ${path} not in mnttab\numount: ${path} not mounted`)
    }
    const isShownElsewhere = this.#state
      .table()
      .some(other => other.type === 'lofs' && other.source === path)
    if (this.#state.isBusy(mount) || isShownElsewhere) return refuse(1, `umount: ${path} busy`)
    this.#state.unmount(mount)
    return answer()
  }

  #growfs(args: readonly string[]): SimAnswer {
    const [m, path = '', device = ''] = args
    const disk = this.#sliceZero(device)
    if (m !== '-M' || args.length !== 3) return unsupported('growfs', args)
    const mount = this.#state.mountAt(path)
    // growfs needs the mount of the file system itself, not a lofs mount that shows it.
    if (!disk || mount?.disk !== disk || mount.type !== 'ufs') {
      return refuse(1, `growfs: ${path}: not mounted`)
    }
    return this.#onDisk(`growfs: ${device}: I/O error`, () => {
      const region = this.#guest.region(disk)
      const superblock = readSuperblock(region)
      if (!superblock) return refuse(1, `growfs: ${device}: not a UFS file system`)
      writeSuperblock(region, {
        ...superblock,
        sizeBytes: Math.floor(region.sizeBytes / FRAGMENT) * FRAGMENT,
      })
      return answer(`${device}:\t${region.sizeBytes / 512} sectors\n`)
    })
  }

  // The layout of df.c (source): numbers before their names, counts in fragments.
  #df(args: readonly string[]): SimAnswer {
    const [option, path = ''] = args
    if (option !== '-g' || args.length !== 2) return unsupported('df', args)
    const mount = this.#state.mountAt(path)
    if (!mount?.disk) {
      return refuse(1, `df: (${path}        ) not a block device, directory or mounted resource`)
    }
    const disk = mount.disk
    return this.#onDisk(`df: cannot statvfs ${path}: I/O error`, () => {
      const region = this.#guest.region(disk)
      const superblock = readSuperblock(region)
      if (!superblock) return refuse(1, `df: cannot statvfs ${path}: I/O error`)
      return answer(
        printTotals(mount, superblock, { used: usedBytes(region), files: readFiles(region).size }),
      )
    })
  }

  #sliceZero(path: string): VirtualDisk | undefined {
    const found = this.#guest.solarisDisks.slice(path)
    return found?.slice === 0 ? found.disk : undefined
  }

  #mountsOf(disk: VirtualDisk): readonly SimMount[] {
    return this.#state.table().filter(mount => mount.disk === disk)
  }

  #onDisk(complaint: string, work: () => SimAnswer, exitStatus = 1): SimAnswer {
    try {
      return work()
    } catch (error) {
      if (error instanceof DeviceError) return refuse(exitStatus, complaint)
      throw error
    }
  }

  #add(mount: SimMount): void {
    this.#state.setTable([...this.#state.table(), mount])
  }
}

function deviceNumber(disk: VirtualDisk): string {
  return (0x01540000 + disk.id * 8).toString(16)
}

function printTotals(
  mount: SimMount,
  superblock: Superblock,
  content: { used: number; files: number },
): string {
  const total = Math.floor((superblock.sizeBytes * 0.94) / FRAGMENT)
  const free = total - Math.ceil(content.used / FRAGMENT)
  const files = Math.floor(superblock.sizeBytes / BYTES_PER_INODE)
  const column = (value: number | string, width: number) => String(value).padStart(width)
  return `${mount.path.padEnd(18)} (${mount.source.padEnd(18)}): ${column(BLOCK, 12)} block size  ${column(FRAGMENT, 12)} frag size
${column(total, 8)} total blocks ${column(free, 10)} free blocks ${column(Math.floor(free * 0.9), 8)} available ${column(files, 14)} total files
${column(files - 4 - content.files, 8)} free files ${column(22_282_280, 10)} filesys id
${column('ufs', 8)} fstype       0x00000004 flag          ${column(255, 6)} filename length

`
}
