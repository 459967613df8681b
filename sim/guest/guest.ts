// What simulated guests have in common: disks that come and go, a mount table, files that are
// written through mounts, and who has what open. Operating systems differ in tools, names and
// vetoes; those stand in their own files.

import { DeviceError, type GuestDisks, type VirtualDisk } from '../devices.ts'
import type { SimHost } from '../host.ts'
import {
  type Region,
  readFiles,
  readSuperblock,
  writeFiles,
  writeSuperblock,
} from './file-system.ts'

export interface SimMount {
  readonly path: string
  readonly type: string
  readonly source: string
  options: readonly string[]
  /**
   * The disk whose file system, or whose node, is shown; none for the mounts of the system itself.
   */
  readonly disk: VirtualDisk | undefined
  /**
   * The directory of the file system that is shown, `/` for all of it; the node's name for a
   * device.
   */
  readonly root: string
  readonly what: 'system' | 'filesystem' | 'node'
}

/**
 * What became of a mounted file system: the kernel does not write to it any more, or gives errors
 * for everything.
 */
export type FileSystemFailure = 'turned-readonly' | 'shut-down'

export interface GuestOptions {
  readonly disks: GuestDisks
  readonly nowMs: () => number
}

/** The mounts of a guest, as the tools that change them see them. */
export interface MountTable {
  table(): readonly SimMount[]
  setTable(table: SimMount[]): void
  mountAt(path: string): SimMount | undefined
  isBusy(mount: SimMount): boolean
  unmount(mount: SimMount): void
  markClean(disk: VirtualDisk, clean: boolean): void
}

export abstract class SimGuest {
  readonly host: SimHost
  protected readonly disks: GuestDisks
  protected readonly nowMs: () => number
  protected table: SimMount[] = []
  /** Open files: path to the number of its process. */
  readonly #open = new Map<object, { readonly path: string; readonly process: number }>()
  #nextProcess = 4000
  /**
   * File systems that live on without a line in the mount table: in a namespace of a process, or
   * unmounted lazily.
   */
  readonly #kept = new Map<
    object,
    { readonly mount: SimMount; readonly process: number | undefined }
  >()
  /** Disks with a file system that is mounted writable, or was by a mount that others outlive. */
  readonly #written = new Set<VirtualDisk>()
  /** Until the last mount of the disk is gone. */
  readonly #failed = new Map<VirtualDisk, FileSystemFailure>()

  constructor(host: SimHost, options: GuestOptions) {
    this.host = host
    this.disks = options.disks
    this.nowMs = options.nowMs
    // A system that starts has nothing mounted and nothing open; what was mounted writable stays
    // marked as it was: not clean.
    options.disks.onChange(event => {
      if (event === 'boot') {
        this.table = [...this.systemMounts()]
        this.#open.clear()
        this.#kept.clear()
        this.#written.clear()
        this.#failed.clear()
        this.booted()
      }
      this.disksChanged()
    })
  }

  protected abstract systemMounts(): readonly SimMount[]
  protected abstract booted(): void
  protected abstract disksChanged(): void
  /** Where the file system of a disk lies. */
  abstract region(disk: VirtualDisk): Region

  /** For the guest's own tools; nobody else changes mounts. */
  protected mountTable(): MountTable {
    return {
      table: () => this.table,
      setTable: table => {
        this.table = table
      },
      mountAt: path => this.mountAt(path),
      isBusy: mount => this.isBusy(mount),
      unmount: mount => this.unmount(mount),
      markClean: (disk, clean) => this.markClean(disk, clean),
    }
  }

  disk(id: number): VirtualDisk | undefined {
    return this.disks.list().find(disk => disk.id === id)
  }

  mounts(): readonly {
    readonly path: string
    readonly type: string
    readonly source: string
    readonly readonly: boolean
    readonly disk: number
  }[] {
    return this.table.flatMap(mount =>
      mount.disk
        ? [
            {
              path: mount.path,
              type: mount.type,
              source: mount.source,
              readonly: isReadonly(mount),
              disk: mount.disk.id,
            },
          ]
        : [],
    )
  }

  /**
   * How often a file system was made on the disk, as its bytes tell; 0 on a disk without one, or
   * without a label yet.
   */
  formatCount(id: number): number {
    const disk = this.disk(id)
    if (disk === undefined) return 0
    try {
      return readSuperblock(this.region(disk))?.generation ?? 0
    } catch (error) {
      if (error instanceof DeviceError) return 0
      throw error
    }
  }

  /** The kernel met an error in the file system that is mounted at the path. */
  failFileSystem(path: string, failure: FileSystemFailure): void {
    const disk = this.mountAt(path)?.disk
    if (disk === undefined) throw new DeviceError('ENOENT', `${path}: nothing is mounted there`)
    this.#failed.set(disk, failure)
  }

  /** A file system whose disk was taken away is shut down. */
  failureOf(mount: SimMount): FileSystemFailure | undefined {
    if (mount.disk === undefined || mount.what !== 'filesystem') return undefined
    return this.disks.list().includes(mount.disk) ? this.#failed.get(mount.disk) : 'shut-down'
  }

  /** Writes through a mount, as a program in the guest would. */
  writeFile(path: string, text: string): void {
    const { mount, region, name } = this.#locate(path)
    if (isReadonly(mount) || this.failureOf(mount) === 'turned-readonly') {
      throw new DeviceError('EROFS', `${path}: Read-only file system`)
    }
    writeFiles(region, readFiles(region).set(name, text))
  }

  readFile(path: string): string {
    const { region, name } = this.#locate(path)
    const text = readFiles(region).get(name)
    if (text === undefined) throw new DeviceError('ENOENT', `${path}: No such file or directory`)
    return text
  }

  /** A process with a file or device open; the returned function ends it. */
  holdOpen(path: string): () => void {
    const key = {}
    const process = this.#nextProcess++
    this.#open.set(key, { path, process })
    this.opened(path, process)
    return () => {
      this.#open.delete(key)
      this.closed(path, process)
    }
  }

  /**
   * The guest mounts a file system of its own over a directory: what was mounted below is not seen
   * any more.
   */
  coverWithOwn(path: string): void {
    this.table = [
      ...this.table,
      {
        path,
        type: 'tmpfs',
        source: 'swap',
        options: ['rw'],
        disk: undefined,
        root: '/',
        what: 'system',
      },
    ]
  }

  /**
   * A process in a mount namespace of its own keeps what is mounted at the path; the returned
   * function ends it.
   */
  keepInNamespace(path: string): () => void {
    return this.#keep(path, this.#nextProcess++)
  }

  /** `umount -l` while a file is open; the returned function closes that. */
  unmountLazily(path: string): () => void {
    const release = this.#keep(path, undefined)
    const mount = this.mountAt(path)
    if (mount) this.unmount(mount)
    return release
  }

  #keep(path: string, process: number | undefined): () => void {
    const mount = this.mountAt(path)
    if (mount === undefined) throw new DeviceError('ENOENT', `${path}: nothing is mounted there`)
    const key = {}
    this.#kept.set(key, { mount, process })
    return () => {
      this.#kept.delete(key)
      this.#settle(mount)
    }
  }

  /** Disks with a file system of the type that the kernel works on. */
  protected liveFileSystems(type: string): readonly VirtualDisk[] {
    const mounts = [...this.table, ...[...this.#kept.values()].map(kept => kept.mount)]
    return [
      ...new Set(
        mounts.flatMap(mount =>
          mount.type === type && mount.what === 'filesystem' && mount.disk ? [mount.disk] : [],
        ),
      ),
    ]
  }

  protected namespacesWith(disk: VirtualDisk): readonly number[] {
    return [...this.#kept.values()].flatMap(kept =>
      kept.mount.disk === disk && kept.process !== undefined ? [kept.process] : [],
    )
  }

  protected openFiles(): readonly { readonly path: string; readonly process: number }[] {
    return [...this.#open.values()]
  }

  protected opened(_path: string, _process: number): void {}
  protected closed(_path: string, _process: number): void {}

  protected processesOn(path: string): readonly number[] {
    return [...this.#open.values()].filter(file => file.path === path).map(file => file.process)
  }

  /** A file is open on it, or something is mounted below it (both kernels: EBUSY). */
  protected isBusy(mount: SimMount): boolean {
    const later = this.table.slice(this.table.indexOf(mount) + 1)
    if (later.some(other => other.path !== mount.path && isBelow(other.path, mount.path))) {
      return true
    }
    return [...this.#open.values()].some(file => this.topmost(file.path) === mount)
  }

  protected mountAt(path: string): SimMount | undefined {
    const index = this.table.findLastIndex(mount => mount.path === path)
    const isCovered = this.table.slice(index + 1).some(later => isBelow(path, later.path))
    return isCovered ? undefined : this.table[index]
  }

  /** The mount that a path lies in. */
  protected topmost(path: string): SimMount | undefined {
    let best: SimMount | undefined
    for (const mount of this.table) {
      if (isBelow(path, mount.path) && mount.path.length >= (best?.path.length ?? 0)) best = mount
    }
    return best
  }

  protected unmount(mount: SimMount): void {
    this.table = this.table.filter(other => other !== mount)
    this.#settle(mount)
  }

  /** The file system is done with when nothing shows it any more. */
  #settle(mount: SimMount): void {
    const { disk } = mount
    if (!disk || mount.what !== 'filesystem') return
    if (this.table.some(other => other.disk === disk && other.what === 'filesystem')) return
    if ([...this.#kept.values()].some(kept => kept.mount.disk === disk)) return
    disk.holders.delete('mount')
    this.#failed.delete(disk)
    if (this.#written.delete(disk)) this.markClean(disk, true)
  }

  /** Best effort on a disk that has gone: its bytes keep the old mark, as after a crash. */
  protected markClean(disk: VirtualDisk, clean: boolean): void {
    try {
      const region = this.region(disk)
      const superblock = readSuperblock(region)
      if (superblock) writeSuperblock(region, { ...superblock, clean })
      if (!clean) this.#written.add(disk)
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error
      if (!clean) throw error
    }
  }

  #locate(path: string): { mount: SimMount; region: Region; name: string } {
    const mount = this.topmost(path)
    if (mount?.disk === undefined || mount.what !== 'filesystem') {
      throw new DeviceError('ENOENT', `${path}: not on a volume`)
    }
    if (this.#failed.get(mount.disk) === 'shut-down') {
      throw new DeviceError('EIO', `${path}: Input/output error`)
    }
    const name = `${mount.root === '/' ? '' : mount.root}${path.slice(mount.path.length)}`
    return { mount, region: this.region(mount.disk), name }
  }
}

export function isReadonly(mount: SimMount): boolean {
  return mount.options.includes('ro')
}

function isBelow(path: string, directory: string): boolean {
  return directory === '/' || path === directory || path.startsWith(`${directory}/`)
}

/**
 * The operands of `dd if=… of=/dev/null bs=… count=1` as the node plugin reads a device; undefined
 * for anything else.
 */
export function parseBlockRead(
  args: readonly string[],
): { path: string; bytes: number } | undefined {
  const words = new Map(
    args.map(word => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]),
  )
  const bytes = Number(words.get('bs'))
  const isKnown = [...words.keys()].every(key => ['if', 'of', 'bs', 'count', 'iflag'].includes(key))
  if (!isKnown || words.get('of') !== '/dev/null' || words.get('count') !== '1' || !(bytes > 0)) {
    return undefined
  }
  return { path: words.get('if') ?? '', bytes }
}

/**
 * The octal dump of the first bytes of a device: equal lines are shown once, then `*` (od, POSIX).
 */
export function octalDump(bytes: Buffer): string {
  const lines: string[] = []
  let previous = ''
  let starred = false
  for (let at = 0; at < bytes.length; at += 16) {
    const row = bytes.subarray(at, at + 16)
    const words: string[] = []
    for (let word = 0; word < row.length; word += 2) {
      words.push(
        (word + 1 < row.length ? row.readUInt16LE(word) : (row[word] ?? 0))
          .toString(8)
          .padStart(6, '0'),
      )
    }
    const shown = words.join(' ')
    if (shown === previous && at > 0) {
      if (!starred) lines.push('*')
      starred = true
      continue
    }
    lines.push(`${at.toString(8).padStart(7, '0')} ${shown}`)
    previous = shown
    starred = false
  }
  lines.push(bytes.length.toString(8).padStart(7, '0'))
  return lines.map(line => `${line}\n`).join('')
}
