// Which keys are to be worked on, and when: one at a time for each key, so many in all, and so many
// for each group, so that one slow machine does not hold up the others. A key that fails comes back
// after a pause that grows. What is asked for while a key is at work is done once more afterwards.

import { type Clock, pauseAfter } from '../clock.ts'

export interface WorkQueueOptions {
  readonly clock: Clock
  /** At work at once, in all and in one group. */
  readonly limit: number
  readonly limitOfGroup: number
  /** The group of a key, asked when the key is about to begin. */
  readonly groupOf: (key: string) => string
  /** Whether all that was to be done is done. It handles its own failures. */
  readonly work: (key: string, signal: AbortSignal) => Promise<Outcome>
  /** From 0 up to 1: what spreads the pauses of keys that failed together. */
  readonly random: () => number
}

/** `again`: a failure that may pass. `later`: nothing failed, but it is to be looked at again. */
export type Outcome = 'done' | 'again' | { readonly laterMs: number }

const PAUSES = { firstMs: 1_000, longestMs: 5 * 60_000 }

interface Entry {
  state: 'waiting' | 'pausing' | 'working'
  /** Asked for again while it is at work. */
  isWanted: boolean
  failures: number
  /** Ends the pause. */
  wake: AbortController
}

export class WorkQueue {
  readonly #options: WorkQueueOptions
  readonly #entries = new Map<string, Entry>()
  /** Those of state `waiting` in the order in which they came. */
  readonly #waiting = new Set<string>()
  /** Those of them whose group was full, by group: they came before all in `#waiting`. */
  readonly #heldUp = new Map<string, Set<string>>()
  readonly #atWork = new Map<string, number>()
  readonly #stopped = new AbortController()
  readonly #running = new Set<Promise<void>>()
  #count = 0

  constructor(options: WorkQueueOptions) {
    this.#options = options
  }

  /** Something about it has changed: it does not wait for the end of its pause. */
  add(key: string): void {
    if (this.#stopped.signal.aborted) return
    const entry = this.#entries.get(key)
    switch (entry?.state) {
      case undefined:
        this.#entries.set(key, {
          state: 'waiting',
          isWanted: false,
          failures: 0,
          wake: new AbortController(),
        })
        this.#waiting.add(key)
        break
      case 'pausing':
        entry.wake.abort()
        return
      case 'working':
        entry.isWanted = true
        return
      case 'waiting':
        return
    }
    this.#begin()
  }

  /** To be looked at again, though nothing is known to have changed: a pause goes on. */
  remind(key: string): void {
    if (this.#entries.get(key)?.state !== 'pausing') this.add(key)
  }

  /** What is at work gets its signal; resolves when all of it has ended. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    this.#waiting.clear()
    this.#heldUp.clear()
    for (const { wake } of this.#entries.values()) wake.abort()
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  /** Resolves when nothing waits and nothing is at work; pauses do not count. */
  async idle(): Promise<void> {
    while (this.#count > 0) await Promise.race(this.#running)
  }

  /** Every key is asked for its group once, however long it waits. */
  #begin(): void {
    for (const key of this.#waiting) {
      if (this.#count >= this.#options.limit) return
      this.#waiting.delete(key)
      const group = this.#options.groupOf(key)
      if ((this.#atWork.get(group) ?? 0) < this.#options.limitOfGroup) {
        this.#beginOne(key, group)
        continue
      }
      const heldUp = this.#heldUp.get(group) ?? new Set()
      this.#heldUp.set(group, heldUp.add(key))
    }
  }

  /** After one of its group has ended: there is a place for it. */
  #beginHeldUp(group: string): void {
    const heldUp = this.#heldUp.get(group)
    const [key] = heldUp ?? []
    if (heldUp === undefined || key === undefined) return
    heldUp.delete(key)
    if (heldUp.size === 0) this.#heldUp.delete(group)
    this.#beginOne(key, group)
  }

  #beginOne(key: string, group: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    entry.state = 'working'
    entry.isWanted = false
    this.#count += 1
    this.#atWork.set(group, (this.#atWork.get(group) ?? 0) + 1)
    this.#keep(this.#work(key, entry, group))
  }

  #keep(running: Promise<void>): void {
    this.#running.add(running)
    void running.finally(() => this.#running.delete(running))
  }

  async #work(key: string, entry: Entry, group: string): Promise<void> {
    const outcome = await this.#options.work(key, this.#stopped.signal)
    this.#count -= 1
    const left = (this.#atWork.get(group) ?? 1) - 1
    if (left === 0) this.#atWork.delete(group)
    else this.#atWork.set(group, left)
    if (this.#stopped.signal.aborted) return
    this.#settle(key, entry, outcome)
    this.#beginHeldUp(group)
    this.#begin()
  }

  #settle(key: string, entry: Entry, outcome: Outcome): void {
    // What has changed meanwhile may be what the failures were about.
    const before = entry.isWanted ? 0 : entry.failures
    entry.failures = outcome === 'again' ? before + 1 : 0
    if (entry.isWanted && outcome !== 'again') {
      this.#wait(key, entry)
    } else if (outcome === 'done') {
      this.#entries.delete(key)
    } else {
      entry.state = 'pausing'
      entry.wake = new AbortController()
      void this.#pause(key, entry, outcome === 'again' ? this.#pauseMs(entry) : outcome.laterMs)
    }
  }

  async #pause(key: string, entry: Entry, ms: number): Promise<void> {
    await this.#options.clock.sleep(ms, entry.wake.signal).catch(() => {})
    if (this.#stopped.signal.aborted) return
    this.#wait(key, entry)
    this.#begin()
  }

  #wait(key: string, entry: Entry): void {
    entry.state = 'waiting'
    this.#waiting.add(key)
  }

  #pauseMs({ failures }: Entry): number {
    // Between a half and all of it.
    return pauseAfter(failures, PAUSES) * (1 - this.#options.random() / 2)
  }
}
