// How simulated zfs commands end: an answer, or a refusal thrown from wherever it is found. Nothing
// of ZFS itself.

import type { SimAnswer } from '../host.ts'

export function success(stdout = '', stderr = ''): SimAnswer {
  return { exitStatus: 0, stdout, stderr }
}

/**
 * Ends the command. `stderr` is what is printed, without the last newline; `stdout` what was
 * printed before.
 */
export class Refusal extends Error {
  readonly status: number
  readonly stderr: string

  constructor(stderr: string, status = 1) {
    super(stderr)
    this.status = status
    this.stderr = stderr
  }

  answer(): SimAnswer {
    return { exitStatus: this.status, stdout: '', stderr: `${this.stderr}\n` }
  }
}

/** What the real tool can do and the simulated one cannot: never a silent success. */
export function notSimulated(what: string): Refusal {
  return new Refusal(`ldom-sim: ${what} is not simulated`)
}
