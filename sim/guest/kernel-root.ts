// Real block devices for a simulated Linux guest; needs root on Linux. The sparse file of each disk
// is put on a loop device. Its node and sysfs entry are in the guest's own directory. Real mkfs and
// mount then work on the bytes that the simulated storage host holds. One difference: a real kernel
// shuts a mounted file system down when its disk goes; a loop device stays until the unmount.

import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename } from 'node:path'
import type { GuestBus } from './bus.ts'

const FILE_SYSTEMS = ['ext4', 'xfs'] as const

export interface KernelDisk {
  /** Its entry on the guest's bus. */
  readonly entry: string
  readonly name: string
  readonly readonly: boolean
  /** Throws or returns undefined while no path to the bytes answers. */
  file(): string | undefined
}

interface Shown {
  readonly disk: KernelDisk
  readonly file: string
  readonly loop: string
  sizeBytes: number
}

export class KernelRoot {
  readonly #directory: string
  readonly #bus: string
  readonly #followsSize: boolean
  readonly #shown = new Map<string, Shown>()

  constructor(directory: string, bus: Pick<GuestBus, 'directory' | 'followsSize'>) {
    this.#directory = directory
    this.#bus = `${directory}${bus.directory}`
    this.#followsSize = bus.followsSize
    for (const path of [
      'dev',
      bus.directory.slice(1),
      'sys/class/block',
      'sys/fs/ext4',
      'sys/fs/xfs',
    ]) {
      mkdirSync(`${directory}/${path}`, { recursive: true })
    }
  }

  /** Adds and removes devices until the directory has exactly these disks. */
  show(disks: readonly KernelDisk[]): void {
    for (const shown of [...this.#shown.values()]) {
      if (!disks.some(disk => disk.name === shown.disk.name && fileOf(disk) === shown.file)) {
        this.#remove(shown)
      }
    }
    for (const disk of disks) {
      const file = fileOf(disk)
      if (file !== undefined && !this.#shown.has(disk.name)) this.#add(disk, file)
    }
    if (this.#followsSize) for (const shown of this.#shown.values()) followSize(shown)
  }

  /** Unmounts the loop devices wherever they are mounted, and detaches them. */
  dispose(): void {
    for (const shown of [...this.#shown.values()]) {
      const numbers = readFileSync(`/sys/class/block/${basename(shown.loop)}/dev`, 'utf8').trim()
      for (const path of mountPoints(
        fields => fields[2] === numbers || fields[4]?.startsWith(`${this.#directory}/`) === true,
      )) {
        execFileSync('umount', [path])
      }
      this.#remove(shown)
    }
    // For a bind mount of a node, the mount table shows its path in this directory.
    for (const path of mountPoints(
      fields => fields[3]?.endsWith(`${this.#directory}/dev`) === true,
    )) {
      execFileSync('umount', [path])
    }
  }

  #add(disk: KernelDisk, file: string): void {
    const options = disk.readonly ? ['--read-only'] : []
    const loop = execFileSync(
      'losetup',
      ['--find', '--show', '--sector-size', '512', ...options, file],
      { encoding: 'utf8' },
    ).trim()
    // A reused loop device keeps the read-only flag that `blockdev --setro` set for another disk.
    if (!disk.readonly) execFileSync('blockdev', ['--setrw', loop])
    const numbers = readFileSync(`/sys/class/block/${basename(loop)}/dev`, 'utf8').trim()
    const [major = '', minor = ''] = numbers.split(':')
    this.#shown.set(disk.name, { disk, file, loop, sizeBytes: statSync(file).size })
    execFileSync('mknod', [`${this.#directory}/dev/${disk.name}`, 'b', major, minor])
    mkdirSync(`${this.#bus}/${disk.entry}/block/${disk.name}`, {
      recursive: true,
    })
    mkdirSync(`${this.#directory}/sys/class/block/${disk.name}`)
    writeFileSync(`${this.#directory}/sys/class/block/${disk.name}/dev`, `${numbers}\n`)
    // These links are broken until the kernel mounts such a file system from the loop device. Only
    // then can they be listed.
    for (const type of FILE_SYSTEMS) {
      symlinkSync(
        `/sys/fs/${type}/${basename(loop)}`,
        `${this.#directory}/sys/fs/${type}/${disk.name}`,
      )
    }
    symlinkSync(
      `/sys/class/block/${basename(loop)}/holders`,
      `${this.#directory}/sys/class/block/${disk.name}/holders`,
    )
  }

  #remove({ disk, loop }: Shown): void {
    this.#shown.delete(disk.name)
    rmSync(`${this.#bus}/${disk.entry}`, {
      recursive: true,
      force: true,
    })
    rmSync(`${this.#directory}/sys/class/block/${disk.name}`, { recursive: true, force: true })
    for (const type of FILE_SYSTEMS) {
      rmSync(`${this.#directory}/sys/fs/${type}/${disk.name}`, { force: true })
    }
    rmSync(`${this.#directory}/dev/${disk.name}`, { force: true })
    if (existsSync(`/sys/class/block/${basename(loop)}/loop`)) {
      execFileSync('losetup', ['--detach', loop])
    }
  }
}

function followSize(shown: Shown): void {
  const { size } = statSync(shown.file)
  if (size === shown.sizeBytes) return
  execFileSync('losetup', ['--set-capacity', shown.loop])
  shown.sizeBytes = size
}

function fileOf(disk: KernelDisk): string | undefined {
  try {
    return disk.file()
  } catch {
    // No path answers, so a real kernel would not find the disk either.
    return undefined
  }
}

/** Mount points of this process for which `fits` accepts the row, innermost first. */
function mountPoints(fits: (fields: readonly string[]) => boolean): readonly string[] {
  const rows = readFileSync('/proc/self/mountinfo', 'utf8').split('\n')
  return rows
    .map(row => row.split(' '))
    .filter(fits)
    .map(fields => fields[4] ?? '')
    .reverse()
}
