// One ssh connection and the commands that run on it at the same time. It pins the host key, and it says of every command
// which of the three fates it had; when to connect, and how many commands a connection gets, is ssh.ts's.

import { readFile } from 'node:fs/promises'
import { type Algorithms, Client, type ClientChannel, type ServerHostKeyAlgorithm } from 'ssh2'
import { fingerprint, formatHostName, judgeHostKey, type KnownHosts, knownKeyTypes, parseKnownHosts } from './known-hosts.ts'
import { Output } from './output.ts'
import { type CommandResult, ShellError } from './shell.ts'

export interface SshTarget {
  /** The host's name in the configuration, for messages. */
  readonly name: string
  readonly address: string
  readonly port: number
  readonly user: string
  readonly privateKeyFile: string
  readonly knownHostsFile: string
  /** SHA-1 and CBC for the server of Solaris 10; off unless asked for. */
  readonly legacyAlgorithms?: boolean
  /** The server's MaxSessions; OpenSSH's default is 10. */
  readonly maxSessions?: number
  readonly connectTimeoutMs?: number
}

export interface ExecOptions {
  readonly input: string
  readonly timeoutMs: number
  /** Gives the command up; passed for reads only. */
  readonly signal: AbortSignal | undefined
}

/** The server had no free session: nothing was started. */
export class ChannelRefused extends Error {}

const KEEP_ALIVE_MS = 15_000
const CONNECT_TIMEOUT_MS = 10_000

type LegacyLists = { readonly [List in keyof Algorithms]: readonly string[] }

// Offered after the current ones, so that they are used only where the server knows nothing better.
const LEGACY: LegacyLists = {
  kex: ['diffie-hellman-group-exchange-sha1', 'diffie-hellman-group14-sha1', 'diffie-hellman-group1-sha1'],
  cipher: ['aes256-cbc', 'aes192-cbc', 'aes128-cbc', '3des-cbc'],
}

export class SshConnection {
  readonly #client: Client
  readonly #host: string
  /** Called once for every command on the connection when it breaks. */
  readonly #lost = new Set<(cause: unknown) => void>()
  readonly #onClose: () => void
  #cause: unknown
  #isOpen = true
  #channels = 0
  #abandoned = 0

  private constructor(client: Client, host: string, onClose: () => void) {
    this.#client = client
    this.#host = host
    this.#onClose = onClose
    client.on('close', () => this.#break())
  }

  /** Rejects with a ShellError `not-started`. `onClose` is called once when an established connection ends. */
  static async open(target: SshTarget, onClose: () => void): Promise<SshConnection> {
    const fail = (cause: unknown) => new ShellError('not-started', `host ${target.name}: no connection`, { cause })
    const [privateKey, known] = await Promise.all([
      readFile(target.privateKeyFile),
      readFile(target.knownHostsFile, 'utf8').then(text => parseKnownHosts(text, target.knownHostsFile)),
    ]).catch(cause => Promise.reject(fail(cause)))
    return new Promise((resolve, reject) => {
      const client = new Client()
      let connection: SshConnection | undefined
      let refusal: Error | undefined
      // Stays for ever: an error without a listener would end the process.
      client.on('error', error => {
        if (connection) connection.#cause ??= error
        else reject(fail(refusal ?? explain(error, target, known)))
      })
      client.once('ready', () => {
        connection = new SshConnection(client, target.name, onClose)
        resolve(connection)
      })
      client.once('close', () => reject(fail(refusal ?? new Error('the connection was closed during the handshake'))))
      try {
        client.connect({
          host: target.address,
          port: target.port,
          username: target.user,
          privateKey,
          authHandler: ['publickey'],
          readyTimeout: target.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
          keepaliveInterval: KEEP_ALIVE_MS,
          keepaliveCountMax: 3,
          algorithms: algorithms(target, known),
          hostVerifier: (key: Buffer) => {
            refusal = checkHostKey(target, known, key)
            return refusal === undefined
          },
        })
        client.setNoDelay(true)
      } catch (error) {
        reject(fail(error))
      }
    })
  }

  /** Sessions that the server still counts. */
  get channels(): number {
    return this.#channels
  }

  /** Runs one line. Rejects with ChannelRefused, or with a ShellError. */
  exec(line: string, title: string, options: ExecOptions): Promise<CommandResult> {
    const startedAt = performance.now()
    this.#channels += 1
    return new Promise((resolve, reject) => {
      const stdout = new Output()
      const stderr = new Output()
      let channel: ClientChannel | undefined
      let exitStatus: number | undefined
      let endedBy: string | undefined
      let isSettled = false
      let isAbandoned = false
      const settle = (deliver: () => void) => {
        if (isSettled) return
        isSettled = true
        clearTimeout(timer)
        this.#lost.delete(lose)
        options.signal?.removeEventListener('abort', onAbort)
        deliver()
      }
      const unknown = (reason: string, cause?: unknown) =>
        settle(() => reject(new ShellError('unknown', `host ${this.#host}: ${title} ${reason}`, { cause })))
      const lose = (cause: unknown) => unknown('was running when the connection was lost', cause)
      // A session that was given up still counts at the server until it closes the channel.
      const giveUp = (reason: string, cause?: unknown) => {
        if (isSettled) return
        unknown(reason, cause)
        isAbandoned = true
        this.#abandoned += 1
        channel?.close()
        if (this.#abandoned === this.#channels) this.end()
      }
      const onAbort = () => giveUp('was given up', options.signal?.reason)
      const timer = setTimeout(() => giveUp(`did not end within ${options.timeoutMs} ms`), options.timeoutMs)
      options.signal?.addEventListener('abort', onAbort, { once: true })
      this.#lost.add(lose)

      const endSession = () => {
        this.#channels -= 1
        if (isAbandoned) this.#abandoned -= 1
      }
      const onChannel = (error: (Error & { reason?: number | string }) | undefined, opened: ClientChannel) => {
        if (error) {
          endSession()
          // Only a refused open has a number for a reason (RFC 4254, 5.1); any other error may come after the request was sent.
          if (typeof error.reason === 'number') return settle(() => reject(new ChannelRefused(error.message)))
          return unknown('got no answer', error)
        }
        channel = opened
        for (const [stream, output] of [[opened, stdout] as const, [opened.stderr, stderr] as const]) {
          stream.on('data', (chunk: Buffer) => output.add(chunk) || giveUp('printed too much'))
          stream.on('error', () => {})
        }
        opened.on('exit', (status: number | null, signal?: string) => {
          if (status === null) endedBy = signal ?? 'a signal'
          else exitStatus = status
        })
        opened.once('close', () => {
          endSession()
          // Without its own close from the server the output may be cut short, whatever the status says.
          if (!this.#isOpen) return lose(this.#cause)
          if (exitStatus === undefined) return unknown(endedBy ? `was ended by ${endedBy}` : 'ended without an exit status')
          const result = { exitStatus, stdout: stdout.text(), stderr: stderr.text(), durationMs: performance.now() - startedAt }
          settle(() => resolve(result))
        })
        if (isSettled) opened.close()
        else opened.end(options.input)
      }
      try {
        this.#client.exec(line, onChannel)
      } catch (error) {
        endSession()
        settle(() => reject(new ShellError('not-started', `host ${this.#host}: ${title} was not sent`, { cause: error })))
      }
    })
  }

  /** Breaks the connection; commands that still run have an unknown fate. */
  end(): void {
    this.#client.end()
    this.#break()
  }

  #break(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    const cause = this.#cause ?? new Error('the connection was closed')
    for (const lose of [...this.#lost]) lose(cause)
    this.#client.destroy()
    this.#onClose()
  }
}

function checkHostKey(target: SshTarget, known: KnownHosts, key: Buffer): Error | undefined {
  const host = formatHostName(target.address, target.port)
  const offered = `${host} offered ${fingerprint(key)}`
  switch (judgeHostKey(known, target.address, target.port, key)) {
    case 'known':
      return undefined
    case 'unknown':
      return new Error(`${target.knownHostsFile} has no key of ${host}; ${offered}`)
    case 'differs':
      return new Error(`the host key is not the one in ${target.knownHostsFile}; ${offered}`)
    case 'revoked':
      return new Error(`the host key is revoked in ${target.knownHostsFile}; ${offered}`)
  }
}

// Where the server has no key of a type that is pinned the handshake ends before it shows one.
function explain(error: Error, target: SshTarget, known: KnownHosts): Error {
  if (!/no matching host key format/.test(error.message)) return error
  const types = knownKeyTypes(known, target.address, target.port).join(', ')
  return new Error(`the server has no key of the types that ${target.knownHostsFile} has for it (${types})`, { cause: error })
}

// The server has keys of several types and shows one that the client asked for: ask only for what can be checked.
function algorithms(target: SshTarget, known: KnownHosts): Algorithms {
  const isLegacy = target.legacyAlgorithms ?? false
  const types = knownKeyTypes(known, target.address, target.port)
  const wanted = types.flatMap(type => {
    if (type === 'ssh-rsa') return ['rsa-sha2-512', 'rsa-sha2-256', ...(isLegacy ? ['ssh-rsa'] : [])]
    return type === 'ssh-dss' && !isLegacy ? [] : [type]
  }) as ServerHostKeyAlgorithm[]
  return {
    ...(wanted.length > 0 ? { serverHostKey: wanted } : {}),
    ...(isLegacy ? Object.fromEntries(Object.entries(LEGACY).map(([list, append]) => [list, { append, prepend: [], remove: [] }])) : {}),
  }
}
