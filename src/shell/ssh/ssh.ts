// The shell of a remote host: a few connections, one queue for all commands, and the only place
// where a command line is quoted. It never repeats a change that may have begun; what was certainly
// not sent, and reads, wait a moment for the next connection. No network event ends the process.

import { AsyncResource } from 'node:async_hooks'
import { StorageError } from '../../errors.ts'
import { enterQueue } from '../../queueing.ts'
import {
  type Command,
  type CommandResult,
  type Fault,
  formatCommand,
  READ_TIMEOUT_MS,
  type RunOptions,
  type Shell,
  ShellError,
  WRITE_TIMEOUT_MS,
} from '../shell.ts'
import { ChannelRefused, SshConnection } from './connection.ts'
import { ConnectionLost } from './execution.ts'
import { RECONNECT_WAIT_MS, Reachability } from './reachability.ts'
import type { SshTarget } from './settings.ts'

const MAX_CONNECTIONS = 3
const MAX_QUEUED = 256
const DEFAULT_MAX_SESSIONS = 10
// OpenSSH frees a session later than it reports: with all ten in use, 9 % of the opens were refused
// in a measurement.
const SESSION_SHARE = 0.8
const REFUSED_PAUSE_MS = 50

/**
 * Quotes one argument for a login shell. Any content is allowed except NUL, which no argument of a
 * process can hold. Bourne shells and C shells read it the same. A C shell expands its history
 * (`!`) inside quotes too, so `!` is escaped outside of them. A newline has no form that both know.
 * A C shell calls a quoted one "Unmatched" and runs nothing.
 */
export function quote(word: string): string {
  if (word.includes('\0')) {
    throw new StorageError('invalid-argument', 'an argument of a command holds a NUL character')
  }
  if (!word.isWellFormed()) {
    throw new StorageError(
      'invalid-argument',
      'an argument of a command is not well-formed Unicode',
    )
  }
  return /^[A-Za-z0-9_@%+:,./-]+$/.test(word) ? word : `'${word.replace(/['!]/g, `'\\$&'`)}'`
}

/**
 * `env`, not an assignment before the program: a C shell would take the assignment for the
 * program's name.
 */
export function formatCommandLine(command: Command): string {
  return ['/usr/bin/env', 'LC_ALL=C', 'TZ=UTC', ...command.map(quote)].join(' ')
}

interface Waiting {
  readonly line: string
  readonly title: string
  readonly input: string
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
  readonly effect: 'read' | 'write'
  readonly resolve: (result: CommandResult) => void
  readonly reject: (error: unknown) => void
  /** Among the calls of the shell: commands start in this order, also the second time. */
  readonly order: number
  /** The command leaves the queue by this time, one way or the other. */
  waitUntilMs: number
  /** A read that was sent when its connection was lost: nothing later makes its fate known. */
  lost?: ConnectionLost
  /** When it lost a connection for the first time. */
  lostAtMs?: number
  /**
   * Bound to the caller's context: a command that a server refused re-enters the queue in another
   * caller's context.
   */
  readonly enterQueue: () => () => void
  /** Call it when the command leaves the queue. */
  stopWaiting: () => void
}

export class SshShell implements Shell {
  readonly #target: SshTarget
  readonly #maxSessions: number
  #connections: SshConnection[] = []
  #queue: Waiting[] = []
  #calls = 0
  /**
   * Connections that refused a session. They stay here until one of their sessions ends or the
   * pause is over.
   */
  readonly #paused = new Set<SshConnection>()
  #isConnecting = false
  #isClosed = false
  #nextAttempt: NodeJS.Timeout | undefined
  readonly #reachability = new Reachability()

  constructor(target: SshTarget) {
    this.#target = target
    this.#maxSessions = Math.max(
      1,
      Math.floor((target.maxSessions ?? DEFAULT_MAX_SESSIONS) * SESSION_SHARE),
    )
  }

  run(command: Command, options: RunOptions): Promise<CommandResult> {
    const {
      effect,
      signal,
      input = '',
      timeoutMs = effect === 'read' ? READ_TIMEOUT_MS : WRITE_TIMEOUT_MS,
    } = options
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        line: formatCommandLine(command),
        title: formatCommand(command),
        ...{ input, timeoutMs, signal, effect, resolve, reject },
        order: this.#calls++,
        waitUntilMs:
          performance.now() +
          (this.#isDoubtful ? Math.min(this.#reachability.waitMs, timeoutMs) : timeoutMs),
        enterQueue: AsyncResource.bind(enterQueue),
        stopWaiting: () => {},
      }
      const isFull = this.#queue.length >= MAX_QUEUED
      const refusal = isFull
        ? this.#notStarted(`${MAX_QUEUED} commands are already waiting; try again`)
        : this.#refusal(signal)
      if (refusal) return reject(refusal)
      this.#queue.push(waiting)
      this.#wait(waiting)
      this.#pump()
    })
  }

  /** Ends all connections. Waiting commands are not started; running ones have an unknown fate. */
  close(): void {
    this.#isClosed = true
    clearTimeout(this.#nextAttempt)
    this.#rejectAll(this.#notStarted('the shell was closed'))
    for (const connection of [...this.#connections]) connection.end()
  }

  /** The host did not answer last time and has not been heard of since. */
  get #isDoubtful(): boolean {
    return this.#connections.length === 0 && this.#reachability.failure !== undefined
  }

  #notStarted(reason: string, cause?: unknown, fault: Fault = 'local'): ShellError {
    return new ShellError('not-started', `host ${this.#target.name}: ${reason}`, { cause, fault })
  }

  /**
   * A command that waits for a connection to a silent host has the fault of that host. One that
   * waits for a session has not.
   */
  get #faultOfWaiting(): Fault {
    return this.#isDoubtful ? (this.#reachability.failure?.fault ?? 'local') : 'local'
  }

  #refusal(signal?: AbortSignal): ShellError | undefined {
    if (this.#isClosed) return this.#notStarted('the shell was closed')
    if (signal?.aborted) return this.#notStarted('the deadline has passed', signal.reason)
    const { isAwaited, backoffLeftMs, failure } = this.#reachability
    if (this.#isDoubtful && !isAwaited && backoffLeftMs > 0) {
      return this.#notStarted('did not answer a moment ago', failure?.error, this.#faultOfWaiting)
    }
    return undefined
  }

  #wait(waiting: Waiting): void {
    const leave = (reason: string, cause?: unknown, fault?: Fault) => {
      waiting.stopWaiting()
      this.#queue = this.#queue.filter(other => other !== waiting)
      waiting.reject(waiting.lost ?? this.#notStarted(reason, cause, fault))
    }
    const onAbort = () =>
      leave('the deadline passed while the command waited', waiting.signal?.reason)
    const onTimeout = () =>
      leave(
        'the command waited too long for a session',
        this.#reachability.failure?.error,
        this.#faultOfWaiting,
      )
    const timer = setTimeout(onTimeout, Math.max(0, waiting.waitUntilMs - performance.now()))
    const leaveQueue = waiting.enterQueue()
    waiting.signal?.addEventListener('abort', onAbort, { once: true })
    waiting.stopWaiting = () => {
      leaveQueue()
      clearTimeout(timer)
      waiting.signal?.removeEventListener('abort', onAbort)
    }
  }

  /**
   * Starts what can be started, first come first served. It connects if more commands wait than the
   * connections have room for.
   */
  #pump(): void {
    while (this.#queue.length > 0) {
      const free = this.#connections
        .filter(
          connection => connection.sessions < this.#maxSessions && !this.#paused.has(connection),
        )
        .sort((a, b) => a.sessions - b.sessions)[0]
      if (free === undefined) break
      const waiting = this.#queue.shift()
      if (waiting) void this.#start(free, waiting)
    }
    if (this.#queue.length > 0) void this.#connect()
  }

  async #start(connection: SshConnection, waiting: Waiting): Promise<void> {
    const { line, title, input, timeoutMs, effect, signal } = waiting
    waiting.stopWaiting()
    try {
      waiting.resolve(await connection.exec(line, title, { input, timeoutMs, effect, signal }))
    } catch (error) {
      const isRefused = error instanceof ChannelRefused
      if (!isRefused && !(error instanceof ConnectionLost && this.#mayStartAgain(waiting, error))) {
        return waiting.reject(waiting.lost ?? error)
      }
      const refusal = this.#refusal(waiting.signal)
      if (refusal) return waiting.reject(waiting.lost ?? refusal)
      if (isRefused) this.#pause(connection)
      this.#queue = [...this.#queue, waiting].sort((a, b) => a.order - b.order)
      this.#wait(waiting)
      this.#pump()
    }
  }

  /**
   * A change that was sent may take effect at any time: it is never sent again. The wait counts
   * from the first loss, so that a command which outlives every connection ends.
   */
  #mayStartAgain(waiting: Waiting, lost: ConnectionLost): boolean {
    if (lost.fate === 'unknown' && waiting.effect !== 'read') return false
    if (lost.fate === 'unknown') waiting.lost = lost
    waiting.lostAtMs ??= performance.now()
    const untilMs = waiting.lostAtMs + RECONNECT_WAIT_MS
    waiting.waitUntilMs = Math.min(waiting.waitUntilMs, untilMs)
    return performance.now() < waiting.waitUntilMs
  }

  #pause(connection: SshConnection): void {
    this.#paused.add(connection)
    setTimeout(() => {
      this.#paused.delete(connection)
      this.#pump()
    }, REFUSED_PAUSE_MS)
  }

  #rejectAll(error: unknown): void {
    for (const waiting of this.#queue.splice(0)) {
      waiting.stopWaiting()
      waiting.reject(waiting.lost ?? error)
    }
  }

  async #connect(): Promise<void> {
    const isFull = this.#connections.length >= MAX_CONNECTIONS
    if (this.#isConnecting || this.#isClosed || isFull) return
    const { backoffLeftMs } = this.#reachability
    if (backoffLeftMs > 0) {
      clearTimeout(this.#nextAttempt)
      this.#nextAttempt = setTimeout(() => this.#pump(), backoffLeftMs)
      return
    }
    this.#isConnecting = true
    try {
      const connection = await SshConnection.open(this.#target, () => this.#onChange(connection))
      if (this.#isClosed) return connection.end()
      this.#connections.push(connection)
      this.#reachability.connected()
    } catch (error) {
      this.#reachability.failed(error, this.#connections.length > 0)
      // With other connections alive the commands still have a way.
      if (this.#connections.length === 0 && !this.#reachability.isAwaited) this.#rejectAll(error)
    } finally {
      this.#isConnecting = false
    }
    this.#pump()
  }

  /** A session became free, or the connection ended. */
  #onChange(connection: SshConnection): void {
    this.#paused.delete(connection)
    if (!connection.isOpen && this.#connections.includes(connection)) {
      this.#connections = this.#connections.filter(other => other !== connection)
      const isAlive = this.#connections.length > 0
      this.#reachability.lost({ hasServed: connection.hasServed, isAlive })
    }
    this.#pump()
  }
}
