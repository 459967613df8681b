// Shared by the reports: options, and an installation composed for one answer.

import type { Command } from 'commander'
import { systemClock } from '../../clock.ts'
import { parseControllerConfig } from '../../config/config.ts'
import { createLog } from '../../log.ts'
import { readText } from '../../manifests/files.ts'
import { openRealShell } from '../compose/hosts.ts'
import { composeInstallation, type Installation } from '../compose/installation.ts'
import type { OutputForm } from './output.ts'

export interface ReportOptions {
  readonly config: string
  readonly output: OutputForm
}

export function reportCommand(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .requiredOption('--config <file>', "the controller's configuration file")
}

export async function withInstallation(
  file: string,
  work: (installation: Installation) => Promise<unknown>,
): Promise<void> {
  const config = parseControllerConfig(readText(file), file)
  // Standard output is reserved for the answer.
  const log = createLog({ level: 'warn', destination: process.stderr })
  const installation = composeInstallation(config, {
    openShell: openRealShell,
    log,
    clock: systemClock,
  })
  try {
    await work(installation)
  } finally {
    await installation.stop()
  }
}
