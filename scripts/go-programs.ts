// Builds Go programs from pinned sources into a cache outside the work tree. Each is built once: its
// file name holds a hash of this Go, what is pinned, and every source file of our own.

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'

export interface GoProgram {
  /** Folder of the module, which pins every version by checksum. */
  readonly module: string
  /** In the words of `go build`; one of our own begins with a dot. */
  readonly package: string
  /** Variables that the linker sets: versions, which a program would not know otherwise. */
  readonly variables: readonly string[]
}

interface Setup<Name extends string> {
  /** The folder of the modules. */
  readonly sources: string
  /** Where the programs are kept. */
  readonly cache: string
  /** In the order of building. */
  readonly programs: Readonly<Record<Name, GoProgram>>
  /** What Go says meanwhile. An error holds it in any case. */
  readonly output: 'shown' | 'hidden'
}

const run = promisify(execFile)

// Overrides the settings of this machine: pinned versions, this Go, and nothing fetched that has no
// checksum.
const ENVIRONMENT = {
  GOFLAGS: '-mod=readonly -buildvcs=false',
  GOTOOLCHAIN: 'local',
  CGO_ENABLED: '0',
}

// A refused or broken download is common enough on a slow line. What has arrived stays.
const DOWNLOADS = 4

export class GoPrograms<Name extends string> {
  readonly #setup: Setup<Name>

  constructor(setup: Setup<Name>) {
    this.#setup = setup
  }

  /** Which programs are still to be built. */
  async missing(): Promise<readonly Name[]> {
    const version = await goVersion()
    return this.#names().filter(name => !existsSync(this.#locate(name, version)))
  }

  /** Returns the path of the program, and builds it if necessary. */
  async build(name: Name): Promise<string> {
    return this.#build(name, await goVersion())
  }

  /** The path of every program; those that are missing are built now. */
  async buildAll(): Promise<Readonly<Record<Name, string>>> {
    const version = await goVersion()
    const paths: string[][] = []
    for (const name of this.#names()) paths.push([name, await this.#build(name, version)])
    return Object.fromEntries(paths)
  }

  #names(): readonly Name[] {
    const { programs } = this.#setup
    return Object.keys(programs).filter((name): name is Name => name in programs)
  }

  async #build(name: Name, version: string): Promise<string> {
    const binary = this.#locate(name, version)
    if (!existsSync(binary)) await this.#buildInto(binary, name)
    return binary
  }

  #locate(name: Name, version: string): string {
    const { module, package: path, variables } = this.#setup.programs[name]
    const hash = createHash('sha256').update(`${version}${JSON.stringify(ENVIRONMENT)}`)
    hash.update(JSON.stringify({ module, package: path, variables }))
    const folder = join(this.#setup.sources, module)
    for (const file of ['go.mod', 'go.sum']) hash.update(readFileSync(join(folder, file)))
    for (const file of path.startsWith('.') ? ownFiles(folder) : []) {
      hash.update(file).update(readFileSync(join(folder, file)))
    }
    return join(this.#setup.cache, `${name}-${hash.digest('hex').slice(0, 16)}`)
  }

  async #buildInto(binary: string, name: Name): Promise<void> {
    const { module, package: path, variables } = this.#setup.programs[name]
    const folder = join(this.#setup.sources, module)
    const ldflags = ['-s -w', ...variables.map(variable => `-X ${variable}`)].join(' ')
    const begin = Date.now()
    console.log(`building ${name}`)
    mkdirSync(this.#setup.cache, { recursive: true })
    await this.#download(folder, path)
    // Go writes the binary when everything else has succeeded, and renames it into place.
    await this.#go(folder, ['build', '-trimpath', '-ldflags', ldflags, '-o', binary, path])
    console.log(`built ${name} in ${Math.round((Date.now() - begin) / 1000)} s`)
  }

  /** Fetches what the package imports, and no more: to list it, Go needs all of it. */
  async #download(folder: string, path: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#go(folder, ['list', '-deps', path])
        return
      } catch (error) {
        if (attempt === DOWNLOADS) throw error
      }
    }
  }

  async #go(folder: string, args: readonly string[]): Promise<void> {
    const running = run('go', args, { cwd: folder, env: { ...process.env, ...ENVIRONMENT } })
    if (this.#setup.output === 'shown') running.child.stderr?.pipe(process.stderr)
    await running
  }
}

async function goVersion(): Promise<string> {
  const env = { ...process.env, ...ENVIRONMENT }
  const { stdout } = await run('go', ['version'], { env }).catch(error => {
    throw new Error(`programs of the tests need Go (go version): ${String(error)}`)
  })
  return stdout
}

/** Every file of a module of our own: its programs may share code. */
function ownFiles(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && !['go.mod', 'go.sum'].includes(entry.name))
    .map(entry => relative(folder, join(entry.parentPath, entry.name)))
    .sort()
}
