// Machines of Debian 12 for QEMU, built by a script of their own into a cache outside the work tree,
// and what they have in common.

import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { cacheDirectory } from '../cache.ts'

/** The directories of the cache that hold machines. */
type MachineKind = 'storage-host' | 'xen-host'

export interface MachineBuild {
  readonly kind: MachineKind
  /** Two builds of one kind differ in it. */
  readonly variant: string
  /** Has `build.sh`, called with a directory for its output, one for modules, and `words`. */
  readonly directory: string
  readonly words: readonly string[]
}

/** Whether the machine is in the cache. Its script writes this file last. */
export function isBuilt(build: MachineBuild): boolean {
  return existsSync(versionsFile(build))
}

/** What was built, in the words of its packages. */
export function describeMachine(build: MachineBuild): string {
  return readFileSync(versionsFile(build), 'utf8').trim()
}

/**
 * Builds the machine if it is missing, and returns the directory of its files. Needs root on Debian
 * 12. Minutes, because it compiles the modules of OpenZFS.
 */
export async function buildMachine(build: MachineBuild): Promise<string> {
  const output = outputOf(build)
  if (isBuilt(build)) return output
  // All machines share the modules: their names say which kernel they are for.
  const modules = join(cacheDirectory('storage-host'), 'modules')
  mkdirSync(modules, { recursive: true })
  const script = join(build.directory, 'build.sh')
  await execute(['nice', '-n', '10', script, output, modules, ...build.words])
  return output
}

/** Installs those that are missing on this machine. */
export async function installPackages(packages: readonly string[]): Promise<void> {
  const missing = packages.filter(
    // Packages of a foreign architecture carry it in the name.
    name => !['', ':amd64'].some(end => existsSync(`/var/lib/dpkg/info/${name}${end}.list`)),
  )
  if (missing.length === 0) return
  console.log(`installs ${missing.join(' ')}`)
  await execute(['apt-get', '-qq', 'update'])
  const install = ['apt-get', '-qq', 'install', '-y', '--no-install-recommends']
  await execute(['env', 'DEBIAN_FRONTEND=noninteractive', ...install, ...missing])
}

const versionsFile = (build: MachineBuild) => join(outputOf(build), 'versions')

const outputOf = (build: MachineBuild) =>
  join(cacheDirectory(build.kind), `${build.variant}-${keyOfInputs(build.directory)}`)

/** The scripts, and every file that they put into the machine. */
function keyOfInputs(directory: string): string {
  const hash = createHash('sha256')
  for (const from of [import.meta.dirname, directory]) {
    for (const file of readdirSync(from, { recursive: true, encoding: 'utf8' }).sort()) {
      const path = join(from, file)
      if (file.endsWith('.ts') || !statSync(path).isFile()) continue
      hash.update(`${file}\0`).update(readFileSync(path)).update('\0')
    }
  }
  return hash.digest('hex').slice(0, 12)
}

async function execute([program = '', ...args]: readonly string[]): Promise<void> {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  const [status] = await once(child, 'exit')
  if (status !== 0) throw new Error(`${program} ${args[0]} ended with status ${status}`)
}
