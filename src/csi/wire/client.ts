// A CSI client for `apply` and tests: one promise per call, plain objects in both directions. It
// never retries; the caller decides.

import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js'
import { type Conditions, formatConditions, NO_CONDITIONS } from './conditions.ts'
import { parseEndpoint } from './endpoint.ts'
import {
  type Draft,
  type MethodType,
  methodsOf,
  type PlainMessage,
  type ServiceMethods,
  type ServiceName,
} from './proto.ts'
import { codeName } from './status.ts'

export interface CallOptions {
  /** Without it the call waits without end, even for a plugin that does not exist yet. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal | undefined
  readonly conditions?: Conditions
}

export type UnaryCalls<Methods> = {
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
  /** The private service of this driver's controller. */
  readonly disks: UnaryCalls<ServiceMethods['Disks']>
  close(): void
}

/** A call that ended with a status other than OK. */
export class RpcError extends Error {
  readonly rpc: string
  /** e.g. `NOT_FOUND` */
  readonly code: string
  readonly details: string

  constructor(rpc: string, error: ServiceError) {
    // grpc-js appends a note on name resolution, even an empty one.
    const details = error.details.replace(/\s*Resolution note:\s*$/, '')
    super(`${rpc}: ${codeName(error.code)}: ${details}`, { cause: error })
    this.name = 'RpcError'
    this.rpc = rpc
    this.code = codeName(error.code)
    this.details = details
  }
}

/** ListDisks has no pages. Ten thousand disks that all lack something take about 6 MiB. */
const LARGEST_RESPONSE_BYTES = 64 * 1024 * 1024

/**
 * Connects to `unix:///…` at the first call. If nobody serves the endpoint, the call fails with
 * UNAVAILABLE.
 */
export function connect(endpoint: string): CsiClient {
  const path = parseEndpoint(endpoint)
  // Node's HTTP/2 server rejects a socket path as authority. All current Kubernetes callers send
  // localhost too.
  const client = new Client(`unix://${path}`, credentials.createInsecure(), {
    'grpc.default_authority': 'localhost',
    'grpc.max_receive_message_length': LARGEST_RESPONSE_BYTES,
  })
  return {
    identity: calls(client, 'Identity'),
    controller: calls(client, 'Controller'),
    groupController: calls(client, 'GroupController'),
    node: calls(client, 'Node'),
    disks: calls(client, 'Disks'),
    close: () => client.close(),
  }
}

function calls<Name extends ServiceName>(
  client: Client,
  name: Name,
): UnaryCalls<ServiceMethods[Name]> {
  return callsOf(
    name,
    ({ rpc, definition }) =>
      (request, options) =>
        new Promise<PlainMessage>((resolve, reject) => {
          const { path, requestSerialize, responseDeserialize } = definition
          const deadline =
            options.timeoutMs === undefined ? {} : { deadline: Date.now() + options.timeoutMs }
          const metadata = formatConditions(options.conditions ?? NO_CONDITIONS)
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
        }),
  )
}

type Call = (request: PlainMessage, options: CallOptions) => Promise<PlainMessage>

/** The calls of a service, each made by `make`. */
export function callsOf<Name extends ServiceName>(
  name: Name,
  make: (method: MethodType) => Call,
): UnaryCalls<ServiceMethods[Name]> {
  const entries = methodsOf(name).map(method => {
    const call = make(method)
    return [
      method.rpc,
      (request: PlainMessage, options: CallOptions = {}) => call(request, options),
    ] as const
  })
  // Methods, names and messages come from the same proto as the type.
  return Object.fromEntries(entries) as unknown as UnaryCalls<ServiceMethods[Name]>
}

/**
 * Whether the call may still be in flight, or may succeed when repeated. CSI callers repeat calls
 * with these codes and no others.
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
