// What a controller finds in a pod: its environment, and an API server with as many volumes of other
// drivers as the population has. Its own volumes come last and have names of their own, so that a
// search for a claim reads all of them.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SimApiServer } from '../test/support/api-server.ts'

const VOLUMES = '/api/v1/persistentvolumes'
const NAMESPACE = 'bench'

export interface Pod {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** A claim is bound to the volume from now on. */
  bind(volumeId: string): void
  countEvents(): number
  stop(): Promise<void>
}

export async function openPod(volumes: number): Promise<Pod> {
  const directory = mkdtempSync(join(tmpdir(), 'ldom-csi-pod-'))
  const api = new SimApiServer(directory)
  await api.listen()
  let bound = 0
  const put = (name: string, driver: string, volumeHandle: string) => {
    const claimRef = { namespace: NAMESPACE, name, uid: `uid-of-${name}` }
    api.put(`${VOLUMES}/${name}`, { spec: { csi: { driver, volumeHandle }, claimRef } })
  }
  for (let at = 0; at < volumes; at++) put(`other-${at}`, 'other.example.com', `other-${at}`)
  return {
    args: ['--kubernetes', '--service-account', api.serviceAccount],
    env: {
      POD_NAME: 'controller',
      POD_NAMESPACE: NAMESPACE,
      KUBERNETES_SERVICE_HOST: '127.0.0.1',
      KUBERNETES_SERVICE_PORT: String(api.port),
    },
    bind: volumeId => put(`bound-${bound++}`, 'vdisk.ldom-csi.io', volumeId),
    countEvents: () => api.of(`/api/v1/namespaces/${NAMESPACE}/events/`).length,
    stop: async () => {
      await api.close()
      rmSync(directory, { recursive: true })
    },
  }
}
