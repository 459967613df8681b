// The pools of a simulated storage host: datasets, snapshots, clones and bytes. State and its rules only; the commands that
// change it and the words they use are in the files beside this one.

import type { Store } from '../store.ts'
import { Content } from './content.ts'
import type { SimDialect } from './dialects.ts'
import type { SimVolume } from './volume.ts'

export class SimPool {
  readonly name: string
  readonly sizeBytes: number // what its datasets can use
  readonly dialect: SimDialect
  readonly guid: string
  readonly datasets = new Map<string, SimDataset>()
  readonly #clock: () => number
  #transactionGroup = 4
  #nextObjectSet = 68
  /** Every I/O fails: commands that are begun now are refused, listings leave the pool out. */
  suspended = false
  /** No free space whatever the datasets use. */
  full = false
  /** A pool that is not imported: its datasets are unknown. */
  imported = true
  readOnly = false

  constructor(options: { name: string; sizeBytes: number; dialect: SimDialect; nowMs: () => number }) {
    this.name = options.name
    this.sizeBytes = options.sizeBytes
    this.dialect = options.dialect
    this.#clock = options.nowMs
    this.guid = identity(`pool ${options.name}`)
    this.datasets.set(options.name, new SimDataset(this, options.name, undefined))
  }

  get health(): 'ONLINE' | 'SUSPENDED' {
    return this.suspended ? 'SUSPENDED' : 'ONLINE'
  }

  nowMs(): number {
    return this.#clock()
  }

  /** Of what the command at hand makes: all of it belongs to one. */
  get transactionGroup(): number {
    return this.#transactionGroup
  }

  /** The next command's changes come after this one's. */
  sync(): void {
    this.#transactionGroup += 1
  }

  nextObjectSet(): number {
    return this.#nextObjectSet++
  }

  /** In the order in which zfs lists: by name, as bytes. */
  sorted(): readonly SimDataset[] {
    return [...this.datasets.values()].sort((a, b) => compareNames(a.name, b.name))
  }

  childrenOf(dataset: SimDataset): readonly SimDataset[] {
    return [...this.datasets.values()]
      .filter(candidate => candidate.parentName === dataset.name)
      .sort((a, b) => compareNames(a.name, b.name))
  }

  clonesOf(snapshot: SimSnapshot): readonly SimDataset[] {
    return [...this.datasets.values()].filter(candidate => candidate.origin === snapshot).sort((a, b) => compareNames(a.name, b.name))
  }

  add(name: string, volume: SimVolume | undefined): SimDataset {
    const dataset = new SimDataset(this, name, volume)
    this.datasets.set(name, dataset)
    return dataset
  }

  /** Takes the dataset away, and the snapshot that only waited for it. */
  remove(dataset: SimDataset): void {
    this.datasets.delete(dataset.name)
    dataset.volume?.store.dispose()
    const origin = dataset.origin
    dataset.origin = undefined
    if (origin) this.reap(origin)
  }

  /** A snapshot whose destruction was deferred goes when nothing needs it any more. */
  reap(snapshot: SimSnapshot): void {
    if (snapshot.deferred && snapshot.holds.size === 0 && this.clonesOf(snapshot).length === 0) snapshot.dataset.removeSnapshot(snapshot)
  }
}

export class SimDataset {
  readonly pool: SimPool
  name: string
  readonly guid: string
  readonly createTransactionGroup: number
  readonly createdMs: number
  readonly objectSet: number
  readonly snapshots: SimSnapshot[] = []
  readonly bookmarks: SimBookmark[] = []
  /** Properties set on this dataset, values as `get -p` prints them. */
  readonly local = new Map<string, string>()
  /** What other subsystems keep on a dataset; in no listing. */
  readonly hidden = new Map<string, string>()
  readonly volume: SimVolume | undefined // undefined: a filesystem
  origin: SimSnapshot | undefined
  content: Content

  constructor(pool: SimPool, name: string, volume: SimVolume | undefined) {
    this.pool = pool
    this.name = name
    this.volume = volume
    this.content = new Content(volume === undefined ? FILESYSTEM_BYTES : pool.dialect.blankVolumeBytes, volume?.blockSize ?? 0)
    this.createTransactionGroup = pool.transactionGroup
    this.createdMs = pool.nowMs()
    this.objectSet = pool.nextObjectSet()
    this.guid = identity(`${name} ${this.objectSet}`)
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
    return this.snapshots.find(candidate => candidate.shortName === name)
  }

  addSnapshot(shortName: string): SimSnapshot {
    const snapshot = new SimSnapshot(this, shortName)
    this.snapshots.push(snapshot)
    return snapshot
  }

  removeSnapshot(snapshot: SimSnapshot): void {
    this.snapshots.splice(this.snapshots.indexOf(snapshot), 1)
    snapshot.store?.dispose()
  }

  /** The snapshot that the live bytes are compared with: the last one, for a fresh clone its origin. */
  get previous(): SimSnapshot | undefined {
    return this.snapshots.at(-1) ?? this.origin
  }
}

export class SimSnapshot {
  dataset: SimDataset
  shortName: string
  readonly guid: string
  readonly createTransactionGroup: number
  readonly createdMs: number
  readonly local = new Map<string, string>()
  readonly holds = new Map<string, number>() // tag, time in ms
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

const FILESYSTEM_BYTES = 24576

export function compareNames(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

/** A 64-bit number as text, the same for the same words. FNV-1a. */
function identity(words: string): string {
  let hash = 0xcbf29ce484222325n
  for (const byte of Buffer.from(words)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n)
  return String(hash)
}
