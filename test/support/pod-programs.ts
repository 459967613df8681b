// Programs of the driver as processes in pods: with the environment of a pod, and an API server of
// our own.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { SimApiServer } from './api-server.ts'

const PROGRAM = fileURLToPath(new URL('../../src/bin/ldom-csi.ts', import.meta.url))
const RECORDER = fileURLToPath(new URL('./loaded-modules.ts', import.meta.url))
const LONGEST_MS = 60_000

export interface PodProgram {
  readonly child: ChildProcess
  readonly output: { text: string }
  /** Resolves with the exit status. */
  readonly ended: Promise<number | null>
}

export class PodPrograms {
  readonly #directory: string
  readonly #api: SimApiServer
  readonly #programs: PodProgram[] = []

  constructor(directory: string, api: SimApiServer) {
    this.#directory = directory
    this.#api = api
  }

  /** The modules that it loads are listed in `<directory>/<name>.modules`. */
  start(name: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): PodProgram {
    const child = spawn(process.execPath, ['--import', RECORDER, PROGRAM, ...args], {
      env: {
        ...process.env,
        POD_NAME: name,
        POD_NAMESPACE: 'storage',
        KUBERNETES_SERVICE_HOST: '127.0.0.1',
        KUBERNETES_SERVICE_PORT: String(this.#api.port),
        LOADED_MODULES: join(this.#directory, `${name}.modules`),
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const output = { text: '' }
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', chunk => (output.text += chunk))
    }
    const ended = once(child, 'close').then(([status]) => status)
    const program = { child, output, ended }
    this.#programs.push(program)
    return program
  }

  /** A limit for what hangs; says what the programs have written then. */
  async eventually(isSo: () => Promise<boolean>): Promise<void> {
    const beganMs = performance.now()
    while (!(await isSo())) {
      if (performance.now() - beganMs > LONGEST_MS) {
        const said = this.#programs.map(({ output }) => output.text)
        throw new Error(`not so within ${LONGEST_MS} ms:\n${said.join('\n')}`)
      }
      await sleep(50)
    }
  }

  end(): void {
    for (const { child } of this.#programs.splice(0)) child.kill('SIGKILL')
  }
}
