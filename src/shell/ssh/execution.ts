// One command on an ssh connection, from its request to its fate. A result needs the exit status
// and the server's own close of the channel. A status without the close may belong to output that
// was cut short. A write need not wait for that close for ever: what counts is its status.

import type { ClientChannel } from 'ssh2'
import { Output } from '../output.ts'
import { type CommandResult, type RunOptions, ShellError } from '../shell.ts'

// What a command printed arrives with its status. A process that it left behind may print nothing
// more and keep the output open for ever: the child of a hung hot-plug script of Xen does.
const DRAIN_AFTER_EXIT_MS = 5_000

export interface ExecOptions {
  readonly effect: RunOptions['effect']
  readonly input: string
  readonly timeoutMs: number
  /** How long the output of a write may follow its exit status. */
  readonly drainMs?: number
  /** Abandons a read. */
  readonly signal?: AbortSignal | undefined
}

/** The connection ended before the command did. `not-started`: its request was not sent. */
export class ConnectionLost extends ShellError {}

export class SshExecution {
  readonly result: Promise<CommandResult>
  /** This side abandoned the command; the server may still count its session. */
  isAbandoned = false
  readonly #title: string
  readonly #input: string
  /** Undefined for a read, which needs all of its output. */
  readonly #drainMs: number | undefined
  readonly #startedAt = performance.now()
  readonly #stdout = new Output()
  readonly #stderr = new Output()
  readonly #onAbandon: () => void
  readonly #stopWatching: () => void
  #resolve: (result: CommandResult) => void = () => {}
  #reject: (error: Error) => void = () => {}
  #isSettled = false
  #isSent = false
  #channel: ClientChannel | undefined
  #exitStatus: number | undefined
  #signal: string | undefined
  #drainTimer: NodeJS.Timeout | undefined

  constructor(title: string, options: ExecOptions, onAbandon: () => void) {
    const { effect, input, timeoutMs, drainMs = DRAIN_AFTER_EXIT_MS } = options
    const signal = effect === 'read' ? options.signal : undefined
    this.#title = title
    this.#input = input
    this.#drainMs = effect === 'read' ? undefined : drainMs
    this.#onAbandon = onAbandon
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    const onAbort = () => this.#abandon('was given up', signal?.reason)
    const timer = setTimeout(() => this.#abandon(`did not end within ${timeoutMs} ms`), timeoutMs)
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#stopWatching = () => {
      clearTimeout(timer)
      clearTimeout(this.#drainTimer)
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /** Call it before the request leaves: from now on the command may have begun. */
  markSent(): void {
    this.#isSent = true
  }

  begin(channel: ClientChannel): void {
    this.#channel = channel
    for (const [stream, output] of [
      [channel, this.#stdout] as const,
      [channel.stderr, this.#stderr] as const,
    ]) {
      stream.on('data', (chunk: Buffer) => output.add(chunk) || this.#abandon('printed too much'))
      stream.on('error', () => {})
    }
    channel.on('exit', (status: number | null, signal?: string) => {
      if (status === null) this.#signal = signal ?? 'a signal'
      else this.#exitStatus = status
      this.#endWithoutClose(channel)
    })
    if (this.#isSettled) channel.close()
    else channel.end(this.#input)
  }

  #endWithoutClose(channel: ClientChannel): void {
    if (this.#drainMs === undefined || this.#isSettled) return
    this.#drainTimer = setTimeout(() => {
      this.end()
      channel.close()
    }, this.#drainMs)
  }

  end(): void {
    if (this.#exitStatus === undefined) {
      this.#unknown(
        this.#signal === undefined
          ? 'ended without an exit status'
          : `was ended by ${this.#signal}`,
      )
      return
    }
    const exitStatus = this.#exitStatus
    const durationMs = performance.now() - this.#startedAt
    this.#finish(() =>
      this.#resolve({
        exitStatus,
        stdout: this.#stdout.text(),
        stderr: this.#stderr.text(),
        durationMs,
      }),
    )
  }

  /** The connection broke. */
  lose(cause: unknown): void {
    const [fate, when] = this.#isSent
      ? (['unknown', 'was sent'] as const)
      : (['not-started', 'was not sent yet'] as const)
    this.refuse(
      new ConnectionLost(fate, `${this.#title} ${when} when the connection was lost`, { cause }),
    )
  }

  /** The server's answer to the request was unclear. */
  doubt(cause: unknown): void {
    this.#unknown('was not clearly accepted by the server', cause)
  }

  /** The command has no result; `error` says whether it was started. */
  refuse(error: Error): void {
    this.#finish(() => this.#reject(error))
  }

  #abandon(reason: string, cause?: unknown): void {
    if (this.#isSettled) return
    this.#unknown(reason, cause)
    this.isAbandoned = true
    this.#channel?.close()
    this.#onAbandon()
  }

  #unknown(reason: string, cause?: unknown): void {
    this.#finish(() =>
      this.#reject(new ShellError('unknown', `${this.#title} ${reason}`, { cause })),
    )
  }

  #finish(deliver: () => void): void {
    if (this.#isSettled) return
    this.#isSettled = true
    this.#stopWatching()
    deliver()
  }
}
