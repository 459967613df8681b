#!/usr/bin/env node
// The command line: arguments, environment, signals and exit statuses. The work is done by what
// compose.ts puts together.

import { readFileSync } from 'node:fs'
import { Command, InvalidArgumentError, Option } from 'commander'
import { applyManifests, deleteManifests, detachManifests } from '../apply/apply.ts'
import type { Check } from '../checks.ts'
import { examine, formatChecks, provePaths } from '../cli/doctor.ts'
import { formatTable, formatVolumeTable, listVolumeRows } from '../cli/volumes.ts'
import { systemClock } from '../clock.ts'
import { parseControllerConfig, parseNodeConfig } from '../config/config.ts'
import { connect, RpcError } from '../csi/wire/client.ts'
import type { Service } from '../csi/wire/handler.ts'
import { startServer } from '../csi/wire/server.ts'
import { describeError, StorageError } from '../errors.ts'
import { createLog, type Log, type LogLevel } from '../log.ts'
import { LossyStream } from '../log-stream.ts'
import { isPlainPath } from '../manifests/claims.ts'
import { readManifestFiles, readText } from '../manifests/files.ts'
import { describeObject, parseManifests } from '../manifests/manifests.ts'
import { audit } from '../storage/audit.ts'
import { FullnessWatch } from '../storage/fullness.ts'
import { keepSweeping } from '../storage/volumes/sweep.ts'
import {
  composeInstallation,
  composeNode,
  controllerServices,
  type Installation,
  openRealShell,
} from './compose.ts'

const DEFAULT_CONTROLLER = 'unix:///var/run/ldom-csi/controller.sock'
const DEFAULT_STAGING = '/var/lib/ldom-csi/staging'
const DEFAULT_TIMEOUT_S = 300
const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent']

interface PluginOptions {
  readonly config: string
  readonly endpoint?: string
  readonly logLevel: LogLevel
}

interface ApplyOptions {
  readonly file: readonly string[]
  readonly delete?: true
  readonly detach?: true
  readonly dryRun?: true
  readonly node?: ReadonlyMap<string, string>
  readonly controller: string
  readonly stagingDirectory: string
  readonly timeout: number
}

const PLUGINS: readonly string[] = ['controller', 'node']
/** How long a plugin that ends waits for somebody to read its last lines. */
const LAST_LINES_MS = 1000

const version = readVersion()

async function main(): Promise<void> {
  const program = new Command('ldom-csi')
    .description(
      'CSI driver for the guests of partitioned servers: ZFS volumes through Oracle VM Server ' +
        'for SPARC',
    )
    .version(version)
    .showHelpAfterError('(ldom-csi --help says more)')
  // A plugin goes on without its output; who reads the answer of a command no further, as `head`
  // does, ends it.
  program.hook('preAction', (_, command) => {
    if (!PLUGINS.includes(command.name())) endWithOutput()
  })
  addPlugins(program)
  addApply(program)
  addReports(program)
  await program.parseAsync()
}

function addPlugins(program: Command): void {
  const plugin = (name: string, description: string) =>
    program
      .command(name)
      .description(description)
      .requiredOption('--config <file>', 'configuration file')
      .option(
        '--endpoint <address>',
        'unix:///absolute/path.sock (default: the environment variable CSI_ENDPOINT)',
      )
      .option('--log-level <level>', LEVELS.join(', '), parseLevel, 'info')
  plugin('controller', 'serve the CSI controller').action(async (options: PluginOptions) => {
    const config = parseControllerConfig(readText(options.config), options.config)
    const output = openOutput()
    const log = createLog({ level: options.logLevel, destination: output })
    const installation = composeInstallation(config, {
      openShell: openRealShell,
      log,
      clock: systemClock,
    })
    await serve(controllerServices(installation, version), options, { log, output }, () => {
      void installation.resume()
      const fullness = new FullnessWatch({ pools: installation.pools, log })
      const stopSweeping = keepSweeping(installation.reaper, { clock: systemClock, log, fullness })
      return async () => {
        await stopSweeping()
        await installation.stop()
      }
    })
  })
  plugin('node', 'serve the CSI node plugin of one guest').action(
    async (options: PluginOptions) => {
      const config = parseNodeConfig(readText(options.config), options.config)
      const output = openOutput()
      const log = createLog({ level: options.logLevel, destination: output })
      const { services, stop } = composeNode(config, version, {
        openShell: openRealShell,
        log,
        clock: systemClock,
      })
      await serve(services, options, { log, output }, () => stop)
    },
  )
}

function addApply(program: Command): void {
  program
    .command('apply')
    .description('bring about the claims and snapshots of manifest files, without a cluster')
    .requiredOption(
      '-f, --file <file>',
      'manifest file, directory of them, or - for standard input; may be repeated',
      collect,
    )
    .option('--delete', 'take claims and snapshots away again, in reverse order')
    .addOption(
      new Option('--detach', 'only unmount and detach the claims: nothing is deleted').conflicts(
        'delete',
      ),
    )
    .option(
      '--dry-run',
      'only read and check the files, and say what is in them; nothing is called',
    )
    .option(
      '--node <guest=socket>',
      'node plugin of a guest, <machine>/<guest>=SOCKET; may be repeated',
      collectNode,
    )
    .option(
      '--controller <socket>',
      'socket of the controller',
      socketEndpoint,
      process.env.CSI_ENDPOINT ?? DEFAULT_CONTROLLER,
    )
    .option(
      '--staging-directory <path>',
      'directory in the guests where volumes are mounted first',
      parsePath,
      DEFAULT_STAGING,
    )
    .option('--timeout <seconds>', 'how long one step is tried', parseSeconds, DEFAULT_TIMEOUT_S)
    .action(runApply)
}

/** A plugin goes on whatever becomes of its output. */
function openOutput(): LossyStream {
  process.stderr.on('error', () => {})
  return new LossyStream(process.stdout)
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

async function runApply(options: ApplyOptions): Promise<void> {
  const manifests = parseManifests(readManifestFiles(options.file))
  if (options.dryRun) {
    const intent = options.delete ? 'delete ' : options.detach ? 'detach ' : ''
    for (const object of manifests.objects) {
      if (options.detach && object.kind === 'snapshot') continue
      console.log(`${intent}${describeObject(object)}`)
    }
    if (manifests.objects.length === 0) {
      console.log('no claim and no snapshot in the files: nothing to do')
    }
    return
  }
  const controller = connect(options.controller)
  const nodes = new Map(
    [...(options.node ?? [])].map(([guest, endpoint]) => [guest, connect(endpoint)]),
  )
  const tools = {
    controller,
    nodes,
    clock: systemClock,
    timeoutMs: options.timeout * 1000,
    stagingDirectory: options.stagingDirectory,
    print: (line: string) => console.log(line),
  }
  process.once('SIGINT', () => {
    console.error(
      'ldom-csi: stopped; what was begun may be half done: run the same command again, or apply ' +
        '--delete',
    )
    process.exit(130)
  })
  try {
    const perform = options.delete
      ? deleteManifests
      : options.detach
        ? detachManifests
        : applyManifests
    const failures = await perform(manifests, tools)
    if (failures.length > 0) process.exitCode = 1
  } finally {
    for (const client of [controller, ...nodes.values()]) client.close()
  }
}

function addReports(program: Command): void {
  const report = (name: string, description: string) =>
    program
      .command(name)
      .description(description)
      .requiredOption('--config <file>', "the controller's configuration file")
  report(
    'doctor',
    'check hosts, permissions, services and paths; exit status 1 when something is wrong',
  )
    .option(
      '--prepare',
      'also prove every path with a small labelled canary unit, which is made where it is missing',
    )
    .option('--output <form>', 'table or json', parseOutput, 'table')
    .action((options: { config: string; prepare?: true; output: 'table' | 'json' }) =>
      withInstallation(options.config, async installation => {
        const tell = (checks: readonly Check[]) => {
          if (options.output === 'table') process.stdout.write(formatChecks(checks))
        }
        const examined = await examine(installation, undefined, tell)
        const proved = options.prepare ? await provePaths(installation.pools) : []
        tell(proved)
        const checks = [...examined, ...proved]
        if (options.output === 'json') process.stdout.write(formatJson(checks))
        if (checks.some(check => check.level === 'FAIL')) process.exitCode = 1
      }),
    )
  report('volumes', 'list volumes with their attachments and paths')
    .option('--output <form>', 'table or json', parseOutput, 'table')
    .action((options: { config: string; output: 'table' | 'json' }) =>
      withInstallation(options.config, async ({ pools }) => {
        const rows = await listVolumeRows(pools)
        process.stdout.write(
          options.output === 'json'
            ? formatJson(rows)
            : formatVolumeTable(rows, process.stdout.columns),
        )
      }),
    )
  report('audit', 'compare the layers; exit status 1 when something is in one and not in another')
    .option('--output <form>', 'table or json', parseOutput, 'table')
    .action((options: { config: string; output: 'table' | 'json' }) =>
      withInstallation(options.config, async ({ pools }) => {
        const findings = await audit(pools)
        if (findings.length > 0) process.exitCode = 1
        if (options.output === 'json') return process.stdout.write(formatJson(findings))
        if (findings.length === 0) return console.log('nothing found')
        const lines = findings.map(({ kind, object, detail }) => [kind, object, detail])
        return process.stdout.write(formatTable([['KIND', 'OBJECT', 'DETAIL'], ...lines]))
      }),
    )
}

function formatJson(value: unknown): string {
  return `${JSON.stringify(value, (_key, part: unknown) => part ?? null, 2)}\n`
}

async function withInstallation(
  file: string,
  work: (installation: Installation) => Promise<unknown>,
): Promise<void> {
  const config = parseControllerConfig(readText(file), file)
  // Standard output is for the answer.
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

/**
 * `start` begins what runs beside the calls, and returns how all of it ends. A plugin that cannot
 * listen touches no host.
 */
async function serve(
  services: readonly Service[],
  options: PluginOptions,
  { log, output }: { readonly log: Log; readonly output: LossyStream },
  start: () => () => Promise<void>,
): Promise<void> {
  const endpoint = options.endpoint ?? process.env.CSI_ENDPOINT
  if (endpoint === undefined) {
    throw new StorageError('invalid-argument', 'no endpoint: give --endpoint or set CSI_ENDPOINT')
  }
  const server = await startServer({ endpoint, services, log })
  const stopRest = start()
  const stop = async () => {
    await server.stop()
    await stopRest()
    await output.drain(LAST_LINES_MS)
    process.exit(0)
  }
  // The second signal finds no handler and ends the process at once.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop())
}

function readVersion(): string {
  const manifest: unknown = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  )
  return (manifest as { version: string }).version
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}

function collectNode(
  value: string,
  before: ReadonlyMap<string, string> = new Map(),
): ReadonlyMap<string, string> {
  const [guest = '', socket = ''] = value.split(/=(.*)/s)
  if (!/^[^/]+\/[^/]+$/.test(guest) || socket === '') {
    throw new InvalidArgumentError('It is <machine>/<guest>=SOCKET.')
  }
  return new Map([...before, [guest, socketEndpoint(socket)]])
}

/** A socket may be given as a path too. */
function socketEndpoint(socket: string): string {
  return socket.startsWith('/') ? `unix://${socket}` : socket
}

function parsePath(value: string): string {
  if (!isPlainPath(value)) {
    throw new InvalidArgumentError(
      'It is an absolute path without "." and "..", white space and a "/" at its end.',
    )
  }
  return value
}

function parseSeconds(value: string): number {
  if (!/^\d{1,6}$/.test(value) || Number(value) === 0) {
    throw new InvalidArgumentError('It is a number of seconds.')
  }
  return Number(value)
}

function parseLevel(value: string): LogLevel {
  const level = LEVELS.find(candidate => candidate === value)
  if (level === undefined) throw new InvalidArgumentError(`It is one of ${LEVELS.join(', ')}.`)
  return level
}

function parseOutput(value: string): 'table' | 'json' {
  if (value !== 'table' && value !== 'json') throw new InvalidArgumentError('It is table or json.')
  return value
}

try {
  await main()
} catch (error) {
  if (!(error instanceof StorageError || error instanceof RpcError)) throw error
  console.error(`ldom-csi: ${error instanceof RpcError ? error.message : describeError(error)}`)
  process.exitCode = 1
}
