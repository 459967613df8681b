// Programs of this machine, run to their end, and waiting for what they make.

import { execFile } from 'node:child_process'

const LARGEST_OUTPUT = 256 * 1024 ** 2

export interface RunOptions {
  readonly input?: string
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly timeoutMs?: number
}

/** Standard output; rejects with standard error in the message where the status is not 0. */
export function run(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const [program = '', ...args] = argv
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      args,
      {
        maxBuffer: LARGEST_OUTPUT,
        timeout: options.timeoutMs ?? 0,
        killSignal: 'SIGKILL',
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
        env: { ...process.env, ...options.env },
      },
      (error, stdout, stderr) => {
        if (error === null) return resolve(stdout)
        const shown = `${program.split('/').at(-1)} ${args.join(' ')}`.slice(0, 300)
        reject(new Error(`${shown}: ${stderr.trim() || stdout.trim() || error.message}`))
      },
    )
    child.stdin?.on('error', () => {})
    child.stdin?.end(options.input ?? '')
  })
}

/** What went wrong does not count: the thing may be gone already. */
export async function attempt(argv: readonly string[]): Promise<string> {
  return run(argv, { timeoutMs: 30_000 }).catch(() => '')
}

export const pause = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms))

export interface WaitOptions {
  readonly what: string
  readonly limitMs?: number
  readonly everyMs?: number
}

/** Looks until there is an answer; a look that fails counts as none, and is told at the end. */
export async function waitFor<T>(
  { what, limitMs = 60_000, everyMs = 200 }: WaitOptions,
  look: () => Promise<T | undefined | false>,
): Promise<T> {
  const end = Date.now() + limitMs
  for (;;) {
    let failure: unknown
    const seen = await look().catch(error => {
      failure = error
      return undefined
    })
    if (seen !== undefined && seen !== false) return seen
    if (Date.now() > end) {
      const cause = failure === undefined ? {} : { cause: failure }
      const shown = failure === undefined ? '' : `: ${String(failure)}`
      throw new Error(`waited ${limitMs / 1000} s for ${what}${shown}`, cause)
    }
    await pause(everyMs)
  }
}
