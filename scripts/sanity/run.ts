// One run of csi-sanity and all its deviations.

import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { buildTool } from '../csi-tools.ts'
import type { GuestPaths } from './guest-paths.ts'
import type { Sockets } from './installation.ts'
import { compare, parseExpected, parseReport, type Results } from './report.ts'
import type { Setting, Variant } from './variants.ts'

const MiB = 1024 * 1024
const POOLS = { local: 'silver', lun: 'gold' } as const

/** Part of every secret that is sent. It must appear in no output. */
export const SECRET = 'correct-horse-battery-staple'
const SECRET_NAMES = [
  ...[
    'CreateVolume',
    'DeleteVolume',
    'ControllerPublishVolume',
    'ControllerUnpublishVolume',
    'ControllerValidateVolumeCapabilities',
  ],
  ...[
    'NodeStageVolume',
    'NodePublishVolume',
    'CreateSnapshot',
    'DeleteSnapshot',
    'ControllerExpandVolume',
    'ControllerModifyVolume',
  ],
  ...['ListSnapshots', 'GetSnapshot'],
]

export interface Run {
  readonly setting: Setting
  readonly variant: Variant
  readonly sockets: Sockets
  readonly paths: GuestPaths
  /** The directory for the files of this run. */
  readonly directory: string
}

export async function runSanity(
  run: Run,
): Promise<{ results: Results | undefined; problems: readonly string[] }> {
  const { suite, health } = run.setting
  const report = join(run.directory, 'junit.xml')
  const { exitStatus, output } = await execute(await buildTool(`csi-sanity-${suite}`), [
    ...writeArguments(run),
    `--ginkgo.junit-report=${report}`,
  ])
  writeFileSync(join(run.directory, 'output.txt'), output)
  if (!existsSync(report)) {
    return { results: undefined, problems: [`no report; exit status ${exitStatus}:\n${output}`] }
  }
  const results = parseReport(readFileSync(report, 'utf8'))
  const expected = parseExpected(
    readFileSync(`test/system/csi-tools/csi-sanity-${suite}.tests.txt`, 'utf8'),
    health,
  )
  const unexplained =
    exitStatus !== 0 && results.failed.length === 0 ? [`exit status ${exitStatus}:\n${output}`] : []
  return {
    results,
    problems: [...compare(results, expected), ...unexplained, ...run.paths.problems.splice(0)],
  }
}

function writeArguments({ sockets, variant, paths, directory }: Run): readonly string[] {
  mkdirSync(directory, { recursive: true })
  const file = (name: string, content: object) => {
    writeFileSync(join(directory, name), stringify(content))
    return join(directory, name)
  }
  const secrets = Object.fromEntries(
    SECRET_NAMES.map(name => [`${name}Secret`, { password: SECRET }]),
  )
  return [
    `--csi.endpoint=${sockets.node}`,
    `--csi.controllerendpoint=${sockets.controller}`,
    '--csi.mountdir=/var/lib/sanity/targets',
    '--csi.stagingdir=/var/lib/sanity/staging',
    `--csi.createmountpathcmd=${paths.program('create')}`,
    `--csi.createstagingpathcmd=${paths.program('create')}`,
    `--csi.removemountpathcmd=${paths.program('remove')}`,
    `--csi.removestagingpathcmd=${paths.program('remove')}`,
    `--csi.checkpathcmd=${paths.program('check')}`,
    `--csi.testvolumeaccesstype=${variant.access}`,
    `--csi.testvolumesize=${64 * MiB}`,
    `--csi.testvolumeexpandsize=${128 * MiB}`,
    `--csi.testvolumeparameters=${file('parameters.yaml', { pool: POOLS[variant.design] })}`,
    `--csi.testvolumemutableparameters=${file('mutable.yaml', { compression: 'gzip-1', logbias: 'throughput' })}`,
    '--csi.testnodevolumeattachlimit',
    ...(variant.secrets === 'with' ? [`--csi.secrets=${file('secrets.yaml', secrets)}`] : []),
    '--ginkgo.no-color',
  ]
}

function execute(
  program: string,
  args: readonly string[],
): Promise<{ exitStatus: number; output: string }> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { maxBuffer: 64 * MiB }, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== 'number') reject(error)
      else resolve({ exitStatus: error === null ? 0 : Number(error.code), output: stdout + stderr })
    })
  })
}
