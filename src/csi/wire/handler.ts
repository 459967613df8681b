// The wrapper around every handler. It joins identical requests, passes the deadline on and turns
// errors into a status. It keeps secrets out of messages and logs, and logs one line per call.
// Handlers know none of this.

import { status } from '@grpc/grpc-js'
import { systemClock } from '../../clock.ts'
import { type ErrorKind, StorageError } from '../../errors.ts'
import type { Log, LogFields } from '../../log.ts'
import { Queueing } from '../../queueing.ts'
import type { Caller, Calls } from './calls.ts'
import type { Conditions } from './conditions.ts'
import {
  type Draft,
  type MethodType,
  methodsOf,
  type PlainMessage,
  type ServiceMethods,
  type ServiceName,
} from './proto.ts'
import { codeName, type RpcStatus, redact, statusOf } from './status.ts'

type UnaryName<Methods> = {
  [K in keyof Methods]: Methods[K] extends { readonly kind: 'unary' } ? K : never
}[keyof Methods]

/**
 * The handlers of one service. A method without a handler is not registered and answers
 * UNIMPLEMENTED.
 */
export type Handlers<Methods> = {
  readonly [K in UnaryName<Methods>]?: Methods[K] extends {
    readonly request: infer Request
    readonly response: infer Response
  }
    ? (request: Request, signal: AbortSignal, conditions: Conditions) => Promise<Draft<Response>>
    : never
}

/** A service with its handlers, ready to register. */
export interface Service {
  readonly name: ServiceName
  readonly rpcs: readonly string[]
  /** Its methods by name, for whoever brings calls to them. */
  methods(tools: HandlerTools): ReadonlyMap<string, Method>
}

/** A call as it arrives, from a socket or from this process. */
export interface IncomingCall {
  readonly request: PlainMessage
  readonly conditions: Conditions
  readonly caller: Caller
}

export type CallOutcome =
  | { readonly kind: 'response'; readonly response: PlainMessage }
  | { readonly kind: 'status'; readonly status: RpcStatus }

/** Never rejects. */
export type Method = (call: IncomingCall) => Promise<CallOutcome>

export interface HandlerTools {
  readonly log: Log
  readonly calls: Calls
  readonly watch?: CallWatch | undefined
}

/** Who sees every call of a plugin, whatever its service. */
export interface CallWatch {
  /** Throws for a call that must not be made now. */
  admit(rpc: string): void
  /** Must neither wait nor throw: the caller waits for his answer. */
  failed(failure: CallFailure): void
}

export interface CallFailure {
  readonly rpc: string
  readonly request: PlainMessage
  /** Undefined: a bug. */
  readonly kind: ErrorKind | undefined
  /** As the caller gets it: secrets are removed. */
  readonly message: string
}

type SuccessLevel = 'debug' | 'info'

/** While a controller waits for its lease, its sidecars call Probe twice a second. */
const SUCCESS_LEVELS: Partial<Readonly<Record<ServiceName, SuccessLevel>>> = { Identity: 'debug' }

type AnyHandler = (
  request: PlainMessage,
  signal: AbortSignal,
  conditions: Conditions,
) => Promise<PlainMessage>

export function service<Name extends ServiceName>(
  name: Name,
  handlers: Handlers<ServiceMethods[Name]>,
): Service {
  // The decoder and the handler types are generated from the same proto, so this conversion is
  // sound.
  const table = handlers as Readonly<Record<string, AnyHandler | undefined>>
  const methods = methodsOf(name).flatMap(method => {
    const handler = table[method.rpc]
    return handler ? [{ method, handler }] : []
  })
  return {
    name,
    rpcs: methods.map(({ method }) => method.rpc),
    methods: tools =>
      new Map(
        methods.map(({ method, handler }) => [
          method.rpc,
          wrap(method, handler, { ...tools, successLevel: SUCCESS_LEVELS[name] ?? 'info' }),
        ]),
      ),
  }
}

// Only changing calls are joined. A joined read could return a state from before its call began.
const CHANGES =
  /^(Create|Delete|Controller((Unp|P)ublish|Expand|Modify)|Node((Uns|S)tage|(Unp|P)ublish|Expand))/

function wrap(
  method: MethodType,
  handler: AnyHandler,
  { log, calls, watch, successLevel }: HandlerTools & { readonly successLevel: SuccessLevel },
): Method {
  return async ({ request, conditions, caller }) => {
    const begunMs = systemClock.nowMs()
    const secrets = method.secretsOf(request)
    // The same request under another condition is a different call.
    const key = CHANGES.test(method.rpc)
      ? `${method.path} ${canonical(request)} ${canonical(conditions)}`
      : undefined
    const names = redactAll(namesIn(request), secrets)
    const queueing = new Queueing()
    const finish = (outcome: RpcStatus | undefined, fields: LogFields) => {
      const code = codeName(outcome?.code ?? status.OK)
      const queuedMs = Math.round(queueing.ms)
      const queued = queuedMs > 0 ? { queuedMs } : {}
      log[outcome === undefined ? successLevel : 'info'](
        {
          rpc: method.rpc,
          ...names,
          code,
          durationMs: Math.round(systemClock.nowMs() - begunMs),
          ...queued,
          ...fields,
        },
        'rpc done',
      )
    }
    const work = (signal: AbortSignal) =>
      queueing.during(() =>
        answer(() => {
          watch?.admit(method.rpc)
          return handler(request, signal, conditions)
        }, signal),
      )
    try {
      const response = await calls.run(key, caller, work)
      finish(undefined, redactAll(madeBy(response), secrets))
      return { kind: 'response', response }
    } catch (error) {
      const outcome = statusOf(error, secrets)
      finish(outcome, { error: redact(explain(error, outcome), secrets) })
      const kind = error instanceof StorageError ? error.kind : undefined
      watch?.failed({ rpc: method.rpc, request, kind, message: outcome.message })
      return { kind: 'status', status: outcome }
    }
  }
}

/**
 * Handles two cases alike: a handler that throws before its first await, and one that passes on the
 * signal's reason from a library.
 */
async function answer(
  handle: () => Promise<PlainMessage>,
  signal: AbortSignal,
): Promise<PlainMessage> {
  try {
    return await handle()
  } catch (error) {
    throw signal.aborted && isAbortError(error)
      ? new StorageError('unavailable', 'the operation was interrupted', { cause: signal.reason })
      : error
  }
}

function isAbortError(error: unknown): boolean {
  return (
    typeof error === 'object' && error !== null && 'name' in error && error.name === 'AbortError'
  )
}

/** The status message is for the caller. For a bug, the log also gets the stack. */
function explain(error: unknown, outcome: RpcStatus): string {
  const isBug = error instanceof Error && !(error instanceof StorageError)
  return isBug ? (error.stack ?? outcome.message) : outcome.message
}

const NAMED: readonly (readonly [wire: string, field: keyof LogFields])[] = [
  ['volume_id', 'volumeId'],
  ['source_volume_id', 'volumeId'],
  ['snapshot_id', 'snapshotId'],
  ['group_snapshot_id', 'groupId'],
  ['node_id', 'guest'],
  ['staging_target_path', 'path'],
  ['target_path', 'path'],
]

function namesIn(message: PlainMessage): LogFields {
  return Object.fromEntries(
    NAMED.flatMap(([wire, field]) => {
      const value = message[wire]
      return typeof value === 'string' && value !== '' ? [[field, value]] : []
    }),
  )
}

/** A path may contain a password. */
function redactAll(fields: LogFields, secrets: readonly string[]): LogFields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === 'string' ? redact(value, secrets) : value,
    ]),
  )
}

/** A create call names its object only in the answer. */
function madeBy(response: PlainMessage): LogFields {
  const made = response.volume ?? response.snapshot ?? response.group_snapshot
  return typeof made === 'object' && made !== null ? namesIn({ ...made }) : {}
}

/** Equal content gives equal text: maps have no order on the wire. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`).join()}}`
}
