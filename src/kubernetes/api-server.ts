// Requests to the API server: HTTPS with the token and the certificate authority of a
// ServiceAccount. Both are read anew for every request, as the kubelet replaces them while the pod
// runs. A request never lasts longer than its limit; a watch ends when nothing comes for longer.

import { readFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'
import { join } from 'node:path'
import { StringDecoder } from 'node:string_decoder'
import { isStorageError, StorageError } from '../errors.ts'
import { type ApiAnswer, type ApiRequest, isSuccess, judge, parseJson } from './api-answers.ts'

export interface ApiServerOptions {
  readonly host: string
  readonly port: number
  /** Which program asks, for the server's audit log: `<program>/<version>`. */
  readonly userAgent: string
  /** Where `token` and `ca.crt` of the ServiceAccount are. */
  readonly serviceAccount: string
  /** How long a watch may say nothing. By default three times as long as between two bookmarks. */
  readonly silenceMs?: number
}

const LIMIT_MS = 10_000
const SILENCE_MS = 180_000
/** A page of volumes is a hundredth of it. */
const LARGEST_ANSWER_BYTES = 64 * 1024 ** 2

/** Watches hold their connections: requests must not wait for one of theirs. */
interface Identity {
  readonly ca: string
  readonly requests: Agent
  readonly watches: Agent
}

export class ApiServer {
  readonly #options: ApiServerOptions
  #identity: Identity | undefined

  constructor(options: ApiServerOptions) {
    this.#options = options
  }

  /**
   * Answers an answer of 2xx, and one of the accepted others. Any other is an error with the
   * server's own words. Silence is `unavailable`: what was asked for may have been done.
   */
  async send(
    asked: ApiRequest,
    { accept = [] }: { readonly accept?: readonly number[] } = {},
    signal?: AbortSignal,
  ): Promise<ApiAnswer> {
    const limit = AbortSignal.timeout(LIMIT_MS)
    const cut = signal === undefined ? limit : AbortSignal.any([signal, limit])
    try {
      const response = await this.#open(asked, 'requests', cut)
      return judge(
        asked,
        { status: response.statusCode ?? 0, text: await textOf(response) },
        accept,
      )
    } catch (error) {
      throw this.#failure(error, 'does not answer', cut)
    }
  }

  /**
   * The objects that the server sends, one JSON text a line, until the server ends the answer. Any
   * other end throws, silence and a line that is cut among them.
   */
  async *watch(path: string, signal: AbortSignal): AsyncGenerator<unknown, void, undefined> {
    const asked = { method: 'GET', path } as const
    try {
      const response = await this.#open(asked, 'watches', signal)
      const { statusCode: status = 0 } = response
      if (!isSuccess(status)) judge(asked, { status, text: await textOf(response) }, [])
      for await (const line of linesOf(response)) {
        yield parseJson(line, 'the API server sends a line that is no JSON')
      }
    } catch (error) {
      throw this.#failure(error, 'cuts a watch', signal)
    }
  }

  close(): void {
    this.#identity?.requests.destroy()
    this.#identity?.watches.destroy()
  }

  async #open(
    { method, path, body }: ApiRequest,
    use: 'requests' | 'watches',
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const { host, port, userAgent, silenceMs = SILENCE_MS } = this.#options
    const { token, identity } = await this.#identify()
    const headers = {
      authorization: `Bearer ${token}`,
      accept: 'application/json',
      'user-agent': userAgent,
      ...(body === undefined
        ? {}
        : {
            'content-type':
              method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
            'content-length': Buffer.byteLength(body),
          }),
    }
    const agent = identity[use]
    const timeout = use === 'watches' ? silenceMs : LIMIT_MS
    return new Promise((resolve, reject) => {
      const options = { host, port, method, path, headers, agent, signal, timeout }
      const sent = request(options, resolve)
      sent.once('error', reject)
      sent.once('timeout', () => sent.destroy(new Error(`nothing came for ${timeout} ms`)))
      sent.end(body)
    })
  }

  #failure(error: unknown, what: string, signal: AbortSignal): StorageError {
    if (isStorageError(error)) return error
    const { host, port } = this.#options
    return new StorageError('unavailable', `the API server at ${host}:${port} ${what}`, {
      cause: signal.aborted ? signal.reason : error,
    })
  }

  // A connection was proved by the authority of its time: another one needs another agent.
  async #identify(): Promise<{ readonly token: string; readonly identity: Identity }> {
    const read = (name: string) => readText(join(this.#options.serviceAccount, name))
    const [token, ca] = await Promise.all([read('token'), read('ca.crt')])
    if (this.#identity?.ca !== ca) {
      this.close()
      const requests = new Agent({ ca, keepAlive: true, maxSockets: 4 })
      this.#identity = { ca, requests, watches: new Agent({ ca }) }
    }
    return { token: token.trim(), identity: this.#identity }
  }
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new StorageError(
      'failed-precondition',
      `cannot read ${file} of the ServiceAccount; is its token mounted into the pod?`,
      { cause },
    )
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response) {
    const part = Buffer.from(chunk)
    bytes += part.length
    if (bytes > LARGEST_ANSWER_BYTES) throw new Error('its answer is too long')
    chunks.push(part)
  }
  return Buffer.concat(chunks).toString('utf8')
}

async function* linesOf(response: IncomingMessage): AsyncGenerator<string, void, undefined> {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  for await (const chunk of response) {
    const lines = `${rest}${decoder.write(Buffer.from(chunk))}`.split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > LARGEST_ANSWER_BYTES) throw new Error('a line of it is too long')
    for (const line of lines) yield line
  }
  if (rest !== '') throw new Error('it ends within a line')
}
