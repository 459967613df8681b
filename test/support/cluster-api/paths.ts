// Paths of the API: which kind of object, in which namespace, of what name.

export interface Resource {
  readonly kind: string
  readonly apiVersion: string
  /** `guestdisks.ldom-csi.io`, as the messages name it. */
  readonly title: string
  /** Whether `status` is a part of its own, which only writes to `/status` change. */
  readonly hasStatus: boolean
  /** Defined by a CustomResourceDefinition: it counts generations, and guards its metadata. */
  readonly isCustom: boolean
  /** What the API server gives a new object of it. */
  readonly finalizers: readonly string[]
}

export interface ApiPath {
  readonly resource: Resource
  /** Path of all objects of the resource, in whatever namespace. */
  readonly root: string
  /** Undefined: none, or all of them. */
  readonly namespace: string | undefined
  /** Undefined: all objects. */
  readonly name: string | undefined
  readonly isStatus: boolean
}

const BUILT_IN = { hasStatus: true, isCustom: false, finalizers: [] }

const RESOURCES: ReadonlyMap<string, Resource> = new Map(
  [
    { root: '/api/v1/persistentvolumes', kind: 'PersistentVolume' },
    {
      root: '/api/v1/persistentvolumeclaims',
      kind: 'PersistentVolumeClaim',
      finalizers: ['kubernetes.io/pvc-protection'],
    },
    { root: '/api/v1/events', kind: 'Event', hasStatus: false },
    { root: '/apis/coordination.k8s.io/v1/leases', kind: 'Lease', hasStatus: false },
    { root: '/apis/storage.k8s.io/v1/storageclasses', kind: 'StorageClass', hasStatus: false },
    { root: '/apis/storage.k8s.io/v1/csinodes', kind: 'CSINode', hasStatus: false },
    { root: '/apis/ldom-csi.io/v1alpha1/guestdisks', kind: 'GuestDisk', isCustom: true },
  ].map(({ root, ...rest }) => {
    const [, , ...parts] = root.split('/')
    const plural = parts.pop() ?? ''
    const apiVersion = parts.join('/')
    const [group = ''] = apiVersion.split('/')
    const title = root.startsWith('/api/') ? plural : `${plural}.${group}`
    return [root, { ...BUILT_IN, ...rest, apiVersion, title }] as const
  }),
)

/** Undefined: no API server knows the path. */
export function parsePath(path: string): ApiPath | undefined {
  const match =
    /^(\/api\/v1|\/apis\/[^/]+\/[^/]+)(?:\/namespaces\/([^/]+))?\/([^/]+)(?:\/([^/]+))?(\/status)?$/.exec(
      path,
    )
  const [, version = '', namespace, plural = '', name, status] = match ?? []
  const root = `${version}/${plural}`
  const resource = RESOURCES.get(root)
  if (resource === undefined) return undefined
  return { resource, root, namespace, name, isStatus: status !== undefined }
}
