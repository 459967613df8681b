// Signals of a process that is the first of its pod. The kernel gives such a process no default
// action: what it does not handle is lost, and the pod would hang until its grace is over.

import { constants } from 'node:os'

const SIGNALS = ['SIGTERM', 'SIGINT'] as const

/**
 * What the default action is for any other process: a signal that nobody handles at that moment
 * ends this one at once. To be called before anything is loaded.
 */
export function endLikeAnyProcess(): void {
  if (process.pid !== 1) return
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      const isAlone = process.listenerCount(signal) === 1
      if (isAlone) process.exit(128 + constants.signals[signal])
    })
  }
}

/** The first signal ends the work; a second one ends the process at once. */
export function onFirstSignal(end: () => void): void {
  const first = () => {
    for (const signal of SIGNALS) process.off(signal, first)
    end()
  }
  for (const signal of SIGNALS) process.on(signal, first)
}
