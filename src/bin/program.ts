// The command line: the list of commands, and how the program ends. Each command handles its own
// arguments, environment and signals.

import { Command } from 'commander'
import { RpcError } from '../csi/wire/client.ts'
import { describeError, StorageError } from '../errors.ts'
import type { CliCommand } from './commands/command.ts'
import { endWithOutput } from './commands/output.ts'
import { VERSION } from './version.ts'

/**
 * The order is that of the help. Only the command that is run is loaded: all of them together take
 * a third longer to start.
 */
const COMMANDS: Readonly<Record<string, () => Promise<CliCommand>>> = {
  controller: async () => (await import('./commands/controller.ts')).controller,
  node: async () => (await import('./commands/node.ts')).node,
  'guest-disks': async () => (await import('./commands/guest-disks.ts')).guestDisks,
  apply: async () => (await import('./commands/apply.ts')).apply,
  doctor: async () => (await import('./commands/doctor.ts')).doctor,
  volumes: async () => (await import('./commands/volumes.ts')).volumes,
  audit: async () => (await import('./commands/audit.ts')).audit,
}

/** Runs the command that the arguments of this process name. */
export async function runProgram(): Promise<void> {
  try {
    await runCommand()
  } catch (error) {
    if (!(error instanceof StorageError || error instanceof RpcError)) throw error
    console.error(`ldom-csi: ${error instanceof RpcError ? error.message : describeError(error)}`)
    process.exitCode = 1
  }
}

async function runCommand(): Promise<void> {
  const program = new Command('ldom-csi')
    .description(
      'CSI driver for the guests of partitioned servers: ZFS volumes through Oracle VM Server ' +
        'for SPARC or Xen',
    )
    .version(VERSION)
    .showHelpAfterError('(ldom-csi --help says more)')
  for (const { define, outlivesOutput } of await loadCommands(process.argv[2])) {
    const command = define(program)
    if (!outlivesOutput) command.hook('preAction', () => endWithOutput('ldom-csi'))
  }
  await program.parseAsync()
}

/** All of them, where the first argument is no command: for the help, and for "did you mean". */
function loadCommands(name = ''): Promise<readonly CliCommand[]> {
  const only = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  return Promise.all((only === undefined ? Object.values(COMMANDS) : [only]).map(load => load()))
}
