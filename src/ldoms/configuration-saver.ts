// Keeps the service processor's copy of a machine's configuration near the running one: a power cycle loads that copy, and a
// stale one brings detached disks back. Runs beside the requests, never inside one: it is slow, and it must not fail them.

import type { Clock } from '../clock.ts'
import { describeError, StorageError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Ldm, SavedConfiguration } from './ldm.ts'

export interface ConfigurationSaverOptions {
  readonly machine: string
  readonly ldm: Ldm
  readonly clock: Clock
  /** Saved under these names in turn: one can be taken away only when the other is the one for the next power-on. */
  readonly names: readonly [string, string]
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

  constructor(options: ConfigurationSaverOptions) {
    this.#options = options
  }

  /** Something changed that a power cycle would undo. Returns at once. */
  changed(): void {
    this.#lastChangeMs = this.#options.clock.nowMs()
    this.#firstChangeMs ??= this.#lastChangeMs
    if (!this.#waiting && !this.#stopped.signal.aborted) void this.#saveWhenQuiet()
  }

  /** Saves now whatever is not saved; unlike the saves in the background it says when it could not. The signal ends the wait only. */
  async flush(signal?: AbortSignal): Promise<void> {
    const save = this.#save()
    if (signal === undefined) return save
    await new Promise<void>((resolve, reject) => {
      const onAbort = () => {
        const message = `machine ${this.#options.machine}: the deadline passed while its configuration was saved`
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
    const { clock, quietMs, maxDelayMs, machine, log } = this.#options
    this.#waiting = true
    try {
      for (;;) {
        if (this.#firstChangeMs === undefined) return // a flush was quicker
        const dueMs = Math.min(this.#lastChangeMs + quietMs, this.#firstChangeMs + maxDelayMs)
        if (clock.nowMs() >= dueMs) break
        await clock.sleep(dueMs - clock.nowMs(), this.#stopped.signal)
      }
    } catch {
      return // stopped while waiting: the one way a sleep fails
    } finally {
      this.#waiting = false
    }
    // A failure is not repeated here: the next change tries again, and until then the log is where it shows.
    await this.#save().catch(error => log.error({ machine, error: describeError(error) }, 'configuration not saved'))
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
      this.#firstChangeMs = firstChangeMs
      throw error
    }
    log.info({ machine, durationMs: Math.round(clock.nowMs() - startedMs) }, 'configuration saved')
  }

  // Cut after any command, this leaves a configuration for the next power-on that was complete when it was saved.
  async #alternate(): Promise<void> {
    const { ldm, machine, names } = this.#options
    const before = await ldm.listConfigurations()
    const next = nextPowerOn(before, machine)
    if (next.marks.includes('next poweron') && !names.includes(next.name)) {
      throw new StorageError('failed-precondition', `machine ${machine}: somebody chose ${next.name} for the next power-on; it is left so`)
    }
    const [unused, used] = next.name === names[0] ? [names[1], names[0]] : [names[0], names[1]]
    // Left by a save that was cut; it is not the one for the next power-on.
    if (before.some(({ name }) => name === unused)) await ldm.removeConfiguration(unused)
    await ldm.addConfiguration(unused)
    const after = nextPowerOn(await ldm.listConfigurations(), machine)
    if (after.name !== unused) {
      throw new StorageError('internal', `machine ${machine}: ${unused} was saved, but the next power-on would load ${after.name}`)
    }
    if (before.some(({ name }) => name === used)) await ldm.removeConfiguration(used)
  }
}

// `[next poweron]` is shown only where it differs from `[current]` (recalled).
function nextPowerOn(configurations: readonly SavedConfiguration[], machine: string): SavedConfiguration {
  const marked = (mark: string) => configurations.find(({ marks }) => marks.includes(mark))
  const found = marked('next poweron') ?? marked('current')
  if (found === undefined) throw new StorageError('internal', `machine ${machine}: no saved configuration is marked as the next to load`)
  return found
}
