// Turns of one machine: one change at a time, and listings that its callers share. What a change or
// a listing is belongs to the hypervisor.

import type { Clock } from '../clock.ts'
import { StorageError } from '../errors.ts'
import { Semaphore, shared } from '../locks.ts'
import { enterQueue } from '../queueing.ts'

/** Of many changes at once so many are looked at together. */
const CHANGES_A_LISTING = 10
/** And none waits longer for the others: what it saves them is a listing or two. */
const TOGETHER_MS = 1_500

export class Turns<Listing> {
  readonly #machine: string
  readonly #clock: Clock
  readonly #list: () => Promise<Listing>
  #running: Promise<unknown> = Promise.resolve()
  #next: { readonly listed: Promise<Listing>; waiters: number } | undefined
  readonly #writes: Semaphore
  /** Changes that wait for their turn or have it. */
  #changing = 0
  /** Changes that are made and wait for those behind them, and their end. */
  #madeAndWaiting = 0
  #made = Promise.withResolvers<void>()

  constructor(options: { machine: string; clock: Clock; list: () => Promise<Listing> }) {
    this.#machine = options.machine
    this.#clock = options.clock
    this.#list = options.list
    this.#writes = new Semaphore(`changes of machine ${options.machine}`, 1, 'unavailable')
  }

  /** The listing as of a moment after the call began; callers that wait at one time share one. */
  async observe(signal?: AbortSignal): Promise<Listing> {
    // Nobody would read it, and those who still wait would wait for it.
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

  // Whoever asks while a listing runs could miss his own change in it, so he waits for the next.
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
   * Runs work when no other write of this process is under way on the machine. The signal ends the
   * wait, never the work.
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

  // Who has made a change looks at the machine next. Of fifty at once each would list it after his
  // own turn; here they wait for the few behind them, and one listing answers for all. A change
  // that failed waits too: its caller looks as well. One that hangs keeps nobody longer than a
  // listing takes.
  async #lookedAtTogether(signal?: AbortSignal): Promise<void> {
    const { promise: all, resolve: end } = this.#made
    if (this.#changing === 0 || this.#madeAndWaiting + 1 >= CHANGES_A_LISTING) {
      this.#made = Promise.withResolvers()
      this.#madeAndWaiting = 0
      end()
      // After those who waited have gone on, so that they are in time for the listing.
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
