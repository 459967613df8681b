// Calls to services in the same process, as if through a socket: the same defaults, wrapper, codes
// and limits. For a process that composes node services of guests and calls them itself.

import { Metadata, type ServiceError, status } from '@grpc/grpc-js'
import type { Log } from '../../log.ts'
import { Calls, LONGEST_TIMER_MS } from './calls.ts'
import { type CallOptions, callsOf, RpcError, type UnaryCalls } from './client.ts'
import { NO_CONDITIONS } from './conditions.ts'
import type { CallOutcome, Method, Service } from './handler.ts'
import type { MethodType, PlainMessage, ServiceMethods, ServiceName } from './proto.ts'
import type { RpcStatus } from './status.ts'

/**
 * A client of one service among `services`. A caller that gives up gets its answer at once, while
 * work that has begun comes to its end. Identical calls share one piece of work.
 */
export function callDirectly<Name extends ServiceName>(
  wanted: Name,
  services: readonly Service[],
  log: Log,
): UnaryCalls<ServiceMethods[Name]> {
  const tools = { log, calls: new Calls() }
  const methods = services.find(({ name }) => name === wanted)?.methods(tools)
  return callsOf(wanted, type => async (request, options) => {
    const method = methods?.get(type.rpc)
    if (method === undefined) throw rpcError(type, unimplemented(type))
    return call(type, { method, request }, options)
  })
}

async function call(
  type: MethodType,
  { method, request }: { readonly method: Method; readonly request: PlainMessage },
  options: CallOptions,
): Promise<PlainMessage> {
  const { requestSerialize, requestDeserialize, responseSerialize, responseDeserialize } =
    type.definition
  const received = orInternal(type, () => requestDeserialize(requestSerialize(request)))
  const outcome = await orGivenUp(options, caller =>
    method({ request: received, conditions: options.conditions ?? NO_CONDITIONS, caller }),
  )
  if (outcome.kind === 'status') throw rpcError(type, outcome.status)
  return orInternal(type, () => responseDeserialize(responseSerialize(outcome.response)))
}

interface DirectCaller {
  readonly deadlineMs: number
  readonly gone: AbortSignal
}

/** The outcome, or the status of a caller that does not wait for it any more. */
function orGivenUp(
  { timeoutMs, signal }: CallOptions,
  run: (caller: DirectCaller) => Promise<CallOutcome>,
): Promise<CallOutcome> {
  return new Promise((resolve, reject) => {
    const gone = new AbortController()
    const giveUp = (code: status, message: string) => {
      gone.abort()
      end({ kind: 'status', status: { code, message } })
    }
    const onAbort = () => giveUp(status.CANCELLED, 'Cancelled on client')
    const timer =
      timeoutMs === undefined || timeoutMs > LONGEST_TIMER_MS
        ? undefined
        : setTimeout(() => giveUp(status.DEADLINE_EXCEEDED, 'Deadline exceeded'), timeoutMs)
    const end = (outcome: CallOutcome) => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      resolve(outcome)
    }
    if (signal?.aborted) {
      onAbort()
      return
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    const deadlineMs = timeoutMs === undefined ? Number.POSITIVE_INFINITY : Date.now() + timeoutMs
    run({ deadlineMs, gone: gone.signal }).then(end, reject)
  })
}

/** A message that does not fit its type: a bug of the caller, or of the handler. */
function orInternal<T>(type: MethodType, convert: () => T): T {
  try {
    return convert()
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw rpcError(type, { code: status.INTERNAL, message })
  }
}

function unimplemented({ path }: MethodType): RpcStatus {
  return {
    code: status.UNIMPLEMENTED,
    message: `The server does not implement the method ${path}`,
  }
}

function rpcError({ rpc }: MethodType, { code, message: details }: RpcStatus): RpcError {
  const metadata = new Metadata()
  const error: ServiceError = Object.assign(new Error(details), { code, details, metadata })
  return new RpcError(rpc, error)
}
