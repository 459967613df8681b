// The golden files of the chart as objects, for tests that look at what would be installed.

import { readFileSync } from 'node:fs'
import { parseAllDocuments } from 'yaml'
import { z } from 'zod'
import { type Case, goldenFile } from '../../scripts/chart/files.ts'

const texts = z.record(z.string(), z.string())
const probe = z.looseObject({})

const named = z.looseObject({ name: z.string() })

const container = z.looseObject({
  name: z.string(),
  image: z.string(),
  args: z.array(z.string()),
  env: z.array(z.looseObject({ name: z.string() })).default([]),
  securityContext: z.looseObject({}),
  resources: z.looseObject({ limits: z.looseObject({ memory: z.string() }) }),
  livenessProbe: probe.optional(),
  readinessProbe: probe.optional(),
  startupProbe: probe.optional(),
  volumeMounts: z.array(
    z.looseObject({
      name: z.string(),
      mountPath: z.string(),
      mountPropagation: z.string().optional(),
    }),
  ),
})

const pod = z.looseObject({
  serviceAccountName: z.string(),
  automountServiceAccountToken: z.boolean(),
  hostPID: z.boolean().default(false),
  securityContext: z.looseObject({}),
  terminationGracePeriodSeconds: z.number(),
  affinity: z.unknown().optional(),
  containers: z.array(container),
  volumes: z.array(
    z.looseObject({
      name: z.string(),
      configMap: named.optional(),
      hostPath: z.looseObject({ path: z.string() }).optional(),
      projected: z
        .looseObject({
          sources: z.array(
            z.looseObject({ secret: named.optional(), configMap: named.optional() }),
          ),
        })
        .optional(),
    }),
  ),
})

const object = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), namespace: z.string().optional() }),
})

const workload = object.extend({
  spec: z.looseObject({
    selector: z.strictObject({ matchLabels: texts }),
    template: z.looseObject({
      metadata: z.looseObject({ labels: texts, annotations: texts }),
      spec: pod,
    }),
  }),
})

const role = object.extend({
  metadata: z.looseObject({ name: z.string(), labels: texts }),
  rules: z.array(
    z.strictObject({
      apiGroups: z.array(z.string()),
      resources: z.array(z.string()),
      resourceNames: z.array(z.string()).optional(),
      verbs: z.array(z.string()),
    }),
  ),
})

const binding = object.extend({
  roleRef: z.strictObject({ apiGroup: z.string(), kind: z.string(), name: z.string() }),
  subjects: z.array(z.strictObject({ kind: z.string(), name: z.string(), namespace: z.string() })),
})

const configMap = object.extend({
  metadata: z.looseObject({ name: z.string(), annotations: texts.default({}) }),
  immutable: z.boolean().default(false),
  data: texts,
})

const withParameters = object.extend({ parameters: texts.default({}) })

export type Container = z.infer<typeof container>

/** The objects of one golden file, in the order of the file. */
export function readGolden(name: Case) {
  const documents = parseAllDocuments(readFileSync(goldenFile(name), 'utf8'))
  const objects = documents.map(each => object.parse(each.toJS()))
  const of = <T>(schema: z.ZodType<T>, ...kinds: readonly string[]): T[] =>
    objects.filter(({ kind }) => kinds.includes(kind)).map(each => schema.parse(each))
  const one = <T>(all: readonly T[]): T => {
    const [first, ...more] = all
    if (first === undefined || more.length > 0) throw new Error(`${name}: ${all.length} objects`)
    return first
  }
  return {
    objects,
    controller: one(of(workload, 'Deployment')),
    node: one(of(workload, 'DaemonSet')),
    roles: of(role, 'ClusterRole', 'Role'),
    bindings: of(binding, 'ClusterRoleBinding', 'RoleBinding'),
    configMaps: of(configMap, 'ConfigMap'),
    storageClasses: of(withParameters, 'StorageClass'),
    attributesClasses: of(withParameters, 'VolumeAttributesClass'),
  }
}
