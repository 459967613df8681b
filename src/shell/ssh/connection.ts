// One ssh connection and the commands that run on it in parallel. It pins the host key and reports
// the fate of every command. ssh.ts decides when to connect and how many commands a connection
// gets.

import { readFile } from 'node:fs/promises'
import { Client } from 'ssh2'
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
import { type SshTarget, settings } from './settings.ts'

/** The server had no free session; the command was not started. */
export class ChannelRefused extends Error {}

/** No connection, for a reason that may be over within seconds. A refused key is none of these. */
export class PassingFailure extends ShellError {}

export class SshConnection {
  readonly #client: Client
  readonly #socket: ResettingSocket
  readonly #host: string
  /** Sessions that the server may still count, including abandoned ones. */
  readonly #sessions = new Set<SshExecution>()
  readonly #onChange: () => void
  #cause: unknown
  #isOpen = true
  #hasServed = false

  private constructor(
    [client, socket]: readonly [Client, ResettingSocket],
    host: string,
    onChange: () => void,
  ) {
    this.#client = client
    this.#socket = socket
    this.#host = host
    this.#onChange = onChange
    client.on('close', () => this.#break())
  }

  /**
   * Rejects with a ShellError `not-started`. `onChange` is called when a session became free and
   * when the connection ended.
   */
  static async open(target: SshTarget, onChange: () => void): Promise<SshConnection> {
    const message = `host ${target.name}: no connection`
    const fail = (cause: unknown) => new ShellError('not-started', message, { cause })
    const failForNow = (cause: unknown, fault: Fault) =>
      new PassingFailure('not-started', message, { cause, fault })
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
        else if (refusal !== undefined) reject(fail(refusal))
        else if (mayPass(error)) reject(failForNow(error, faultOf(error)))
        else reject(fail(explain(error, target, known)))
      })
      client.once('ready', () => {
        connection = new SshConnection([client, sock], target.name, onChange)
        resolve(connection)
      })
      client.once('close', () =>
        reject(
          refusal === undefined
            ? failForNow(new Error('the connection was closed during the handshake'), 'local')
            : fail(refusal),
        ),
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

  /** A command has ended on it. */
  get hasServed(): boolean {
    return this.#hasServed
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
    // The socket knows of an end before the library says so.
    if (!this.#socket.writable) {
      this.#break()
      return execution.result
    }
    try {
      this.#client.exec(
        line,
        // The library reads this once the session is open, right before it sends the request.
        {
          get pty() {
            execution.markSent()
            return false
          },
        },
        (error: (Error & { reason?: number | string }) | undefined, channel) => {
          if (error === undefined) {
            channel.once('close', () => {
              if (this.#isOpen) {
                this.#hasServed = true
                execution.end()
              }
              this.#release(execution)
            })
            execution.begin(channel)
            return
          }
          // Only a refused open has a numeric reason (RFC 4254, 5.1). Any other error may come
          // after the request was sent.
          if (typeof error.reason !== 'number') {
            execution.doubt(error)
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
    if (this.#sessions.size === 0) {
      this.#client.end()
      // The library waits for the other end, which may answer no more, and keeps this process.
      this.#socket.destroySoon()
    }
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

type LibraryError = Error & { readonly code?: unknown; readonly level?: unknown }

/** Nothing or nobody has judged us: the network or the server was not able to connect. */
function mayPass(error: LibraryError): boolean {
  return (
    error.level === 'client-timeout' ||
    error.level === 'client-socket' ||
    /^Connection lost before handshake/.test(error.message)
  )
}

// `unreachable`: nothing accepted the connection, or the peer was silent until the handshake timed
// out. If a connection is closed again, or a user or key is refused, something alive answered. A
// name that does not resolve or a missing route is our own trouble.
function faultOf(error: LibraryError): Fault {
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
