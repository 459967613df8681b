// Events on objects of the cluster: what a person has to know or to do. One about a volume stands
// on the volume's claim. Nobody waits for them. What cannot be written is a line of the log. The
// same one again is counted, not written again, and what waits is bounded.

import { randomBytes } from 'node:crypto'
import { CoreV1Event } from '@kubernetes/client-node/dist/gen/models/CoreV1Event.js'
import type { Clock } from '../clock.ts'
import { describeError, isStorageError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { ApiServer } from './api-server.ts'
import type { Claims } from './claims.ts'
import type { ObjectName } from './cluster-objects.ts'
import { writeObject } from './objects.ts'

interface EventWords {
  readonly type: 'Normal' | 'Warning'
  /** One word in CamelCase. */
  readonly reason: string
  readonly message: string
}

/** Stands on the claim of the volume, if there is one. */
export interface VolumeEvent extends EventWords {
  readonly volumeId: string
}

export interface EventObject extends ObjectName {
  readonly apiVersion: string
  readonly kind: string
  readonly uid: string
}

export interface ObjectEvent extends EventWords {
  readonly object: EventObject
}

/** So often the API server hears of the same event at the most. */
const AGAIN_MS = 60_000
/** After it, the same event is a new one. Well below the hour for which a cluster keeps events. */
const FORGET_MS = 30 * 60_000
const MOST_KNOWN = 2_000
const MOST_WAITING = 1_000
const LONGEST_MESSAGE = 1_000
/** The name of an object, cut so that a name made from it is one of Kubernetes'. */
const LONGEST_NAME = 200

interface Known {
  readonly event: VolumeEvent | ObjectEvent
  readonly sinceMs: number
  count: number
  /** Undefined: it waits for its first time. */
  writtenMs: number | undefined
  isWaiting: boolean
  /** Where it stands; undefined before it was written, and where it could not be. */
  place: { readonly namespace: string; readonly name: string } | undefined
}

export interface EventsOptions {
  readonly api: Pick<ApiServer, 'send'>
  /** Undefined: nobody tells of volumes. */
  readonly claims?: Pick<Claims, 'find'>
  readonly driverName: string
  /** Of this process: its pod. */
  readonly instance: string
  readonly clock: Clock
  readonly log: Log
}

export class Events {
  readonly #options: EventsOptions
  /** By what makes two events the same, in the order in which they were told first. */
  readonly #known = new Map<string, Known>()
  readonly #waiting: Known[] = []
  readonly #stopped = new AbortController()
  #writing: Promise<void> | undefined
  #isFull = false

  constructor(options: EventsOptions) {
    this.#options = options
  }

  /** Returns at once, and never throws. */
  tell(event: VolumeEvent | ObjectEvent): void {
    const nowMs = this.#options.clock.nowMs()
    const about = 'object' in event ? event.object.uid : event.volumeId
    const key = JSON.stringify([about, event.type, event.reason, event.message])
    const before = this.#known.get(key)
    const isOld = before !== undefined && nowMs - before.sinceMs >= FORGET_MS
    const known: Known =
      before === undefined || isOld
        ? {
            event,
            sinceMs: nowMs,
            count: 0,
            writtenMs: undefined,
            isWaiting: false,
            place: undefined,
          }
        : before
    known.count += 1
    if (known !== before) this.#remember(key, known)
    const isSoon = known.writtenMs !== undefined && nowMs - known.writtenMs < AGAIN_MS
    if (!known.isWaiting && !isSoon) this.#queue(known)
  }

  /** What waits is dropped: whoever ends has no time for it. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    this.#waiting.length = 0
    await this.#writing
  }

  #remember(key: string, known: Known): void {
    this.#known.delete(key)
    this.#known.set(key, known)
    const [oldest] = this.#known.keys()
    if (this.#known.size > MOST_KNOWN && oldest !== undefined) this.#known.delete(oldest)
  }

  #queue(known: Known): void {
    if (this.#stopped.signal.aborted) return
    if (this.#waiting.length >= MOST_WAITING) {
      if (!this.#isFull) this.#options.log.warn({}, 'events are dropped: too many wait')
      this.#isFull = true
      return
    }
    known.isWaiting = true
    this.#waiting.push(known)
    this.#writing ??= this.#writeAll()
  }

  // One at a time: a storm of failures must not become a storm of requests.
  async #writeAll(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      next.isWaiting = false
      next.writtenMs = this.#options.clock.nowMs()
      try {
        await this.#write(next, this.#stopped.signal)
      } catch (error) {
        if (this.#stopped.signal.aborted) break
        const why = isStorageError(error) ? describeError(error) : String(error)
        const about = 'object' in next.event ? {} : { volumeId: next.event.volumeId }
        const words = `event ${next.event.reason} could not be written`
        this.#options.log.warn({ ...about, error: why }, words)
      }
    }
    this.#isFull = false
    this.#writing = undefined
  }

  async #write(known: Known, signal: AbortSignal): Promise<void> {
    if (known.place !== undefined && (await this.#count(known, known.place, signal))) return
    const object = await this.#findObject(known.event, signal)
    if (object === undefined) return
    const name = eventName(object)
    const body = writeObject(CoreV1Event, this.#object(known, object, name))
    const path = eventsOf(object.namespace)
    await this.#options.api.send({ method: 'POST', path, body }, {}, signal)
    known.place = { namespace: object.namespace, name }
  }

  async #findObject(
    event: VolumeEvent | ObjectEvent,
    signal: AbortSignal,
  ): Promise<EventObject | undefined> {
    if ('object' in event) return event.object
    const claim = await this.#options.claims?.find(event.volumeId, signal)
    return claim && { apiVersion: 'v1', kind: 'PersistentVolumeClaim', ...claim }
  }

  /** False: the cluster does not have it any more. */
  async #count(
    { count }: Known,
    { namespace, name }: NonNullable<Known['place']>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const body = JSON.stringify({ count, lastTimestamp: timestamp() })
    const path = `${eventsOf(namespace)}/${name}`
    const asked = { method: 'PATCH', path, body } as const
    const { status } = await this.#options.api.send(asked, { accept: [404] }, signal)
    return status !== 404
  }

  #object({ event, count }: Known, object: EventObject, name: string): CoreV1Event {
    const { driverName, instance } = this.#options
    const { type, reason, message } = event
    const now = new Date(timestamp())
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name, namespace: object.namespace },
      involvedObject: object,
      type,
      reason,
      message: shortened(message),
      count,
      firstTimestamp: now,
      lastTimestamp: now,
      source: { component: driverName },
      reportingComponent: driverName,
      reportingInstance: instance,
    }
  }
}

function eventsOf(namespace: string): string {
  return `/api/v1/namespaces/${encodeURIComponent(namespace)}/events`
}

function eventName({ name }: EventObject): string {
  const beginning = name.slice(0, LONGEST_NAME).replace(/[^a-z0-9]+$/, '')
  return `${beginning}.${randomBytes(8).toString('hex')}`
}

/** Now, in whole seconds: the API keeps no more. */
function timestamp(): string {
  return `${new Date().toISOString().slice(0, 19)}Z`
}

function shortened(message: string): string {
  const text = message.length > LONGEST_MESSAGE ? `${message.slice(0, LONGEST_MESSAGE)}…` : message
  return text.toWellFormed()
}
