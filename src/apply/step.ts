// One call of `apply` to a plugin: repeated while the answer says that it may still succeed, with
// progress while it takes long.

import type { Clock } from '../clock.ts'
import { type CallOptions, type CsiClient, isWorthRepeating } from '../csi/wire/client.ts'

export interface ApplyTools {
  readonly controller: CsiClient
  /** Node plugins by guest, `<machine>/<guest>`. */
  readonly nodes: ReadonlyMap<string, CsiClient>
  readonly clock: Clock
  /** How long one step is repeated while the plugin says that it may still succeed. */
  readonly timeoutMs: number
  /** Directory in the guest where volumes are mounted first. */
  readonly stagingDirectory: string
  readonly print: (line: string) => void
}

const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 10_000
const PROGRESS_MS = 10_000
/**
 * As long as the provisioner and the attacher let one call run; the next call joins what is still
 * going on.
 */
export const CALL_MS = 60_000

interface StepTools<T> extends ApplyTools {
  /** Asked after each answer that is worth repeating: was the same end reached otherwise? */
  readonly otherwise?: (error: unknown) => Promise<T | undefined>
}

/**
 * One call, repeated with growing pauses while the answer says that it may still be going on or may
 * succeed later.
 */
export async function step<T>(
  title: string,
  tools: StepTools<T>,
  call: (options: CallOptions) => Promise<T>,
): Promise<T> {
  const { clock, print, timeoutMs, otherwise } = tools
  const endMs = clock.nowMs() + timeoutMs
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      const options = { timeoutMs: Math.max(1, Math.min(CALL_MS, endMs - clock.nowMs())) }
      return await withProgress(title, tools, call(options))
    } catch (error) {
      if (!isWorthRepeating(error)) throw error
      const other = await otherwise?.(error)
      if (other !== undefined) return other
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
