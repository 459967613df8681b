// Which of several controllers works: the holder of one Lease. The clocks of hosts are never
// compared: a lease counts as free when this process has not seen it change for as long as it
// lasts. What became of a call without an answer is looked at again, never assumed.

import type { Clock } from '../clock.ts'
import { describeError, isStorageError, StorageError } from '../errors.ts'
import type { Log } from '../log.ts'

export interface WantedLease {
  /** Empty: nobody. */
  readonly holder: string
  readonly durationSeconds: number
  /** How often it went from one holder to another. */
  readonly transitions: number
}

export interface StoredLease extends WantedLease {
  /** What an update must name, so that nobody overwrites what he has not seen. */
  readonly version: string
  /** Another text after every renewal. Only ever compared with itself. */
  readonly mark: string
}

/** One Lease at the API server. Times in it are the store's. */
export interface LeaseStore {
  get(signal?: AbortSignal): Promise<StoredLease | undefined>
  create(wanted: WantedLease, signal?: AbortSignal): Promise<StoredLease | 'exists'>
  /** `changed`: it is not that version any more, or is gone. */
  update(
    wanted: WantedLease,
    version: string,
    signal?: AbortSignal,
  ): Promise<StoredLease | 'changed'>
}

const DURATION_SECONDS = 15
const RENEW_MS = 5_000
/** Before anybody else may take the lease, its holder has stopped to believe in it. */
const GIVE_UP_MS = 10_000
const LOOK_MS = 2_000
const AGAIN_MS = 250
/** More than two calls without an answer fit between a renewal that is due and giving up. */
const CALL_MS = 2_000

interface Held {
  readonly version: string
  readonly transitions: number
  readonly untilMs: number
}

export interface LeaseOptions {
  readonly store: LeaseStore
  /** Of this process alone. */
  readonly holder: string
  readonly clock: Clock
  readonly log: Log
}

export class Lease {
  readonly #store: LeaseStore
  readonly #holder: string
  readonly #clock: Clock
  readonly #log: Log
  #held: Held | undefined
  /** What was read last, and since when it is known to be so. */
  #seen: { readonly mark: string; readonly atMs: number } | undefined

  constructor({ store, holder, clock, log }: LeaseOptions) {
    this.#store = store
    this.#holder = holder
    this.#clock = clock
    this.#log = log
  }

  /** Also false where a renewal is late: whoever asks needs no timer of ours to have run. */
  isHeld(): boolean {
    return this.#held !== undefined && this.#clock.nowMs() < this.#held.untilMs
  }

  /** Resolves when this process holds the lease. An API server that fails is asked again. */
  async acquire(signal: AbortSignal): Promise<void> {
    let said = ''
    for (;;) {
      try {
        if (await this.#tryAcquire(signal)) return
      } catch (error) {
        signal.throwIfAborted()
        if (!isStorageError(error)) throw error
        const why = describeError(error)
        if (why !== said) this.#log.warn({ error: why }, 'the lease cannot be looked at')
        said = why
      }
      await this.#clock.sleep(LOOK_MS, signal)
    }
  }

  async #tryAcquire(signal: AbortSignal): Promise<boolean> {
    const lease = await this.#ask(CALL_MS, cut => this.#store.get(cut), signal)
    const beganMs = this.#clock.nowMs()
    if (lease === undefined) {
      const made = await this.#ask(CALL_MS, cut => this.#store.create(this.#wanted(0), cut), signal)
      if (made !== 'exists') this.#hold(made, beganMs)
      return made !== 'exists'
    }
    if (lease.mark !== this.#seen?.mark) this.#seen = { mark: lease.mark, atMs: beganMs }
    const lastsMs = Math.max(lease.durationSeconds, DURATION_SECONDS) * 1000
    const isOver = beganMs - this.#seen.atMs >= lastsMs
    // Its own name stands there after an update whose answer was lost.
    if (lease.holder !== '' && lease.holder !== this.#holder && !isOver) return false
    const taken = await this.#ask(
      CALL_MS,
      cut => this.#store.update(this.#wanted(lease.transitions + 1), lease.version, cut),
      signal,
    )
    if (taken !== 'changed') this.#hold(taken, beganMs)
    return taken !== 'changed'
  }

  /**
   * Renews the lease until it is lost, and answers why. Ends with undefined when the signal is
   * aborted: the lease is still held then.
   */
  async keep(signal: AbortSignal): Promise<string | undefined> {
    while (!signal.aborted) {
      try {
        await this.#clock.sleep(RENEW_MS, signal)
      } catch {
        return undefined
      }
      const lost = await this.#renew(signal)
      if (lost !== undefined) {
        this.#held = undefined
        return lost
      }
    }
    return undefined
  }

  // Also at work when the signal comes: an answer that is under way is awaited, within its limit.
  async #renew(signal: AbortSignal): Promise<string | undefined> {
    let why = 'no renewal was made in time'
    let isSure = true
    while (this.#held !== undefined && !signal.aborted) {
      const leftMs = this.#held.untilMs - this.#clock.nowMs()
      if (leftMs <= 0) return `it was not renewed for ${GIVE_UP_MS / 1000} s: ${why}`
      const limitMs = Math.min(leftMs, CALL_MS)
      try {
        const round: Round = await (isSure
          ? this.#update(this.#held, limitMs)
          : this.#lookAgain(limitMs))
        if (round.kind === 'lost') return round.why
        if (round.kind === 'renewed') return undefined
        isSure = round.kind === 'ours'
        if (isSure) continue
        why = 'somebody else changes the lease'
      } catch (error) {
        if (!isStorageError(error)) throw error
        why = describeError(error)
        isSure = false
      }
      await this.#clock.sleep(Math.min(this.#leftMs(), AGAIN_MS))
    }
    return undefined
  }

  async #update(held: Held, limitMs: number): Promise<Round> {
    const beganMs = this.#clock.nowMs()
    const answer = await this.#ask(limitMs, cut =>
      this.#store.update(this.#wanted(held.transitions), held.version, cut),
    )
    if (answer === 'changed') return { kind: 'unknown' }
    this.#hold(answer, beganMs)
    return { kind: 'renewed' }
  }

  // The change may be our own: an update whose answer was lost.
  async #lookAgain(limitMs: number): Promise<Round> {
    const beganMs = this.#clock.nowMs()
    const lease = await this.#ask(limitMs, cut => this.#store.get(cut))
    if (lease !== undefined && lease.holder !== this.#holder) {
      return { kind: 'lost', why: `it is held by ${lease.holder || 'nobody'}` }
    }
    if (lease !== undefined && this.#held !== undefined) {
      this.#held = { ...this.#held, version: lease.version }
      return { kind: 'ours' }
    }
    // Somebody deleted it, and nobody else has made it again.
    const made = await this.#ask(limitMs, cut => this.#store.create(this.#wanted(0), cut))
    if (made === 'exists') return { kind: 'unknown' }
    this.#hold(made, beganMs)
    return { kind: 'renewed' }
  }

  /**
   * Gives the lease back, so that another takes it at once. To be called when nobody acquires or
   * keeps it any more. Not held is success.
   */
  async release(): Promise<void> {
    this.#held = undefined
    // Whoever does not know that it holds the lease may hold it, by an update without an answer.
    const lease = await this.#ask(CALL_MS, cut => this.#store.get(cut))
    if (lease?.holder !== this.#holder) return
    const nobody = { ...this.#wanted(lease.transitions), holder: '' }
    await this.#ask(CALL_MS, cut => this.#store.update(nobody, lease.version, cut))
  }

  #wanted(transitions: number): WantedLease {
    return { holder: this.#holder, durationSeconds: DURATION_SECONDS, transitions }
  }

  // From before the call: others count from after it.
  #hold({ version, transitions }: StoredLease, beganMs: number): void {
    this.#held = { version, transitions, untilMs: beganMs + GIVE_UP_MS }
  }

  #leftMs(): number {
    return Math.max(0, (this.#held?.untilMs ?? 0) - this.#clock.nowMs())
  }

  /** A call that hangs ends with its limit, whether it minds its signal or not. */
  async #ask<T>(
    limitMs: number,
    call: (signal: AbortSignal) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    signal?.throwIfAborted()
    const over = new AbortController()
    const cut = new AbortController()
    const onAbort = () => cut.abort(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    const limit = this.#clock.sleep(limitMs, over.signal).then(() => {
      const late = new StorageError('unavailable', `no answer within ${limitMs} ms`)
      cut.abort(late)
      throw late
    })
    const aborted = new Promise<never>((_, reject) =>
      cut.signal.addEventListener('abort', () => reject(cut.signal.reason), { once: true }),
    )
    try {
      return await Promise.race([call(cut.signal), limit, aborted])
    } finally {
      signal?.removeEventListener('abort', onAbort)
      over.abort()
    }
  }
}

type Round =
  | { readonly kind: 'renewed' }
  | { readonly kind: 'ours' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'lost'; readonly why: string }
