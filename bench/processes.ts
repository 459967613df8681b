// The two processes that are measured apart: the simulated installation and the controller.
// Started, asked, ended by their own id.

import { type ChildProcess, fork, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Pod } from './pod.ts'
import type { CommandCounts, SimulationMessage } from './simulation.ts'

const START_MS = 60_000

export interface Simulation {
  readonly populatedMs: number
  /** Commands that arrived since the last question. */
  commands(): Promise<CommandCounts>
  stop(): Promise<void>
}

export async function startSimulation(directory: string, volumes: number): Promise<Simulation> {
  const child = fork(new URL('simulation.ts', import.meta.url), [directory, String(volumes)])
  const next = () =>
    new Promise<SimulationMessage>((resolve, reject) => {
      const onExit = (status: number | null) =>
        reject(new Error(`the simulated installation ended with status ${status}`))
      child.once('exit', onExit)
      child.once('message', message => {
        child.off('exit', onExit)
        resolve(message as SimulationMessage)
      })
    })
  const ready = await next()
  return {
    populatedMs: ready.kind === 'ready' ? ready.populatedMs : 0,
    commands: async () => {
      const answer = next()
      child.send('commands')
      const message = await answer
      return message.kind === 'commands' ? message.counts : {}
    },
    stop: () => end(child),
  }
}

export interface Controller {
  readonly endpoint: string
  readonly memory: Memory
  stop(): Promise<void>
}

/** What is run: the built program, as the container image runs it, and the options of its Node. */
export interface Program {
  readonly script: string
  readonly nodeOptions: readonly string[]
  /** Whether the controller runs as one of several pods. */
  readonly isPod: boolean
}

export async function startController(
  directory: string,
  { script, nodeOptions }: Program,
  pod: Pod | undefined,
): Promise<Controller> {
  const socket = join(directory, 'controller.sock')
  const log = openSync(join(directory, 'controller.log'), 'a')
  const args = [
    ...nodeOptions,
    script,
    'controller',
    '--config',
    join(directory, 'controller.yaml'),
    '--endpoint',
    `unix://${socket}`,
    ...(pod?.args ?? []),
  ]
  const env = { ...process.env, ...pod?.env }
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', log, log] })
  closeSync(log)
  const endMs = Date.now() + START_MS
  while (!existsSync(socket)) {
    if (child.exitCode !== null || Date.now() > endMs) {
      throw new Error(
        `the controller did not start:\n${readFileSync(join(directory, 'controller.log'), 'utf8')}`,
      )
    }
    await sleep(20)
  }
  return { endpoint: `unix://${socket}`, memory: memoryOf(child.pid ?? 0), stop: () => end(child) }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  await ended
}

export interface Memory {
  /** Resident now. */
  residentBytes(): number
  /** Largest resident since the last reset, kept by the kernel: no sample can miss it. */
  peakBytes(): number
  resetPeak(): void
}

function memoryOf(pid: number): Memory {
  const field = (name: string) => {
    const kilobytes = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(
      readFileSync(`/proc/${pid}/status`, 'utf8'),
    )?.[1]
    if (kilobytes === undefined) throw new Error(`/proc/${pid}/status has no ${name}`)
    return Number(kilobytes) * 1024
  }
  return {
    residentBytes: () => field('VmRSS'),
    peakBytes: () => field('VmHWM'),
    resetPeak: () => writeFileSync(`/proc/${pid}/clear_refs`, '5'), // proc(5): since Linux 4.0
  }
}
