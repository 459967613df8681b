// Shared by the reports: options, and an installation composed for one answer.

import { type Command, InvalidArgumentError } from 'commander'
import { systemClock } from '../../clock.ts'
import { parseControllerConfig } from '../../config/config.ts'
import { createLog } from '../../log.ts'
import { readText } from '../../manifests/files.ts'
import { openRealShell } from '../compose/hosts.ts'
import { composeInstallation, type Installation } from '../compose/installation.ts'

export interface ReportOptions {
  readonly config: string
  readonly output: 'table' | 'json'
}

export function reportCommand(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .requiredOption('--config <file>', "the controller's configuration file")
}

/** Adds the option after the report's own options. */
export function withOutput(report: Command): Command {
  return report.option('--output <form>', 'table or json', parseOutput, 'table')
}

export function formatJson(value: unknown): string {
  return `${JSON.stringify(value, (_key, part: unknown) => part ?? null, 2)}\n`
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

function parseOutput(value: string): 'table' | 'json' {
  if (value !== 'table' && value !== 'json') throw new InvalidArgumentError('It is table or json.')
  return value
}
