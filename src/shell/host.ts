// A host as the layers above see it: a name, a shell, and the question whether an earlier command
// may still be at work.

import type { Shell } from './shell.ts'
import type { StartupNoise } from './startup-noise.ts'

export interface Host {
  /** The name from the configuration, for messages and logs. */
  readonly name: string
  readonly shell: Shell
  /** What stands before the output of every command; undefined before anything was learnt of it. */
  noise(): StartupNoise | undefined
  /**
   * Resolves when no earlier command of unknown fate that names one of `names` can still take
   * effect on this host; rejects with `unavailable` while one may. Costs no command unless a fate
   * is unknown or the host was not asked since start. To be called before an operation observes
   * what it is about to change.
   */
  settled(names: readonly string[], signal?: AbortSignal): Promise<void>
}
