// The shell of the machine that this process runs on: one process per command, without a shell. A
// process that is given up is never killed while it may be changing something.

import { type ChildProcess, spawn } from 'node:child_process'
import { Socket } from 'node:net'
import { Output } from './output.ts'
import {
  type Command,
  type CommandResult,
  formatCommand,
  READ_TIMEOUT_MS,
  type RunOptions,
  type Shell,
  ShellError,
  WRITE_TIMEOUT_MS,
} from './shell.ts'

// A daemon that the command started (a file system in user space) may keep its standard output open
// for ever.
const DRAIN_AFTER_EXIT_MS = 1000

export class LocalShell implements Shell {
  run(command: Command, options: RunOptions): Promise<CommandResult> {
    const { signal } = options
    if (signal?.aborted) {
      return Promise.reject(
        new ShellError('not-started', `${command[0]} was not started`, { cause: signal.reason }),
      )
    }
    const startedAtMs = performance.now()
    // The system's refusal is either thrown or sent as an event (ENOENT, EACCES, EAGAIN, EMFILE,
    // ENFILE; Node, source).
    let child: ChildProcess
    try {
      child = start(command)
    } catch (error) {
      return Promise.reject(notStarted(command, error))
    }
    return new LocalExecution(child, { command, startedAtMs, options }).result
  }
}

/** One process, from its start to its fate. */
class LocalExecution {
  readonly result: Promise<CommandResult>
  readonly #child: ChildProcess
  readonly #command: Command
  readonly #effect: RunOptions['effect']
  readonly #startedAtMs: number
  readonly #stdout = new Output()
  readonly #stderr = new Output()
  #resolve: (result: CommandResult) => void = () => {}
  #reject: (error: Error) => void = () => {}
  #stopWatching: () => void = () => {}
  #drainTimer: NodeJS.Timeout | undefined
  #isSettled = false

  constructor(
    child: ChildProcess,
    {
      command,
      startedAtMs,
      options,
    }: {
      readonly command: Command
      readonly startedAtMs: number
      readonly options: RunOptions
    },
  ) {
    this.#child = child
    this.#command = command
    this.#effect = options.effect
    this.#startedAtMs = startedAtMs
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#watch(options)
    this.#listen()
    // A program that does not read its input breaks the pipe. Its exit status says what that means.
    child.stdin?.on('error', () => {})
    child.stdin?.end(options.input ?? '')
  }

  /** Gives the process up at its time limit, and a read when its caller aborts. */
  #watch({ effect, signal, timeoutMs }: RunOptions): void {
    const limitMs = timeoutMs ?? (effect === 'read' ? READ_TIMEOUT_MS : WRITE_TIMEOUT_MS)
    const onAbort = () => this.#giveUp('was given up', signal?.reason)
    const timer = setTimeout(() => this.#giveUp(`did not end within ${limitMs} ms`), limitMs)
    if (effect === 'read') signal?.addEventListener('abort', onAbort, { once: true })
    this.#stopWatching = () => {
      clearTimeout(timer)
      clearTimeout(this.#drainTimer)
      signal?.removeEventListener('abort', onAbort)
    }
  }

  #listen(): void {
    const child = this.#child
    for (const [stream, output] of [
      [child.stdout, this.#stdout] as const,
      [child.stderr, this.#stderr] as const,
    ]) {
      stream?.on('data', (chunk: Buffer) => output.add(chunk) || this.#giveUp('printed too much'))
    }
    child.on('error', (error: NodeJS.ErrnoException) => this.#refuse(error))
    child.on('exit', (status, killedBy) => {
      this.#drainTimer = setTimeout(() => this.#end(status, killedBy), DRAIN_AFTER_EXIT_MS)
    })
    child.on('close', (status, killedBy) => this.#end(status, killedBy))
  }

  #refuse(error: NodeJS.ErrnoException): void {
    const [program] = this.#command
    if (error.code === 'ENOENT') this.#finish(127, `${program}: not found\n`)
    else if (error.code === 'EACCES') this.#finish(126, `${program}: permission denied\n`)
    else this.#settle(() => this.#reject(notStarted(this.#command, error)))
  }

  #end(exitStatus: number | null, killedBy: NodeJS.Signals | null): void {
    if (exitStatus === null) this.#giveUp(`was ended by ${killedBy}`)
    else this.#finish(exitStatus)
  }

  #finish(exitStatus: number, complaint = ''): void {
    this.#settle(() =>
      this.#resolve({
        exitStatus,
        stdout: this.#stdout.text(),
        stderr: this.#stderr.text() + complaint,
        durationMs: performance.now() - this.#startedAtMs,
      }),
    )
  }

  #giveUp(reason: string, cause?: unknown): void {
    this.#settle(() => {
      const child = this.#child
      if (this.#effect === 'read') child.kill('SIGKILL')
      // A write runs on; this process need not wait for it.
      child.unref()
      for (const stream of [child.stdout, child.stderr]) {
        if (stream instanceof Socket) stream.unref()
      }
      const title = formatCommand(this.#command)
      this.#reject(new ShellError('unknown', `${title} ${reason}`, { cause }))
    })
  }

  #settle(deliver: () => void): void {
    if (this.#isSettled) return
    this.#isSettled = true
    this.#stopWatching()
    deliver()
  }
}

function notStarted([program]: Command, cause: unknown): ShellError {
  return new ShellError('not-started', `${program} could not be started`, { cause })
}

function start([program, ...args]: Command): ChildProcess {
  // In its own process group: the terminal's interrupt must not reach a command that changes
  // something.
  return spawn(program, args, { detached: true, env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' } })
}
