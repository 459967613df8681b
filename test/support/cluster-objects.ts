// Objects of a cluster as the API server has them, and where.

export const SHOP_DISKS = '/apis/ldom-csi.io/v1alpha1/namespaces/shop/guestdisks'
export const SHOP_CLAIMS = '/api/v1/namespaces/shop/persistentvolumeclaims'

export type Fields = Readonly<Record<string, unknown>>

export function diskObject({
  metadata = {},
  spec = {},
  status,
}: Record<string, object> = {}): Fields {
  return {
    apiVersion: 'ldom-csi.io/v1alpha1',
    kind: 'GuestDisk',
    metadata: { name: 'orders', namespace: 'shop', ...metadata },
    spec: { claimName: 'orders', guest: 'm1/ldg1', mountPath: '/export/orders', ...spec },
    ...(status === undefined ? {} : { status }),
  }
}

export function claimObject({
  metadata = {},
  spec = {},
  status = {},
}: Record<string, object> = {}): Fields {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'orders', namespace: 'shop', ...metadata },
    spec: {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '2Gi' } },
      storageClassName: 'gold',
      volumeMode: 'Filesystem',
      volumeName: 'pvc-1',
      ...spec,
    },
    status: { phase: 'Bound', capacity: { storage: '1Gi' }, ...status },
  }
}

export function volumeObject({ metadata = {}, spec = {} }: Record<string, object> = {}): Fields {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: 'pvc-1', ...metadata },
    spec: {
      accessModes: ['ReadWriteOnce'],
      capacity: { storage: '2Gi' },
      claimRef: { namespace: 'shop', name: 'orders', uid: 'uid of orders' },
      csi: {
        driver: 'vdisk.ldom-csi.io',
        volumeHandle: 'gold/v-1',
        fsType: 'ufs',
        volumeAttributes: { design: 'mpgroup' },
      },
      persistentVolumeReclaimPolicy: 'Delete',
      storageClassName: 'gold',
      volumeMode: 'Filesystem',
      ...spec,
    },
    status: { phase: 'Bound' },
  }
}
