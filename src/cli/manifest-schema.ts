// The part of Kubernetes' StorageClass and PersistentVolumeClaim that `apply` serves, and by name what Kubernetes takes
// but `apply` cannot serve. Anything else is a mistake in the file.

import { z } from 'zod'

export const GUEST_ANNOTATION = 'ldom-csi.io/guest'
export const MOUNT_PATH_ANNOTATION = 'ldom-csi.io/mount-path'
export const DEFAULT_CLASS_ANNOTATION = 'storageclass.kubernetes.io/is-default-class'
export const FILE_SYSTEM_PARAMETER = 'csi.storage.k8s.io/fstype'

const OWN_ANNOTATIONS: readonly string[] = [GUEST_ANNOTATION, MOUNT_PATH_ANNOTATION]

const objectName = z
  .string()
  .max(253)
  .regex(
    /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/,
    'a name as Kubernetes takes it: lower-case letters, digits, "-", "."',
  )

const annotations = z
  .record(z.string(), z.string('a string: put numbers and true/false in quotes'))
  .default({})
  .superRefine((value, context) => {
    for (const key of Object.keys(value)) {
      if (key.startsWith('ldom-csi.io/') && !OWN_ANNOTATIONS.includes(key)) {
        context.addIssue({
          code: 'custom',
          path: [key],
          message: `is not an annotation of this driver; it knows ${OWN_ANNOTATIONS.join(' and ')}`,
        })
      }
    }
  })

const labels = z.record(z.string(), z.string()).optional()

export const storageClassSchema = z.strictObject({
  apiVersion: z.literal('storage.k8s.io/v1', 'must be storage.k8s.io/v1'),
  kind: z.literal('StorageClass'),
  metadata: z.strictObject({ name: objectName, labels, annotations }),
  provisioner: z.string().describe('Name of the driver.'),
  parameters: z
    .record(z.string(), z.string('a string: put numbers and true/false in quotes'))
    .default({})
    .superRefine((value, context) => {
      for (const key of Object.keys(value)) {
        if (key.startsWith('csi.storage.k8s.io/') && key !== FILE_SYSTEM_PARAMETER) {
          context.addIssue({ code: 'custom', path: [key], message: 'is not served by apply: there are no Secrets without a cluster' })
        }
      }
    }),
  reclaimPolicy: z.enum(['Delete', 'Retain'], 'Delete or Retain').default('Delete'),
  // Both are right here: the guest is known before the volume is made.
  volumeBindingMode: z.enum(['Immediate', 'WaitForFirstConsumer'], 'Immediate or WaitForFirstConsumer').optional(),
  allowVolumeExpansion: z.boolean().optional(),
  mountOptions: z.array(z.string().regex(/^[^\s,-][^\s,]*$/, 'one mount option an entry')).default([]),
})

const quantity = z.union([z.string(), z.int().positive()], 'a quantity such as 10Gi').transform(String)

export const claimSchema = z.strictObject({
  apiVersion: z.literal('v1', 'must be v1'),
  kind: z.literal('PersistentVolumeClaim'),
  metadata: z.strictObject({
    name: objectName,
    namespace: z
      .string()
      .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'a namespace as Kubernetes takes it')
      .default('default'),
    labels,
    annotations,
  }),
  spec: z.strictObject({
    accessModes: z
      .array(
        z.enum(['ReadWriteOnce', 'ReadWriteOncePod'], 'only ReadWriteOnce and ReadWriteOncePod are served: a volume goes to one guest'),
      )
      .length(1, 'exactly one access mode'),
    volumeMode: z.enum(['Filesystem', 'Block'], 'Filesystem or Block').default('Filesystem'),
    resources: z.strictObject({
      requests: z.strictObject({ storage: quantity }),
      limits: z.strictObject({ storage: quantity }).optional(),
    }),
    storageClassName: objectName.optional(),
  }),
})

/** What Kubernetes accepts in these places and `apply` cannot serve, with the reason. */
export const UNSERVED: Readonly<Record<string, string>> = {
  'StorageClass.allowedTopologies': `is not served by apply: the annotation ${GUEST_ANNOTATION} of a claim says where its volume goes`,
  'PersistentVolumeClaim.spec.dataSource': 'is not served by apply: it makes empty volumes only',
  'PersistentVolumeClaim.spec.dataSourceRef': 'is not served by apply: it makes empty volumes only',
  'PersistentVolumeClaim.spec.selector': 'is not served by apply: a claim always gets a volume of its own',
  'PersistentVolumeClaim.spec.volumeName': 'is not served by apply: a claim always gets a volume of its own',
  'PersistentVolumeClaim.spec.volumeAttributesClassName': 'is not served by apply: volumes are not modified after they are made',
  'PersistentVolumeClaim.status': 'is written by Kubernetes; remove it from the file',
  ...Object.fromEntries(
    ['StorageClass', 'PersistentVolumeClaim'].flatMap(kind =>
      [
        'creationTimestamp',
        'deletionGracePeriodSeconds',
        'deletionTimestamp',
        'generation',
        'managedFields',
        'resourceVersion',
        'selfLink',
        'uid',
      ]
        .map(field => [`${kind}.metadata.${field}`, 'is written by Kubernetes; remove it from the file'])
        .concat(
          ['finalizers', 'generateName', 'ownerReferences'].map(field => [
            `${kind}.metadata.${field}`,
            'is not served by apply: nothing runs that would act on it',
          ]),
        ),
    ),
  ),
}
