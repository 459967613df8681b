import { type Command, InvalidArgumentError, Option } from 'commander'
import { applyManifests, deleteManifests, detachManifests, sayIfEmpty } from '../../apply/apply.ts'
import { systemClock } from '../../clock.ts'
import { connect } from '../../csi/wire/client.ts'
import { readManifestFiles } from '../../manifests/files.ts'
import { describeObject, parseManifests } from '../../manifests/manifests.ts'
import { isPlainPath } from '../../model/guest-disks.ts'
import type { CliCommand } from './command.ts'

const DEFAULT_CONTROLLER = 'unix:///var/run/ldom-csi/controller.sock'
const DEFAULT_STAGING = '/var/lib/ldom-csi/staging'
const DEFAULT_TIMEOUT_S = 300

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

export const apply: CliCommand = { outlivesOutput: false, define }

function define(program: Command): Command {
  return program
    .command('apply')
    .description('create, attach and mount the claims of manifest files, without a cluster')
    .requiredOption(
      '-f, --file <file>',
      'manifest file, directory of them, or - for standard input; may be repeated',
      collect,
    )
    .option('--delete', 'unmount, detach and delete everything in the files, in reverse order')
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
    .action(run)
}

const print = (line: string) => console.log(line)

async function run(options: ApplyOptions): Promise<void> {
  const manifests = parseManifests(readManifestFiles(options.file))
  if (options.dryRun) {
    const intent = options.delete ? 'delete ' : options.detach ? 'detach ' : ''
    for (const object of manifests.objects) {
      if (options.detach && object.kind === 'snapshot') continue
      print(`${intent}${describeObject(object)}`)
    }
    sayIfEmpty(manifests, { print })
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
    print,
  }
  process.once('SIGINT', () => {
    console.error(
      'ldom-csi: interrupted; a step may be half done: run the same command again, or apply ' +
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

/** A socket may also be given as a path. */
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
