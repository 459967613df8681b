// The fields of Kubernetes' storage objects that `apply` serves. Fields that Kubernetes accepts and
// `apply` cannot serve are listed by name. Any other field is a mistake in the file.

import { z } from 'zod'
import { LARGEST_DISK_NUMBER, reasonAgainstGuest, reasonAgainstPath } from '../model/guest-disks.ts'
import { reasonAgainstOption } from '../model/mount-options.ts'
import { ZERO_SIZE } from '../model/quantity.ts'

export const GUEST_ANNOTATION = 'ldom-csi.io/guest'
export const MOUNT_PATH_ANNOTATION = 'ldom-csi.io/mount-path'
export const VDISK_NUMBER_ANNOTATION = 'ldom-csi.io/vdisk-number'
export const DEFAULT_CLASS_ANNOTATION = 'storageclass.kubernetes.io/is-default-class'
export const DEFAULT_SNAPSHOT_CLASS_ANNOTATION = 'snapshot.storage.kubernetes.io/is-default-class'
export const FILE_SYSTEM_PARAMETER = 'csi.storage.k8s.io/fstype'
/** An operator's decision about a GuestDisk of a cluster. */
export const ABANDON_ANNOTATION = 'ldom-csi.io/abandon'
const SNAPSHOT_GROUP = 'snapshot.storage.k8s.io'

const CLAIM_ANNOTATIONS: readonly string[] = [
  GUEST_ANNOTATION,
  MOUNT_PATH_ANNOTATION,
  VDISK_NUMBER_ANNOTATION,
]

const DISK_NUMBER = `is not a number from 0 to ${LARGEST_DISK_NUMBER}`

const objectName = z
  .string()
  .max(253)
  .regex(
    /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/,
    'is not a valid Kubernetes name: lower-case letters, digits, "-", "."',
  )

const namespace = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'is not a valid Kubernetes namespace')
  .default('default')

const named = z.object({ metadata: z.object({ name: objectName }) })
const namespaced = z.object({ metadata: z.object({ name: objectName, namespace }) })

/** The name in a document that may have mistakes elsewhere. Undefined: the name is unreadable. */
export function nameOf(document: unknown): string | undefined {
  return named.safeParse(document).data?.metadata.name
}

const text = z.string({
  error: ({ input }) =>
    input === null
      ? 'it has no value; give it one, or leave it out'
      : Array.isArray(input)
        ? 'a string: several values are one string, with commas between them'
        : 'a string: put numbers and true/false in quotes',
})

/** Each annotation in the driver's name that the driver does not know there, with the mistake. */
export function reasonsAgainstAnnotations(
  annotations: Readonly<Record<string, string>>,
  own: readonly string[] = CLAIM_ANNOTATIONS,
): ReadonlyMap<string, string> {
  const known =
    own.length > 0 ? `; it knows ${own.join(', ')}` : ' here; its annotations belong to a claim'
  const unknown = Object.keys(annotations).filter(
    key => key.startsWith('ldom-csi.io/') && !own.includes(key),
  )
  return new Map(unknown.map(key => [key, `is not an annotation of this driver${known}`]))
}

/**
 * `own`: the driver's annotations that this kind may have. Any other annotation of the driver is a
 * mistake.
 */
function annotations(own: readonly string[]) {
  return z
    .record(z.string(), text)
    .default({})
    .superRefine((value, context) => {
      for (const [key, unknown] of reasonsAgainstAnnotations(value, own)) {
        const message =
          key === ABANDON_ANNOTATION
            ? 'is not served by apply: it is a decision for a cluster; remove it from the file'
            : unknown
        context.addIssue({ code: 'custom', path: [key], message })
      }
    })
}

/** `served`: reserved names that `apply` handles as the sidecars do. */
function parameters(served: readonly string[]) {
  return z
    .record(z.string(), text)
    .default({})
    .superRefine((value, context) => {
      for (const key of Object.keys(value).filter(
        name => name.startsWith('csi.storage.k8s.io/') && !served.includes(name),
      )) {
        context.addIssue({
          code: 'custom',
          path: [key],
          message: 'is not served by apply: there are no Secrets without a cluster',
        })
      }
    })
}

const labels = z.record(z.string(), z.string()).optional()
const classMetadata = z.strictObject({ name: objectName, labels, annotations: annotations([]) })
const storageVersion = z.literal('storage.k8s.io/v1', 'must be storage.k8s.io/v1')
const snapshotVersion = z.literal(`${SNAPSHOT_GROUP}/v1`, `must be ${SNAPSHOT_GROUP}/v1`)

export const storageClassSchema = z.strictObject({
  apiVersion: storageVersion,
  kind: z.literal('StorageClass'),
  metadata: classMetadata,
  provisioner: z.string().describe('Name of the driver.'),
  parameters: parameters([FILE_SYSTEM_PARAMETER]),
  reclaimPolicy: z.enum(['Delete', 'Retain'], 'Delete or Retain').default('Delete'),
  // Both modes work: `apply` knows the guest before it creates the volume.
  volumeBindingMode: z
    .enum(['Immediate', 'WaitForFirstConsumer'], 'Immediate or WaitForFirstConsumer')
    .optional(),
  allowVolumeExpansion: z.boolean().default(false),
  mountOptions: z
    .array(z.string().regex(/^[^\s,-][^\s,]*$/, 'one mount option an entry'))
    .default([]),
})

export const attributesClassSchema = z.strictObject({
  apiVersion: storageVersion,
  kind: z.literal('VolumeAttributesClass'),
  metadata: classMetadata,
  driverName: z.string(),
  parameters: parameters([]),
})

export const snapshotClassSchema = z.strictObject({
  apiVersion: snapshotVersion,
  kind: z.literal('VolumeSnapshotClass'),
  metadata: classMetadata,
  driver: z.string(),
  deletionPolicy: z.enum(['Delete', 'Retain'], 'Delete or Retain'),
  parameters: parameters([]),
})

const quantity = z
  .union([z.string(), z.int().positive(ZERO_SIZE)], 'a quantity such as 10Gi')
  .transform(String)

const dataSource = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({
      kind: z.literal('VolumeSnapshot'),
      apiGroup: z.literal(SNAPSHOT_GROUP, `must be ${SNAPSHOT_GROUP}`),
      name: objectName,
    }),
    z.strictObject({
      kind: z.literal('PersistentVolumeClaim'),
      apiGroup: z.literal('', 'must be left out: the kind belongs to the core group').optional(),
      name: objectName,
    }),
  ],
  'VolumeSnapshot or PersistentVolumeClaim',
)

export const claimSchema = z.strictObject({
  apiVersion: z.literal('v1', 'must be v1'),
  kind: z.literal('PersistentVolumeClaim'),
  metadata: z.strictObject({
    name: objectName,
    namespace,
    labels,
    annotations: annotations(CLAIM_ANNOTATIONS),
  }),
  spec: z.strictObject({
    accessModes: z
      .array(
        z.enum(
          ['ReadWriteOnce', 'ReadWriteOncePod', 'ReadOnlyMany', 'ReadWriteMany'],
          'ReadWriteOnce, ReadWriteOncePod, ReadOnlyMany or ReadWriteMany',
        ),
      )
      .length(1, 'exactly one access mode'),
    volumeMode: z.enum(['Filesystem', 'Block'], 'Filesystem or Block').default('Filesystem'),
    resources: z.strictObject({
      requests: z.strictObject({ storage: quantity }),
      limits: z.strictObject({ storage: quantity }).optional(),
    }),
    storageClassName: objectName.optional(),
    volumeAttributesClassName: objectName.optional(),
    dataSource: dataSource.optional(),
  }),
})

export const snapshotSchema = z.strictObject({
  apiVersion: snapshotVersion,
  kind: z.literal('VolumeSnapshot'),
  metadata: z.strictObject({ name: objectName, namespace, labels, annotations: annotations([]) }),
  spec: z.strictObject({
    volumeSnapshotClassName: objectName.optional(),
    source: z.strictObject({ persistentVolumeClaimName: objectName }),
  }),
})

/** What is wrong with a text, or undefined. */
function checked(reasonAgainst: (value: string) => string | undefined) {
  return z.string().superRefine((value, context) => {
    const message = reasonAgainst(value)
    if (message !== undefined) context.addIssue({ code: 'custom', message })
  })
}

const guestPath = checked(reasonAgainstPath)

/** The CustomResourceDefinition has the same rules. */
export const guestDiskSchema = z.strictObject({
  apiVersion: z.literal('ldom-csi.io/v1alpha1', 'must be ldom-csi.io/v1alpha1'),
  kind: z.literal('GuestDisk'),
  metadata: z.strictObject({ name: objectName, namespace, labels, annotations: annotations([]) }),
  spec: z
    .strictObject({
      claimName: objectName,
      guest: checked(reasonAgainstGuest),
      mountPath: guestPath.optional(),
      devicePath: guestPath.optional(),
      readOnly: z.boolean().default(false),
      vdiskNumber: z
        .int(DISK_NUMBER)
        .min(0, DISK_NUMBER)
        .max(LARGEST_DISK_NUMBER, DISK_NUMBER)
        .optional(),
      mountOptions: z.array(checked(reasonAgainstOption)).max(32, 'at most 32 options').default([]),
    })
    .superRefine(({ mountPath, devicePath, vdiskNumber }, context) => {
      if (mountPath !== undefined && devicePath !== undefined) {
        context.addIssue({ code: 'custom', message: 'has both mountPath and devicePath' })
      } else if (mountPath === undefined && devicePath === undefined && vdiskNumber === undefined) {
        context.addIssue({
          code: 'custom',
          message:
            'has neither mountPath nor devicePath: only a boot disk, which has a vdiskNumber, ' +
            'needs no path',
        })
      }
    }),
})

export const KINDS = [
  'StorageClass',
  'PersistentVolumeClaim',
  'VolumeAttributesClass',
  'VolumeSnapshotClass',
  'VolumeSnapshot',
  'GuestDisk',
] as const

const NAMESPACED: readonly string[] = ['PersistentVolumeClaim', 'VolumeSnapshot', 'GuestDisk']

/** The kind of an object and, where it can be read, the object's name. */
export function titleOf(kind: string, document: unknown): string {
  const name = nameOf(document)
  if (!NAMESPACED.includes(kind)) return name === undefined ? kind : `${kind} ${name}`
  const metadata = namespaced.safeParse(document).data?.metadata
  return metadata === undefined ? kind : `${kind} ${metadata.namespace}/${metadata.name}`
}

const LEAVING = 'says that the object is being deleted; remove it from the file'
const OWN_VOLUME =
  'is not served by apply: a claim always gets a volume of its own, empty or from its dataSource'
const LEAVING_METADATA = ['deletionGracePeriodSeconds', 'deletionTimestamp']
const UNSERVED_METADATA = ['finalizers', 'generateName', 'ownerReferences']

/** Fields that Kubernetes accepts and `apply` cannot serve, with the reason. */
export const UNSERVED: Readonly<Record<string, string>> = {
  'StorageClass.allowedTopologies':
    `is not served by apply: the annotation ${GUEST_ANNOTATION} ` +
    'of a claim says where its volume goes',
  'PersistentVolumeClaim.spec.dataSourceRef': 'is not served by apply: write dataSource',
  'PersistentVolumeClaim.spec.selector': OWN_VOLUME,
  'PersistentVolumeClaim.spec.volumeName': OWN_VOLUME,
  'VolumeSnapshot.spec.source.volumeSnapshotContentName':
    'is not served by apply: it finds snapshots by their names',
  ...Object.fromEntries(
    KINDS.flatMap(kind => [
      ...LEAVING_METADATA.map(field => [`${kind}.metadata.${field}`, LEAVING]),
      ...UNSERVED_METADATA.map(field => [
        `${kind}.metadata.${field}`,
        'is not served by apply: nothing acts on it without a cluster',
      ]),
    ]),
  ),
  'GuestDisk.metadata.ownerReferences':
    'says that the annotations of its claim made the object; remove one of the two from the files',
}
