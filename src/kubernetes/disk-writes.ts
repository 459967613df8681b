// What the controller of GuestDisks writes into the cluster. Every write names the version or the
// object that it was decided on, so that the API server refuses what has been overtaken. A write
// without an answer may have been done: whoever asked looks again.

import { StorageError } from '../errors.ts'
import { formatQuantity } from '../model/quantity.ts'
import type { ApiServer } from './api-server.ts'
import {
  type ClaimObject,
  type ClassObject,
  GUEST_DISK_VERSION,
  type GuestDiskObject,
  type GuestDiskSpec,
  type GuestDiskStatus,
  type Meta,
  type ObjectName,
  type Texts,
} from './cluster-objects.ts'
import { readClaim, readClass, readGuestDisk } from './cluster-readers.ts'
import { isRecord } from './objects.ts'

/** On a disk, and on a claim as long as a disk uses it. */
export const GUEST_DISK_FINALIZER = 'ldom-csi.io/guest-disk'

/**
 * `conflict`: somebody has changed it meanwhile; `gone`: it does not exist any more. Nothing was
 * written then.
 */
export type Written = 'done' | 'conflict' | 'gone'

/** A disk that is made from the annotations of a claim, which owns it. */
export interface NewDisk extends ObjectName {
  readonly spec: GuestDiskSpec
  readonly labels: Texts
  readonly annotations: Texts
  readonly finalizers: readonly string[]
  readonly owner: { readonly name: string; readonly uid: string } | undefined
}

export type Finalized = 'disk' | 'claim'

const CLASSES = '/apis/storage.k8s.io/v1/storageclasses'
/** Those that kubelet takes away when it has grown a file system. */
const RESIZE_CONDITIONS: ReadonlySet<unknown> = new Set([
  'FileSystemResizePending',
  'Resizing',
  'ControllerResizeError',
  'NodeResizeError',
])

export class DiskWrites {
  readonly #api: Pick<ApiServer, 'send'>

  constructor({ api }: { readonly api: Pick<ApiServer, 'send'> }) {
    this.#api = api
  }

  /** As the API server has it now. */
  async readDisk(name: ObjectName, signal?: AbortSignal): Promise<GuestDiskObject | undefined> {
    const body = await this.#get(pathOf('disk', name), signal)
    return body === undefined ? undefined : readGuestDisk(body)
  }

  /** As the API server has it now. */
  async readClaim(name: ObjectName, signal?: AbortSignal): Promise<ClaimObject | undefined> {
    const body = await this.#get(pathOf('claim', name), signal)
    return body === undefined ? undefined : readClaim(body)
  }

  async readClass(name: string, signal?: AbortSignal): Promise<ClassObject | undefined> {
    const body = await this.#get(`${CLASSES}/${encodeURIComponent(name)}`, signal)
    return body === undefined ? undefined : readClass(body)
  }

  /** The whole status: what is undefined in it is taken away. */
  async patchStatus(
    { meta }: GuestDiskObject,
    status: GuestDiskStatus,
    signal?: AbortSignal,
  ): Promise<Written> {
    const whole = Object.fromEntries(
      Object.entries(status).map(([field, value]) => [field, value ?? null]),
    )
    return this.#patch(
      `${pathOf('disk', meta)}/status`,
      { meta, change: { status: whole } },
      signal,
    )
  }

  /** Has it already: done, without a request. */
  async addFinalizer(kind: Finalized, meta: Meta, signal?: AbortSignal): Promise<Written> {
    if (meta.finalizers.includes(GUEST_DISK_FINALIZER)) return 'done'
    if (meta.deleting) {
      throw new StorageError(
        'failed-precondition',
        `${kind} ${meta.namespace}/${meta.name} is being deleted, and takes no new finalizer`,
      )
    }
    const finalizers = [...meta.finalizers, GUEST_DISK_FINALIZER]
    return this.#patch(pathOf(kind, meta), { meta, change: { metadata: { finalizers } } }, signal)
  }

  /** Does not have it: done, without a request. */
  async removeFinalizer(kind: Finalized, meta: Meta, signal?: AbortSignal): Promise<Written> {
    if (!meta.finalizers.includes(GUEST_DISK_FINALIZER)) return 'done'
    const finalizers = meta.finalizers.filter(each => each !== GUEST_DISK_FINALIZER)
    return this.#patch(pathOf(kind, meta), { meta, change: { metadata: { finalizers } } }, signal)
  }

  async createDisk(disk: NewDisk, signal?: AbortSignal): Promise<'done' | 'exists'> {
    const { namespace, name, spec, owner, labels, annotations, finalizers } = disk
    const ownerReferences =
      owner === undefined
        ? []
        : [{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', ...owner, controller: true }]
    const body = JSON.stringify({
      apiVersion: GUEST_DISK_VERSION,
      kind: 'GuestDisk',
      metadata: { namespace, name, labels, annotations, finalizers, ownerReferences },
      spec,
    })
    const path = folderOf('disk', namespace)
    const asked = { method: 'POST', path, body } as const
    const { status } = await this.#api.send(asked, { accept: [409] }, signal)
    return status === 409 ? 'exists' : 'done'
  }

  /** Another object of the same name is a conflict. A disk with finalizers stays until they go. */
  async deleteDisk(meta: Meta, signal?: AbortSignal): Promise<Written> {
    const body = JSON.stringify({ preconditions: { uid: meta.uid } })
    const asked = { method: 'DELETE', path: pathOf('disk', meta), body } as const
    const { status } = await this.#api.send(asked, { accept: [404, 409] }, signal)
    return writtenBy(status)
  }

  /**
   * The file system has grown to these bytes: says so on the claim as kubelet does, which replaces
   * the capacity and takes away whatever else the expansion has left there.
   */
  async finishResize(claim: ClaimObject, bytes: number, signal?: AbortSignal): Promise<Written> {
    const path = pathOf('claim', claim.meta)
    const body = await this.#get(path, signal)
    if (body === undefined) return 'gone'
    const { meta } = readClaim(body)
    if (meta.uid !== claim.meta.uid) return 'conflict'
    const change = {
      status: {
        capacity: { storage: formatQuantity(bytes) },
        allocatedResourceStatuses: { storage: null },
        conditions: otherConditions(body),
      },
    }
    return this.#patch(`${path}/status`, { meta, change }, signal)
  }

  async #get(path: string, signal?: AbortSignal): Promise<unknown> {
    const { status, body } = await this.#api.send(
      { method: 'GET', path },
      { accept: [404] },
      signal,
    )
    return status === 404 ? undefined : body
  }

  async #patch(
    path: string,
    { meta, change }: { readonly meta: Meta; readonly change: Change },
    signal?: AbortSignal,
  ): Promise<Written> {
    const { resourceVersion } = meta
    const metadata = { ...change.metadata, resourceVersion }
    const body = JSON.stringify({ ...change, metadata })
    const asked = { method: 'PATCH', path, body } as const
    const { status } = await this.#api.send(asked, { accept: [404, 409] }, signal)
    return writtenBy(status)
  }
}

interface Change {
  readonly metadata?: { readonly finalizers: readonly string[] }
  readonly status?: object
}

function writtenBy(status: number): Written {
  if (status === 404) return 'gone'
  return status === 409 ? 'conflict' : 'done'
}

function folderOf(kind: Finalized, namespace: string): string {
  const within = `namespaces/${encodeURIComponent(namespace)}`
  return kind === 'disk'
    ? `/apis/${GUEST_DISK_VERSION}/${within}/guestdisks`
    : `/api/v1/${within}/persistentvolumeclaims`
}

function pathOf(kind: Finalized, { namespace, name }: ObjectName): string {
  return `${folderOf(kind, namespace)}/${encodeURIComponent(name)}`
}

/** As they were answered: what others wrote in them must stay. */
function otherConditions(claim: unknown): readonly unknown[] {
  const status = isRecord(claim) && isRecord(claim.status) ? claim.status : {}
  const conditions: readonly unknown[] = Array.isArray(status.conditions) ? status.conditions : []
  return conditions.filter(each => !isRecord(each) || !RESIZE_CONDITIONS.has(each.type))
}
