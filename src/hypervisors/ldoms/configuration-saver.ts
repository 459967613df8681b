// Keeps the service processor's copy of a machine's configuration near the running one: a power
// cycle loads that copy, and a stale one brings detached disks back. Runs beside the requests,
// never inside one: it is slow, and it must not fail them.

import type { Clock } from '../../clock.ts'
import { describeError, isStorageError, StorageError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import type { Ldm } from './ldm.ts'
import { findMarked, findObstacle, findSavedName, formatSavedName } from './saved-configurations.ts'

export interface ConfigurationSaverOptions {
  readonly machine: string
  readonly ldm: Ldm
  readonly clock: Clock
  /**
   * Saved under two names with it in turn: one can be taken away only when the other is the one for
   * the next power-on.
   */
  readonly prefix: string
  /** A save begins after that long without a change … */
  readonly quietMs: number
  /** … but no later than that long after the first change that is not saved. */
  readonly maxDelayMs: number
  readonly log: Log
  /** How a save takes its turn among the writes to the machine; by default it takes none. */
  readonly serialised?: <T>(work: () => Promise<T>) => Promise<T>
}

export class ConfigurationSaver {
  readonly #options: ConfigurationSaverOptions
  readonly #stopped = new AbortController()
  #firstChangeMs: number | undefined
  #lastChangeMs = 0
  #waiting = false
  #saving: Promise<void> = Promise.resolve()
  /**
   * What was marked after the last save of this process: where only a power cycle makes a new one
   * current, that is our own choice.
   */
  #savedHere: { readonly current: string | undefined; readonly next: string } | undefined
  /** The last failure that was logged: one that stays is said once. */
  #complaint: string | undefined

  constructor(options: ConfigurationSaverOptions) {
    this.#options = options
  }

  /** Something changed that a power cycle would undo. Returns at once. */
  changed(): void {
    this.#lastChangeMs = this.#options.clock.nowMs()
    this.#firstChangeMs ??= this.#lastChangeMs
    if (!this.#waiting && !this.#stopped.signal.aborted) void this.#saveWhenQuiet()
  }

  /**
   * An earlier process may have ended with a change that it had not saved: ldm knows whether what
   * runs is newer than what is saved.
   */
  async resume(): Promise<void> {
    const { ldm, machine, log, prefix } = this.#options
    try {
      const { current } = findMarked(await ldm.listConfigurations())
      if (current === undefined || findSavedName(current, prefix) === undefined) return
      if (await ldm.isAutosaveNewer(current)) this.changed()
    } catch (error) {
      log.error(
        { machine, error: describeError(error) },
        'not known whether the configuration is saved',
      )
    }
  }

  /**
   * Saves now whatever is not saved; unlike the saves in the background it says when it could not.
   * The signal ends the wait only.
   */
  async flush(signal?: AbortSignal): Promise<void> {
    const save = this.#save()
    if (signal === undefined) return save
    await new Promise<void>((resolve, reject) => {
      const onAbort = () => {
        const message =
          `machine ${this.#options.machine}: the deadline passed while its ` +
          'configuration was saved'
        reject(new StorageError('unavailable', message, { cause: signal.reason }))
      }
      if (signal.aborted) onAbort()
      signal.addEventListener('abort', onAbort, { once: true })
      save.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
    })
  }

  /** Ends the waiting; a save under way goes on. Call flush first to lose nothing. */
  stop(): void {
    this.#stopped.abort(new Error('stopped'))
  }

  async #saveWhenQuiet(): Promise<void> {
    const { clock, quietMs, maxDelayMs } = this.#options
    this.#waiting = true
    try {
      for (;;) {
        if (this.#firstChangeMs === undefined) return // a flush was quicker
        const dueMs = Math.min(this.#lastChangeMs + quietMs, this.#firstChangeMs + maxDelayMs)
        if (clock.nowMs() < dueMs) {
          await clock.sleep(dueMs - clock.nowMs(), this.#stopped.signal)
          continue
        }
        // One that failed is tried again, as often as changes that never stop are saved; one that
        // may not be made is given up.
        const failure = await this.#save().then(
          () => undefined,
          (error: unknown) => error,
        )
        this.#complain(failure)
        if (failure !== undefined && this.#firstChangeMs !== undefined) {
          await clock.sleep(maxDelayMs, this.#stopped.signal)
        }
      }
    } catch {
      return // stopped while waiting: the one way a sleep fails
    } finally {
      this.#waiting = false
    }
  }

  #complain(failure: unknown): void {
    const { machine, log } = this.#options
    const complaint = failure === undefined ? undefined : describeError(failure)
    if (complaint !== undefined && complaint !== this.#complaint) {
      log.error({ machine, error: complaint }, 'configuration not saved')
    }
    this.#complaint = complaint
  }

  /** One save at a time; nothing to do when nothing changed since the last. */
  #save(): Promise<void> {
    const save = this.#saving.catch(() => {}).then(() => this.#saveChanges())
    this.#saving = save.catch(() => {})
    return save
  }

  async #saveChanges(): Promise<void> {
    const { machine, clock, log, serialised = work => work() } = this.#options
    const firstChangeMs = this.#firstChangeMs
    if (firstChangeMs === undefined) return
    // Cleared before the save: a change during it may or may not be in it, and counts as not saved.
    this.#firstChangeMs = undefined
    const startedMs = clock.nowMs()
    try {
      await serialised(() => this.#alternate())
    } catch (error) {
      // A machine that runs something else than what is saved lost the change with it, or has to be
      // looked at first.
      if (!isStorageError(error, 'failed-precondition')) this.#firstChangeMs = firstChangeMs
      throw error
    }
    log.info({ machine, durationMs: Math.round(clock.nowMs() - startedMs) }, 'configuration saved')
  }

  // Cut after any command, this leaves a configuration for the next power-on that was complete when
  // it was saved.
  async #alternate(): Promise<void> {
    const { ldm, machine, prefix } = this.#options
    const before = await ldm.listConfigurations()
    const domains = (await ldm.listBindings()).length
    const obstacle = findObstacle(before, { prefix, domains, savedHere: this.#savedHere })
    if (obstacle !== undefined) {
      throw new StorageError('failed-precondition', `machine ${machine} is not saved: ${obstacle}`)
    }
    const { next } = findMarked(before)
    const ours = before.flatMap(({ name }) => findSavedName(name, prefix) ?? [])
    const letter = ours.find(({ name }) => name === next)?.letter === 'a' ? 'b' : 'a'
    const saved = formatSavedName(prefix, letter, domains)
    const others = ours.map(({ name }) => name).filter(name => name !== saved)
    // Left by a save that was cut; it is not the one for the next power-on.
    if (ours.some(({ name }) => name === saved)) await ldm.removeConfiguration(saved)
    await ldm.addConfiguration(saved)
    const after = findMarked(await ldm.listConfigurations())
    if (after.next !== saved) {
      throw new StorageError(
        'internal',
        `machine ${machine}: ${saved} was saved, but the next power-on would load ${after.next}`,
      )
    }
    this.#savedHere = { current: after.current, next: saved }
    for (const name of others) await ldm.removeConfiguration(name)
  }
}
