// How the steps of one disk are called: once. Whoever called comes back later, so that nothing here
// repeats a call.

import type { StepTools } from '../steps/disk.ts'
import type { Parts } from './parts.ts'

/** As long as the attacher of a cluster waits. The next call joins what goes on behind this one. */
const CALL_MS = 300_000

export function stepTools(parts: Parts, guest: string, signal: AbortSignal): StepTools {
  return {
    controller: parts.controller,
    node: parts.calls.get(guest),
    stagingDirectory: parts.stagingDirectory,
    run: (_, call) => call({ timeoutMs: CALL_MS, signal }),
    say: () => {},
  }
}
