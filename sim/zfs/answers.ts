// How a simulated zfs command ends: with an answer, or with a refusal thrown from any depth. It
// knows nothing of ZFS.

import type { SimAnswer } from '../host.ts'

export function success(stdout = '', stderr = ''): SimAnswer {
  return { exitStatus: 0, stdout, stderr }
}

/** Ends the command. `stderr` is the printed text without the last newline. */
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

/**
 * For what the real tool can do and the simulated one cannot, so that it never seems to succeed.
 */
export function notSimulated(what: string): Refusal {
  return new Refusal(`ldom-sim: ${what} is not simulated`)
}
