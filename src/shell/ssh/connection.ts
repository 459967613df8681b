// One ssh connection and the commands that run on it in parallel. It pins the host key and reports
// the fate of every command. ssh.ts decides when to connect and how many commands a connection
// gets.

import { readFile } from 'node:fs/promises'
import { type Algorithms, Client, type ConnectConfig, type ServerHostKeyAlgorithm } from 'ssh2'
import { type CommandResult, type Fault, ShellError } from '../shell.ts'
import { type ExecOptions, SshExecution } from './execution.ts'
import {
  fingerprint,
  formatHostName,
  judgeHostKey,
  type KnownHosts,
  knownKeyTypes,
  parseKnownHosts,
} from './known-hosts.ts'
import { ResettingSocket } from './resetting-socket.ts'

export interface SshTarget {
  /** The host's name in the configuration, for messages. */
  readonly name: string
  readonly address: string
  readonly port: number
  readonly user: string
  readonly privateKeyFile: string
  readonly knownHostsFile: string
  /** SHA-1 and CBC for the server of Solaris 10; off by default. */
  readonly legacyAlgorithms?: boolean
  /** The server's MaxSessions; OpenSSH's default is 10. */
  readonly maxSessions?: number
  readonly connectTimeoutMs?: number
}

/** The server had no free session; the command was not started. */
export class ChannelRefused extends Error {}

const KEEP_ALIVE_MS = 15_000
const CONNECT_TIMEOUT_MS = 10_000

type LegacyLists = { readonly [List in keyof Algorithms]: readonly string[] }

// Offered after the current ones, so they are used only if the server knows nothing better.
const LEGACY: LegacyLists = {
  kex: [
    'diffie-hellman-group-exchange-sha1',
    'diffie-hellman-group14-sha1',
    'diffie-hellman-group1-sha1',
  ],
  cipher: ['aes256-cbc', 'aes192-cbc', 'aes128-cbc', '3des-cbc'],
}

export class SshConnection {
  readonly #client: Client
  readonly #host: string
  /** Sessions that the server may still count, including abandoned ones. */
  readonly #sessions = new Set<SshExecution>()
  readonly #onChange: () => void
  #cause: unknown
  #isOpen = true

  private constructor(client: Client, host: string, onChange: () => void) {
    this.#client = client
    this.#host = host
    this.#onChange = onChange
    client.on('close', () => this.#break())
  }

  /**
   * Rejects with a ShellError `not-started`. `onChange` is called when a session became free and
   * when the connection ended.
   */
  static async open(target: SshTarget, onChange: () => void): Promise<SshConnection> {
    const fail = (cause: unknown, fault: Fault = 'local') =>
      new ShellError('not-started', `host ${target.name}: no connection`, { cause, fault })
    const [privateKey, known] = await Promise.all([
      readNamed(target.privateKeyFile),
      readNamed(target.knownHostsFile).then(bytes =>
        parseKnownHosts(bytes.toString('utf8'), target.knownHostsFile),
      ),
    ]).catch(cause => Promise.reject(fail(cause)))
    return new Promise((resolve, reject) => {
      const client = new Client()
      let connection: SshConnection | undefined
      let refusal: Error | undefined
      // This listener stays: an error without a listener would end the process.
      client.on('error', error => {
        if (connection) connection.#cause ??= error
        else {
          reject(
            fail(
              refusal ?? explain(error, target, known),
              refusal === undefined ? faultOf(error) : 'local',
            ),
          )
        }
      })
      client.once('ready', () => {
        connection = new SshConnection(client, target.name, onChange)
        resolve(connection)
      })
      client.once('close', () =>
        reject(fail(refusal ?? new Error('the connection was closed during the handshake'))),
      )
      const hostVerifier = (key: Buffer) => {
        refusal = checkHostKey(target, known, key)
        return refusal === undefined
      }
      const sock = new ResettingSocket()
        .setNoDelay(true)
        .connect({ host: target.address, port: target.port })
      // Also covers errors before the library listens, or if it refuses to.
      sock.on('error', () => {})
      try {
        client.connect({ ...settings(target, known), sock, privateKey, hostVerifier })
      } catch (error) {
        sock.destroy()
        reject(fail(explainRefusal(error, target)))
      }
    })
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  get sessions(): number {
    return this.#sessions.size
  }

  /** Runs one line. Rejects with ChannelRefused or a ShellError. */
  exec(line: string, title: string, options: ExecOptions): Promise<CommandResult> {
    const execution = new SshExecution(`host ${this.#host}: ${title}`, options, () =>
      this.#dropWhenAllAbandoned(),
    )
    this.#sessions.add(execution)
    try {
      this.#client.exec(
        line,
        (error: (Error & { reason?: number | string }) | undefined, channel) => {
          if (error === undefined) {
            channel.once('close', () => {
              if (this.#isOpen) execution.end()
              this.#release(execution)
            })
            execution.begin(channel)
            return
          }
          // Only a refused open has a numeric reason (RFC 4254, 5.1). Any other error may come
          // after the request was sent.
          if (typeof error.reason !== 'number') {
            execution.lose(error)
            this.#release(execution)
            return
          }
          // Without `onChange`: no session became free, and the next command would be refused as
          // well.
          this.#sessions.delete(execution)
          execution.refuse(new ChannelRefused(error.message))
        },
      )
    } catch (error) {
      execution.refuse(
        new ShellError('not-started', `host ${this.#host}: ${title} was not sent`, {
          cause: error,
        }),
      )
      this.#release(execution)
    }
    return execution.result
  }

  /**
   * Breaks the connection. Running commands have an unknown fate, and unsent data is never sent.
   */
  end(): void {
    // An orderly end would queue behind unsent data.
    if (this.#sessions.size === 0) this.#client.end()
    this.#break()
  }

  #release(execution: SshExecution): void {
    if (this.#sessions.delete(execution)) this.#onChange()
  }

  // A hanging host would keep the sessions for ever; a new connection has new ones.
  #dropWhenAllAbandoned(): void {
    if ([...this.#sessions].every(execution => execution.isAbandoned)) this.end()
  }

  #break(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    const cause = this.#cause ?? new Error('the connection was closed')
    for (const execution of this.#sessions) execution.lose(cause)
    this.#sessions.clear()
    this.#client.destroy()
    this.#onChange()
  }
}

/** Names the file: not every file system error does (one about a directory does not). */
async function readNamed(file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (cause) {
    throw new Error(`${file} cannot be read`, { cause })
  }
}

// The library gets the bytes of the key and does not know their file.
function explainRefusal(error: unknown, { privateKeyFile }: SshTarget): unknown {
  if (!(error instanceof Error) || !/privateKey/.test(error.message)) return error
  return new Error(`${privateKeyFile} is not a usable private key`, { cause: error })
}

function checkHostKey(target: SshTarget, known: KnownHosts, key: Buffer): Error | undefined {
  const host = formatHostName(target.address, target.port)
  const offered = `${host} offered ${fingerprint(key)}`
  switch (judgeHostKey(known, target, key)) {
    case 'known':
      return undefined
    case 'unknown':
      return new Error(`${target.knownHostsFile} has no key for ${host}; ${offered}`)
    case 'differs':
      return new Error(`the host key is not the one in ${target.knownHostsFile}; ${offered}`)
    case 'revoked':
      return new Error(`the host key is revoked in ${target.knownHostsFile}; ${offered}`)
  }
}

// `unreachable`: nothing accepted the connection, or the peer was silent until the handshake timed
// out. If a connection is closed again, or a user or key is refused, something alive answered. A
// name that does not resolve or a missing route is our own trouble.
function faultOf(error: Error & { readonly code?: unknown; readonly level?: unknown }): Fault {
  if (error.level === 'client-timeout') return 'unreachable'
  const isSilence = ['ECONNREFUSED', 'ETIMEDOUT', 'EHOSTUNREACH', 'EHOSTDOWN'].some(
    code => code === error.code,
  )
  return isSilence ? 'unreachable' : 'local'
}

// If the server has no key of a pinned type, the handshake ends before it shows one.
function explain(error: Error, target: SshTarget, known: KnownHosts): Error {
  if (/authentication methods failed/.test(error.message)) {
    const keys = `the key of privateKeyFile ${target.privateKeyFile}`
    return new Error(
      `user ${target.user} is refused; check the name, and that its authorized_keys has ${keys}`,
      { cause: error },
    )
  }
  if (!/no matching host key format/.test(error.message)) return error
  const types = knownKeyTypes(known, target.address, target.port).join(', ')
  return new Error(
    `the server has no key of a type that ${target.knownHostsFile} lists for it (${types})`,
    { cause: error },
  )
}

function settings(target: SshTarget, known: KnownHosts): ConnectConfig {
  return {
    host: target.address,
    port: target.port,
    username: target.user,
    authHandler: ['publickey'],
    readyTimeout: target.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    keepaliveInterval: KEEP_ALIVE_MS,
    keepaliveCountMax: 3,
    algorithms: algorithms(target, known),
  }
}

// The server has keys of several types and shows one that the client requested. Request only types
// that can be checked.
function algorithms(target: SshTarget, known: KnownHosts): Algorithms {
  const isLegacy = target.legacyAlgorithms ?? false
  const types = knownKeyTypes(known, target.address, target.port)
  const wanted = types.flatMap(type => {
    if (type === 'ssh-rsa') {
      return ['rsa-sha2-512', 'rsa-sha2-256', ...(isLegacy ? ['ssh-rsa'] : [])]
    }
    return type === 'ssh-dss' && !isLegacy ? [] : [type]
  }) as ServerHostKeyAlgorithm[]
  return {
    ...(wanted.length > 0 ? { serverHostKey: wanted } : {}),
    ...(isLegacy
      ? Object.fromEntries(
          Object.entries(LEGACY).map(([list, append]) => [
            list,
            { append, prepend: [], remove: [] },
          ]),
        )
      : {}),
  }
}
