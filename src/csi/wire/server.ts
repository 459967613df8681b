// A plugin on its unix socket: start, serve, end. Which services it offers is the caller's choice,
// signals are bin's.

import { Server, ServerCredentials } from '@grpc/grpc-js'
import { StorageError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import { Calls } from './calls.ts'
import { clearEndpoint, parseEndpoint } from './endpoint.ts'
import type { Service } from './handler.ts'
import { serviceDefinition } from './proto.ts'

export interface ServerOptions {
  /** `unix:///absolute/path/csi.sock` */
  readonly endpoint: string
  readonly services: readonly Service[]
  readonly log: Log
}

export interface CsiServer {
  readonly endpoint: string
  /**
   * Takes no more calls, lets those that run come to their end for `graceMs`, then cuts them off.
   * The socket is gone at once.
   */
  stop(graceMs?: number): Promise<void>
}

// As long as a write may run: cutting it off would only hide its end.
const DEFAULT_GRACE_MS = 120_000
// The socket is for the plugin's group, not for the world: who can speak to it can delete volumes.
const SOCKET_UMASK = 0o117

export async function startServer({ endpoint, services, log }: ServerOptions): Promise<CsiServer> {
  const path = parseEndpoint(endpoint)
  await clearEndpoint(path)
  const server = new Server()
  const tools = { log, calls: new Calls() }
  // Only what has a handler is registered, so that everything else answers UNIMPLEMENTED.
  for (const service of services) {
    server.addService(serviceDefinition(service.name, service.rpcs), service.implementation(tools))
  }
  await bind(server, path)
  log.info({ address: endpoint }, 'serving')
  return { endpoint, stop: (graceMs = DEFAULT_GRACE_MS) => stop(server, graceMs) }
}

async function bind(server: Server, path: string): Promise<void> {
  // A chmod afterwards would leave a moment in which everybody may connect.
  const umask = process.umask(SOCKET_UMASK)
  try {
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(`unix://${path}`, ServerCredentials.createInsecure(), error =>
        error ? reject(error) : resolve(),
      )
    })
  } catch (error) {
    server.forceShutdown()
    throw new StorageError('failed-precondition', `cannot listen on ${path}`, { cause: error })
  } finally {
    process.umask(umask)
  }
}

async function stop(server: Server, graceMs: number): Promise<void> {
  await new Promise<void>(resolve => {
    const timer = setTimeout(() => {
      server.forceShutdown()
      resolve()
    }, graceMs)
    server.tryShutdown(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}
