// `npm run test:sanity` runs csi-sanity 5.6 and 5.5 against the driver, as processes on a simulated
// installation. It also compares the driver's messages with the published descriptor. The exit
// status is 0 if every required test ran and passed.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SshShell } from '../src/shell/ssh/ssh.ts'
import { buildTool } from './csi-tools.ts'
import { GuestPaths } from './sanity/guest-paths.ts'
import { SanityInstallation } from './sanity/installation.ts'
import { runSanity, SECRET } from './sanity/run.ts'
import { RUNS } from './sanity/variants.ts'
import { checkWire } from './wire-check.ts'

process.chdir(new URL('..', import.meta.url).pathname)
const directory = mkdtempSync(join(tmpdir(), 'ldom-csi-sanity-'))
const installation = new SanityInstallation(directory)
let shell: SshShell | undefined
let paths: GuestPaths | undefined

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void cleanUp().finally(() => process.exit(130)))
}
let isRight = false
try {
  await checkWire()
  for (const tool of ['csi-sanity-5.6', 'csi-sanity-5.5'] as const) await buildTool(tool)
  isRight = await runAll()
} catch (error) {
  console.error(error instanceof Error ? error.stack : error)
} finally {
  await cleanUp()
}
process.exit(isRight ? 0 : 1)

async function runAll(): Promise<boolean> {
  shell = await installation.start()
  paths = new GuestPaths(shell)
  await paths.start(join(directory, 'programs'))
  const rows = [
    [
      'SUITE',
      'HEALTH',
      'DESIGN',
      'ACCESS',
      'SECRETS',
      'PASSED',
      'FAILED',
      'SKIPPED',
      'PENDING',
      'SECONDS',
      '',
    ],
  ]
  for (const { setting, variants } of RUNS) {
    const sockets = await installation.startPlugins(setting)
    for (const variant of variants) {
      const begunMs = Date.now()
      const cells = [setting.suite, setting.health, variant.design, variant.access, variant.secrets]
      const { results, problems } = await runSanity({
        setting,
        variant,
        sockets,
        paths,
        directory: join(directory, cells.join('-')),
      })
      const counts = [results?.passed, results?.failed, results?.skipped, results?.pending].map(
        list => String(list?.length ?? '?'),
      )
      const seconds = ((Date.now() - begunMs) / 1000).toFixed(1)
      rows.push([...cells, ...counts, seconds, problems.length > 0 ? 'WRONG' : 'ok'])
      console.log(rows.at(-1)?.join('  '))
      if (problems.length > 0) console.error(`  ${problems.join('\n  ')}`)
    }
    await installation.stopPlugins()
  }
  console.log(`\n${table(rows)}`)
  const remains = [
    ...(await installation.findRemains()),
    ...(installation.hasLogged(SECRET) ? ['a secret is in a log'] : []),
  ]
  for (const remainder of remains) console.error(remainder)
  return remains.length === 0 && rows.slice(1).every(row => row.at(-1) === 'ok')
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, at) => Math.max(...rows.map(row => row[at]?.length ?? 0))) ?? []
  return rows
    .map(row =>
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** Keeps the files of a failed run for inspection, and removes those of a good one. */
async function cleanUp(): Promise<void> {
  await installation.stop()
  shell?.close()
  await paths?.stop()
  if (isRight) rmSync(directory, { recursive: true })
  else console.error(`logs and reports are in ${directory}`)
}
