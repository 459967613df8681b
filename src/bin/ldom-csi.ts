#!/usr/bin/env node
// The command line: the list of commands, and how the program ends. Each command handles its own
// arguments, environment and signals.

import { Command } from 'commander'
import { RpcError } from '../csi/wire/client.ts'
import { describeError, StorageError } from '../errors.ts'
import { apply } from './commands/apply.ts'
import { audit } from './commands/audit.ts'
import type { CliCommand } from './commands/command.ts'
import { controller } from './commands/controller.ts'
import { doctor } from './commands/doctor.ts'
import { node } from './commands/node.ts'
import { volumes } from './commands/volumes.ts'
import { VERSION } from './version.ts'

/** The order is that of the help. */
const COMMANDS: readonly CliCommand[] = [controller, node, apply, doctor, volumes, audit]

async function main(): Promise<void> {
  const program = new Command('ldom-csi')
    .description(
      'CSI driver for the guests of partitioned servers: ZFS volumes through Oracle VM Server ' +
        'for SPARC',
    )
    .version(VERSION)
    .showHelpAfterError('(ldom-csi --help says more)')
  for (const { define, outlivesOutput } of COMMANDS) {
    const command = define(program)
    if (!outlivesOutput) command.hook('preAction', endWithOutput)
  }
  await program.parseAsync()
}

function endWithOutput(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') {
      console.error(`ldom-csi: cannot write to standard output: ${error.message}`)
    }
    process.exit(1)
  })
  process.stderr.on('error', () => process.exit(1))
}

try {
  await main()
} catch (error) {
  if (!(error instanceof StorageError || error instanceof RpcError)) throw error
  console.error(`ldom-csi: ${error instanceof RpcError ? error.message : describeError(error)}`)
  process.exitCode = 1
}
