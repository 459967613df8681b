// The API server of a cluster in memory behind HTTPS and a token, for processes.

import { mkdir, writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import { join } from 'node:path'
import type { ApiRequest } from '../../src/kubernetes/api-answers.ts'
import { type Authority, createAuthority } from './certificates.ts'
import { Cluster } from './cluster-api/cluster.ts'
import { failure } from './cluster-api/requests.ts'
import { Watcher } from './cluster-api/watcher.ts'

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

export class SimApiServer extends Cluster {
  token = 'first token'
  port = 0
  /** Of the newest request. */
  userAgent: string | undefined
  readonly #directory: string
  readonly #watches = new Set<ServerResponse>()
  #server: Server | undefined

  constructor(directory: string) {
    super()
    this.#directory = directory
  }

  /** Where the files of a ServiceAccount are. */
  get serviceAccount(): string {
    return join(this.#directory, 'serviceaccount')
  }

  /** Listens with a certificate of a new authority, on the port of before. */
  async listen(): Promise<void> {
    const authority = createAuthority('test authority')
    await mkdir(this.serviceAccount, { recursive: true })
    await this.writeAccount(authority)
    this.#server = createServer(
      { key: authority.key, cert: authority.cert },
      (request, response) => {
        void this.#serve(request, response)
      },
    )
    await new Promise<void>(resolve =>
      this.#server?.listen(this.port, '127.0.0.1', () => resolve()),
    )
    const address = this.#server.address()
    if (typeof address === 'object' && address !== null) this.port = address.port
  }

  async writeAccount({ ca }: Pick<Authority, 'ca'>): Promise<void> {
    await writeFile(join(this.serviceAccount, 'ca.crt'), ca)
    await this.writeToken(this.token)
  }

  async writeToken(token: string): Promise<void> {
    await writeFile(join(this.serviceAccount, 'token'), `${token}\n`)
  }

  async close(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    this.endWatches('cut')
    server?.closeAllConnections()
    await new Promise<void>(resolve => (server ? server.close(() => resolve()) : resolve()))
  }

  /** Resolves when so many watches go on. */
  async watched(count = 1): Promise<void> {
    while (this.#watches.size !== count) await new Promise(resolve => setTimeout(resolve, 5))
  }

  breakLines(): void {
    for (const response of this.#watches) response.end('{"type":')
  }

  babble(): void {
    for (const response of this.#watches) response.write('<html>\n')
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(Buffer.from(chunk))
    const { url: path = '' } = request
    this.userAgent = request.headers['user-agent']
    const method = METHODS.find(each => each === request.method) ?? 'GET'
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    if (request.headers.authorization !== `Bearer ${this.token}`) {
      return write(response, failure(401, 'Unauthorized', 'Unauthorized'))
    }
    try {
      if (path.includes('watch=1')) return await this.#watch(path, response, gone.signal)
      const body = Buffer.concat(chunks).toString('utf8')
      const asked: ApiRequest = { method, path, ...(body === '' ? {} : { body }) }
      write(response, await this.answer(asked, gone.signal))
    } catch {
      response.destroy()
    }
  }

  async #watch(path: string, response: ServerResponse, signal: AbortSignal): Promise<void> {
    const opened = this.open(path)
    if (!(opened instanceof Watcher)) return write(response, opened)
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    this.#watches.add(response)
    response.once('close', () => this.#watches.delete(response))
    for await (const line of opened.lines(signal)) response.write(`${line}\n`)
    response.end()
  }
}

function write(response: ServerResponse, { status, body }: ReturnType<typeof failure>): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}
