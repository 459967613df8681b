// A CSI caller, for `apply` and for tests: one promise a call, plain objects both ways. No retries:
// the caller knows better.

import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js'
import { type Conditions, formatConditions } from './conditions.ts'
import { parseEndpoint } from './endpoint.ts'
import {
  type Draft,
  methodsOf,
  type PlainMessage,
  type ServiceMethods,
  type ServiceName,
} from './proto.ts'
import { codeName } from './status.ts'

export interface CallOptions {
  /** Without it the call waits for ever, also for a plugin that is not there yet. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal | undefined
  readonly conditions?: Conditions
}

type UnaryCalls<Methods> = {
  readonly [K in keyof Methods as Methods[K] extends { readonly kind: 'unary' }
    ? K
    : never]: Methods[K] extends {
    readonly request: infer Request
    readonly response: infer Response
  }
    ? (request: Draft<Request>, options?: CallOptions) => Promise<Response>
    : never
}

export interface CsiClient {
  readonly identity: UnaryCalls<ServiceMethods['Identity']>
  readonly controller: UnaryCalls<ServiceMethods['Controller']>
  readonly groupController: UnaryCalls<ServiceMethods['GroupController']>
  readonly node: UnaryCalls<ServiceMethods['Node']>
  close(): void
}

/** A call that ended with a status other than OK. */
export class RpcError extends Error {
  readonly rpc: string
  /** e.g. `NOT_FOUND` */
  readonly code: string
  readonly details: string

  constructor(rpc: string, error: ServiceError) {
    // grpc-js appends what it knows of the name's resolution, also when that is nothing.
    const details = error.details.replace(/\s*Resolution note:\s*$/, '')
    super(`${rpc}: ${codeName(error.code)}: ${details}`, { cause: error })
    this.name = 'RpcError'
    this.rpc = rpc
    this.code = codeName(error.code)
    this.details = details
  }
}

/**
 * Connects to `unix:///…`, at the first call; an endpoint that nobody serves answers UNAVAILABLE.
 */
export function connect(endpoint: string): CsiClient {
  const path = parseEndpoint(endpoint)
  // Node's HTTP/2 server refuses a socket path as authority; every current Kubernetes caller sends
  // localhost as well.
  const client = new Client(`unix://${path}`, credentials.createInsecure(), {
    'grpc.default_authority': 'localhost',
  })
  return {
    identity: calls(client, 'Identity'),
    controller: calls(client, 'Controller'),
    groupController: calls(client, 'GroupController'),
    node: calls(client, 'Node'),
    close: () => client.close(),
  }
}

function calls<Name extends ServiceName>(
  client: Client,
  name: Name,
): UnaryCalls<ServiceMethods[Name]> {
  const entries = methodsOf(name).map(({ rpc, definition }) => {
    const call = (request: PlainMessage, options: CallOptions = {}) =>
      new Promise<PlainMessage>((resolve, reject) => {
        const { path, requestSerialize, responseDeserialize } = definition
        const deadline =
          options.timeoutMs === undefined ? {} : { deadline: Date.now() + options.timeoutMs }
        const metadata = formatConditions(options.conditions ?? { onlyWhileOff: false })
        const onEnd = (error: ServiceError | null, response?: PlainMessage) => {
          options.signal?.removeEventListener('abort', onAbort)
          if (error) reject(new RpcError(rpc, error))
          else resolve(response ?? {})
        }
        const running = client.makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize,
          request,
          metadata,
          deadline,
          onEnd,
        )
        const onAbort = () => running.cancel()
        if (options.signal?.aborted) onAbort()
        options.signal?.addEventListener('abort', onAbort, { once: true })
      })
    return [rpc, call] as const
  })
  // The methods, their names and their messages come from the same proto as the type.
  return Object.fromEntries(entries) as unknown as UnaryCalls<ServiceMethods[Name]>
}

/**
 * Whether the call may still be going on, or may succeed when it is repeated: CSI's callers repeat
 * these and no others.
 */
export function isWorthRepeating(error: unknown): boolean {
  return error instanceof RpcError && REPEATABLE.includes(error.code)
}

const REPEATABLE: readonly string[] = [
  status.UNAVAILABLE,
  status.ABORTED,
  status.DEADLINE_EXCEEDED,
  status.CANCELLED,
].map(codeName)
