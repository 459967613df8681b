// The tests' own way into a machine in QEMU: OpenSSH's client over one connection that stays, to a
// server that the driver does not use.

import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

export interface Outcome {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

const LARGEST_OUTPUT = 256 * 1024 ** 2

export class OwnHand {
  readonly #options: readonly string[]

  /** The directory has the keys (`start-files.ts`). */
  constructor(directory: string, port: number) {
    this.#options = [
      ...['-F', 'none', '-p', String(port), '-l', 'root', '-i', join(directory, 'own')],
      ...option('IdentitiesOnly', 'yes'),
      ...option('UserKnownHostsFile', join(directory, 'known_hosts')),
      ...option('StrictHostKeyChecking', 'yes'),
      ...option('LogLevel', 'ERROR'),
      ...option('ConnectTimeout', '10'),
      // A guest that reboots leaves a connection that nobody answers.
      ...option('ServerAliveInterval', '5'),
      ...option('ServerAliveCountMax', '6'),
      ...option('ControlMaster', 'auto'),
      ...option('ControlPath', join(directory, 'mux-%p')),
      ...option('ControlPersist', '600'),
    ]
  }

  run(line: string, input: string): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const child = execFile(
        'ssh',
        [...this.#options, '127.0.0.1', line],
        { maxBuffer: LARGEST_OUTPUT },
        (error, stdout, stderr) => {
          if (error === null) return resolve({ status: 0, stdout, stderr })
          if (typeof error.code !== 'number') return reject(error)
          resolve({ status: error.code, stdout, stderr })
        },
      )
      child.stdin?.on('error', () => {})
      child.stdin?.end(input)
    })
  }

  runAtOnce(line: string): string {
    return execFileSync('ssh', [...this.#options, '127.0.0.1', line], {
      encoding: 'utf8',
      maxBuffer: LARGEST_OUTPUT,
    })
  }

  async pipeTo(line: string, other: OwnHand, otherLine: string): Promise<void> {
    const from = spawn('ssh', [...this.#options, '127.0.0.1', line], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const to = spawn('ssh', [...other.#options, '127.0.0.1', otherLine], {
      stdio: ['pipe', 'ignore', 'inherit'],
    })
    const ends = [once(from, 'exit'), once(to, 'exit')]
    await pipeline(from.stdout, to.stdin)
    for (const [status] of await Promise.all(ends)) {
      if (status !== 0) throw new Error(`${line} | ${otherLine}: status ${status}`)
    }
  }

  /** Ends the connection that stays, if there is one. */
  close(): void {
    spawnSync('ssh', [...this.#options, '-O', 'exit', '127.0.0.1'], { stdio: 'ignore' })
  }
}

const option = (name: string, value: string) => ['-o', `${name}=${value}`]
