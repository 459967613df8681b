// The objects of one kind as the API server has them: a list in pages, and a watch from there on.
// What was lost, cut or is too old is listed anew, so that no deletion is missed. An older state
// never replaces a newer one. Nobody writes through it.

import { type Clock, keepAt, pauseAfter } from '../clock.ts'
import { describeError, isStorageError, StorageError } from '../errors.ts'
import type { Log } from '../log.ts'
import { messageOf } from './api-answers.ts'
import type { ApiServer } from './api-server.ts'
import { isRecord } from './objects.ts'
import { pagesOf } from './pages.ts'

export interface WatchedOptions<T> {
  readonly api: Pick<ApiServer, 'send' | 'watch'>
  readonly clock: Clock
  readonly log: Log
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  /** Undefined: it is none of those that are watched. */
  readonly read: (json: unknown) => T | undefined
}

interface Entry<T> {
  readonly version: string
  readonly object: T
}

/** The API server ends a watch after it; the next one begins where that one ended. */
const WATCH_SECONDS = 480
/** A watch that ends sooner has failed. */
const SHORTEST_WATCH_MS = 1_000
/** Not even an event that a server loses for good stays lost for longer. */
const LIST_AGAIN_MS = 30 * 60_000
const PAUSES = { firstMs: 1_000, longestMs: 30_000 }

export class Watched<T extends { readonly key: string }> {
  readonly #options: WatchedOptions<T>
  readonly #listeners: ((key: string) => void)[] = []
  #entries = new Map<string, Entry<T>>()
  #isComplete = false
  /** Every change up to this version is known. */
  #version = ''
  #listedMs = 0
  /** In a row, without a word of a watch in between. */
  #failures = 0

  constructor(options: WatchedOptions<T>) {
    this.#options = options
  }

  /** Lists and watches until the returned function is called, which resolves when it has ended. */
  start(): () => Promise<void> {
    return keepAt(signal => this.#follow(signal))
  }

  get(key: string): T | undefined {
    return this.#entries.get(key)?.object
  }

  *all(): Generator<T, void, undefined> {
    for (const { object } of this.#entries.values()) yield object
  }

  /** The first list has arrived: what is not here is not there. It stays true. */
  isComplete(): boolean {
    return this.#isComplete
  }

  /**
   * Called with the key of each object that came, changed or vanished, when it can be read here. A
   * listener must not throw.
   */
  onChange(listener: (key: string) => void): void {
    this.#listeners.push(listener)
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { clock, log, path } = this.#options
    let isListed = false
    while (!signal.aborted) {
      try {
        if (!isListed || clock.nowMs() - this.#listedMs >= LIST_AGAIN_MS) await this.#list(signal)
        isListed = true
        await this.#watch(signal)
      } catch (error) {
        if (signal.aborted) break
        isListed = false
        this.#failures += 1
        const why = isStorageError(error) ? describeError(error) : String(error)
        const level = this.#failures === 1 ? 'info' : 'warn'
        log[level]({ path, error: why }, 'objects of the cluster must be listed again')
        await clock.sleep(pauseAfter(this.#failures, PAUSES), signal).catch(() => {})
      }
    }
  }

  // Replaces everything at once: whoever reads in between sees the state of before.
  async #list(signal: AbortSignal): Promise<void> {
    const { api, clock, path, query } = this.#options
    const listedMs = clock.nowMs()
    const entries = new Map<string, Entry<T>>()
    let version = ''
    for await (const page of pagesOf(api, { path, query }, signal)) {
      for (const item of page.items) this.#enter(entries, item)
      version = page.version
    }
    const before = this.#entries
    this.#entries = entries
    this.#version = version
    this.#listedMs = listedMs
    this.#isComplete = true
    for (const [key, entry] of entries) if (before.get(key) !== entry) this.#tell(key)
    for (const key of before.keys()) if (!entries.has(key)) this.#tell(key)
  }

  #enter(entries: Map<string, Entry<T>>, item: unknown): void {
    const { key, version } = identify(item)
    const before = this.#entries.get(key)
    if (before?.version === version) {
      entries.set(key, before)
      return
    }
    const object = this.#options.read(item)
    if (object !== undefined) entries.set(object.key, { version, object })
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { api, clock, path, query = {} } = this.#options
    const beganMs = clock.nowMs()
    const asked = new URLSearchParams({
      ...query,
      watch: '1',
      allowWatchBookmarks: 'true',
      resourceVersion: this.#version,
      timeoutSeconds: String(WATCH_SECONDS),
    })
    for await (const event of api.watch(`${path}?${asked}`, signal)) {
      this.#take(event)
      this.#failures = 0
    }
    if (clock.nowMs() - beganMs < SHORTEST_WATCH_MS) {
      throw new StorageError('unavailable', 'the API server ends a watch at once')
    }
  }

  #take(event: unknown): void {
    const { type, object } = isRecord(event) ? event : {}
    if (type === 'ERROR') {
      throw new StorageError('unavailable', messageOf(object) ?? 'the watch has failed')
    }
    const { key, version } = identify(object)
    // Versions only grow, unless the API server was restored from a backup. A list settles both.
    if (isOlder(version, this.#version)) {
      throw new StorageError('unavailable', `a watch goes back to version ${version}`)
    }
    if (type === 'BOOKMARK') {
      this.#version = version
      return
    }
    if (type !== 'ADDED' && type !== 'MODIFIED' && type !== 'DELETED') {
      throw new StorageError('unavailable', `a watch says ${JSON.stringify(type)}`)
    }
    const read = type === 'DELETED' ? undefined : this.#options.read(object)
    this.#version = version
    if (read !== undefined) this.#entries.set(key, { version, object: read })
    else if (!this.#entries.delete(key)) return
    this.#tell(key)
  }

  #tell(key: string): void {
    for (const listener of this.#listeners) listener(key)
  }
}

/** The key that a reduced object has, too. A bookmark has an empty one. */
function identify(json: unknown): { readonly key: string; readonly version: string } {
  const metadata = isRecord(json) && isRecord(json.metadata) ? json.metadata : {}
  const { namespace, name = '', resourceVersion: version } = metadata
  if (typeof version !== 'string' || version === '') {
    throw new StorageError('internal', 'the API server sent an object without a resourceVersion')
  }
  return { key: namespace === undefined ? String(name) : `${namespace}/${name}`, version }
}

/** As Kubernetes compares them: numbers of any length. */
function isOlder(version: string, than: string): boolean {
  return version.length === than.length ? version < than : version.length < than.length
}
