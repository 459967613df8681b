// The interface of every command.

import type { Command } from 'commander'

export interface CliCommand {
  /**
   * A plugin continues when its output is closed. Any other command ends when nobody reads its
   * output any more, as `head` does.
   */
  readonly outlivesOutput: boolean
  /** Adds the command with its options to the program. */
  readonly define: (program: Command) => Command
}
