// A host as the layers above see it: a name, a shell, and the question whether an earlier command
// may still be running.

import type { Shell } from './shell.ts'
import type { StartupNoise } from './startup-noise.ts'

export interface Host {
  /** The name from the configuration, for messages and logs. */
  readonly name: string
  readonly shell: Shell
  /** What the host prints before the output of every command; undefined until it is known. */
  noise(): StartupNoise | undefined
  /**
   * Resolves when no earlier command of unknown fate that names one of `names` can still take
   * effect on this host. Rejects with `unavailable` while one may. It runs a command only if a fate
   * is unknown or on the first call since start. Call it before an operation observes what it is
   * about to change.
   */
  settled(names: readonly string[], signal?: AbortSignal): Promise<void>
}
