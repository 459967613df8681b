// One request to the API server: HTTPS with the token and the certificate authority of a
// ServiceAccount. Both are read anew for every request, as the kubelet replaces them while the pod
// runs. A request never lasts longer than its limit.

import { readFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'
import { join } from 'node:path'
import { V1Status } from '@kubernetes/client-node/dist/gen/models/V1Status.js'
import { type ErrorKind, StorageError } from '../errors.ts'
import { readObject } from './objects.ts'

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH'
  readonly path: string
  readonly body?: string
}

export interface ApiAnswer {
  readonly status: number
  /** What JSON.parse made of it. */
  readonly body: unknown
}

export interface ApiServerOptions {
  readonly host: string
  readonly port: number
  /** Where `token` and `ca.crt` of the ServiceAccount are. */
  readonly serviceAccount: string
}

const LIMIT_MS = 10_000
/** A page of volumes is a hundredth of it. */
const LARGEST_ANSWER_BYTES = 64 * 1024 ** 2

const KINDS: Readonly<Record<number, ErrorKind>> = {
  401: 'permission-denied',
  403: 'permission-denied',
  404: 'not-found',
  409: 'already-exists',
  422: 'invalid-argument',
}

export class ApiServer {
  readonly #options: ApiServerOptions
  #agent: { readonly agent: Agent; readonly ca: string } | undefined

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
    const { status, text } = await this.#exchange(asked, cut)
    const body = parseJson(text, status)
    if ((status >= 200 && status < 300) || accept.includes(status)) return { status, body }
    const message = messageOf(body) ?? `status ${status}`
    throw new StorageError(
      KINDS[status] ?? 'unavailable',
      `the API server answers ${asked.method} ${pathOnly(asked.path)} with: ${message}`,
    )
  }

  close(): void {
    this.#agent?.agent.destroy()
  }

  async #exchange(
    { method, path, body }: ApiRequest,
    signal: AbortSignal,
  ): Promise<{ readonly status: number; readonly text: string }> {
    const { host, port } = this.#options
    const { token, agent } = await this.#identity()
    try {
      const headers = {
        authorization: `Bearer ${token}`,
        accept: 'application/json',
        ...(body === undefined
          ? {}
          : {
              'content-type':
                method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
              'content-length': Buffer.byteLength(body),
            }),
      }
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        const sent = request({ host, port, method, path, headers, agent, signal }, resolve)
        sent.once('error', reject)
        sent.end(body)
      })
      return { status: response.statusCode ?? 0, text: await textOf(response) }
    } catch (error) {
      throw new StorageError('unavailable', `the API server at ${host}:${port} does not answer`, {
        cause: signal.aborted ? signal.reason : error,
      })
    }
  }

  // A connection was proved by the authority of its time: another one needs another agent.
  async #identity(): Promise<{ readonly token: string; readonly agent: Agent }> {
    const read = (name: string) => readText(join(this.#options.serviceAccount, name))
    const [token, ca] = await Promise.all([read('token'), read('ca.crt')])
    if (this.#agent?.ca !== ca) {
      this.#agent?.agent.destroy()
      this.#agent = { ca, agent: new Agent({ ca, keepAlive: true, maxSockets: 4 }) }
    }
    return { token: token.trim(), agent: this.#agent.agent }
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

function parseJson(text: string, status: number): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    // Something between it and us answers in its stead.
    throw new StorageError('unavailable', `the API server answers ${status} without JSON`, {
      cause: error,
    })
  }
}

function messageOf(body: unknown): string | undefined {
  try {
    return readObject(V1Status, body).message
  } catch {
    return undefined
  }
}

function pathOnly(path: string): string {
  return path.split('?', 1)[0] ?? path
}
