// Which claim a volume belongs to: by the PersistentVolume that names the volume as its handle.

import { V1PersistentVolume } from '@kubernetes/client-node/dist/gen/models/V1PersistentVolume.js'
import type { ApiServer } from './api-server.ts'
import { VOLUMES } from './cluster-objects.ts'
import { readObject } from './objects.ts'
import { pagesOf } from './pages.ts'

export interface Claim {
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

export interface ClaimsOptions {
  readonly api: Pick<ApiServer, 'send'>
  readonly driverName: string
  /** The name that a volume was made by. Undefined: it is not known. */
  readonly nameOf: (volumeId: string, signal?: AbortSignal) => Promise<string | undefined>
}

export class Claims {
  readonly #options: ClaimsOptions

  constructor(options: ClaimsOptions) {
    this.#options = options
  }

  /**
   * Undefined where no claim is bound to the volume. csi-provisioner makes a volume by the name of
   * its PersistentVolume, so that one request finds it. A volume that a person made has any other
   * name: then the PersistentVolumes are read page by page.
   */
  async find(volumeId: string, signal?: AbortSignal): Promise<Claim | undefined> {
    const name = await this.#options.nameOf(volumeId, signal)
    const named = name === undefined ? undefined : await this.#byName(name, signal)
    const volume =
      named !== undefined && this.#isOf(named, volumeId)
        ? named
        : await this.#bySearch(volumeId, signal)
    const { namespace, name: claim, uid } = volume?.spec?.claimRef ?? {}
    if (namespace === undefined || claim === undefined || uid === undefined) return undefined
    return { namespace, name: claim, uid }
  }

  async #byName(name: string, signal?: AbortSignal): Promise<V1PersistentVolume | undefined> {
    // Any text may be the name of a volume; only some can be that of an object.
    if (!/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(name)) return undefined
    const asked = { method: 'GET', path: `${VOLUMES}/${name}` } as const
    const { status, body } = await this.#options.api.send(asked, { accept: [404] }, signal)
    return status === 404 ? undefined : readObject(V1PersistentVolume, body)
  }

  async #bySearch(volumeId: string, signal?: AbortSignal): Promise<V1PersistentVolume | undefined> {
    for await (const { items } of pagesOf(this.#options.api, { path: VOLUMES }, signal)) {
      for (const item of items) {
        const volume = readObject(V1PersistentVolume, item)
        if (this.#isOf(volume, volumeId)) return volume
      }
    }
    return undefined
  }

  #isOf({ spec }: V1PersistentVolume, volumeId: string): boolean {
    return spec?.csi?.driver === this.#options.driverName && spec.csi.volumeHandle === volumeId
  }
}
