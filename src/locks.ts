// Locks: one operation at a time per object, and a limited number of commands at a time per pool.
// They live in memory and order the requests of this process only. Against another process, the
// attachment record protects the data.  Both keep the queue itself, and a waiter that leaves
// removes only its own place. A promise for "all before me" was tried: a waiter that gave up took
// the key along while its holder still worked. The next request then ran beside the holder.

import { AsyncLocalStorage } from 'node:async_hooks'
import { type ErrorKind, StorageError } from './errors.ts'
import { enterQueue } from './queueing.ts'

/**
 * A place in the queue of each of its keys. The work begins when the place is first in all of them.
 */
interface Place {
  readonly keys: readonly string[]
  readonly begin: () => void
}

/** The keys that a piece of work holds, visible to it and to everything it starts. */
interface Holding {
  readonly keys: readonly string[]
  atWork: boolean
}

/**
 * Serves waiters in order. A waiter whose signal is aborted leaves with `busy`. The holder is never
 * interrupted.
 */
export class KeyedLock {
  readonly #queues = new Map<string, Place[]>()
  readonly #within = new AsyncLocalStorage<Holding>()

  /**
   * Takes several keys at once. Work that holds keys may not ask for more (an Error: a bug). So two
   * requests can never each hold what the other waits for. An aborted signal ends the wait: work
   * that has not begun never begins.
   */
  async hold<T>(
    keys: string | readonly string[],
    signal: AbortSignal | undefined,
    work: () => Promise<T>,
  ): Promise<T> {
    const wanted = typeof keys === 'string' ? [keys] : [...new Set(keys)]
    const outer = this.#within.getStore()
    if (outer?.atWork) {
      throw new Error(
        `${wanted.join(' and ')} asked for by who holds ${outer.keys.join(' and ')}: take them ` +
          'together',
      )
    }
    const { promise: turn, resolve: begin } = Promise.withResolvers<void>()
    const place = { keys: wanted, begin }
    const holding = { keys: wanted, atWork: true }
    for (const key of wanted) this.#queueOf(key).push(place)
    this.#beginIfFirst(place)
    try {
      await orAborted(turn, signal, { reason: `another request holds ${wanted.join(' or ')}` })
      return await this.#within.run(holding, work)
    } finally {
      holding.atWork = false
      this.#leave(place)
    }
  }

  /** The number of keys that are held or waited for. */
  get size(): number {
    return this.#queues.size
  }

  #queueOf(key: string): Place[] {
    const queue = this.#queues.get(key) ?? []
    this.#queues.set(key, queue)
    return queue
  }

  #beginIfFirst(place: Place): void {
    if (place.keys.every(key => this.#queues.get(key)?.[0] === place)) place.begin()
  }

  #leave(place: Place): void {
    const firsts = place.keys.flatMap(key => {
      const queue = (this.#queues.get(key) ?? []).filter(each => each !== place)
      if (queue.length === 0) this.#queues.delete(key)
      else this.#queues.set(key, queue)
      return queue[0] ?? []
    })
    for (const first of firsts) this.#beginIfFirst(first)
  }
}

/** Runs at most `limit` pieces of work at a time, in order of arrival. */
export class Semaphore {
  readonly #name: string
  readonly #limit: number
  readonly #late: ErrorKind
  /** First the running work, then the waiters. */
  readonly #queue: (() => void)[] = []

  /**
   * `name` says what takes turns, as in "writes of pool gold". `late` is the kind of error for a
   * waiter at its deadline.
   */
  constructor(name: string, limit: number, late: 'busy' | 'unavailable' = 'busy') {
    this.#name = name
    this.#late = late
    this.#limit = limit
  }

  async take<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    const { promise: turn, resolve: begin } = Promise.withResolvers<void>()
    this.#queue.push(begin)
    this.#beginFirst()
    try {
      await orAborted(turn, signal, { reason: `other ${this.#name} came first`, kind: this.#late })
      return await work()
    } finally {
      this.#queue.splice(this.#queue.indexOf(begin), 1)
      this.#beginFirst()
    }
  }

  /** The number of running and waiting pieces of work. */
  get size(): number {
    return this.#queue.length
  }

  // Calling begin again has no effect.
  #beginFirst(): void {
    for (const begin of this.#queue.slice(0, this.#limit)) begin()
  }
}

async function orAborted(
  turn: Promise<void>,
  signal: AbortSignal | undefined,
  { reason, kind = 'busy' }: { readonly reason: string; readonly kind?: ErrorKind },
): Promise<void> {
  const { promise: aborted, resolve } = Promise.withResolvers<void>()
  const onAbort = () => resolve()
  const leave = enterQueue()
  signal?.addEventListener('abort', onAbort, { once: true })
  if (!signal?.aborted) await Promise.race([turn, aborted])
  signal?.removeEventListener('abort', onAbort)
  leave()
  // If the turn and the deadline come at the same moment, the deadline counts.
  if (signal?.aborted) {
    throw new StorageError(kind, `${reason} and did not finish before the deadline; try again`)
  }
}

/**
 * The result of work that several callers wait for. An aborted signal ends only this caller's wait.
 */
export async function shared<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
  late: () => StorageError,
): Promise<T> {
  if (signal === undefined) return work
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(late())
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([aborted, work])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
