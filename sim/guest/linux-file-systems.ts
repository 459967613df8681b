// File system tools of the simulated Linux guest: blkid, wipefs, mkfs, e2fsck, resize2fs,
// xfs_growfs, stat -f. Texts are recorded from e2fsprogs 1.47, xfsprogs 6.1 and util-linux 2.38.
// Numbers are those of the simulated file system.

import { DeviceError, type VirtualDisk } from '../devices.ts'
import type { SimAnswer, SimProgram } from '../host.ts'
import {
  makeFileSystem,
  readFiles,
  readSuperblock,
  type Superblock,
  usedBytes,
  writeSuperblock,
} from './file-system.ts'
import type { SimMount } from './guest.ts'
import type { LinuxKernel } from './linux-kernel.ts'
import { answer, refuse, unsupported } from './names.ts'

const E2FSPROGS = '1.47.0 (5-Feb-2023)'
const MiB = 1024 ** 2
const FIRST_INODES = 11 // ext4 reserves the first ones
const XFS_LOG_BLOCKS = 16_384
const SOLARIS_LABEL = 'SIMLABEL'
// mkfs.xfs(8)
const XFS_METADATA = /^(crc|finobt|uuid|rmapbt|reflink|inobtcount|bigtime)(=|$)/

type Work = (disk: VirtualDisk, path: string) => SimAnswer

export class LinuxFileSystems {
  /** Whether mkfs.xfs knows `-m uuid=`, as version 4.3 and later do. */
  knowsUuidOption = true
  readonly #guest: LinuxKernel
  readonly #mountOf: (path: string) => SimMount | undefined

  constructor(guest: LinuxKernel, mountOf: (path: string) => SimMount | undefined) {
    this.#guest = guest
    this.#mountOf = mountOf
  }

  programs(): readonly (readonly [string, SimProgram])[] {
    return [
      ['blkid', args => this.#blkid(args)],
      ['wipefs', args => this.#wipefs(args)],
      ['mkfs.ext4', args => this.#mkfsExt4(args)],
      ['mkfs.xfs', args => this.#mkfsXfs(args)],
      ['e2fsck', args => this.#e2fsck(args)],
      ['resize2fs', args => this.#resize2fs(args)],
      ['xfs_growfs', args => this.#xfsGrowfs(args)],
      ['stat', args => this.#stat(args)],
    ]
  }

  #blkid(args: readonly string[]): SimAnswer {
    const path = args.at(-1) ?? ''
    const form = args.slice(0, -1).join(' ')
    if (!['-p', '-p -o export', '-p -u filesystem -o export'].includes(form)) {
      return unsupported('blkid', args)
    }
    const disk = this.#guest.deviceAt(path)
    // blkid answers the same for a missing device, an unreadable one and a blank one.
    const nothing: SimAnswer = { exitStatus: 2, stdout: '', stderr: '' }
    if (!disk) return nothing
    try {
      const found = this.#signature(disk)
      if (found === undefined) return nothing
      if (form === '-p') return unsupported('blkid', args)
      const lines = found === 'sun' ? ['PTTYPE=sun'] : describe(found)
      return answer([`DEVNAME=${path}`, ...lines].map(line => `${line}\n`).join(''))
    } catch (error) {
      if (error instanceof DeviceError) return nothing
      throw error
    }
  }

  #signature(disk: VirtualDisk): Superblock | 'sun' | undefined {
    const region = this.#guest.region(disk)
    if (region.sizeBytes < SOLARIS_LABEL.length) return undefined
    if (region.read(0, SOLARIS_LABEL.length).toString('latin1') === SOLARIS_LABEL) return 'sun'
    return readSuperblock(region)
  }

  #wipefs(args: readonly string[]): SimAnswer {
    const [option, path = ''] = args
    if ((option !== '-n' && option !== '-J') || args.length !== 2) {
      return unsupported('wipefs', args)
    }
    const disk = this.#guest.deviceAt(path)
    if (!disk) {
      return refuse(
        1,
        `wipefs: error: ${path}: probing initialization failed: No such file or directory`,
      )
    }
    try {
      const found = this.#signature(disk)
      if (option === '-J') {
        return found === undefined
          ? answer('{\n   "signatures": [\n\n   ]\n}\n')
          : unsupported('wipefs', args)
      }
      if (found === undefined) return answer()
      const name = this.#guest.nameOf(disk)
      const [offset, type, uuid] =
        found === 'sun'
          ? ['0x1fc', 'sun', '']
          : [OFFSETS[found.type] ?? '0x0', found.type, found.uuid]
      const row = (cells: readonly string[]) =>
        `${(cells[0] ?? '').padEnd(name.length)} ${(cells[1] ?? '').padEnd(6)} ` +
        `${(cells[2] ?? '').padEnd(4)} ${(cells[3] ?? '').padEnd(36)} ${cells[4] ?? ''}\n`
      return answer(
        row(['DEVICE', 'OFFSET', 'TYPE', 'UUID', 'LABEL']) +
          row([name, offset ?? '', type ?? '', uuid ?? '', '']),
      )
    } catch (error) {
      if (error instanceof DeviceError) {
        return refuse(
          1,
          `wipefs: error: ${path}: probing initialization failed: Input/output error`,
        )
      }
      throw error
    }
  }

  #mkfsExt4(args: readonly string[]): SimAnswer {
    const options = args.slice(0, -1)
    // Options for the layout of the file system are accepted and, except the UUID, ignored.
    const shape = /^-[bgGiImNOETLU]$/
    const known = (word: string, index: number) =>
      /^(-q|-m0|-F)$/.test(word) || shape.test(word) || shape.test(options[index - 1] ?? '')
    if (args.length === 0 || !options.every(known)) return unsupported('mkfs.ext4', args)
    // Recorded: mkfs.ext4 asks before it overwrites only on a terminal; without one it goes ahead.
    return this.#onDevice('mke2fs', args.at(-1) ?? '', (disk, path) => {
      if (this.#mountOf(path)) {
        return refuse(1, `${path} is mounted; will not make a filesystem here!`)
      }
      if (this.#guest.exclusive.has(disk)) {
        return refuse(
          1,
          `${path} is apparently in use by the system; will not make a filesystem here!`,
        )
      }
      const region = this.#guest.region(disk)
      makeFileSystem(region, 'ext4', extBlockBytes(region.sizeBytes), optionValue(options, '-U'))
      return answer()
    })
  }

  #mkfsXfs(args: readonly string[]): SimAnswer {
    const options = args.slice(0, -1)
    if (
      args.length === 0 ||
      !options.every(
        (word, at) => /^-[qfKbimnsL]$/.test(word) || /^-[bimnsL]$/.test(options[at - 1] ?? ''),
      )
    ) {
      return unsupported('mkfs.xfs', args)
    }
    const uuid = /^uuid=(.*)$/.exec(optionValue(options, '-m') ?? '')?.[1]
    const asked = options
      .filter((_, at) => options[at - 1] === '-m')
      .flatMap(words => words.split(','))
    // Recorded for another unknown option. That old versions do not know `uuid` is recalled.
    const unknown = asked.find(word =>
      word.startsWith('uuid=') ? !this.knowsUuidOption : !XFS_METADATA.test(word),
    )
    if (unknown !== undefined) return refuse(1, `unknown option -m ${unknown}\nUsage: mkfs.xfs`)
    return this.#onDevice('mkfs.xfs', args.at(-1) ?? '', (disk, path) => {
      const region = this.#guest.region(disk)
      const physical = this.#guest.physicalSectorBytes
      const warning =
        physical > 4096
          ? 'specified blocksize 4096 is less than device physical sector size ' +
            `${physical}\nswitching to logical sector size 512\n`
          : ''
      if (this.#mountOf(path)) return refuse(1, `mkfs.xfs: ${path} contains a mounted filesystem`)
      if (this.#guest.exclusive.has(disk)) {
        return refuse(1, `mkfs.xfs: cannot open ${path}: Device or resource busy`)
      }
      const existing = readSuperblock(region)
      if (existing && !options.includes('-f')) {
        return refuse(
          1,
          `${warning}mkfs.xfs: ${path} appears to contain an existing filesystem ` +
            `(${existing.type}).\nmkfs.xfs: Use the -f option to force overwrite.`,
        )
      }
      // Recalled from xfsprogs 5.19 and later.
      if (region.sizeBytes < 300 * MiB) return refuse(1, 'Filesystem must be larger than 300MB.')
      makeFileSystem(region, 'xfs', 4096, uuid)
      return { exitStatus: 0, stdout: '', stderr: warning }
    })
  }

  #e2fsck(args: readonly string[]): SimAnswer {
    const [option, path = ''] = args
    if (option !== '-p' || args.length !== 2) return unsupported('e2fsck', args)
    return this.#onDevice('e2fsck', path, disk => {
      if (this.#mountOf(path)) {
        return refuse(8, `${path} is mounted.\ne2fsck: Cannot continue, aborting.\n\n`)
      }
      if (this.#guest.exclusive.has(disk)) {
        return refuse(8, 'e2fsck: Cannot continue, aborting.\n\n', `${path} is in use.\n`)
      }
      const region = this.#guest.region(disk)
      const superblock = readSuperblock(region)
      if (superblock?.newer) {
        return refuse(
          8,
          'e2fsck: Get a newer version of e2fsck!',
          `${path} has unsupported feature(s): FEATURE_I30\n`,
        )
      }
      if (superblock?.type !== 'ext4') {
        return {
          exitStatus: 8,
          stdout: `${path}: \n${BAD_MAGIC}`,
          stderr: `e2fsck: ${BAD_MAGIC_TITLE} ${path}\n`,
        }
      }
      if (superblock.damaged) {
        // Recalled: the text when a person has to repair the file system.
        return {
          exitStatus: 4,
          stdout: '',
          stderr:
            `\n\n${path}: UNEXPECTED INCONSISTENCY; RUN fsck MANUALLY.\n\t(i.e., without ` +
            '-a or -p options)\n',
        }
      }
      const journal = superblock.clean ? '' : `${path}: recovering journal\n`
      if (!superblock.clean) writeSuperblock(region, { ...superblock, clean: true })
      const inodes = inodesOf(superblock)
      const blocks = superblock.sizeBytes / superblock.blockBytes
      return answer(
        `${journal}${path}: clean, ${FIRST_INODES + readFiles(region).size}/${inodes} files, ` +
          `${Math.round(blocks / 11)}/${blocks} blocks\n`,
      )
    })
  }

  #resize2fs(args: readonly string[]): SimAnswer {
    const [path = ''] = args
    if (args.length !== 1) return unsupported('resize2fs', args)
    const title = `resize2fs ${E2FSPROGS}\n`
    return this.#onDevice('resize2fs', path, disk => {
      const region = this.#guest.region(disk)
      const superblock = readSuperblock(region)
      if (superblock?.type !== 'ext4') {
        return refuse(
          1,
          `${title}resize2fs: ${BAD_MAGIC_TITLE} ${path}\nCouldn't find valid filesystem ` +
            'superblock.',
        )
      }
      const block = superblock.blockBytes
      const wanted = Math.floor(region.sizeBytes / block)
      const unit = `(${block / 1024}k) blocks`
      if (wanted <= superblock.sizeBytes / block) {
        return {
          exitStatus: 0,
          stdout: '',
          stderr:
            `${title}The filesystem is already ${superblock.sizeBytes / block} ${unit} ` +
            'long.  Nothing to do!\n\n',
        }
      }
      const mount = this.#mountOf(path)
      // The real tool wants a check before it resizes offline; the simulator does not ask for it.
      const online = mount
        ? `Filesystem at ${path} is mounted on ${mount.path}; on-line resizing ` +
          `required\nold_desc_blocks = ${descriptorBlocks(superblock.sizeBytes, block)}, ` +
          `new_desc_blocks = ${descriptorBlocks(region.sizeBytes, block)}\n`
        : ''
      writeSuperblock(region, { ...superblock, sizeBytes: wanted * block })
      return answer(`${title}${online}The filesystem on ${path} is now ${wanted} ${unit} long.\n\n`)
    })
  }

  #xfsGrowfs(args: readonly string[]): SimAnswer {
    const path = args.at(-1) ?? ''
    if (args.length === 0 || !args.slice(0, -1).every(word => word === '-d')) {
      return unsupported('xfs_growfs', args)
    }
    const mount = this.#mountOf(path)
    if (!mount?.disk) {
      if (!this.#guest.names.find(path)) {
        return refuse(
          1,
          `xfs_growfs: path resolution failed for ${path}: No such file or directory`,
        )
      }
      return refuse(1, `xfs_growfs: ${path} is not a mounted XFS filesystem`)
    }
    // Recorded: the same text for a file system that was shut down.
    if (this.#guest.failureOf(mount) === 'shut-down') {
      return refuse(1, `xfs_growfs: ${path} is not a mounted XFS filesystem`)
    }
    const region = this.#guest.region(mount.disk)
    const superblock = readSuperblock(region)
    if (superblock?.type !== 'xfs') {
      return refuse(1, `xfs_growfs: ${path} is not a mounted XFS filesystem`)
    }
    const before = Math.floor(superblock.sizeBytes / 4096)
    const after = Math.max(before, Math.floor(region.sizeBytes / 4096))
    if (after > before) writeSuperblock(region, { ...superblock, sizeBytes: after * 4096 })
    return answer(
      xfsGeometry(mount.source, superblock) +
        (after > before ? `data blocks changed from ${before} to ${after}\n` : ''),
    )
  }

  #stat(args: readonly string[]): SimAnswer {
    const [f, c, format = '', path = ''] = args
    if (f !== '-f' || c !== '-c' || args.length !== 4) return unsupported('stat', args)
    const mount = this.#mountOf(path)
    if (!mount?.disk) {
      return refuse(
        1,
        `stat: cannot read file system information for '${path}': No such file or directory`,
      )
    }
    try {
      const region = this.#guest.region(mount.disk)
      const superblock = readSuperblock(region)
      if (!superblock) {
        return refuse(
          1,
          `stat: cannot read file system information for '${path}': Input/output error`,
        )
      }
      const block = superblock.blockBytes
      const blocks = Math.floor((superblock.sizeBytes - reservedBytes(superblock)) / block)
      const free = blocks - Math.ceil(usedBytes(region) / block)
      const inodes = inodesOf(superblock)
      const values = {
        S: block,
        b: blocks,
        f: free,
        a: free,
        c: inodes,
        d: inodes - FIRST_INODES - readFiles(region).size,
      }
      return answer(
        `${format.replace(/%([Sbfacd])/g, (_, key: keyof typeof values) => String(values[key]))}\n`,
      )
    } catch (error) {
      if (error instanceof DeviceError) {
        return refuse(
          1,
          `stat: cannot read file system information for '${path}': Input/output error`,
        )
      }
      throw error
    }
  }

  #onDevice(tool: string, path: string, work: Work): SimAnswer {
    const disk = this.#guest.deviceAt(path)
    if (!disk) {
      return refuse(
        tool === 'e2fsck' ? 8 : 1,
        `${tool}: No such file or directory while trying to open ${path}`,
      )
    }
    try {
      return work(disk, path)
    } catch (error) {
      if (error instanceof DeviceError) {
        return refuse(
          tool === 'e2fsck' ? 8 : 1,
          `${tool}: Input/output error while trying to open ${path}`,
        )
      }
      throw error
    }
  }
}

function optionValue(options: readonly string[], name: string): string | undefined {
  const at = options.indexOf(name)
  return at < 0 ? undefined : options[at + 1]
}

const OFFSETS: Readonly<Record<string, string>> = { ext4: '0x438', xfs: '0x0', ufs: '0x255c' }
const BAD_MAGIC_TITLE = 'Bad magic number in super-block while trying to open'
const BAD_MAGIC = `The superblock could not be read or does not describe a valid ext2/ext3/ext4
filesystem.  If the device is valid and it really contains an ext2/ext3/ext4
filesystem (and not swap or ufs or something else), then the superblock
is corrupt, and you might try running e2fsck with an alternate superblock:
    e2fsck -b 8193 <device>
 or
    e2fsck -b 32768 <device>

`

function describe(superblock: Superblock): readonly string[] {
  const version = superblock.type === 'ext4' ? ['VERSION=1.0'] : []
  const block = superblock.type === 'ext4' ? superblock.blockBytes : 512
  return [
    `UUID=${superblock.uuid}`,
    ...version,
    `BLOCK_SIZE=${block}`,
    `TYPE=${superblock.type}`,
    'USAGE=filesystem',
  ]
}

// Below 512 MiB mke2fs uses smaller blocks and more inodes (documented: mke2fs.conf).
function extBlockBytes(sizeBytes: number): number {
  return sizeBytes < 512 * MiB ? 1024 : 4096
}

function inodesOf(superblock: Superblock): number {
  return Math.floor(superblock.sizeBytes / (superblock.blockBytes === 1024 ? 4096 : 16_384))
}

function reservedBytes(superblock: Superblock): number {
  return Math.floor(superblock.sizeBytes / 12)
}

function descriptorBlocks(sizeBytes: number, block: number): number {
  const groups = Math.ceil(sizeBytes / block / (8 * block))
  return Math.ceil((groups * 64) / block)
}

// mkfs.xfs creates four allocation groups. They keep their size; growth adds groups.
function xfsGeometry(source: string, superblock: Superblock): string {
  const blocks = Math.floor(superblock.sizeBytes / superblock.blockBytes)
  const groupBlocks = Math.floor(superblock.bornBytes / superblock.blockBytes / 4)
  return `meta-data=${source.padEnd(22)} isize=512    agcount=${Math.ceil(blocks / groupBlocks)}, agsize=${groupBlocks} blks
         =                       sectsz=512   attr=2, projid32bit=1
         =                       crc=1        finobt=1, sparse=1, rmapbt=0
         =                       reflink=1    bigtime=1 inobtcount=1 nrext64=0
data     =                       bsize=4096   blocks=${blocks}, imaxpct=25
         =                       sunit=0      swidth=0 blks
naming   =version 2              bsize=4096   ascii-ci=0, ftype=1
log      =internal log           bsize=4096   blocks=${XFS_LOG_BLOCKS}, version=2
         =                       sectsz=512   sunit=0 blks, lazy-count=1
realtime =none                   extsz=4096   blocks=0, rtextents=0
`
}
