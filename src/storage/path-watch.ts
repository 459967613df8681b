// Whether attached volumes lose their paths while nobody calls: a look from time to time, told when
// something changes. What one look shows may be an attachment at work, so that two must agree. What
// could not be looked at stays as it was.

import { types } from 'node:util'
import { type Clock, repeat } from '../clock.ts'
import { describeError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Health, HealthProblem } from './health.ts'
import type { Pool, Pools } from './pool.ts'

/** A look costs a pool one command, and a listing of each of its machines. */
const LOOK_MS = 2 * 60_000

export type PathChange =
  | { readonly kind: 'lost'; readonly volumeId: string; readonly problem: HealthProblem }
  | { readonly kind: 'back'; readonly volumeId: string }

export interface PathWatchOptions {
  readonly pools: Pools
  readonly health: Pick<Health, 'attachedHealth'>
  readonly clock: Clock
  readonly log: Log
  /** Must neither wait nor throw. */
  readonly tell: (change: PathChange) => void
}

/** Problems of one volume, by their words. */
type Problems = ReadonlyMap<string, HealthProblem>

interface Seen {
  readonly problems: Problems
  /** Those that were told, and are not gone yet. */
  readonly told: ReadonlySet<string>
}

export class PathWatch {
  readonly #options: PathWatchOptions
  /** Of each pool, the volumes that had a problem at the last look. */
  readonly #seen = new Map<string, ReadonlyMap<string, Seen>>()

  constructor(options: PathWatchOptions) {
    this.#options = options
  }

  /** Until the returned function is called, which resolves when the look under way has ended. */
  keepLooking(): () => Promise<void> {
    const { clock } = this.#options
    return repeat({ clock, everyMs: LOOK_MS }, signal => this.look(signal))
  }

  async look(signal?: AbortSignal): Promise<void> {
    // Side by side, so that pools of the same machines may share a listing.
    await Promise.all(
      [...this.#options.pools.values()].map(pool => this.#tryToLookAt(pool, signal)),
    )
  }

  async #tryToLookAt(pool: Pool, signal?: AbortSignal): Promise<void> {
    try {
      await this.#lookAt(pool, signal)
    } catch (error) {
      // A pool that does not answer is looked at again in the next round.
      if (!types.isNativeError(error)) throw error
      if (signal?.aborted) return
      const fields = { pool: pool.name, error: describeError(error) }
      this.#options.log.warn(fields, 'paths of attached volumes could not be looked at')
    }
  }

  async #lookAt(pool: Pool, signal?: AbortSignal): Promise<void> {
    const found = await this.#options.health.attachedHealth(pool, signal)
    const before = this.#seen.get(pool.name) ?? new Map<string, Seen>()
    const after = new Map<string, Seen>()
    for (const [volumeId, problems] of found) {
      const earlier = before.get(volumeId)
      const seen =
        problems === undefined
          ? earlier
          : this.#compare(volumeId, new Map(problems.map(each => [each.message, each])), earlier)
      if (seen !== undefined) after.set(volumeId, seen)
    }
    this.#seen.set(pool.name, after)
  }

  #compare(volumeId: string, problems: Problems, earlier: Seen | undefined): Seen | undefined {
    const { tell } = this.#options
    const told = new Set<string>()
    for (const [words, problem] of problems) {
      if (earlier?.told.has(words)) told.add(words)
      else if (earlier?.problems.has(words)) {
        tell({ kind: 'lost', volumeId, problem })
        told.add(words)
      }
    }
    const hadTold = (earlier?.told.size ?? 0) > 0
    if (problems.size === 0 && hadTold) tell({ kind: 'back', volumeId })
    // Until all is well, the volume is one of which something was told.
    if (problems.size > 0 && hadTold && told.size === 0) {
      return { problems, told: earlier?.told ?? told }
    }
    return problems.size === 0 ? undefined : { problems, told }
  }
}
