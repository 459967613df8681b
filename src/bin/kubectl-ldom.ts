#!/usr/bin/env node
// `kubectl ldom`: the reports of the driver for people who work with a cluster. kubectl finds this
// program by its name, kubectl-ldom, on PATH. A report runs in a pod of the controller, or here
// with a configuration file. kubectl says whose claim a volume is, and which node a guest is.

import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { execInController, type Kubectl, readNames } from '../cli/cluster.ts'
import { formatFindings } from '../cli/findings.ts'
import { formatVolumeTable, type VolumeRow } from '../cli/volumes.ts'
import { DEFAULT_DRIVER_NAME } from '../config/schema.ts'
import { describeError, StorageError } from '../errors.ts'
import { LocalShell } from '../shell/local.ts'
import type { Finding } from '../storage/audit/known.ts'
import { endWithOutput, formatJson, type OutputForm, withOutput } from './commands/output.ts'
import { VERSION } from './version.ts'

interface Options {
  readonly config?: string
  readonly context?: string
  readonly kubeconfig?: string
  readonly namespace: string
  readonly deployment: string
  readonly driver: string
  readonly output: OutputForm
}

type Report = (options: Options, kubectl: Kubectl) => Promise<void>

const CONTROLLER_FILE = '/etc/ldom-csi/controller.yaml'
const REPORT_TIMEOUT_MS = 1_200_000

async function main(): Promise<void> {
  const program = new Command('kubectl ldom')
    .description('reports of ldom-csi: volumes with their claims, paths, and what does not agree')
    .version(VERSION)
  define(program, 'volumes', {
    about: 'list volumes with claims, guests and paths',
    report: volumes,
  })
  define(program, 'audit', {
    about: 'compare the layers; status 1 when they differ',
    report: audit,
  })
  define(program, 'doctor', { about: 'check hosts, permissions and paths', report: doctor })
  await program.parseAsync()
}

function define(
  program: Command,
  name: string,
  { about, report }: { readonly about: string; readonly report: Report },
): void {
  const command = program
    .command(name)
    .description(about)
    .option('--config <file>', "the controller's configuration file: report from this machine")
    .option('--context <name>', 'context of kubectl')
    .option('--kubeconfig <file>', 'configuration file of kubectl')
    .option('-n, --namespace <name>', 'namespace of the controller', 'ldom-csi')
    .option('--deployment <name>', 'deployment of the controller', 'ldom-csi-controller')
    .option('--driver <name>', 'name of the driver', DEFAULT_DRIVER_NAME)
  withOutput(command).action((options: Options) => report(options, kubectlOf(options)))
}

function kubectlOf({ context, kubeconfig }: Options): Kubectl {
  return {
    shell: new LocalShell(),
    global: [
      ...(context === undefined ? [] : [`--context=${context}`]),
      ...(kubeconfig === undefined ? [] : [`--kubeconfig=${kubeconfig}`]),
    ],
  }
}

async function volumes(options: Options, kubectl: Kubectl): Promise<void> {
  const [report, names] = await Promise.all([
    run(['volumes', '--output', 'json'], { options, kubectl }),
    readNames(kubectl, options.driver),
  ])
  const rows = JSON.parse(report.stdout) as VolumeRow[]
  process.exitCode = report.exitStatus
  if (options.output === 'table') {
    process.stdout.write(formatVolumeTable(rows, process.stdout.columns, names))
    return
  }
  const named = rows.map(row => ({
    ...row,
    claim: names.claims.get(row.volume)?.[0],
    claims: names.claims.get(row.volume) ?? [],
    node: names.nodes.get(row.guest ?? ''),
  }))
  process.stdout.write(formatJson(named))
}

async function audit(options: Options, kubectl: Kubectl): Promise<void> {
  const [report, names] = await Promise.all([
    run(['audit', '--output', 'json'], { options, kubectl }),
    readNames(kubectl, options.driver),
  ])
  const findings = JSON.parse(report.stdout) as Finding[]
  if (options.output === 'json') process.stdout.write(report.stdout)
  else process.stdout.write(formatFindings(findings, names.claims))
  process.exitCode = report.exitStatus
}

async function doctor(options: Options, kubectl: Kubectl): Promise<void> {
  const report = await run(['doctor', '--output', options.output], { options, kubectl })
  process.stdout.write(report.stdout)
  process.exitCode = report.exitStatus
}

/** Runs a report. Status 1 with an answer means that the report found something. */
async function run(
  words: readonly string[],
  { options, kubectl }: { readonly options: Options; readonly kubectl: Kubectl },
): Promise<{ readonly stdout: string; readonly exitStatus: number }> {
  const { config, namespace, deployment } = options
  const result =
    config === undefined
      ? await execInController(kubectl, {
          namespace,
          deployment,
          words: [...words, '--config', CONTROLLER_FILE],
        })
      : await kubectl.shell.run([process.execPath, driver(), ...words, '--config', config], {
          effect: 'read',
          timeoutMs: REPORT_TIMEOUT_MS,
        })
  process.stderr.write(result.stderr)
  if (result.stdout.trim() === '') {
    const where = config ?? `deployment/${deployment} in namespace ${namespace}`
    throw new StorageError(
      'unavailable',
      `no report from ${where} (status ${result.exitStatus}); see above, and --namespace, ` +
        '--deployment and --context',
    )
  }
  return result
}

/** The command line of the driver, beside this file. */
function driver(): string {
  const here = import.meta.url
  return fileURLToPath(new URL(`ldom-csi${here.slice(here.lastIndexOf('.'))}`, here))
}

endWithOutput('kubectl ldom')
try {
  await main()
} catch (error) {
  if (!(error instanceof StorageError)) throw error
  console.error(`kubectl ldom: ${describeError(error)}`)
  process.exitCode = 1
}
