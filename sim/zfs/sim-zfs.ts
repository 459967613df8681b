// The ZFS of a simulated host: its pools, the programs zfs and zpool, and the device nodes of its
// volumes. Tests use it to inspect datasets and to make a pool fail.

import type { SimAccount } from '../account.ts'
import { addDevicePrograms } from '../device-programs.ts'
import { DeviceError, type SimDevice } from '../devices.ts'
import type { SimAnswer, SimHost } from '../host.ts'
import type { Store } from '../store.ts'
import { notSimulated, Refusal, success } from './answers.ts'
import { inherit, rename, set } from './change.ts'
import { clone } from './clone.ts'
import { create } from './create.ts'
import { allow, unallow } from './delegation.ts'
import { destroy } from './destroy.ts'
import { type DialectName, dialectOf, type SimDialect } from './dialects.ts'
import type { Disks } from './empty.ts'
import { SimDataset, SimPool, type SimSnapshot } from './model.ts'
import { get, list } from './read.ts'
import { bookmark, hold, holds, promote, release, rollback, snapshot } from './snapshots.ts'
import { room, usedByReservation } from './space.ts'
import { findTarget, generalRefusal, type ZfsWorld } from './world.ts'
import { zpool } from './zpool.ts'

export interface SimPoolOptions {
  readonly name: string
  readonly sizeBytes: number
  readonly dialect: DialectName
  /** Filesystems that exist at the start; their parents are created too. */
  readonly datasets: readonly string[]
  readonly disks?: Disks | undefined
  readonly sizelessSnapshots?: boolean | undefined
}

export interface SimZfsOptions {
  readonly pools: readonly SimPoolOptions[]
  readonly createStore: (sizeBytes: number) => Store
  readonly nowMs: () => number
}

type ZfsCommand = (world: ZfsWorld, args: readonly string[]) => SimAnswer

const COMMANDS: Readonly<Record<string, ZfsCommand>> = {
  create,
  clone,
  destroy,
  snapshot,
  rollback,
  promote,
  hold,
  holds,
  release,
  get,
  list,
  set,
  inherit,
  rename,
  allow,
  unallow,
}
const READS = ['get', 'list', 'holds']
/** Of an ordinary account; root may run all. */
const NOT_DELEGATED = ['rollback', 'promote', 'hold', 'release', 'bookmark']
const OPENZFS_ONLY: Readonly<Record<string, ZfsCommand>> = { bookmark }
const NOT_SIMULATED = [
  'send',
  'receive',
  'recv',
  'upgrade',
  'userspace',
  'groupspace',
  'mount',
  'unmount',
  'share',
  'unshare',
]
const OPENZFS_NOT_SIMULATED = [
  'program',
  'wait',
  'diff',
  'load-key',
  'unload-key',
  'change-key',
  'redact',
  'help',
]

export class SimZfs implements ZfsWorld {
  readonly host: SimHost
  readonly dialect: SimDialect
  readonly pools: ReadonlyMap<string, SimPool>
  readonly createStore: (sizeBytes: number) => Store
  readonly nowMs: () => number
  /** The account may not use ZFS: Linux refuses every command, Solaris only changes. */
  denied = false
  isCutBetween = false

  constructor(host: SimHost, options: SimZfsOptions) {
    const [first, ...others] = new Set(options.pools.map(pool => pool.dialect))
    if (first === undefined || others.length > 0) {
      throw new Error('all pools of a host must have the same dialect: it has one zfs command')
    }
    this.host = host
    this.dialect = dialectOf(first)
    this.createStore = options.createStore
    this.nowMs = options.nowMs
    this.pools = new Map(options.pools.map(pool => [pool.name, this.#makePool(pool)]))
    host.programs.set('zfs', (args, { isCutBetween = false }) => {
      this.isCutBetween = isCutBetween
      return this.#zfs(args)
    })
    host.programs.set('zpool', args => this.#run(() => this.#zpool(args)))
    if (!host.programs.has('uname')) host.programs.set('uname', args => this.#uname(args))
    host.devices.push(path => this.#device(path))
    addDevicePrograms(host)
  }

  get account(): SimAccount {
    return this.host.account
  }

  #makePool(options: SimPoolOptions): SimPool {
    const pool = new SimPool({ ...options, dialect: this.dialect, nowMs: this.nowMs })
    for (const name of options.datasets) {
      const parts = name.split('/')
      for (let depth = 2; depth <= parts.length; depth++) {
        const dataset = parts.slice(0, depth).join('/')
        if (!pool.datasets.has(dataset)) pool.add(dataset, undefined)
      }
    }
    return pool
  }

  pool(name: string): SimPool {
    const pool = this.pools.get(name)
    if (pool === undefined) throw new Error(`no pool ${name}`)
    return pool
  }

  dataset(name: string): SimDataset | undefined {
    const target = findTarget(this, name)
    return target instanceof SimDataset ? target : undefined
  }

  snapshot(name: string): SimSnapshot | undefined {
    const target = findTarget(this, name)
    return target instanceof SimDataset ? undefined : target
  }

  /** All datasets of all pools, in each pool by name. */
  datasets(): readonly SimDataset[] {
    return [...this.pools.values()].flatMap(pool => pool.sorted())
  }

  /**
   * The dataset as after `zfs send -R` and a `zfs receive` in its place. User properties are then
   * received ones. What other subsystems keep on a dataset is not in a stream (documented: zfs man
   * page). The simulator leaves guids and times as they are.
   */
  moveThroughStream(name: string): void {
    for (const dataset of this.datasets()) {
      if (dataset.name !== name && !dataset.name.startsWith(`${name}/`)) continue
      dataset.hidden.clear()
      for (const target of [dataset, ...dataset.snapshots]) {
        for (const property of target.local.keys()) {
          if (property.includes(':')) target.received.add(property)
        }
      }
    }
  }

  /** The bytes of a volume, or of a snapshot of one. */
  store(name: string): Store {
    const target = findTarget(this, name)
    const store = target instanceof SimDataset ? target.volume?.store : target?.store
    if (store === undefined) throw new Error(`no volume ${name}`)
    return store
  }

  /** The volume behind a path under /dev/zvol, if its node exists yet. */
  volumeAt(path: string): SimDataset | undefined {
    const [, solaris] = /^\/dev\/zvol\/r?dsk\/(.+)$/.exec(path) ?? []
    const [, linux] = /^\/dev\/zvol\/(.+)$/.exec(path) ?? []
    const name = this.dialect.nodes === 'solaris' ? solaris : linux?.replaceAll('+', ' ')
    const dataset = name === undefined ? undefined : this.dataset(name)
    return dataset?.volume && dataset.volume.nodeAppearsMs <= this.nowMs() ? dataset : undefined
  }

  /** Writes to a volume as any holder of its device would. */
  write(dataset: SimDataset, offset: number, bytes: Uint8Array): void {
    const { volume, pool } = dataset
    if (volume === undefined || pool.suspended) throw new DeviceError('EIO', dataset.name)
    if (dataset.local.get('readonly') === 'on') throw new DeviceError('EROFS', dataset.name)
    if (bytes.length === 0) return
    const fresh = dataset.content.newBlocks(offset, bytes.length, dataset.previous?.content)
    // Recorded: on a thin volume in a full pool the writer gets an I/O error, not `no space`.
    if (fresh.length > 0) {
      const needed = fresh.length * volume.blockSize - usedByReservation(dataset)
      if (needed > 0 && needed > room(dataset)) throw new DeviceError('EIO', dataset.name)
    }
    volume.store.write(offset, bytes)
    dataset.renewBlocks(fresh)
  }

  #device(path: string): SimDevice | undefined {
    const dataset = this.volumeAt(path)
    if (dataset?.volume === undefined) return undefined
    const { volume, pool } = dataset
    const alive = () => {
      if (pool.suspended || !pool.datasets.has(dataset.name)) throw new DeviceError('EIO', path)
    }
    return {
      get sizeBytes() {
        return volume.store.sizeBytes
      },
      get file() {
        return volume.store.file
      },
      read: (offset, length) => {
        alive()
        return volume.store.read(offset, length)
      },
      write: (offset, bytes) => {
        alive()
        this.write(dataset, offset, bytes)
      },
      open: (holder, exclusive = false) => volume.open(holder, exclusive),
    }
  }

  #zfs(args: readonly string[]): SimAnswer {
    const [name, ...rest] = args
    return this.#run(() => {
      if (name === undefined) throw generalRefusal(this, 'missing command')
      if (this.denied) refuseDenied(this, name, rest)
      if (name === 'version' && this.dialect.version !== undefined) {
        return success(`zfs-${this.dialect.version}\nzfs-kmod-${this.dialect.version}\n`)
      }
      const command = this.#command(name)
      if (this.account.uid !== 0 && NOT_DELEGATED.includes(name)) {
        throw notSimulated(`zfs ${name} by an ordinary account`)
      }
      try {
        return command(this, rest)
      } finally {
        if (!READS.includes(name)) for (const pool of this.pools.values()) pool.sync()
      }
    })
  }

  #command(name: string): ZfsCommand {
    const openzfs = this.dialect.line === 'openzfs'
    const command =
      COMMANDS[name === 'snap' && openzfs ? 'snapshot' : name] ??
      (openzfs ? OPENZFS_ONLY[name] : undefined)
    if (command !== undefined) return command
    if (NOT_SIMULATED.includes(name) || (openzfs && OPENZFS_NOT_SIMULATED.includes(name))) {
      throw notSimulated(`zfs ${name}`)
    }
    throw generalRefusal(this, `unrecognized command '${name}'`)
  }

  #zpool(args: readonly string[]): SimAnswer {
    if (this.denied) refuseDenied(this, 'zpool', args)
    return zpool(this, args)
  }

  #run(command: () => SimAnswer): SimAnswer {
    try {
      return command()
    } catch (error) {
      if (error instanceof Refusal) return error.answer()
      throw error
    }
  }

  #uname(args: readonly string[]): SimAnswer {
    if (args.join(' ') !== '-s -r') {
      return {
        exitStatus: 2,
        stdout: '',
        stderr: 'uname: unsupported arguments in the simulation\n',
      }
    }
    return success(`${this.dialect.system}\n`)
  }
}

const DENIED_WORDS: Readonly<Record<string, string>> = {
  create: 'create',
  clone: 'create',
  destroy: 'destroy',
  rename: 'rename',
  snapshot: 'create snapshot',
  set: 'set property for',
}

function refuseDenied(world: ZfsWorld, command: string, args: readonly string[]): void {
  if (world.dialect.nodes === 'linux') {
    throw new Refusal('Permission denied the ZFS utilities must be run as root.')
  }
  const words = DENIED_WORDS[command]
  if (words !== undefined) {
    throw new Refusal(`cannot ${words} '${args.at(-1) ?? ''}': permission denied`)
  }
}
