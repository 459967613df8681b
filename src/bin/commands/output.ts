// What the commands for people do with their output.

import { type Command, InvalidArgumentError } from 'commander'

export type OutputForm = 'table' | 'json'

/** Adds the option after the command's own options. */
export function withOutput(command: Command): Command {
  return command.option('--output <form>', 'table or json', parseOutput, 'table')
}

export function formatJson(value: unknown): string {
  return `${JSON.stringify(value, (_key, part: unknown) => part ?? null, 2)}\n`
}

/** Ends the program when nobody reads its answer any further, as `head` does. */
export function endWithOutput(program: string): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') {
      console.error(`${program}: cannot write to standard output: ${error.message}`)
    }
    process.exit(1)
  })
  process.stderr.on('error', () => process.exit(1))
}

function parseOutput(value: string): OutputForm {
  if (value !== 'table' && value !== 'json') throw new InvalidArgumentError('It is table or json.')
  return value
}
