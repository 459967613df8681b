// The objects of a cluster that these tests begin from, as other controllers leave them.

import type { Cluster } from '../../support/cluster-api/cluster.ts'
import { isJson, type Json } from '../../support/cluster-api/store.ts'

export const NAMESPACE = 'shop'
export const DRIVER = 'vdisk.ldom-csi.io'
export const DISKS = `/apis/ldom-csi.io/v1alpha1/namespaces/${NAMESPACE}/guestdisks`
export const CLAIMS = `/api/v1/namespaces/${NAMESPACE}/persistentvolumeclaims`
export const VOLUMES = '/api/v1/persistentvolumes'

export interface Binding {
  readonly name: string
  readonly volumeId: string
  readonly mode?: 'Filesystem' | 'Block'
  readonly accessModes?: readonly string[]
  readonly annotations?: Readonly<Record<string, string>>
}

/** A claim that csi-provisioner has made a volume for. */
export function bindClaim(cluster: Pick<Cluster, 'put'>, binding: Binding): void {
  const { name, volumeId, mode = 'Filesystem', annotations = {} } = binding
  const { accessModes = ['ReadWriteOnce'] } = binding
  const common = { accessModes, volumeMode: mode, storageClassName: 'gold' }
  const capacity = { storage: '32Mi' }
  const claim = cluster.put(`${CLAIMS}/${name}`, {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { namespace: NAMESPACE, name, annotations },
    spec: { ...common, volumeName: `pvc-${name}`, resources: { requests: capacity } },
    status: { phase: 'Bound', capacity },
  })
  cluster.put(`${VOLUMES}/pvc-${name}`, {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: `pvc-${name}` },
    spec: {
      ...common,
      capacity,
      claimRef: { namespace: NAMESPACE, name, uid: claim.metadata.uid },
      csi: {
        driver: DRIVER,
        volumeHandle: volumeId,
        volumeAttributes: { name: `pvc-${name}`, source: 'empty', format: mode.toLowerCase() },
      },
    },
    status: { phase: 'Bound' },
  })
}

type Objects = Pick<Cluster, 'objects' | 'put'>

/** csi-resizer has grown the volume. */
export function resizeVolume(cluster: Objects, name: string, bytes: number): void {
  const path = `${VOLUMES}/pvc-${name}`
  const volume = cluster.objects.get(path)
  const capacity = { storage: String(bytes) }
  if (volume === undefined) return
  cluster.put(path, { ...volume, spec: { ...partOf(volume.spec), capacity } })
}

/** The next thing that csi-resizer does: the guest's file system is to follow. */
export function resizeClaim(cluster: Objects, name: string, bytes: number): void {
  const path = `${CLAIMS}/${name}`
  const claim = cluster.objects.get(path)
  if (claim === undefined) return
  const resources = { requests: { storage: String(bytes) } }
  const conditions = [{ type: 'FileSystemResizePending', status: 'True' }]
  cluster.put(path, {
    ...claim,
    spec: { ...partOf(claim.spec), resources },
    status: { ...partOf(claim.status), conditions },
  })
}

export const partOf = (value: unknown): Json => (isJson(value) ? value : {})
