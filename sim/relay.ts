// A network between clients and one port of this machine. It forwards until it is told to cut
// connections, to stop carrying anything, or to let every connection live for a while only.

import { readFileSync, writeFileSync } from 'node:fs'
import {
  type AddressInfo,
  createConnection,
  createServer,
  type Server,
  type Socket,
} from 'node:net'
import { LOOPBACK, type SimSshServer } from './ssh-server.ts'

interface Pair {
  readonly near: Socket
  readonly far: Socket
}

export class Relay {
  /** How long the next connection lives; undefined: until it is cut or ends. */
  lifetimeMs: () => number | undefined = () => undefined
  /** Where the next connection leads. */
  toPort: number
  /** Connections accepted since the start. */
  accepted = 0
  readonly #server: Server
  readonly #pairs = new Set<Pair>()
  #isBlackHole = false

  private constructor(server: Server, toPort: number) {
    this.#server = server
    this.toPort = toPort
  }

  static async start(toPort: number): Promise<Relay> {
    const server = createServer()
    const relay = new Relay(server, toPort)
    server.on('connection', near => relay.#carry(near))
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(0, LOOPBACK, resolve)
    })
    return relay
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Resets every connection. New ones are accepted. */
  cut(): void {
    for (const pair of this.#pairs) reset(pair)
    this.#pairs.clear()
  }

  /**
   * Carries nothing more, and keeps every connection. New ones are accepted and hear nothing. What
   * clients send meanwhile arrives after `heal`, as with TCP.
   */
  blackHole(): void {
    this.#isBlackHole = true
    for (const { near, far } of this.#pairs) {
      near.unpipe().pause()
      far.unpipe().pause()
    }
  }

  heal(): void {
    this.#isBlackHole = false
    for (const pair of this.#pairs) join(pair)
  }

  async stop(): Promise<void> {
    this.cut()
    await new Promise<void>(resolve => this.#server.close(() => resolve()))
  }

  #carry(near: Socket): void {
    this.accepted += 1
    const far = createConnection({ host: LOOPBACK, port: this.toPort })
    const pair = { near, far }
    this.#pairs.add(pair)
    const lifetimeMs = this.lifetimeMs()
    const timer = lifetimeMs === undefined ? undefined : setTimeout(() => reset(pair), lifetimeMs)
    for (const [one, other] of [[near, far] as const, [far, near] as const]) {
      one.setNoDelay(true)
      one.on('error', () => {})
      one.once('close', () => {
        clearTimeout(timer)
        this.#pairs.delete(pair)
        other.destroy()
      })
    }
    if (!this.#isBlackHole) join(pair)
  }
}

/**
 * Puts a relay before one host. The host's known_hosts file and, if they are given, configuration
 * files lead to the relay from now on.
 */
export async function interpose(
  { access: { address, port, knownHostsFile } }: SimSshServer,
  ...configurations: readonly string[]
): Promise<Relay> {
  const relay = await Relay.start(port)
  replaceIn(knownHostsFile, `[${address}]:${port} `, `[${address}]:${relay.port} `)
  for (const file of configurations) replaceIn(file, `port: ${port}\n`, `port: ${relay.port}\n`)
  return relay
}

function replaceIn(file: string, before: string, after: string): void {
  const text = readFileSync(file, 'utf8')
  if (!text.includes(before)) throw new Error(`${file} does not hold "${before.trim()}"`)
  writeFileSync(file, text.replace(before, after))
}

function join({ near, far }: Pair): void {
  near.pipe(far)
  far.pipe(near)
}

function reset({ near, far }: Pair): void {
  for (const socket of [near, far]) {
    if (socket.connecting || socket.pending) socket.destroy()
    else socket.resetAndDestroy()
  }
}
