// One call of `apply` to a plugin. `apply` repeats it while the answer says that it may still
// succeed, and prints progress while it takes long.

import { type Clock, pauseAfter } from '../clock.ts'
import { type CallOptions, type CsiClient, isWorthRepeating } from '../csi/wire/client.ts'

export interface ApplyTools {
  readonly controller: CsiClient
  /** Node plugins by guest id, `<machine>/<guest>`. */
  readonly nodes: ReadonlyMap<string, CsiClient>
  readonly clock: Clock
  /** How long one step may be repeated. */
  readonly timeoutMs: number
  /** Directory in the guest where volumes are mounted first. */
  readonly stagingDirectory: string
  readonly print: (line: string) => void
}

const PAUSES = { firstMs: 1_000, longestMs: 10_000 }
const PROGRESS_MS = 10_000
/**
 * The provisioner and the attacher use the same deadline. The next call joins the work that is
 * still in flight.
 */
export const CALL_MS = 60_000

export interface RepeatTools extends ApplyTools {
  /**
   * Asked after each answer that is worth repeating. True: the goal was reached another way, and
   * the step ends with that answer.
   */
  readonly isOver?: (error: unknown) => Promise<boolean>
  /** Answers that are worth repeating here, beside those that are everywhere. */
  readonly mayPass?: (error: unknown) => boolean
}

/**
 * Repeats the call, with growing pauses, while the answer says that it may still be in flight or
 * may succeed later.
 */
export async function step<T>(
  title: string,
  tools: RepeatTools,
  call: (options: CallOptions) => Promise<T>,
): Promise<T> {
  const { clock, print, timeoutMs, isOver, mayPass } = tools
  const endMs = clock.nowMs() + timeoutMs
  for (let failures = 1; ; failures += 1) {
    try {
      const options = { timeoutMs: Math.max(1, Math.min(CALL_MS, endMs - clock.nowMs())) }
      return await withProgress(title, tools, call(options))
    } catch (error) {
      if (!isWorthRepeating(error) && mayPass?.(error) !== true) throw error
      if ((await isOver?.(error)) === true) throw error
      const pauseMs = pauseAfter(failures, PAUSES)
      if (clock.nowMs() + pauseMs >= endMs) throw error
      print(`${title}: not yet: ${error instanceof Error ? error.message : error}`)
      await clock.sleep(pauseMs)
    }
  }
}

async function withProgress<T>(
  title: string,
  { clock, print }: ApplyTools,
  work: Promise<T>,
): Promise<T> {
  const ended = new AbortController()
  const startedMs = clock.nowMs()
  const tell = async () => {
    while (!ended.signal.aborted) {
      await clock.sleep(PROGRESS_MS, ended.signal)
      print(`${title}: working for ${Math.round((clock.nowMs() - startedMs) / 1000)} s`)
    }
  }
  const telling = tell().catch(() => {}) // the end of the work ends the sleep
  try {
    return await work
  } finally {
    ended.abort()
    await telling
  }
}
