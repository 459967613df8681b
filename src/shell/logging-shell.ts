// Logs every command: info level for a write, debug level for a read. Arguments and input are never
// logged.

import { describeError } from '../errors.ts'
import type { Log, LogFields } from '../log.ts'
import { type Command, type Shell, ShellError } from './shell.ts'

export function logged(
  shell: Shell,
  { host, log }: { readonly host: string; readonly log: Log },
): Shell {
  return {
    run: async (command, options) => {
      const startedAt = performance.now()
      const fields = { host, command: formatTitle(command) }
      const write = (more: LogFields) => {
        const line = { ...fields, ...more, durationMs: Math.round(performance.now() - startedAt) }
        if (options.effect === 'write') log.info(line, 'command done')
        else log.debug(line, 'command done')
      }
      try {
        const result = await shell.run(command, options)
        write({ exitStatus: result.exitStatus })
        return result
      } catch (error) {
        write({
          ...(error instanceof ShellError ? { fate: error.fate } : {}),
          error: describeError(error),
        })
        throw error
      }
    },
  }
}

/** Program and subcommand: `zfs create`. */
export function formatTitle([program, subcommand]: Command): string {
  const name = program.slice(program.lastIndexOf('/') + 1)
  return subcommand !== undefined && /^[a-z][a-z-]*$/.test(subcommand)
    ? `${name} ${subcommand}`
    : name
}
