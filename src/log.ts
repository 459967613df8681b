// The log: JSON lines with field names that are fixed here, so that a query written once finds
// every line. Secrets and standard input of commands have no field, and so cannot be logged.

import { type DestinationStream, pino } from 'pino'
import { LossyStream } from './log-stream.ts'

export interface LogFields {
  readonly rpc?: string
  readonly code?: string
  readonly durationMs?: number
  /** How much of it was spent waiting for other calls. */
  readonly queuedMs?: number
  readonly volumeId?: string
  readonly snapshotId?: string
  readonly groupId?: string
  readonly guest?: string
  readonly machine?: string
  readonly pool?: string
  readonly host?: string
  /** Program and subcommand, e.g. `zfs create`; never the arguments. */
  readonly command?: string
  readonly exitStatus?: number
  readonly fate?: string
  readonly path?: string
  readonly address?: string
  readonly version?: string
  readonly driver?: string
  readonly count?: number
  readonly percent?: number
  readonly availableBytes?: number
  /** The error with its causes, as describeError joins them, secrets removed. */
  readonly error?: string
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

export interface Log {
  debug(fields: LogFields, message: string): void
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  error(fields: LogFields, message: string): void
}

/** A destination that loses lines tells how many as soon as it takes one again. */
export function createLog(options: {
  readonly level: LogLevel
  readonly destination: DestinationStream
}): Log {
  const settings = {
    level: options.level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  }
  const log = pino(settings, options.destination)
  if (options.destination instanceof LossyStream) {
    options.destination.onRecovery(count =>
      log.warn({ count } satisfies LogFields, 'lines of the log were lost since the start'),
    )
  }
  return log
}

export const silentLog: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
