// Programs that run in the background, with a log and a record each. A record holds the time at
// which its process began, so a number that was used again is never hit.

import { spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { waitFor } from './commands.ts'

interface DaemonRecord {
  readonly pid: number
  readonly began: string
}

export class Daemons {
  readonly #directory: string

  constructor(directory: string) {
    this.#directory = directory
    mkdirSync(join(directory, 'log'), { recursive: true })
    mkdirSync(join(directory, 'run'), { recursive: true })
  }

  log(name: string): string {
    return join(this.#directory, 'log', `${name}.log`)
  }

  /** Already running is success. */
  start(name: string, argv: readonly string[], env: Readonly<Record<string, string>> = {}): void {
    if (this.isRunning(name)) return
    const [program = '', ...args] = argv
    const log = openSync(this.log(name), 'a')
    const child = spawn(program, args, {
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...env },
    })
    child.on('error', error => console.error(`${name} did not start: ${error.message}`))
    child.unref()
    const { pid } = child
    if (pid === undefined) throw new Error(`${program} did not start`)
    writeFileSync(this.#record(name), JSON.stringify({ pid, began: beginning(pid) }))
  }

  isRunning(name: string): boolean {
    return this.pid(name) !== undefined
  }

  pid(name: string): number | undefined {
    const file = this.#record(name)
    if (!existsSync(file)) return undefined
    const { pid, began }: DaemonRecord = JSON.parse(readFileSync(file, 'utf8'))
    return began !== undefined && beginning(pid) === began ? pid : undefined
  }

  names(): readonly string[] {
    return readdirSync(join(this.#directory, 'run'))
      .filter(file => file.endsWith('.pid'))
      .map(file => file.slice(0, -'.pid'.length))
  }

  signal(name: string, signal: NodeJS.Signals): void {
    const pid = this.pid(name)
    if (pid !== undefined) process.kill(pid, signal)
  }

  /** Ends the process and waits; one that does not listen is killed. */
  async end(name: string, signal: NodeJS.Signals = 'SIGTERM', limitMs = 20_000): Promise<void> {
    const gone = async () => !this.isRunning(name)
    this.signal(name, signal)
    await waitFor({ what: `the end of ${name}`, limitMs, everyMs: 50 }, gone).catch(async () => {
      this.signal(name, 'SIGKILL')
      await waitFor({ what: `the end of ${name}`, limitMs: 10_000 }, gone)
    })
    rmSync(this.#record(name), { force: true })
  }

  #record(name: string): string {
    return join(this.#directory, 'run', `${name}.pid`)
  }
}

/** Clock tick at which a process began; undefined where it is gone or a zombie. */
function beginning(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? undefined : fields[19]
  } catch {
    return undefined
  }
}
