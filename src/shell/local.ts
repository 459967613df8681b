// The shell of the machine this process runs on: one process a command, no shell between.
// A process that is given up is never killed while it may be changing something.

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

// A daemon that the command left behind (a file system in user space) may keep its standard output
// open for ever.
const DRAIN_AFTER_EXIT_MS = 1000

export class LocalShell implements Shell {
  run(command: Command, options: RunOptions): Promise<CommandResult> {
    const {
      effect,
      signal,
      timeoutMs = effect === 'read' ? READ_TIMEOUT_MS : WRITE_TIMEOUT_MS,
    } = options
    if (signal?.aborted) {
      return Promise.reject(
        new ShellError('not-started', `${command[0]} was not started`, { cause: signal.reason }),
      )
    }
    const startedAt = performance.now()
    return new Promise((resolve, reject) => {
      const stdout = new Output()
      const stderr = new Output()
      const [program, ...args] = command
      const refused = (cause: unknown) =>
        new ShellError('not-started', `${program} could not be started`, { cause })
      // Some of what the system refuses is thrown, some is told as an event (ENOENT, EACCES,
      // EAGAIN, EMFILE, ENFILE; Node, source).
      let child: ChildProcess
      try {
        child = start(program, args)
      } catch (error) {
        return reject(refused(error))
      }
      const finish = (exitStatus: number, complaint = '') =>
        settle(() =>
          resolve({
            exitStatus,
            stdout: stdout.text(),
            stderr: stderr.text() + complaint,
            durationMs: performance.now() - startedAt,
          }),
        )
      const giveUp = (reason: string, cause?: unknown) =>
        settle(() => {
          if (effect === 'read') child.kill('SIGKILL')
          // It runs on, and this process need not wait for it.
          child.unref()
          for (const stream of [child.stdout, child.stderr]) {
            if (stream instanceof Socket) stream.unref()
          }
          reject(new ShellError('unknown', `${formatCommand(command)} ${reason}`, { cause }))
        })
      const onAbort = () => giveUp('was given up', signal?.reason)
      const timer = setTimeout(() => giveUp(`did not end within ${timeoutMs} ms`), timeoutMs)
      let isSettled = false
      let drainTimer: NodeJS.Timeout | undefined
      const settle = (deliver: () => void) => {
        if (isSettled) return
        isSettled = true
        clearTimeout(timer)
        clearTimeout(drainTimer)
        signal?.removeEventListener('abort', onAbort)
        deliver()
      }
      const onEnd = (exitStatus: number | null, killedBy: NodeJS.Signals | null) =>
        exitStatus === null ? giveUp(`was ended by ${killedBy}`) : finish(exitStatus)

      if (effect === 'read') signal?.addEventListener('abort', onAbort, { once: true })
      for (const [stream, output] of [
        [child.stdout, stdout] as const,
        [child.stderr, stderr] as const,
      ]) {
        stream?.on('data', (chunk: Buffer) => output.add(chunk) || giveUp('printed too much'))
      }
      child.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return finish(127, `${program}: not found\n`)
        if (error.code === 'EACCES') return finish(126, `${program}: permission denied\n`)
        settle(() => reject(refused(error)))
      })
      child.on('exit', (status, killedBy) => {
        drainTimer = setTimeout(() => onEnd(status, killedBy), DRAIN_AFTER_EXIT_MS)
      })
      child.on('close', onEnd)
      // A program that does not read its input breaks the pipe; its exit status says what that
      // means.
      child.stdin?.on('error', () => {})
      child.stdin?.end(options.input ?? '')
    })
  }
}

function start(program: string, args: readonly string[]): ChildProcess {
  // Own process group: the terminal's interrupt goes to this process, not to a command that is
  // changing something.
  return spawn(program, args, { detached: true, env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' } })
}
