// One operation at a time for an object, a bounded number of commands at a time for a pool. In memory: it orders the requests of this
// process; what protects data against another process is the attachment record.

import { StorageError } from './errors.ts'

/** Waiters are served in order. A waiter whose signal is aborted leaves with `busy`; the holder is never interrupted. */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<void>>()

  async run<T>(key: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key)
    const { promise: done, resolve: release } = Promise.withResolvers<void>()
    const tail = before === undefined ? done : before.then(() => done)
    this.#tails.set(key, tail)
    try {
      if (before !== undefined) await orAborted(before, signal, `another request holds ${key}`)
      return await work()
    } finally {
      release()
      if (this.#tails.get(key) === tail) this.#tails.delete(key)
    }
  }
}

/** At most `limit` at a time, in order of arrival. */
export class Semaphore {
  readonly #name: string
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(name: string, limit: number) {
    this.#name = name
    this.#free = limit
  }

  async run<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    await this.#enter(signal)
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#free += 1
    }
  }

  async #enter(signal: AbortSignal | undefined): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1
      return
    }
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.push(resolve)
    try {
      await orAborted(promise, signal, `too many requests for ${this.#name}`)
    } catch (error) {
      const at = this.#waiting.indexOf(resolve)
      if (at >= 0) this.#waiting.splice(at, 1)
      else this.#handOn() // the turn came in the same moment
      throw error
    }
  }

  #handOn(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#free += 1
  }
}

async function orAborted(wait: Promise<void>, signal: AbortSignal | undefined, reason: string): Promise<void> {
  if (signal === undefined) return wait
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(new StorageError('busy', `${reason} and did not finish before the deadline; try again`))
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await Promise.race([wait, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
