// The API server of a cluster as far as the controller knows it: leases, events and persistent
// volumes behind HTTPS and a token, with versions that conflict as the real ones do.

import { mkdir, writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import { join } from 'node:path'
import { type Authority, createAuthority } from './certificates.ts'

export interface StoredObject {
  readonly metadata: { readonly name: string; readonly resourceVersion: string }
  readonly [field: string]: unknown
}

export class SimApiServer {
  /** By the path of each. */
  readonly objects = new Map<string, StoredObject>()
  /** `GET /apis/…`, in order. */
  readonly requests: string[] = []
  /** What is answered instead, for requests that begin so. */
  readonly faults = new Map<string, 'hangs' | 'effect without answer' | number>()
  token = 'first token'
  port = 0
  readonly #directory: string
  #server: Server | undefined
  #version = 0

  constructor(directory: string) {
    this.#directory = directory
  }

  /** Where the files of a ServiceAccount are. */
  get serviceAccount(): string {
    return join(this.#directory, 'serviceaccount')
  }

  /** Listens with a certificate of a new authority, on the port of before. */
  async start(): Promise<void> {
    const authority = createAuthority('test authority')
    await mkdir(this.serviceAccount, { recursive: true })
    await this.writeAccount(authority)
    this.#server = createServer(
      { key: authority.key, cert: authority.cert },
      (request, response) => {
        void this.#answer(request, response)
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

  async stop(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    server?.closeAllConnections()
    await new Promise<void>(resolve => (server ? server.close(() => resolve()) : resolve()))
  }

  of(folder: string): readonly StoredObject[] {
    return [...this.objects].flatMap(([path, object]) => (path.startsWith(folder) ? object : []))
  }

  put(path: string, object: Readonly<Record<string, unknown>>): StoredObject {
    this.#version += 1
    const metadata = object.metadata
    const stored = {
      ...object,
      metadata: {
        ...(typeof metadata === 'object' ? metadata : {}),
        name: path.slice(path.lastIndexOf('/') + 1),
        resourceVersion: String(this.#version),
      },
    }
    this.objects.set(path, stored)
    return stored
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(Buffer.from(chunk))
    const asked = `${request.method} ${request.url}`
    this.requests.push(asked)
    const fault = [...this.faults].find(([begin]) => asked.startsWith(begin))?.[1]
    if (fault === 'hangs') return
    const isKnown = request.headers.authorization === `Bearer ${this.token}`
    const { status, body } = !isKnown
      ? failure(401, 'Unauthorized')
      : typeof fault === 'number'
        ? failure(fault, 'as the test wishes')
        : this.#perform(request, Buffer.concat(chunks).toString('utf8'))
    if (fault === 'effect without answer') return
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(body))
  }

  #perform({ method, url = '' }: IncomingMessage, text: string): { status: number; body: object } {
    const [path = '', query = ''] = url.split('?')
    const body: Record<string, unknown> = text === '' ? {} : JSON.parse(text)
    const version = metadataOf(body).resourceVersion
    const known = this.objects.get(path)
    switch (method) {
      case 'GET':
        if (path.endsWith('s')) return this.#list(path, new URLSearchParams(query))
        return known ? { status: 200, body: known } : failure(404, `${path} not found`)
      case 'POST': {
        const at = `${path}/${metadataOf(body).name}`
        if (this.objects.has(at)) return failure(409, `${at} already exists`)
        return { status: 201, body: this.put(at, body) }
      }
      case 'PUT':
        if (known === undefined) return failure(404, `${path} not found`)
        if (version !== known.metadata.resourceVersion) return failure(409, `${path} was modified`)
        return { status: 200, body: this.put(path, body) }
      case 'PATCH':
        if (known === undefined) return failure(404, `${path} not found`)
        return { status: 200, body: this.put(path, { ...known, ...body }) }
      default:
        return failure(405, `no ${method}`)
    }
  }

  #list(path: string, query: URLSearchParams): { status: number; body: object } {
    const all = this.of(`${path}/`)
    const from = Number(query.get('continue') ?? 0)
    const until = from + Number(query.get('limit') ?? all.length)
    const rest = until < all.length ? { continue: String(until) } : {}
    return { status: 200, body: { items: all.slice(from, until), metadata: rest } }
  }
}

function metadataOf(body: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return typeof body.metadata === 'object' ? { ...body.metadata } : {}
}

function failure(code: number, message: string): { status: number; body: object } {
  return { status: code, body: { kind: 'Status', status: 'Failure', code, message } }
}
