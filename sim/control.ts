// The control socket of a running simulation: one JSON request per line, one JSON answer per line.
// It acts behind the driver's back: it injects faults, and it reads the simulator's own state to
// compare with what the driver says.

import { lstat, unlink } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import type { SimFault } from './host.ts'
import type { SimSshServer } from './ssh-server.ts'
import type { World } from './world.ts'
import { worldState } from './world-state.ts'

const faultKinds = ['cut-before', 'cut-after', 'cut-between', 'refuse', 'late'] as const

const request = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('state') }),
  z.strictObject({
    op: z.literal('service-domain'),
    machine: z.string(),
    name: z.string(),
    state: z.enum(['up', 'down']),
  }),
  z.strictObject({ op: z.literal('power-cycle'), machine: z.string() }),
  z.strictObject({
    op: z.literal('guest'),
    guest: z.string(),
    change: z.enum(['start', 'stop', 'reboot']),
  }),
  // Whether a power cycle would bring back what the machine runs now.
  z.strictObject({ op: z.literal('saved'), machine: z.string() }),
  z.strictObject({ op: z.literal('host'), name: z.string(), down: z.boolean() }),
  z.strictObject({ op: z.literal('latency'), ms: z.number().min(0).max(60_000) }),
  z.strictObject({ op: z.literal('guest-file'), guest: z.string(), path: z.string() }),
  z.strictObject({
    op: z.literal('guest-write'),
    guest: z.string(),
    path: z.string(),
    text: z.string(),
  }),
  z.strictObject({ op: z.literal('format-count'), guest: z.string(), disk: z.int() }),
  z.strictObject({
    op: z.literal('delayed-reconfiguration'),
    machine: z.string(),
    on: z.boolean(),
  }),
  // Puts the fault on the next `times` commands of the host that begin with the words of `command`.
  z.strictObject({
    op: z.literal('fault'),
    host: z.string(),
    command: z.string().describe('program name and first arguments, e.g. "zfs create"'),
    kind: z.enum(faultKinds),
    times: z.int().min(1).default(1),
  }),
])

type Request = z.infer<typeof request>

// On Linux a path in sockaddr_un has 108 bytes, with the final zero.
const LONGEST_PATH = 107

/**
 * Throws if another simulation is served at this path. Removes the socket of one that has ended.
 */
export async function clearControlSocket(path: string): Promise<void> {
  if (Buffer.byteLength(path) > LONGEST_PATH) {
    throw new Error(
      `${path} is longer than ${LONGEST_PATH} bytes, the limit for the path of a socket; use a ` +
        'directory with a shorter name',
    )
  }
  const file = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (file === undefined) return
  if (!file.isSocket()) throw new Error(`${path} exists and is not a socket; it is not removed`)
  if (await isAnswered(path)) {
    throw new Error(
      `another simulated installation is served at ${path}; stop it, or use another directory`,
    )
  }
  await unlink(path)
}

/** Only a refused connection proves that nobody listens. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNREFUSED' ? resolve(false) : reject(error),
    )
  })
}

export class ControlSocket {
  readonly #world: World
  readonly #servers: readonly SimSshServer[]
  readonly #server: Server
  readonly #clients = new Set<Socket>()

  constructor(world: World, servers: readonly SimSshServer[]) {
    this.#world = world
    this.#servers = servers
    this.#server = createServer(socket => this.#serve(socket))
  }

  async listen(path: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(path, resolve)
    })
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.destroy()
    await new Promise<void>(resolve => this.#server.close(() => resolve()))
  }

  #serve(socket: Socket): void {
    this.#clients.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => this.#clients.delete(socket))
    createInterface({ input: socket }).on('line', line =>
      socket.write(`${JSON.stringify(this.#answer(line))}\n`),
    )
  }

  #answer(line: string): Record<string, unknown> {
    try {
      return { ok: true, ...this.perform(request.parse(JSON.parse(line))) }
    } catch (error) {
      return {
        error:
          error instanceof z.ZodError
            ? z.prettifyError(error)
            : String(error instanceof Error ? error.message : error),
      }
    }
  }

  perform(asked: Request): Record<string, unknown> {
    const world = this.#world
    switch (asked.op) {
      case 'state':
        return worldState(world)
      case 'service-domain':
        world.machine(asked.machine).setServiceDomain(asked.name, asked.state)
        this.#cutDeadHosts()
        return {}
      case 'power-cycle':
        world.anyMachine(asked.machine).powerCycle()
        return {}
      case 'guest':
        this.#changeGuest(asked)
        return {}
      case 'saved':
        return { saved: world.machine(asked.machine).isSaved() }
      case 'host':
        world.host(asked.name).down = asked.down
        this.#cutDeadHosts()
        return {}
      case 'latency':
        world.timeline.latencyMs = asked.ms
        return {}
      case 'guest-file':
        return { text: world.guest(asked.guest).readFile(asked.path) }
      case 'guest-write':
        world.guest(asked.guest).writeFile(asked.path, asked.text)
        return {}
      case 'format-count':
        return { count: world.guest(asked.guest).formatCount(asked.disk) }
      case 'delayed-reconfiguration':
        world.machine(asked.machine).setDelayedReconfiguration(asked.on)
        return {}
      case 'fault':
        this.#addFault(asked)
        return {}
    }
  }

  // A guest that is off answers nobody.
  #changeGuest({ guest, change }: Extract<Request, { op: 'guest' }>): void {
    const { machine, name, host } = this.#world.placedGuest(guest)
    const at = this.#world.anyMachine(machine)
    if (change === 'reboot') {
      at.rebootGuest(name)
      return
    }
    at.setGuest(name, { state: change === 'start' ? 'active' : 'inactive' })
    host.down = change === 'stop'
    this.#cutDeadHosts()
  }

  #cutDeadHosts(): void {
    for (const server of this.#servers) if (server.host.down) server.cutConnections()
  }

  #addFault({ host, command, kind, times }: Extract<Request, { op: 'fault' }>): void {
    const { name } = this.#world.host(host)
    const { rules } = this.#world.timeline
    let left = times
    const fault: SimFault = kind === 'late' ? { kind, afterCommands: 5 } : { kind }
    const rule: (typeof rules)[number] = ([path = '', ...args], at) => {
      const shown = [path.slice(path.lastIndexOf('/') + 1), ...args].join(' ')
      if (at.name !== name || !`${shown} `.startsWith(`${command} `)) return undefined
      left -= 1
      if (left === 0) rules.splice(rules.indexOf(rule), 1)
      return fault
    }
    rules.push(rule)
  }
}
