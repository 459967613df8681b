// One operation at a time for an object, a bounded number of commands at a time for a pool. In
// memory: it orders the requests of this process; what protects data against another process is the
// attachment record.
//
// Both keep the queue itself, and whoever leaves takes only its own place out of it. A promise for
// "all before me" was tried: a waiter that gave up took the key along while its holder still
// worked, and the next request ran beside that one.

import { AsyncLocalStorage } from 'node:async_hooks'
import { type ErrorKind, StorageError } from './errors.ts'
import { enterQueue } from './queueing.ts'

/** A place in the queue of each of its keys. Its turn is when it is the first in all of them. */
interface Place {
  readonly keys: readonly string[]
  readonly begin: () => void
}

/** What a piece of work and all that it starts can see of its lock. */
interface Holding {
  readonly keys: readonly string[]
  atWork: boolean
}

/**
 * Waiters are served in order. A waiter whose signal is aborted leaves with `busy`; the holder is
 * never interrupted.
 */
export class KeyedLock {
  readonly #queues = new Map<string, Place[]>()
  readonly #within = new AsyncLocalStorage<Holding>()

  /**
   * Several keys are asked for at one moment and held together, and whoever holds some may not ask
   * for more (an Error: a bug), so two requests can never each hold what the other waits for. An
   * aborted signal ends the wait, and work that did not begin before it never begins.
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

  /** Keys that somebody holds or waits for. */
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

/** At most `limit` at a time, in order of arrival. */
export class Semaphore {
  readonly #name: string
  readonly #limit: number
  readonly #late: ErrorKind
  /** Who is at work, and behind them who waits. */
  readonly #queue: (() => void)[] = []

  /**
   * The name is that of what takes turns: "writes of pool gold". `late` is what a waiter leaves
   * with at its deadline.
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

  /** How many are at work or wait. */
  get size(): number {
    return this.#queue.length
  }

  // To begin is the same however often it is told.
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
  // The turn and the deadline may come in one moment: the deadline counts.
  if (signal?.aborted) {
    throw new StorageError(kind, `${reason} and did not finish before the deadline; try again`)
  }
}

/**
 * The outcome of work that several wait for. It belongs to none of them: an aborted signal ends
 * this wait, and nothing else.
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
