// Starts the processes of the demo, waits until they are ready, and ends each by its own id. Their
// output goes to files.

import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** Long: a busy machine starts a process in a minute. */
const READY_MS = 120_000
const END_MS = 10_000

export interface Outcome {
  readonly status: number | null
  readonly output: string
}

export class Processes {
  readonly #running: { readonly name: string; readonly child: ChildProcess }[] = []

  /** Starts a program of this project and waits until `file` exists. */
  async start(
    name: string,
    script: string,
    args: readonly string[],
    ready: { readonly file: string; readonly log: string },
  ): Promise<void> {
    const log = openSync(ready.log, 'a')
    const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', log, log] })
    closeSync(log)
    this.#running.unshift({ name, child })
    const endMs = Date.now() + READY_MS
    while (!existsSync(ready.file)) {
      if (child.exitCode !== null || Date.now() > endMs) {
        const how =
          child.exitCode === null
            ? `was not ready within ${READY_MS / 1000} s`
            : `ended with status ${child.exitCode}`
        throw new Error(`${name} ${how}; ${ready.log} says:\n${readFileSync(ready.log, 'utf8')}`)
      }
      await sleep(20)
    }
  }

  /**
   * Ends all processes, the last started first, and waits for each. A process that does not end is
   * killed.
   */
  async stop(): Promise<void> {
    for (const { child } of this.#running.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
      child.kill('SIGTERM')
      const killing = setTimeout(() => child.kill('SIGKILL'), END_MS)
      await ended
      clearTimeout(killing)
    }
  }
}

/** Runs a program of this project to its end and prints its lines as they come. */
export function run(
  script: string,
  args: readonly string[],
  show: (line: string) => void = () => {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    let shown = 0
    const take = (chunk: string) => {
      output += chunk
      for (let end = output.indexOf('\n', shown); end >= 0; end = output.indexOf('\n', shown)) {
        show(output.slice(shown, end))
        shown = end + 1
      }
    }
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', take)
    child.on('error', reject)
    child.on('close', status => resolve({ status, output }))
  })
}
