// The API server of a cluster in memory, as far as the controllers know it: objects with versions,
// lists in pages, watches, and what can go wrong with each of them. Controllers of the cluster do
// nothing here by themselves: the test plays them.

import { StorageError } from '../../../src/errors.ts'
import { type ApiRequest, judge } from '../../../src/kubernetes/api-answers.ts'
import type { ApiServer } from '../../../src/kubernetes/api-server.ts'
import { parsePath } from './paths.ts'
import { type Answer, failure, markDeleted, metadataOf, perform } from './requests.ts'
import { type Change, type Json, Store, type StoredObject } from './store.ts'
import { type Ending, Watcher } from './watcher.ts'

/** `hangs` and `effect without answer` end with the signal of the request only. */
export type Fault = 'hangs' | 'effect without answer' | number

const PROTECTION = 'kubernetes.io/pvc-protection'

export class Cluster {
  /** `GET /apis/…`, in order, watches too. */
  readonly requests: string[] = []
  /** What is answered instead, for requests that begin so. */
  readonly faults = new Map<string, Fault>()
  /** Called before each request is performed: a test changes objects here, just before a write. */
  before: (asked: string) => void = () => {}
  isRunning = true
  /** Watches are not told of changes as long as it is true: whoever watches sees an older state. */
  isHeldBack = false
  endsWatchesAtOnce = false
  readonly #store = new Store(change => this.#publish(change))
  readonly #ending = new Set<string>()
  readonly #watchers = new Set<Watcher>()
  /** Rests of lists, by what `continue` names them. */
  readonly #rests = new Map<string, { items: readonly StoredObject[]; version: number }>()
  #held: Change[] = []
  #lost = 0

  /** By the path of each. */
  get objects(): Map<string, StoredObject> {
    return this.#store.objects
  }

  /** What a process would reach over HTTPS. */
  readonly api: Pick<ApiServer, 'send' | 'watch'> = {
    send: async (asked, { accept = [] } = {}, signal) => {
      const answer = await this.answer(asked, signal)
      return judge(asked, { status: answer.status, text: JSON.stringify(answer.body) }, accept)
    },
    watch: (path, signal) => this.#watchDirectly(path, signal),
  }

  async *#watchDirectly(
    path: string,
    signal: AbortSignal,
  ): AsyncGenerator<unknown, void, undefined> {
    const opened = this.open(path)
    if (!(opened instanceof Watcher)) {
      const text = JSON.stringify(opened.body)
      judge({ method: 'GET', path }, { status: opened.status, text }, [])
      return
    }
    for await (const line of opened.lines(signal)) yield JSON.parse(line)
  }

  /** The answer of the API server, with the faults that the test wants. */
  async answer(asked: ApiRequest, signal?: AbortSignal): Promise<Answer> {
    const text = `${asked.method} ${asked.path}`
    this.requests.push(text)
    const fault = [...this.faults].find(([begin]) => text.startsWith(begin))?.[1]
    if (!this.isRunning) throw new StorageError('unavailable', 'the API server does not answer')
    if (fault === 'hangs') await cutOff(signal)
    if (typeof fault === 'number') return failure(fault, 'Fault', 'as the test wishes')
    this.before(text)
    const answer = this.#perform(asked)
    if (fault === 'effect without answer') await cutOff(signal)
    return answer
  }

  #perform(asked: ApiRequest): Answer {
    const [path = '', query = ''] = asked.path.split('?')
    const at = parsePath(path)
    if (at !== undefined && at.name === undefined && asked.method === 'GET') {
      return this.#list(path, new URLSearchParams(query))
    }
    const world = { store: this.#store, ending: this.#ending }
    const answer = perform(asked, world) ?? failure(404, 'NotFound', `${path} is no path`)
    this.#endNamespaces()
    return answer
  }

  #list(path: string, query: URLSearchParams): Answer {
    const next = query.get('continue')
    const rest = next === null ? undefined : this.#rests.get(next)
    if (next !== null && rest === undefined) {
      return failure(410, 'Expired', 'The provided continue parameter is too old')
    }
    const { items, version } = rest ?? { items: this.#all(path), version: this.#store.version }
    const limit = Number(query.get('limit') ?? 0) || items.length
    const token = `${path} ${version} ${items.length}`
    if (items.length > limit) this.#rests.set(token, { items: items.slice(limit), version })
    const metadata = {
      resourceVersion: String(version),
      continue: items.length > limit ? token : '',
    }
    return { status: 200, body: { items: items.slice(0, limit), metadata } }
  }

  #all(path: string): readonly StoredObject[] {
    const matches = matcher(path)
    const found = [...this.objects].filter(([each]) => matches(each))
    return found.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object)
  }

  /** A watch from the version that the query names. */
  open(asked: string): Watcher | Answer {
    this.requests.push(`GET ${asked}`)
    if (!this.isRunning) throw new StorageError('unavailable', 'the API server does not answer')
    const fault = [...this.faults].find(([begin]) => `GET ${asked}`.startsWith(begin))?.[1]
    if (typeof fault === 'number') return failure(fault, 'Fault', 'as the test wishes')
    const [path = '', query = ''] = asked.split('?')
    const from = Number(new URLSearchParams(query).get('resourceVersion') ?? 0)
    const watcher = new Watcher(from, matcher(path))
    this.#watchers.add(watcher)
    if (from < this.#store.oldest) {
      const message = `too old resource version: ${from} (${this.#store.oldest})`
      watcher.push({ type: 'ERROR', object: failure(410, 'Expired', message).body })
      watcher.close('ended')
      return watcher
    }
    if (this.endsWatchesAtOnce) watcher.close('ended')
    const held = new Set(this.#held)
    for (const change of this.#store.changes) {
      if (!held.has(change)) this.#send(watcher, change)
    }
    return watcher
  }

  get changes(): readonly Change[] {
    return this.#store.changes
  }

  /** An event of the test's own, whatever the objects are. */
  say(event: object): void {
    for (const watcher of this.#watchers) watcher.push(event)
  }

  #publish(change: Change): void {
    if (this.isHeldBack) {
      this.#held.push(change)
      return
    }
    if (this.#lost > 0) {
      this.#lost -= 1
      return
    }
    for (const watcher of this.#watchers) this.#send(watcher, change)
  }

  #send(watcher: Watcher, { path, type, object, version }: Change): void {
    if (version > watcher.from && watcher.matches(path)) watcher.push({ type, object })
  }

  /** All that was held back arrives, in order. */
  letGo(): void {
    this.isHeldBack = false
    for (const change of this.#held.splice(0)) this.#publish(change)
  }

  /** The watches of now never hear of the next changes. */
  loseNextEvents(count: number): void {
    this.#lost = count
  }

  bookmarks(): void {
    const version = this.#held[0]?.version ?? this.#store.version + 1
    const metadata = { resourceVersion: String(version - 1) }
    for (const watcher of this.#watchers) watcher.push({ type: 'BOOKMARK', object: { metadata } })
  }

  endWatches(ending: Ending = 'ended'): void {
    for (const watcher of this.#watchers) watcher.close(ending)
    this.#watchers.clear()
  }

  /** What is older than now is forgotten: watches and lists that begin there answer 410. */
  compact(): void {
    this.#store.oldest = this.#store.version
    this.#rests.clear()
  }

  /** As a power cut of the API server: every watch is cut, and nothing answers until it runs. */
  stop(): void {
    this.isRunning = false
    this.endWatches('cut')
  }

  start(): void {
    this.isRunning = true
  }

  of(folder: string): readonly StoredObject[] {
    return [...this.objects].flatMap(([path, object]) => (path.startsWith(folder) ? object : []))
  }

  /** As an administrator with every right, the status included. */
  put(path: string, object: Json): StoredObject {
    const before = this.objects.get(path)?.metadata
    const known = before && { uid: before.uid, creationTimestamp: before.creationTimestamp }
    const counted = parsePath(path)?.resource.isCustom ? { generation: 1 } : {}
    const { resourceVersion: _, ...metadata } = metadataOf(object)
    const whole = { ...object, metadata: { ...known, ...counted, ...metadata } }
    return this.#store.write(path, whole)
  }

  delete(path: string): void {
    const known = this.objects.get(path)
    if (known !== undefined) markDeleted(path, known, this.#store)
    this.#endNamespaces()
  }

  /** Everything in it is deleted; it takes nothing new, and ends when nothing is left. */
  deleteNamespace(name: string): void {
    this.#ending.add(name)
    for (const path of this.#within(name)) this.delete(path)
    this.#endNamespaces()
  }

  isEnding(namespace: string): boolean {
    return this.#ending.has(namespace)
  }

  #within(namespace: string): readonly string[] {
    return [...this.objects.keys()].filter(path => parsePath(path)?.namespace === namespace)
  }

  #endNamespaces(): void {
    for (const name of this.#ending) {
      if (this.#within(name).length === 0) this.#ending.delete(name)
    }
  }

  /**
   * As the controllers of the cluster: objects whose owners are all gone are deleted, and claims
   * that are deleted lose the protection that no pod needs here. False: there was nothing to do.
   */
  collectGarbage(): boolean {
    const before = this.#store.version
    const uids = new Set([...this.objects.values()].map(({ metadata }) => metadata.uid))
    for (const [path, object] of [...this.objects]) {
      const { ownerReferences = [], deletionTimestamp, finalizers = [] } = object.metadata
      const isOrphan =
        ownerReferences.length > 0 && ownerReferences.every(({ uid }) => !uids.has(String(uid)))
      if (isOrphan) this.delete(path)
      if (deletionTimestamp !== undefined && finalizers.includes(PROTECTION)) {
        this.removeFinalizer(path, PROTECTION)
      }
    }
    this.#endNamespaces()
    return this.#store.version !== before
  }

  removeFinalizer(path: string, finalizer: string): void {
    const known = this.objects.get(path)
    if (known === undefined) return
    const finalizers = known.metadata.finalizers?.filter(each => each !== finalizer) ?? []
    const body = JSON.stringify({ metadata: { finalizers } })
    this.#perform({ method: 'PATCH', path, body })
  }
}

function matcher(path: string): (each: string) => boolean {
  const wanted = parsePath(path)
  return each => {
    const at = parsePath(each)
    const isWithin = wanted?.namespace === undefined || wanted.namespace === at?.namespace
    return at !== undefined && at.root === wanted?.root && isWithin
  }
}

/** No answer ever comes: the request ends with its signal. */
function cutOff(signal?: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const cut = () =>
      reject(new StorageError('unavailable', 'no answer', { cause: signal?.reason }))
    if (signal?.aborted) cut()
    signal?.addEventListener('abort', cut, { once: true })
  })
}
