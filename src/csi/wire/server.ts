// A plugin on its unix socket: start, serve, stop. The caller chooses the services, and bin handles
// signals.

import {
  type handleUnaryCall,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
} from '@grpc/grpc-js'
import { StorageError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import { type Caller, Calls } from './calls.ts'
import { parseConditions } from './conditions.ts'
import { clearEndpoint, parseEndpoint } from './endpoint.ts'
import type { CallWatch, Method, Service } from './handler.ts'
import { type PlainMessage, serviceDefinition } from './proto.ts'

export interface ServerOptions {
  /** `unix:///absolute/path/csi.sock` */
  readonly endpoint: string
  readonly services: readonly Service[]
  readonly log: Log
  readonly watch?: CallWatch | undefined
}

export interface CsiServer {
  readonly endpoint: string
  /**
   * Accepts no more calls. Running calls may finish within `graceMs` and are cut after that. The
   * socket is removed at once.
   */
  stop(graceMs?: number): Promise<void>
}

// The longest time of a write. Cutting a write would only hide how it ends.
const DEFAULT_GRACE_MS = 120_000
// Only the plugin's group may use the socket: whoever can connect can delete volumes.
const SOCKET_UMASK = 0o117

export async function startServer({
  endpoint,
  services,
  log,
  watch,
}: ServerOptions): Promise<CsiServer> {
  const path = parseEndpoint(endpoint)
  await clearEndpoint(path)
  const server = new Server()
  const tools = { log, calls: new Calls(), watch }
  // Only methods with a handler are registered, so all others answer UNIMPLEMENTED.
  for (const service of services) {
    const methods = [...service.methods(tools)]
    server.addService(
      serviceDefinition(service.name, service.rpcs),
      Object.fromEntries(methods.map(([rpc, method]) => [rpc, unary(method)])),
    )
  }
  await bind(server, path)
  log.info({ address: endpoint }, 'serving')
  return { endpoint, stop: (graceMs = DEFAULT_GRACE_MS) => stop(server, graceMs) }
}

function unary(method: Method): handleUnaryCall<PlainMessage, PlainMessage> {
  return async (call, callback) => {
    const conditions = parseConditions(call.metadata)
    const outcome = await method({ request: call.request, conditions, caller: callerOf(call) })
    if (outcome.kind === 'response') callback(null, outcome.response)
    else callback({ code: outcome.status.code, details: outcome.status.message })
  }
}

function callerOf(call: ServerUnaryCall<PlainMessage, PlainMessage>): Caller {
  const gone = new AbortController()
  // Also emitted after an answered call, when nobody listens any more.
  call.on('cancelled', () => gone.abort())
  const deadline = call.getDeadline()
  return { deadlineMs: deadline instanceof Date ? deadline.getTime() : deadline, gone: gone.signal }
}

async function bind(server: Server, path: string): Promise<void> {
  // With a chmod after bind, anybody could connect for a moment.
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
