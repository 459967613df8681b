// The log: JSON lines with fixed field names, so that one query finds every line. Secrets and the
// standard input of commands have no field, so they cannot be logged.

import { type DestinationStream, pino } from 'pino'
import { LossyStream } from './log-stream.ts'

export interface LogFields {
  readonly rpc?: string
  readonly code?: string
  readonly durationMs?: number
  /** The part of the duration spent waiting for other calls. */
  readonly queuedMs?: number
  readonly volumeId?: string
  readonly snapshotId?: string
  readonly groupId?: string
  readonly guest?: string
  readonly machine?: string
  readonly pool?: string
  readonly host?: string
  /** Program and subcommand, such as `zfs create`; never the arguments. */
  readonly command?: string
  readonly exitStatus?: number
  readonly fate?: string
  readonly path?: string
  readonly address?: string
  readonly version?: string
  readonly driver?: string
  /** Who holds a lease, or waits for it. */
  readonly holder?: string
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

/** A destination that lost lines logs their number as soon as it accepts lines again. */
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
