// The SSH server of one simulated host, on the loopback interface or another one, with its own port,
// host key and user key. The host decides what a command does and which fault it meets. This file
// only speaks the protocol, and breaks connections in the ways that a real server does.

import { mkdirSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket, type Server as TcpServer } from 'node:net'
import { join } from 'node:path'
import ssh2, { type AuthContext, type Connection, type ServerChannel, type Session } from 'ssh2'
import type { SimHost, SimOutcome } from './host.ts'
import { runSession } from './prompt.ts'
import { parseLine } from './words.ts'

export const LOOPBACK = '127.0.0.1'
const USER = 'csi'
// sshd_config(5): MaxSessions, default 10.
const MAX_SESSIONS = 10
// An ssh client used by a person keeps standard input open and sends nothing. A program sends its
// input, or the end of input, at once.
const INPUT_WAIT_MS = 500

export interface SimSshAccess {
  readonly host: string
  readonly address: string
  readonly port: number
  readonly user: string
  readonly privateKeyFile: string
  readonly knownHostsFile: string
}

export interface SimSshOptions {
  readonly host: SimHost
  /** The server writes its key files here, into a folder named after the host. */
  readonly directory: string
  readonly address?: string
  readonly port?: number
  readonly maxSessions?: number
}

export class SimSshServer {
  readonly access: SimSshAccess
  readonly host: SimHost
  /**
   * What a cut looks like: the server drops the whole connection, or closes only the channel of
   * this command, without an exit status.
   */
  cutStyle: 'connection' | 'channel' = 'connection'
  /** For a command for which it returns true, the server sends half of the output and then cuts. */
  cutsMidAnswer: (argv: readonly string[]) => boolean = () => false
  /** Greatest number of commands that ran at the same time. */
  peakCommands = 0
  /** Sessions refused because the connection already had the maximum. */
  refusedSessions = 0
  /** Sessions opened since the start. */
  openedSessions = 0
  /** Connections accepted since the start. */
  acceptedConnections = 0
  #commands = 0
  /** Accepted requests to run a command that have not ended yet. */
  #requests = 0
  #maxSessions: number
  #tcp: TcpServer
  #ssh: ssh2.Server
  /** By the client's port: ssh2 reports a connection with that port, not with its socket. */
  #sockets = new Map<number, Socket>()

  private constructor(
    options: SimSshOptions,
    tcp: TcpServer,
    ssh: ssh2.Server,
    access: SimSshAccess,
  ) {
    this.host = options.host
    this.access = access
    this.#maxSessions = options.maxSessions ?? MAX_SESSIONS
    this.#tcp = tcp
    this.#ssh = ssh
  }

  static async start(options: SimSshOptions): Promise<SimSshServer> {
    const directory = join(options.directory, options.host.name)
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    const hostKey = generateKeys()
    const userKey = generateKeys()
    const address = options.address ?? LOOPBACK
    const ssh = new ssh2.Server({ hostKeys: [hostKey.private], ident: 'simulated' })
    const tcp = createServer()
    await new Promise<void>((resolve, reject) => {
      tcp.once('error', reject)
      tcp.listen(options.port ?? 0, address, resolve)
    })
    const { port } = tcp.address() as AddressInfo
    const privateKeyFile = join(directory, 'id')
    const knownHostsFile = join(directory, 'known_hosts')
    writeFileSync(privateKeyFile, userKey.private, { mode: 0o600 })
    writeFileSync(knownHostsFile, `[${address}]:${port} ${hostKey.public}\n`)
    const access = {
      host: options.host.name,
      address,
      port,
      user: USER,
      privateKeyFile,
      knownHostsFile,
    }
    const server = new SimSshServer(options, tcp, ssh, access)
    tcp.on('connection', socket => server.#accept(socket))
    ssh.on('connection', (connection, { port: clientPort }) =>
      server.#serve(connection, clientPort, userKey.public),
    )
    return server
  }

  /** No client is connected, and no requested command runs or is still to run. */
  get isIdle(): boolean {
    return this.#sockets.size === 0 && this.#requests === 0
  }

  /** Cuts every connection. Running commands go on, as on a real host. */
  cutConnections(): void {
    for (const socket of this.#sockets.values()) socket.destroy()
  }

  async stop(): Promise<void> {
    this.cutConnections()
    await new Promise<void>(resolve => this.#tcp.close(() => resolve()))
  }

  #accept(socket: Socket): void {
    // An error without a listener would end the simulation.
    socket.on('error', () => {})
    const { remotePort } = socket
    if (this.host.down || remotePort === undefined) return void socket.destroy()
    this.acceptedConnections += 1
    this.#sockets.set(remotePort, socket)
    socket.once('close', () => this.#sockets.delete(remotePort))
    socket.setNoDelay(true)
    this.#ssh.injectSocket(socket)
  }

  #serve(connection: Connection, clientPort: number, userKey: string): void {
    const socket = this.#sockets.get(clientPort)
    let sessions = 0
    connection.on('error', () => {})
    connection.on('authentication', context =>
      isAllowed(context, userKey) ? context.accept() : context.reject(['publickey']),
    )
    connection.on('session', (accept, reject) => {
      if (sessions >= this.#maxSessions) {
        this.refusedSessions += 1
        return reject()
      }
      sessions += 1
      this.openedSessions += 1
      const session = accept()
      session.once('close', () => {
        sessions -= 1
      })
      this.#serveSession(session, () => socket?.destroy())
    })
  }

  #serveSession(session: Session, cutConnection: () => void): void {
    let isTerminal = false
    session.on('pty', acceptPty => {
      isTerminal = true
      acceptPty?.()
    })
    session.on('env', acceptEnv => acceptEnv?.())
    session.on('window-change', acceptChange => acceptChange?.())
    session.on('shell', accept => {
      const channel = accept()
      channel.on('error', () => {})
      runSession(channel, this.host, isTerminal).then(
        status => endChannel(channel, status),
        error => failChannel(channel, error),
      )
    })
    session.on('exec', (accept, _reject, { command }) => {
      if (this.host.down) return cutConnection()
      const parsed = parseLine(command, this.host.loginShell)
      const channel = accept()
      channel.on('error', () => {})
      if (parsed.kind === 'error') {
        channel.stderr.write(parsed.message)
        return endChannel(channel, parsed.exitStatus)
      }
      if (parsed.kind === 'empty' || parsed.argv.length === 0) return endChannel(channel, 0)
      this.#requests += 1
      this.#perform(channel, parsed.argv, cutConnection)
        .catch(error => failChannel(channel, error))
        .finally(() => {
          this.#requests -= 1
        })
    })
  }

  async #perform(
    channel: ServerChannel,
    argv: readonly string[],
    cutConnection: () => void,
  ): Promise<void> {
    const input = await readInput(channel)
    this.#commands += 1
    this.peakCommands = Math.max(this.peakCommands, this.#commands)
    const outcome: SimOutcome = await this.host.perform(argv, input).finally(() => {
      this.#commands -= 1
    })
    const cut = () =>
      this.cutStyle === 'connection' || this.host.down ? cutConnection() : channel.close()
    // The server has accepted the request by now. To the client, a command that did not start looks
    // like one that was cut.
    if (outcome.kind !== 'exit') return void cut()
    const { stdout, stderr, exitStatus } = outcome.answer
    if (this.cutsMidAnswer(argv)) {
      const half = Buffer.from(stdout)
      return void channel.write(half.subarray(0, half.length >> 1), () => cut())
    }
    if (stderr !== '') channel.stderr.write(stderr)
    if (stdout === '') return endChannel(channel, exitStatus)
    channel.write(stdout, () => endChannel(channel, exitStatus))
  }
}

/** An ed25519 key pair in OpenSSH's format. */
export function generateKeys(): { readonly private: string; readonly public: string } {
  // ssh2 1.17 cannot read one in 250 of its own key pairs ("Malformed OpenSSH private key";
  // measured: 12 of 3000).
  for (;;) {
    const keys = ssh2.utils.generateKeyPairSync('ed25519')
    const parsed = ssh2.utils.parseKey(keys.private)
    if (
      !(parsed instanceof Error) &&
      keys.public.includes(parsed.getPublicSSH().toString('base64'))
    ) {
      return keys
    }
  }
}

function isAllowed(context: AuthContext, userKey: string): boolean {
  const allowed = ssh2.utils.parseKey(userKey)
  if (context.method !== 'publickey' || context.username !== USER || allowed instanceof Error) {
    return false
  }
  if (context.key.algo !== allowed.type || !context.key.data.equals(allowed.getPublicSSH())) {
    return false
  }
  // The first request only asks whether the server would accept the key; the second is signed.
  if (context.signature === undefined) return true
  return (
    context.blob !== undefined &&
    allowed.verify(context.blob, context.signature, context.hashAlgo) === true
  )
}

function readInput(channel: ServerChannel): Promise<string> {
  return new Promise(resolve => {
    const chunks: Buffer[] = []
    const finish = () => {
      clearTimeout(timer)
      resolve(Buffer.concat(chunks).toString('utf8'))
    }
    const timer = setTimeout(finish, INPUT_WAIT_MS)
    channel.on('data', (chunk: Buffer) => {
      clearTimeout(timer)
      chunks.push(chunk)
    })
    channel.once('end', finish)
    channel.once('close', finish)
  })
}

/** Reports a defect of the simulator itself, which no host has caused. Other hosts go on. */
function failChannel(channel: ServerChannel, error: unknown): void {
  channel.stderr.write(
    `simulation defect: ${error instanceof Error ? error.stack : String(error)}\n`,
  )
  endChannel(channel, 70)
}

function endChannel(channel: ServerChannel, status: number): void {
  channel.exit(status)
  channel.end()
  channel.close()
}
