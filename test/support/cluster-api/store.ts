// The objects of a cluster with one version for all of them, and the changes that watches see.

export type Json = Readonly<Record<string, unknown>>

export interface StoredObject {
  readonly metadata: Metadata
  readonly [field: string]: unknown
}

export interface Metadata {
  readonly name: string
  readonly resourceVersion: string
  readonly uid: string
  readonly namespace?: string
  readonly generation?: number
  readonly deletionTimestamp?: string
  readonly finalizers?: readonly string[]
  readonly ownerReferences?: readonly { readonly uid?: unknown }[]
  readonly [field: string]: unknown
}

export interface Change {
  readonly version: number
  readonly path: string
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly object: StoredObject
}

/** What JSON.parse makes of it may be an object. */
export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export class Store {
  /** By the path of each. */
  readonly objects = new Map<string, StoredObject>()
  readonly changes: Change[] = []
  /** Watches of older versions are told that they are too old. */
  oldest = 0
  #version = 0
  readonly #seen: (change: Change) => void

  constructor(seen: (change: Change) => void) {
    this.#seen = seen
  }

  get version(): number {
    return this.#version
  }

  /** The object as it stands at its path from now on. The same again changes nothing. */
  write(path: string, object: Json & { readonly metadata: Json }): StoredObject {
    const before = this.objects.get(path)
    const resourceVersion = before?.metadata.resourceVersion
    const same = { ...object, metadata: { ...object.metadata, resourceVersion } }
    if (before !== undefined && sorted(same) === sorted(before)) return before
    const stored = this.#stored(path, object)
    this.objects.set(path, stored)
    this.#change(path, before === undefined ? 'ADDED' : 'MODIFIED', stored)
    return stored
  }

  remove(path: string): void {
    const before = this.objects.get(path)
    if (before === undefined) return
    this.objects.delete(path)
    this.#change(path, 'DELETED', this.#stored(path, before))
  }

  #stored(path: string, object: Json & { readonly metadata: Json }): StoredObject {
    this.#version += 1
    const parts = path.split('/')
    const namespace = parts[parts.length - 4] === 'namespaces' ? { namespace: parts.at(-3) } : {}
    const metadata = {
      uid: `uid-${this.#version}`,
      creationTimestamp: timeOf(this.#version),
      ...object.metadata,
      ...namespace,
      name: parts.at(-1) ?? '',
      resourceVersion: String(this.#version),
    }
    // Nobody may change what is stored: it is copied, as over a wire.
    return JSON.parse(JSON.stringify({ ...object, metadata }))
  }

  #change(path: string, type: Change['type'], object: StoredObject): void {
    const change = { version: this.#version, path, type, object }
    this.changes.push(change)
    this.#seen(change)
  }
}

/** As text in which the order of fields does not matter. */
function sorted(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) =>
    isJson(each)
      ? Object.fromEntries(Object.entries(each).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  )
}

/** One that grows with the versions, as the API writes it. */
export function timeOf(version: number): string {
  return `${new Date(Date.UTC(2026, 10, 21) + version * 1000).toISOString().slice(0, 19)}Z`
}
