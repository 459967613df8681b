// Parts of pods as Kubernetes has them, for the values that are passed on.

import { z } from 'zod'

const amounts = z.record(z.string(), z.union([z.string(), z.number()]))

export const resources = z
  .strictObject({
    requests: amounts.optional().describe('What the container is promised.'),
    limits: amounts.optional().describe('What the container may take at most.'),
  })
  .describe('CPU and memory of the container.')

export const texts = z.record(z.string(), z.string())

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

const logLevel = z
  .enum(['debug', 'info', 'warn', 'error', 'silent'])
  .describe('What the driver logs.')

const nodeOptions = z
  .string()
  .describe(
    'Options of Node.js, measured in docs/scale.md. They and the memory limit fit together.',
  )

/** What both pods take. */
export const podShape = {
  podAnnotations: texts.describe('Further annotations of the pods.'),
  podLabels: texts.describe('Further labels of the pods.'),
  serviceAccountAnnotations: texts.describe('Annotations of the ServiceAccount.'),
  priorityClassName: z.string().describe('PriorityClass of the pods.'),
  tolerations,
  resources,
  logLevel,
  nodeOptions,
}
