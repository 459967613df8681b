// Parts of pods as Kubernetes has them, for the values that are passed on.

import { z } from 'zod'

const NAME = '[a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)*'

/** What Kubernetes takes as the name of an object: a domain name. */
export const objectName = z.string().regex(new RegExp(`^${NAME}$`))
const objectNameOrNone = z.string().regex(new RegExp(`^(${NAME})?$`))

const secretKey = z.string().regex(/^[A-Za-z0-9._-]+$/)

/** An image with its tag or digest. */
export const imageName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:/@-]*$/)

export const cidrs = z.array(z.string().regex(/^[0-9A-Fa-f.:]+\/[0-9]{1,3}$/))

const quantity = z.string().regex(/^[0-9]+([.][0-9]+)?(m|[kMGTPE]|[KMGTPE]i|e[0-9]+)?$/)
const amounts = z.record(z.string(), z.union([quantity, z.number()]))

export const resources = z
  .strictObject({
    requests: amounts.optional().describe('What the container is promised.'),
    limits: amounts.optional().describe('What the container may take at most.'),
  })
  .describe('CPU and memory of the container.')

export const texts = z.record(z.string(), z.string())

const labelKey = z.string().regex(/^([a-z0-9.-]+\/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/)
const labels = z.record(
  labelKey,
  z.string().regex(/^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$/),
)

const tolerations = z
  .array(
    z.strictObject({
      key: z.string().optional().describe('Key of the taint; none with `Exists` for all.'),
      operator: z.enum(['Exists', 'Equal']).optional().describe('How the value is compared.'),
      value: z.string().optional().describe('Value of the taint.'),
      effect: z
        .enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute'])
        .optional()
        .describe('Effect of the taint; none for all.'),
      tolerationSeconds: z.int().optional().describe('How long `NoExecute` is tolerated.'),
    }),
  )
  .describe('Taints of nodes that do not keep the pods away.')

export const duration = z.string().regex(/^([0-9]+(ms|s|m|h))+$/)

export const logLevel = z
  .enum(['debug', 'info', 'warn', 'error', 'silent'])
  .describe('What the driver logs.')

export const nodeOptions = z
  .string()
  .describe(
    'Options of Node.js, measured in docs/scale.md. They and the memory limit fit together.',
  )

/** `what` has a login, and `where` names what has them. */
export const sshSecret = (what: string, where: string) =>
  z.strictObject({
    secretName: objectNameOrNone.describe(
      `Secret that holds the private key and the known_hosts file of every ${what} that names ` +
        `none in ${where}. It must exist in the namespace of the release.`,
    ),
    privateKey: secretKey.describe('Key of that Secret that holds the private key.'),
    knownHosts: secretKey.describe('Key of that Secret that holds the known_hosts file.'),
  })

/** What both pods take. */
export const podShape = {
  podAnnotations: z.record(labelKey, z.string()).describe('Further annotations of the pods.'),
  podLabels: labels.describe('Further labels of the pods.'),
  serviceAccountAnnotations: texts.describe('Annotations of the ServiceAccount.'),
  priorityClassName: objectNameOrNone.describe('PriorityClass of the pods.'),
  tolerations,
  resources,
  logLevel,
  nodeOptions,
}
