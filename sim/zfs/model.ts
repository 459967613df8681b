// The pools of a simulated storage host: datasets, snapshots, clones and bytes. State and its rules
// only; the commands that change it, and their texts, are in the files beside this one.

import type { Store } from '../store.ts'
import { Content } from './content.ts'
import type { SimDialect } from './dialects.ts'
import { type Disks, emptyOf } from './empty.ts'
import type { SimVolume } from './volume.ts'

/** Permissions of one account or group; `where` is its heading in a listing. */
export interface SimGrant {
  readonly who: string
  readonly where: 'local' | 'descendent' | 'both'
  readonly permissions: Set<string>
}

export class SimPool {
  readonly name: string
  readonly sizeBytes: number // space that its datasets can use
  readonly dialect: SimDialect
  readonly guid: string
  readonly #datasets = new Map<string, SimDataset>()
  readonly #clock: () => number
  #transactionGroup = 4
  #nextObjectSet = 68
  /** Every I/O fails: commands that name the pool are refused, and listings leave it out. */
  suspended = false
  /** No free space, whatever the datasets use. */
  full = false
  /** While false, the host does not know the pool and its datasets. */
  imported = true
  readOnly = false
  /** Whether the pool heeds what is delegated to ordinary accounts. */
  delegation = true
  readonly disks: Disks
  /** Snapshots have no `volsize` (source of 2009; they got it later). */
  readonly sizelessSnapshots: boolean
  #lastCreationMs = 0

  constructor(options: {
    name: string
    sizeBytes: number
    dialect: SimDialect
    nowMs: () => number
    disks?: Disks | undefined
    sizelessSnapshots?: boolean | undefined
  }) {
    this.sizelessSnapshots = options.sizelessSnapshots ?? false
    this.disks = options.disks ?? '512'
    this.name = options.name
    this.sizeBytes = options.sizeBytes
    this.dialect = options.dialect
    this.#clock = options.nowMs
    this.guid = identity(`pool ${options.name}`)
    this.add(options.name, undefined)
  }

  get datasets(): ReadonlyMap<string, SimDataset> {
    return this.#datasets
  }

  get health(): 'ONLINE' | 'SUSPENDED' {
    return this.suspended ? 'SUSPENDED' : 'ONLINE'
  }

  nowMs(): number {
    return this.#clock()
  }

  // In reality no two datasets of one name are created in the same second. With a clock that stands
  // still they would be.
  nextCreationMs(): number {
    this.#lastCreationMs = Math.max(this.#clock(), this.#lastCreationMs + 1000)
    return this.#lastCreationMs
  }

  /** The transaction group of everything that the running command creates. */
  get transactionGroup(): number {
    return this.#transactionGroup
  }

  /** Ends the transaction group, so that the next command's changes come after this one's. */
  sync(): void {
    this.#transactionGroup += 1
  }

  nextObjectSet(): number {
    return this.#nextObjectSet++
  }

  /** The datasets in the order in which zfs lists them. */
  sorted(): readonly SimDataset[] {
    return [...this.#datasets.values()].sort(compareDatasets)
  }

  add(name: string, volume: SimVolume | undefined): SimDataset {
    const dataset = new SimDataset(this, name, volume)
    this.insert(dataset)
    return dataset
  }

  insert(dataset: SimDataset): void {
    this.#datasets.set(dataset.name, dataset)
    dataset.parent?.children.add(dataset)
    dataset.changed()
  }

  /** Removes the dataset, and its origin if the deferred destruction of that waited for it. */
  remove(dataset: SimDataset): void {
    dataset.changed()
    dataset.parent?.children.delete(dataset)
    this.#datasets.delete(dataset.name)
    dataset.volume?.store.dispose()
    const origin = dataset.origin
    dataset.origin = undefined
    if (origin) this.reap(origin)
  }

  /** Renames the dataset and everything below it. */
  rename(dataset: SimDataset, to: string): void {
    dataset.changed()
    dataset.parent?.children.delete(dataset)
    this.#rename(dataset, to)
    dataset.parent?.children.add(dataset)
    dataset.changed()
  }

  #rename(dataset: SimDataset, to: string): void {
    for (const child of dataset.children) {
      this.#rename(child, `${to}${child.name.slice(dataset.name.length)}`)
    }
    this.#datasets.delete(dataset.name)
    dataset.name = to
    this.#datasets.set(to, dataset)
  }

  /** Removes a snapshot whose destruction was deferred, if nothing needs it any more. */
  reap(snapshot: SimSnapshot): void {
    if (snapshot.deferred && snapshot.holds.size === 0 && snapshot.clones.size === 0) {
      snapshot.dataset.removeSnapshot(snapshot)
    }
  }
}

/**
 * Sums of space.ts that are still valid, so that it need not add up a pool with thousands of
 * volumes again for each of them.
 */
class Account {
  used: number | undefined
  /** The charge of each child when it was last summed. */
  readonly charges = new Map<SimDataset, number>()
  /** The sum of `charges`. */
  childrenBytes = 0
  /** Children that changed since. */
  readonly stale = new Set<SimDataset>()
}

/** A map that reports every change. */
class WatchedMap<Key, Value> extends Map<Key, Value> {
  readonly #onChange: () => void

  constructor(onChange: () => void) {
    super()
    this.#onChange = onChange
  }

  override set(key: Key, value: Value): this {
    super.set(key, value)
    this.#onChange()
    return this
  }

  override delete(key: Key): boolean {
    const deleted = super.delete(key)
    this.#onChange()
    return deleted
  }

  override clear(): void {
    super.clear()
    this.#onChange()
  }
}

export class SimDataset {
  readonly pool: SimPool
  name: string
  readonly guid: string
  readonly createTransactionGroup: number
  readonly createdMs: number
  readonly objectSet: number
  readonly children = new Set<SimDataset>()
  readonly bookmarks: SimBookmark[] = []
  /** Properties set on this dataset, with values as `get -p` prints them. */
  readonly local: Map<string, string> = new WatchedMap(() => this.changed())
  /** Those local properties that came with a stream. */
  readonly received = new Set<string>()
  /** What `zfs allow` delegates here. */
  readonly grants: SimGrant[] = []
  /** Data that other subsystems keep on the dataset; no listing shows it. */
  readonly hidden = new Map<string, string>()
  readonly volume: SimVolume | undefined // undefined: a filesystem
  readonly account = new Account()
  readonly #snapshots: SimSnapshot[] = []
  #origin: SimSnapshot | undefined
  #content: Content

  constructor(pool: SimPool, name: string, volume: SimVolume | undefined) {
    this.pool = pool
    this.name = name
    this.volume = volume
    const { filesystem, volume: empty, clone } = emptyOf(pool.disks, pool.dialect)
    this.#content = new Content(
      { metadata: volume === undefined ? filesystem : empty, clone },
      volume?.blockSize ?? 0,
    )
    this.createTransactionGroup = pool.transactionGroup
    this.createdMs = pool.nextCreationMs()
    this.objectSet = pool.nextObjectSet()
    this.guid = identity(`${name} ${this.objectSet}`)
  }

  get snapshots(): readonly SimSnapshot[] {
    return this.#snapshots
  }

  get origin(): SimSnapshot | undefined {
    return this.#origin
  }

  set origin(origin: SimSnapshot | undefined) {
    this.#origin?.clones.delete(this)
    this.#origin = origin
    origin?.clones.add(this)
    this.changed()
  }

  /** For reading only; change it with `renewBlocks` and `truncate`. */
  get content(): Content {
    return this.#content
  }

  set content(content: Content) {
    this.#content = content
    this.changed()
  }

  renewBlocks(blocks: readonly number[]): void {
    this.#content.renew(blocks)
    this.changed()
  }

  truncate(sizeBytes: number): void {
    this.#content.truncate(sizeBytes)
    this.changed()
  }

  renewMetadata(): void {
    this.#content.renewMetadata()
    this.changed()
  }

  /** Drops the sums of this dataset and of everything above it. */
  changed(): void {
    this.account.used = undefined
    const { parent } = this
    if (parent === undefined) return
    parent.account.stale.add(this)
    parent.changed()
  }

  get kind(): 'filesystem' | 'volume' {
    return this.volume === undefined ? 'filesystem' : 'volume'
  }

  get parentName(): string | undefined {
    const slash = this.name.lastIndexOf('/')
    return slash < 0 ? undefined : this.name.slice(0, slash)
  }

  get parent(): SimDataset | undefined {
    return this.parentName === undefined ? undefined : this.pool.datasets.get(this.parentName)
  }

  snapshotNamed(name: string): SimSnapshot | undefined {
    return this.#snapshots.find(candidate => candidate.shortName === name)
  }

  addSnapshot(shortName: string): SimSnapshot {
    const snapshot = new SimSnapshot(this, shortName)
    this.#snapshots.push(snapshot)
    this.changed()
    return snapshot
  }

  removeSnapshot(snapshot: SimSnapshot): void {
    this.#snapshots.splice(this.#snapshots.indexOf(snapshot), 1)
    snapshot.store?.dispose()
    this.changed()
  }

  /** Moves the first snapshots to another dataset, before those that it has. */
  moveSnapshots(count: number, to: SimDataset): void {
    const moved = this.#snapshots.splice(0, count)
    to.#snapshots.unshift(...moved)
    for (const snapshot of moved) snapshot.dataset = to
    this.changed()
    to.changed()
  }

  /** The snapshot before the live bytes: the last one, or the origin of a clone without any. */
  get previous(): SimSnapshot | undefined {
    return this.#snapshots.at(-1) ?? this.#origin
  }
}

export class SimSnapshot {
  dataset: SimDataset
  shortName: string
  readonly guid: string
  readonly createTransactionGroup: number
  readonly createdMs: number
  readonly local = new Map<string, string>()
  readonly received = new Set<string>()
  readonly holds = new Map<string, number>() // tag, time in ms
  readonly clones = new Set<SimDataset>()
  readonly content: Content
  readonly store: Store | undefined
  deferred = false

  constructor(dataset: SimDataset, shortName: string) {
    this.dataset = dataset
    this.shortName = shortName
    this.content = dataset.content.copy()
    this.store = dataset.volume?.store.copy()
    this.createTransactionGroup = dataset.pool.transactionGroup
    this.createdMs = dataset.pool.nowMs()
    this.guid = identity(`${dataset.guid}@${shortName} ${this.createTransactionGroup}`)
  }

  get name(): string {
    return `${this.dataset.name}@${this.shortName}`
  }
}

export interface SimBookmark {
  readonly shortName: string
  readonly guid: string
  readonly createTransactionGroup: number
  readonly createdMs: number
}

/** Byte order, as names are ASCII. */
export function compareNames(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

export function compareDatasets(a: SimDataset, b: SimDataset): number {
  return compareNames(a.name, b.name)
}

/** A 64-bit FNV-1a hash of the words, as decimal text. */
function identity(words: string): string {
  let hash = 0xcbf29ce484222325n
  for (const byte of Buffer.from(words)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n)
  }
  return String(hash)
}
