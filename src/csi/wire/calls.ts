// Requests in flight. Identical requests share one piece of work, and the work knows how long any
// caller still waits. Nothing is kept after the work: a call repeated after its answer is a new
// call.

import { StorageError } from '../../errors.ts'

/** How long one caller waits, and the signal that it gave up. */
export interface Caller {
  readonly deadlineMs: number // absolute; Infinity: no deadline
  readonly gone: AbortSignal
}

interface Flight {
  readonly answer: Promise<unknown>
  readonly join: (caller: Caller) => void
  readonly signal: AbortSignal
}

// Time to answer after an aborted wait, before the caller's own clock ends the call.
const MARGIN_SHARE = 0.1
const LONGEST_MARGIN_MS = 1000
// setTimeout cannot wait longer. A deadline beyond it counts as none.
export const LONGEST_TIMER_MS = 2 ** 31 - 1

export class Calls {
  private readonly flights = new Map<string, Flight>()

  /**
   * Runs `work`, or joins running work of the same key. The signal is aborted when the last caller
   * stops waiting.
   */
  run<T>(
    key: string | undefined,
    caller: Caller,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const running = key === undefined ? undefined : this.flights.get(key)
    // Work that every caller gave up ends at their deadline. A caller with a new deadline must not
    // get that as its answer.
    if (running && !running.signal.aborted) {
      running.join(caller)
      // The key contains the method and the whole request, so the answer has the same type.
      return running.answer as Promise<T>
    }
    const { signal, join, end } = patience()
    join(caller)
    const answer = work(signal).finally(() => {
      end()
      if (key !== undefined && this.flights.get(key)?.signal === signal) this.flights.delete(key)
    })
    if (key !== undefined) this.flights.set(key, { answer, join, signal })
    return answer
  }

  /** The number of requests that others can join. */
  get size(): number {
    return this.flights.size
  }
}

/**
 * A signal that is aborted when no caller waits any more. It ends reads and waits. A running write
 * is awaited by the code that runs it.
 */
function patience() {
  const controller = new AbortController()
  const stops: (() => void)[] = []
  let waiting = 0

  const join = (caller: Caller) => {
    waiting += 1
    let over = false
    const leave = (why: string) => {
      if (over) return
      over = true
      waiting -= 1
      if (waiting === 0) controller.abort(new StorageError('unavailable', why))
    }
    const onGone = () => leave('the caller gave up waiting')
    if (caller.gone.aborted) onGone()
    caller.gone.addEventListener('abort', onGone, { once: true })
    stops.push(() => caller.gone.removeEventListener('abort', onGone))
    const leftMs = caller.deadlineMs - Date.now()
    if (leftMs > LONGEST_TIMER_MS) return
    const timer = setTimeout(
      () => leave("the caller's deadline ended the wait"),
      leftMs - Math.min(leftMs * MARGIN_SHARE, LONGEST_MARGIN_MS),
    )
    stops.push(() => clearTimeout(timer))
  }
  const end = () => {
    for (const stop of stops) stop()
  }
  return { signal: controller.signal, join, end }
}
