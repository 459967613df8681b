// `npm run bench`: what grows with the number of volumes and what does not. Two populations in one
// run, one a hundred times the other; what matters is the ratio of the two. With `guest-disks` as
// its argument: what disks of guests cost. With `ssh`: a command over ssh against OpenSSH's own
// client. With `flapping`: creations while connections break. With `openzfs`: what the driver costs
// beside the raw commands of a real OpenZFS. No goal is enforced here: timed goals would make a slow
// machine a failure.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join, resolve } from 'node:path'
import { benchFlapping } from './flapping.ts'
import { benchGuestDisks } from './guest-disks.ts'
import { benchOpenZfs } from './openzfs/bench.ts'
import { formatReport } from './report.ts'
import { measure } from './run.ts'
import { benchSsh } from './ssh.ts'

// Node sizes its heap by the memory of the machine and collects when it has grown into that: on a
// large machine a process that needs 25 MiB keeps ten times as much. These are for 128 MiB;
// docs/scale.md says for how many snapshots they are enough.
const NODE_OPTIONS = ['--max-semi-space-size=1', '--max-old-space-size=64']

const args = process.argv.slice(2)
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
  const machine =
    `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, ` +
    `${Math.round(totalmem() / 1024 ** 3)} GiB, Node ${process.version}`
  console.log(`Machine: ${machine}.\n`)
  if (args[0] === 'guest-disks') {
    await benchGuestDisks({ script, disks: Number(args[1] ?? '1000') })
  } else if (args[0] === 'ssh') {
    await benchSsh(script, Number(args[1] ?? '100'))
  } else if (args[0] === 'openzfs') {
    const [, pairs = '100', rounds = '10', minutes = '120', csv] = args
    const counts = { pairs: Number(pairs), rounds: Number(rounds), minutes: Number(minutes) }
    await benchOpenZfs({ script, nodeOptions: NODE_OPTIONS, csv, ...counts })
  } else if (args[0] === 'flapping') {
    console.log(await benchFlapping(Number(args[1] ?? '3')))
  } else {
    console.log(await benchVolumes(script))
  }
} finally {
  rmSync(built, { recursive: true })
}

async function benchVolumes(script: string): Promise<string> {
  const isPod = args.includes('--kubernetes')
  const [text = '10000'] = args.filter(arg => !arg.startsWith('--'))
  const volumes = Number(text)
  const limited = { script, nodeOptions: NODE_OPTIONS, isPod }
  const small = await measure(Math.ceil(volumes / 100), limited)
  const large = await measure(volumes, limited)
  const unlimited = await measure(volumes, { script, nodeOptions: [], isPod })
  const nodeOptions = isPod ? [...NODE_OPTIONS, 'controller', '--kubernetes'] : NODE_OPTIONS
  return formatReport({ nodeOptions, small, large, unlimited })
}
