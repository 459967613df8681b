// What every command of the command line is.

import type { Command } from 'commander'

export interface CliCommand {
  /**
   * A plugin goes on without its output. Any other command ends when nobody reads its answer any
   * further, as `head` does.
   */
  readonly outlivesOutput: boolean
  /** Adds the command with its options to the program. */
  readonly define: (program: Command) => Command
}
