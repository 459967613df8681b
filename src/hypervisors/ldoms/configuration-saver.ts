// Keeps the service processor's copy of a machine's configuration close to the running one. A power
// cycle loads that copy, and a stale copy brings detached disks back. Saving is slow and must not
// fail requests, so it runs in the background, never inside a request.

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
   * Saves alternate between two names with this prefix. One can be removed only while the other is
   * the one for the next power-on.
   */
  readonly prefix: string
  /** A save starts after this time without a change … */
  readonly quietMs: number
  /** … but at the latest this long after the first unsaved change. */
  readonly maxDelayMs: number
  readonly log: Log
  /** Runs a save in a turn of the machine's writes; by default without a turn. */
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
   * The marks after the last save of this process. Where a new configuration becomes current only
   * at a power cycle, differing marks are the driver's own doing.
   */
  #savedHere: { readonly current: string | undefined; readonly next: string } | undefined
  /** The last failure that was logged. A failure that repeats is logged once. */
  #complaint: string | undefined

  constructor(options: ConfigurationSaverOptions) {
    this.#options = options
  }

  /** Reports a change that a power cycle would undo. Returns at once. */
  changed(): void {
    this.#lastChangeMs = this.#options.clock.nowMs()
    this.#firstChangeMs ??= this.#lastChangeMs
    if (!this.#waiting && !this.#stopped.signal.aborted) void this.#saveWhenQuiet()
  }

  /**
   * Checks whether an earlier process ended with an unsaved change. ldm knows whether the running
   * configuration is newer than the saved one.
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
        'unknown whether the configuration is saved',
      )
    }
  }

  /**
   * Saves all unsaved changes now. Unlike the saves in the background, it throws when it could not
   * save. The signal ends the wait only.
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

  /** Stops waiting for changes. A save in progress goes on. Call flush first to lose nothing. */
  stop(): void {
    this.#stopped.abort(new Error('stopped'))
  }

  async #saveWhenQuiet(): Promise<void> {
    const { clock, quietMs, maxDelayMs } = this.#options
    this.#waiting = true
    try {
      for (;;) {
        if (this.#firstChangeMs === undefined) return // a flush has saved the change already
        const dueMs = Math.min(this.#lastChangeMs + quietMs, this.#firstChangeMs + maxDelayMs)
        if (clock.nowMs() < dueMs) {
          await clock.sleep(dueMs - clock.nowMs(), this.#stopped.signal)
          continue
        }
        // A failed save is tried again after maxDelayMs. A save that is not allowed is given up.
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
      return // stopped while waiting: a sleep fails for no other reason
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

  /** Runs one save at a time. Does nothing when nothing changed since the last save. */
  #save(): Promise<void> {
    const save = this.#saving.catch(() => {}).then(() => this.#saveChanges())
    this.#saving = save.catch(() => {})
    return save
  }

  async #saveChanges(): Promise<void> {
    const { machine, clock, log, serialised = work => work() } = this.#options
    const firstChangeMs = this.#firstChangeMs
    if (firstChangeMs === undefined) return
    // Cleared before the save. A change during the save may be missing from it, so it counts as
    // unsaved.
    this.#firstChangeMs = undefined
    const startedMs = clock.nowMs()
    try {
      await serialised(() => this.#alternate())
    } catch (error) {
      // With `failed-precondition` the save is not tried again. Either the machine runs another
      // configuration than the saved one and lost the change, or a person must look at it first.
      if (!isStorageError(error, 'failed-precondition')) this.#firstChangeMs = firstChangeMs
      throw error
    }
    log.info({ machine, durationMs: Math.round(clock.nowMs() - startedMs) }, 'configuration saved')
  }

  // If this is cut off after any command, the next power-on still loads a configuration that was
  // complete when it was saved.
  async #alternate(): Promise<void> {
    const { ldm, machine, prefix } = this.#options
    const before = await ldm.listConfigurations()
    const domains = (await ldm.listBindings()).length
    const obstacle = findObstacle(before, { prefix, domains, savedHere: this.#savedHere })
    if (obstacle !== undefined) {
      throw new StorageError(
        'failed-precondition',
        `machine ${machine}: its configuration is not saved: ${obstacle}`,
      )
    }
    const { next } = findMarked(before)
    const ours = before.flatMap(({ name }) => findSavedName(name, prefix) ?? [])
    const letter = ours.find(({ name }) => name === next)?.letter === 'a' ? 'b' : 'a'
    const saved = formatSavedName(prefix, letter, domains)
    const others = ours.map(({ name }) => name).filter(name => name !== saved)
    // Left over from a save that was cut off. It is not the configuration for the next power-on.
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
