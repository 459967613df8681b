// `npm run bench`: what grows with the number of volumes and what does not. Two populations in one
// run, one a hundred times the other; what matters is the ratio of the two. No goal is enforced
// here: timed goals would make a slow machine a failure.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join, resolve } from 'node:path'
import { formatReport } from './report.ts'
import { measure } from './run.ts'

// Node sizes its heap by the memory of the machine and collects when it has grown into that: on a
// large machine a process that needs 25 MiB keeps ten times as much. These are for 128 MiB;
// docs/scale.md says for how many snapshots they are enough.
const NODE_OPTIONS = ['--max-semi-space-size=1', '--max-old-space-size=64']

const args = process.argv.slice(2)
const isPod = args.includes('--kubernetes')
const [volumes = '10000'] = args.filter(arg => !arg.startsWith('--'))
process.chdir(new URL('..', import.meta.url).pathname)
if (process.platform !== 'linux') {
  throw new Error('memory is read from /proc: the bench runs on Linux')
}

const built = mkdtempSync(join(tmpdir(), 'ldom-csi-built-'))
try {
  execFileSync(
    'node_modules/.bin/tsc',
    ['-p', 'tsconfig.build.json', '--outDir', join(built, 'dist')],
    { stdio: 'inherit' },
  )
  for (const name of ['node_modules', 'package.json']) symlinkSync(resolve(name), join(built, name))
  const script = join(built, 'dist/bin/ldom-csi.js')
  const small = await measure(Math.ceil(Number(volumes) / 100), {
    script,
    nodeOptions: NODE_OPTIONS,
    isPod,
  })
  const large = await measure(Number(volumes), { script, nodeOptions: NODE_OPTIONS, isPod })
  const unlimited = await measure(Number(volumes), { script, nodeOptions: [], isPod })
  const machine =
    `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, ` +
    `${Math.round(totalmem() / 1024 ** 3)} GiB, Node ${process.version}`
  const nodeOptions = isPod ? [...NODE_OPTIONS, 'controller', '--kubernetes'] : NODE_OPTIONS
  console.log(formatReport({ machine, nodeOptions, small, large, unlimited }))
} finally {
  rmSync(built, { recursive: true })
}
