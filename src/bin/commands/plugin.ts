// Shared by the two plugins: options, output, and serving until a signal.

import { type Command, InvalidArgumentError } from 'commander'
import type { CallWatch, Service } from '../../csi/wire/handler.ts'
import { startServer } from '../../csi/wire/server.ts'
import { StorageError } from '../../errors.ts'
import { createLog, type Log, type LogLevel } from '../../log.ts'
import { LossyStream } from '../../log-stream.ts'
import { onFirstSignal } from '../signals.ts'

export interface PluginOptions {
  readonly config: string
  readonly endpoint?: string
  readonly logLevel: LogLevel
}

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent']
/** How long an ending plugin waits for a reader of its last lines. */
const LAST_LINES_MS = 1000
/** Of one that must end at once. */
const LAST_LINE_MS = 100

export function pluginCommand(program: Command, name: string, description: string): Command {
  return logLevelOption(
    program
      .command(name)
      .description(description)
      .requiredOption('--config <file>', 'configuration file')
      .option(
        '--endpoint <address>',
        'unix:///absolute/path.sock (default: the environment variable CSI_ENDPOINT)',
      ),
  )
}

export function logLevelOption(command: Command): Command {
  return command.option('--log-level <level>', LEVELS.join(', '), parseLevel, 'info')
}

/** Where the kubelet puts the files of a pod's account. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'

export function serviceAccountOption(command: Command): Command {
  return command.option(
    '--service-account <directory>',
    'where token and ca.crt of the ServiceAccount are',
    SERVICE_ACCOUNT,
  )
}

export interface PluginOutput {
  readonly log: Log
  readonly output: LossyStream
}

/** A plugin continues even if its output fails. */
export function openOutput({ logLevel }: Pick<PluginOptions, 'logLevel'>): PluginOutput {
  process.stderr.on('error', () => {})
  const output = new LossyStream(process.stdout)
  return { log: createLog({ level: logLevel, destination: output }), output }
}

export interface Served extends PluginOutput {
  readonly services: readonly Service[]
  readonly watch?: CallWatch
  /** Starts the background work. Returns a function that stops it. */
  readonly start: () => () => Promise<void>
}

/** Listens first: a plugin that cannot listen touches no host. */
export async function serve(
  { services, watch, log, output, start }: Served,
  options: PluginOptions,
): Promise<void> {
  const endpoint = options.endpoint ?? process.env.CSI_ENDPOINT
  if (endpoint === undefined) {
    throw new StorageError('invalid-argument', 'no endpoint: give --endpoint or set CSI_ENDPOINT')
  }
  const server = await startServer({ endpoint, services, log, watch })
  const stopRest = start()
  const stop = async () => {
    await server.stop()
    await stopRest()
    await output.drain(LAST_LINES_MS)
    process.exit(0)
  }
  onFirstSignal(() => void stop())
}

/** Ends the process with its last line: nothing that is at work is waited for. */
export async function endAtOnce(output: LossyStream): Promise<void> {
  await output.drain(LAST_LINE_MS)
  process.exit(1)
}

function parseLevel(value: string): LogLevel {
  const level = LEVELS.find(candidate => candidate === value)
  if (level === undefined) throw new InvalidArgumentError(`It is one of ${LEVELS.join(', ')}.`)
  return level
}
