// The two processes that are measured apart: the simulated installation and the controller.
// Started, asked, ended by their own id.

import { type ChildProcess, fork, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isAnswering } from '../test/support/sockets.ts'
import type { Pod } from './pod.ts'
import type { CommandCounts, SimulationMessage, SimulationOrder } from './simulation.ts'

const START_MS = 60_000

export interface Simulation {
  readonly populatedMs: number
  /** Commands that arrived since the last question. */
  commands(): Promise<CommandCounts>
  ask(order: SimulationOrder): Promise<SimulationMessage>
  stop(): Promise<void>
}

export interface SimulationOptions {
  readonly world: 'volumes' | 'guest-disks'
  /** Created before anything is measured. */
  readonly volumes: number
}

export async function startSimulation(
  directory: string,
  { world, volumes }: SimulationOptions,
): Promise<Simulation> {
  const child = fork(new URL('simulation.ts', import.meta.url), [directory, `${volumes}`, world])
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
  const ask = (order: SimulationOrder) => {
    const answer = next()
    child.send(order)
    return answer
  }
  return {
    populatedMs: ready.kind === 'ready' ? ready.populatedMs : 0,
    commands: async () => {
      const message = await ask({ kind: 'commands' })
      return message.kind === 'commands' ? message.counts : {}
    },
    ask,
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
  program: Program,
  pod: Pod | undefined,
): Promise<Controller> {
  const started = startProgram(directory, program, {
    name: 'controller',
    args: ['controller', '--config', join(directory, 'controller.yaml'), ...(pod?.args ?? [])],
    env: pod?.env ?? {},
  })
  await started.serving()
  return started
}

export interface Part {
  /** Of its socket and its log. */
  readonly name: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

export interface Started extends Controller {
  /** Resolves when its socket exists. */
  serving(): Promise<void>
}

/** A plugin with a socket; a program without one takes no `--endpoint`. */
export function startProgram(
  directory: string,
  { script, nodeOptions }: Pick<Program, 'script' | 'nodeOptions'>,
  { name, args, env }: Part,
): Started {
  const socket = join(directory, `${name}.sock`)
  const endpoint = `unix://${socket}`
  const logFile = join(directory, `${name}.log`)
  const log = openSync(logFile, 'a')
  const isPlugin = args[0] !== 'guest-disks'
  const all = [...nodeOptions, script, ...args, ...(isPlugin ? ['--endpoint', endpoint] : [])]
  const child = spawn(process.execPath, all, {
    env: { ...process.env, ...env },
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  const serving = async () => {
    const endMs = Date.now() + START_MS
    while (!(await isAnswering(socket))) {
      if (child.exitCode !== null || Date.now() > endMs) {
        throw new Error(`${name} did not start:\n${readFileSync(logFile, 'utf8')}`)
      }
      await sleep(20)
    }
  }
  return { endpoint, serving, memory: memoryOf(child.pid ?? 0), stop: () => end(child) }
}

export async function end(child: ChildProcess): Promise<void> {
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
