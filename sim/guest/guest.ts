// What all simulated guests share: disks, a mount table, files written through mounts, and open
// files. Tools, names and vetoes differ between operating systems; they are in other files.

import { DeviceError, type GuestDisks, type VirtualDisk } from '../devices.ts'
import type { GuestView, SimHost } from '../host.ts'
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
  /** The disk whose file system or node is mounted; undefined for a mount of the system itself. */
  readonly disk: VirtualDisk | undefined
  /** The mounted directory of the file system (`/` is all of it), or the name of a node. */
  readonly root: string
  readonly what: 'system' | 'filesystem' | 'node'
}

/**
 * What happened to a mounted file system. `turned-readonly`: the kernel does not write to it any
 * more. `shut-down`: the kernel answers everything with an error.
 */
export type FileSystemFailure = 'turned-readonly' | 'shut-down'

export interface GuestOptions {
  readonly disks: GuestDisks
  readonly nowMs: () => number
}

/** The mount table of a guest, for the tools that change it. */
export interface MountTable {
  table(): readonly SimMount[]
  setTable(table: SimMount[]): void
  mountAt(path: string): SimMount | undefined
  isBusy(mount: SimMount): boolean
  unmount(mount: SimMount): void
  markClean(disk: VirtualDisk, clean: boolean): void
}

export abstract class SimGuest implements GuestView {
  readonly host: SimHost
  protected readonly disks: GuestDisks
  protected readonly nowMs: () => number
  protected table: SimMount[] = []
  /** Open files, each with its path and the number of its process. */
  readonly #open = new Map<object, { readonly path: string; readonly process: number }>()
  #nextProcess = 4000
  /**
   * File systems that are in use without a row in the mount table: in the namespace of a process,
   * or unmounted lazily.
   */
  readonly #kept = new Map<
    object,
    { readonly mount: SimMount; readonly process: number | undefined }
  >()
  /** Disks whose file system was mounted writable and still has a mount. */
  readonly #written = new Set<VirtualDisk>()
  /** Failed file systems, until the last mount of the disk is gone. */
  readonly #failed = new Map<VirtualDisk, FileSystemFailure>()

  constructor(host: SimHost, options: GuestOptions) {
    this.host = host
    host.guest = this
    this.disks = options.disks
    this.nowMs = options.nowMs
    // After a boot nothing is mounted or open. A file system that was mounted writable stays marked
    // as not clean.
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
  /** The bytes of the disk's file system. */
  abstract region(disk: VirtualDisk): Region

  /** For the guest's own tools; nothing else changes mounts. */
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
   * How many file systems were created on the disk, as its bytes tell. 0 for a disk without a file
   * system or without a label.
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

  /** Simulates an error that the kernel found in the file system mounted at the path. */
  failFileSystem(path: string, failure: FileSystemFailure): void {
    const disk = this.mountAt(path)?.disk
    if (disk === undefined) throw new DeviceError('ENOENT', `${path}: nothing is mounted there`)
    this.#failed.set(disk, failure)
  }

  /** A file system whose disk was removed counts as shut down. */
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

  /** The files at and below a path, on mounted volumes. Files under a covered mount do not show. */
  files(path: string): readonly { readonly path: string; readonly bytes: number }[] {
    const isShown = (mount: SimMount) => mount.what === 'filesystem' && mount.disk !== undefined
    return this.table
      .filter(isShown)
      .filter(mount => isBelow(mount.path, path) || isBelow(path, mount.path))
      .flatMap(mount =>
        this.#filesOf(mount).filter(
          file => isBelow(file.path, path) && this.topmost(file.path) === mount,
        ),
      )
  }

  #filesOf(mount: SimMount): readonly { readonly path: string; readonly bytes: number }[] {
    const { region, name: root } = this.#locate(mount.path, mount)
    return [...readFiles(region)]
      .filter(([name]) => name.startsWith(`${root}/`))
      .map(([name, text]) => ({
        path: `${mount.path}${name.slice(root.length)}`,
        bytes: Buffer.byteLength(text),
      }))
  }

  /** Starts a process that has a file or device open. The returned function ends it. */
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

  /** Mounts a file system of the guest's own over a directory, which hides the mounts below it. */
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
   * Starts a process in its own mount namespace, in which the mount at the path stays. The returned
   * function ends the process.
   */
  keepInNamespace(path: string): () => void {
    return this.#keep(path, this.#nextProcess++)
  }

  /** Like `umount -l` while a file is open. The returned function closes the file. */
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

  /** Disks with a file system of the type that the kernel still uses, mounted or kept. */
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

  /** Whether a file is open on the mount, or another mount is below it (EBUSY on both systems). */
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

  /** The mount that contains the path. */
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

  /** Marks the file system as clean and free when its last mount is gone. */
  #settle(mount: SimMount): void {
    const { disk } = mount
    if (!disk || mount.what !== 'filesystem') return
    if (this.table.some(other => other.disk === disk && other.what === 'filesystem')) return
    if ([...this.#kept.values()].some(kept => kept.mount.disk === disk)) return
    disk.holders.delete('mount')
    this.#failed.delete(disk)
    if (this.#written.delete(disk)) this.markClean(disk, true)
  }

  /**
   * On a disk that is gone, `clean` cannot be written: the bytes keep the old mark, as after a
   * crash.
   */
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

  #locate(
    path: string,
    mount = this.topmost(path),
  ): { mount: SimMount; region: Region; name: string } {
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
