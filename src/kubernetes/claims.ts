// Which claim a volume belongs to: by the PersistentVolume that names the volume as its handle.

import { V1PersistentVolume } from '@kubernetes/client-node/dist/gen/models/V1PersistentVolume.js'
import { V1PersistentVolumeList } from '@kubernetes/client-node/dist/gen/models/V1PersistentVolumeList.js'
import type { ApiServer } from './api-server.ts'
import { readObject } from './objects.ts'

export interface Claim {
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

/** The API server keeps a page of a list consistent for minutes; a page of these is below 1 MiB. */
const PAGE = 250
const VOLUMES = '/api/v1/persistentvolumes'

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
    let next = ''
    do {
      const query = new URLSearchParams({ limit: String(PAGE), continue: next })
      if (next === '') query.delete('continue')
      const asked = { method: 'GET', path: `${VOLUMES}?${query}` } as const
      const { body } = await this.#options.api.send(asked, {}, signal)
      const { items, metadata } = readObject(V1PersistentVolumeList, body)
      const found = items.find(volume => this.#isOf(volume, volumeId))
      if (found !== undefined) return found
      next = metadata?._continue ?? ''
    } while (next !== '')
    return undefined
  }

  #isOf({ spec }: V1PersistentVolume, volumeId: string): boolean {
    return spec?.csi?.driver === this.#options.driverName && spec.csi.volumeHandle === volumeId
  }
}
