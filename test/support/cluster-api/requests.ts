// What the API server does with a request: versions that conflict, the status that is a part of its
// own, finalizers that keep what is deleted, namespaces that end. As kube-apiserver 1.37.1 answered
// the same requests.

import type { ApiRequest } from '../../../src/kubernetes/api-answers.ts'
import { type ApiPath, parsePath, type Resource } from './paths.ts'
import { isJson, type Json, type Store, type StoredObject, timeOf } from './store.ts'

export interface Answer {
  readonly status: number
  readonly body: Json
}

export interface World {
  readonly store: Store
  /** Namespaces that are being deleted. */
  readonly ending: ReadonlySet<string>
}

export function failure(code: number, reason: string, message: string): Answer {
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure' }
  return { status: code, body: { ...status, message, reason, code } }
}

/** Anything but a list. Undefined: no API server knows the path. */
export function perform(asked: ApiRequest, world: World): Answer | undefined {
  const [path = ''] = asked.path.split('?')
  const at = parsePath(path)
  if (at === undefined) return undefined
  const body: unknown = asked.body === undefined ? {} : JSON.parse(asked.body)
  const sent = isJson(body) ? body : {}
  if (asked.method === 'POST') return create(path, at, { sent, world })
  const place = at.isStatus ? path.slice(0, path.lastIndexOf('/')) : path
  const known = world.store.objects.get(place)
  const title = `${at.resource.title} "${at.name}"`
  if (known === undefined) return failure(404, 'NotFound', `${title} not found`)
  if (asked.method === 'GET') return { status: 200, body: known }
  if (asked.method === 'DELETE') return remove(place, known, { sent, world })
  const wanted = asked.method === 'PATCH' ? merge(known, sent) : sent
  return update(place, { known, wanted: isJson(wanted) ? wanted : {}, at }, world)
}

interface Sent {
  readonly sent: Json
  readonly world: World
}

function create(
  folder: string,
  { resource, namespace = '' }: ApiPath,
  { sent, world }: Sent,
): Answer {
  const { resourceVersion: _, ...metadata } = metadataOf(sent)
  const title = `${resource.title} "${metadata.name}"`
  const path = `${folder}/${metadata.name}`
  if (world.ending.has(namespace)) {
    const why = 'because it is being terminated'
    const words = `unable to create new content in namespace ${namespace} ${why}`
    return failure(403, 'Forbidden', `${title} is forbidden: ${words}`)
  }
  if (world.store.objects.has(path)) return failure(409, 'AlreadyExists', `${title} already exists`)
  const { status, ...rest } = sent
  const stored = world.store.write(path, {
    ...(resource.hasStatus ? rest : sent),
    metadata: {
      ...metadata,
      ...(resource.finalizers.length > 0 ? { finalizers: resource.finalizers } : {}),
      ...(resource.isCustom ? { generation: 1 } : {}),
    },
  })
  return { status: 201, body: stored }
}

function update(
  path: string,
  {
    known,
    wanted,
    at,
  }: { readonly known: StoredObject; readonly wanted: Json; readonly at: ApiPath },
  { store }: World,
): Answer {
  const { resource } = at
  const title = `${resource.title} "${at.name}"`
  const metadata = metadataOf(wanted)
  if (
    (metadata.resourceVersion ?? known.metadata.resourceVersion) !== known.metadata.resourceVersion
  ) {
    const words = 'the object has been modified; please apply your changes to the latest version'
    return failure(
      409,
      'Conflict',
      `Operation cannot be fulfilled on ${title}: ${words} and try again`,
    )
  }
  const { uid, deletionTimestamp } = known.metadata
  const problem =
    (metadata.uid ?? uid) !== uid
      ? 'metadata.uid: field is immutable'
      : deletionTimestamp !== undefined && hasNewFinalizer(known, metadata)
        ? 'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted'
        : undefined
  if (problem !== undefined) return failure(422, 'Invalid', `${title} is invalid: ${problem}`)
  const next = at.isStatus
    ? withStatus(resource, known, wanted)
    : withoutStatus(resource, known, wanted)
  if (
    resource.isCustom &&
    !at.isStatus &&
    JSON.stringify(next.spec) !== JSON.stringify(known.spec)
  ) {
    return failure(422, 'Invalid', `${title} is invalid: spec: Invalid value: immutable`)
  }
  if (deletionTimestamp !== undefined && isFree(next.metadata)) {
    store.remove(path)
    return { status: 200, body: { ...next, metadata: { ...next.metadata } } }
  }
  return { status: 200, body: store.write(path, next) }
}

type Whole = Json & { readonly metadata: Json }

function withStatus(resource: Resource, known: StoredObject, wanted: Json): Whole {
  const metadata = resource.isCustom ? known.metadata : guarded(known, wanted)
  const { status: _, ...rest } = known
  return { ...rest, metadata, ...(wanted.status === undefined ? {} : { status: wanted.status }) }
}

function withoutStatus({ hasStatus }: Resource, known: StoredObject, wanted: Json): Whole {
  const metadata = guarded(known, wanted)
  if (!hasStatus) return { ...wanted, metadata }
  const { status: _, ...rest } = wanted
  return { ...rest, metadata, ...(known.status === undefined ? {} : { status: known.status }) }
}

/** What no client may change. */
function guarded({ metadata }: StoredObject, wanted: Json): Json {
  const { uid, generation, deletionTimestamp, creationTimestamp, namespace } = metadata
  const { finalizers, ...rest } = metadataOf(wanted)
  const kept = Array.isArray(finalizers) && finalizers.length > 0 ? { finalizers } : {}
  return { ...rest, ...kept, uid, generation, deletionTimestamp, creationTimestamp, namespace }
}

function hasNewFinalizer({ metadata: { finalizers = [] } }: StoredObject, wanted: Json): boolean {
  return (
    Array.isArray(wanted.finalizers) && wanted.finalizers.some(each => !finalizers.includes(each))
  )
}

function isFree({ finalizers }: Json): boolean {
  return !Array.isArray(finalizers) || finalizers.length === 0
}

function remove(path: string, known: StoredObject, { sent, world }: Sent): Answer {
  const preconditions = isJson(sent.preconditions) ? sent.preconditions : {}
  const { uid, resourceVersion } = known.metadata
  if ((preconditions.uid ?? uid) !== uid) {
    return failure(409, 'Conflict', 'the UID in the precondition does not match the UID in record')
  }
  if ((preconditions.resourceVersion ?? resourceVersion) !== resourceVersion) {
    return failure(409, 'Conflict', 'the ResourceVersion in the precondition does not match')
  }
  return { status: 200, body: markDeleted(path, known, world.store) }
}

/** Gone, or, where a finalizer keeps it, marked. */
export function markDeleted(path: string, known: StoredObject, store: Store): StoredObject {
  if (isFree(known.metadata)) {
    store.remove(path)
    return known
  }
  if (known.metadata.deletionTimestamp !== undefined) return known
  const { generation } = known.metadata
  const counted = generation === undefined ? {} : { generation: generation + 1 }
  const deletionTimestamp = timeOf(store.version + 1)
  return store.write(path, {
    ...known,
    metadata: { ...known.metadata, ...counted, deletionTimestamp },
  })
}

/** RFC 7386. */
function merge(target: unknown, patch: unknown): unknown {
  if (!isJson(patch)) return patch
  const merged = new Map(Object.entries(isJson(target) ? target : {}))
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) merged.delete(field)
    else merged.set(field, merge(merged.get(field), value))
  }
  return Object.fromEntries(merged)
}

export function metadataOf({ metadata }: Json): Json {
  return isJson(metadata) ? metadata : {}
}
