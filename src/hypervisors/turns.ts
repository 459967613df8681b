// Schedules the work on one machine: one change at a time, and listings that callers share. The
// hypervisor defines what a change or a listing is.

import type { Clock } from '../clock.ts'
import { StorageError } from '../errors.ts'
import { Semaphore, shared } from '../locks.ts'
import { enterQueue } from '../queueing.ts'

/** The maximum number of concurrent changes that share one listing. */
const CHANGES_A_LISTING = 10
/** No change waits longer than this for the others: sharing saves only a listing or two. */
const TOGETHER_MS = 1_500

export class Turns<Listing> {
  readonly #machine: string
  readonly #clock: Clock
  readonly #list: () => Promise<Listing>
  #running: Promise<unknown> = Promise.resolve()
  #next: { readonly listed: Promise<Listing>; waiters: number } | undefined
  readonly #writes: Semaphore
  /** Changes that are waiting for their turn or running. */
  #changing = 0
  /** Finished changes that wait for those behind them, and the promise that ends the wait. */
  #madeAndWaiting = 0
  #made = Promise.withResolvers<void>()

  constructor(options: { machine: string; clock: Clock; list: () => Promise<Listing> }) {
    this.#machine = options.machine
    this.#clock = options.clock
    this.#list = options.list
    this.#writes = new Semaphore(`changes of machine ${options.machine}`, 1, 'unavailable')
  }

  /** The listing of a moment after the call began. Callers that wait at the same time share one. */
  async observe(signal?: AbortSignal): Promise<Listing> {
    // This caller would not read the listing, and the others would have to wait for it.
    if (signal?.aborted) throw this.deadline('its domains were listed', signal)
    this.#next ??= { listed: this.#listNext(), waiters: 0 }
    const next = this.#next
    next.waiters += 1
    const leaveQueue = enterQueue()
    void this.#running.catch(() => {}).then(leaveQueue)
    try {
      return await shared(next.listed, signal, () =>
        this.deadline('its domains were listed', signal),
      )
    } finally {
      next.waiters -= 1
      leaveQueue()
    }
  }

  // A listing in progress may miss the caller's own change, so the caller waits for the next one.
  // The shared listing belongs to no caller: the deadline of one must not fail the others.
  async #listNext(): Promise<Listing> {
    await this.#running.catch(() => {})
    const next = this.#next
    this.#next = undefined
    if (next?.waiters === 0) throw this.deadline('another listing ran', undefined)
    const listing = this.#list()
    this.#running = listing
    return listing
  }

  /**
   * Runs work when no other write of this process is in progress on the machine. The signal ends
   * the wait, never the work.
   */
  serialised<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#writes.take(signal, work)
  }

  /** Like `serialised`, for a change after which the caller lists the machine. */
  async change(work: () => Promise<void>, signal?: AbortSignal): Promise<void> {
    this.#changing += 1
    try {
      await this.serialised(work, signal)
    } finally {
      this.#changing -= 1
      await this.#lookedAtTogether(signal)
    }
  }

  // After a change its caller lists the machine. If fifty callers did that one after the other,
  // there would be fifty listings. Instead, a finished change waits for the few behind it, and one
  // listing serves all of them. A failed change waits too, because its caller lists as well. A
  // change that hangs delays nobody longer than a listing takes.
  async #lookedAtTogether(signal?: AbortSignal): Promise<void> {
    const { promise: all, resolve: end } = this.#made
    if (this.#changing === 0 || this.#madeAndWaiting + 1 >= CHANGES_A_LISTING) {
      this.#made = Promise.withResolvers()
      this.#madeAndWaiting = 0
      end()
      // Returns after the waiting callers have continued, so that they join the same listing.
      return Promise.race([all])
    }
    if (signal?.aborted) return
    const leaveQueue = enterQueue()
    this.#madeAndWaiting += 1
    const over = new AbortController()
    const enough = this.#clock.sleep(
      TOGETHER_MS,
      signal ? AbortSignal.any([signal, over.signal]) : over.signal,
    )
    await Promise.race([all, enough.catch(() => {})])
    over.abort()
    leaveQueue()
    if (this.#made.promise === all) this.#madeAndWaiting -= 1
  }

  deadline(during: string, signal?: AbortSignal): StorageError {
    return new StorageError(
      'unavailable',
      `machine ${this.#machine}: the deadline passed while ${during}`,
      { cause: signal?.reason },
    )
  }
}
