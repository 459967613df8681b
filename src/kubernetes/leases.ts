// The Lease of a driver at the API server. Whoever updates it names the version that he has seen,
// so that the API server itself decides between two.

import { V1Lease } from '@kubernetes/client-node/dist/gen/models/V1Lease.js'
import { V1MicroTime } from '@kubernetes/client-node/dist/types.js'
import { StorageError } from '../errors.ts'
import type { ApiServer } from './api-server.ts'
import type { LeaseStore, StoredLease, WantedLease } from './lease.ts'
import { readObject, writeObject } from './objects.ts'

/** The name of a driver's Lease: a name of Kubernetes has no dots here. */
export function leaseName(driverName: string): string {
  return driverName.replaceAll(/[^a-z0-9-]/g, '-')
}

export interface LeasesOptions {
  readonly api: ApiServer
  readonly namespace: string
  readonly name: string
}

export class Leases implements LeaseStore {
  readonly #api: ApiServer
  readonly #namespace: string
  readonly #name: string
  /** As it was read last: an update leaves alone what others have written on it. */
  #last: V1Lease | undefined

  constructor({ api, namespace, name }: LeasesOptions) {
    this.#api = api
    this.#namespace = namespace
    this.#name = name
  }

  async get(signal?: AbortSignal): Promise<StoredLease | undefined> {
    const asked = { method: 'GET', path: `${this.#all}/${this.#name}` } as const
    const { status, body } = await this.#api.send(asked, { accept: [404] }, signal)
    return status === 404 ? undefined : this.#stored(body)
  }

  async create(wanted: WantedLease, signal?: AbortSignal): Promise<StoredLease | 'exists'> {
    const body = this.#text(wanted, undefined)
    const asked = { method: 'POST', path: this.#all, body } as const
    const answer = await this.#api.send(asked, { accept: [409] }, signal)
    return answer.status === 409 ? 'exists' : this.#stored(answer.body)
  }

  async update(
    wanted: WantedLease,
    version: string,
    signal?: AbortSignal,
  ): Promise<StoredLease | 'changed'> {
    const body = this.#text(wanted, version)
    const asked = { method: 'PUT', path: `${this.#all}/${this.#name}`, body } as const
    const answer = await this.#api.send(asked, { accept: [404, 409] }, signal)
    return answer.status >= 400 ? 'changed' : this.#stored(answer.body)
  }

  get #all(): string {
    const namespace = encodeURIComponent(this.#namespace)
    return `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`
  }

  #text({ holder, durationSeconds, transitions }: WantedLease, version: string | undefined) {
    const now = new V1MicroTime()
    const before = this.#last?.metadata?.resourceVersion === version ? this.#last : undefined
    const { holderIdentity, acquireTime } = before?.spec ?? {}
    return writeObject(V1Lease, {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: {
        ...(version === undefined ? {} : before?.metadata),
        name: this.#name,
        namespace: this.#namespace,
        ...(version === undefined ? {} : { resourceVersion: version }),
      },
      spec: {
        holderIdentity: holder,
        leaseDurationSeconds: durationSeconds,
        leaseTransitions: transitions,
        acquireTime: holderIdentity === holder && acquireTime !== undefined ? acquireTime : now,
        renewTime: now,
      },
    })
  }

  #stored(body: unknown): StoredLease {
    const lease = readObject(V1Lease, body)
    const { metadata, spec = {} } = lease
    if (metadata?.resourceVersion === undefined) {
      throw new StorageError('internal', `lease ${this.#name} has no resourceVersion`)
    }
    this.#last = lease
    const { holderIdentity = '', leaseDurationSeconds = 0, leaseTransitions = 0 } = spec
    return {
      holder: holderIdentity,
      durationSeconds: leaseDurationSeconds,
      transitions: leaseTransitions,
      version: metadata.resourceVersion,
      mark: JSON.stringify([holderIdentity, spec.acquireTime, spec.renewTime, leaseTransitions]),
    }
  }
}
