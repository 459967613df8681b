// The commands without the driver: OpenSSH's own client over connections that stay, as many as the
// driver has, with as many sessions at once.

import { execFile, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import type { Command } from '../../src/shell/shell.ts'
import { formatCommandLine } from '../../src/shell/ssh/ssh.ts'

export interface Access {
  readonly address: string
  readonly port: number
  readonly user: string
  readonly privateKeyFile: string
  readonly knownHostsFile: string
}

export interface Outcome {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** Sessions that the driver keeps on a connection whose server allows ten. */
const SESSIONS = 8

export class RawHost {
  readonly #options: readonly (readonly string[])[]
  readonly #busy: number[]
  readonly #waiting: (() => void)[] = []

  private constructor(access: Access, { directory, connections }: Placement) {
    const { address, port, user, privateKeyFile, knownHostsFile } = access
    const common = [
      ...['-F', 'none', '-p', String(port), '-i', privateKeyFile],
      ...['-o', `UserKnownHostsFile=${knownHostsFile}`, '-o', 'StrictHostKeyChecking=yes'],
      ...['-o', 'LogLevel=ERROR', '-o', 'ControlMaster=auto', '-o', 'ControlPersist=600'],
    ]
    this.#options = Array.from({ length: connections }, (_, at) => [
      ...common,
      ...['-o', `ControlPath=${join(directory, `raw${port}-${at}`)}`, `${user}@${address}`],
    ])
    this.#busy = this.#options.map(() => 0)
  }

  /** Returns when all connections stand. */
  static async open(access: Access, placement: Placement): Promise<RawHost> {
    const host = new RawHost(access, placement)
    for (const at of host.#options.keys()) await host.#start(at, 'true')
    return host
  }

  /** Waits while all sessions are in use. Any status is an answer. */
  async run(command: Command): Promise<Outcome> {
    for (;;) {
      const least = Math.min(...this.#busy)
      if (least < SESSIONS) {
        return this.#start(this.#busy.indexOf(least), formatCommandLine(command))
      }
      await new Promise<void>(resolve => this.#waiting.push(resolve))
    }
  }

  #start(at: number, line: string): Promise<Outcome> {
    this.#busy[at] = (this.#busy[at] ?? 0) + 1
    return new Promise((resolve, reject) => {
      execFile(
        'ssh',
        [...(this.#options[at] ?? []), line],
        { maxBuffer: 2 ** 28 },
        (error, stdout, stderr) => {
          this.#busy[at] = (this.#busy[at] ?? 0) - 1
          this.#waiting.shift()?.()
          if (error === null) return resolve({ status: 0, stdout, stderr })
          if (typeof error.code !== 'number') return reject(error)
          resolve({ status: error.code, stdout, stderr })
        },
      ).stdin?.end()
    })
  }

  close(): void {
    for (const options of this.#options) {
      spawnSync('ssh', ['-O', 'exit', ...options], { stdio: 'ignore' })
    }
  }
}

export interface Placement {
  /** Of the sockets; its path has to be short. */
  readonly directory: string
  readonly connections: number
}
