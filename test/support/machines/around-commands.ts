// Lets a test stand at each command that the driver sends to one host: before it, after it, or
// instead of it. Everything else goes its real way.

import { type OpenShell, openRealShell } from '../../../src/bin/compose/hosts.ts'
import type { Command, CommandResult, RunOptions, Shell } from '../../../src/shell/shell.ts'

export interface SentCommand {
  readonly command: Command
  readonly effect: RunOptions['effect']
  /** Really runs it. */
  readonly run: () => Promise<CommandResult>
}

/** `around` answers each command of the host with this name. */
export function openAround(
  name: string,
  around: (sent: SentCommand) => Promise<CommandResult>,
): OpenShell {
  return host => {
    const opened = openRealShell(host)
    if (host.name !== name) return opened
    const run: Shell['run'] = (command, options) =>
      around({ command, effect: options.effect, run: () => opened.shell.run(command, options) })
    return { ...opened, shell: { run } }
  }
}
