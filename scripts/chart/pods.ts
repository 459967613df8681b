// Values of the two pods of the driver.

import { z } from 'zod'
import { objectName, podShape, texts } from './kubernetes.ts'

const amountOfPods = z.union([z.int().min(0), z.string().regex(/^[0-9]+%$/)])

export const controllerShape = z.strictObject({
  replicas: z
    .int()
    .min(1)
    .max(5)
    .describe('Pods. One holds the Lease and works, the others wait for it.'),
  nodeSelector: texts.describe('Labels of the nodes that may run the pods.'),
  affinity: z
    .record(z.string(), z.unknown())
    .describe('Affinity of the pods, as Kubernetes has it.'),
  topologySpreadConstraints: z
    .array(
      z.strictObject({
        topologyKey: z.string().describe('Label of nodes over whose values the pods spread.'),
        maxSkew: z.int().min(1).describe('Largest difference between two values.'),
        whenUnsatisfiable: z
          .enum(['ScheduleAnyway', 'DoNotSchedule'])
          .describe('What happens to a pod for which there is no such place.'),
        nodeAffinityPolicy: z
          .enum(['Honor', 'Ignore'])
          .optional()
          .describe('Whether nodes that the selector excludes count.'),
        nodeTaintsPolicy: z
          .enum(['Honor', 'Ignore'])
          .optional()
          .describe('Whether nodes with taints that keep the pods away count.'),
      }),
    )
    .describe('How the pods spread. The chart adds the labels of the pods.'),
  podDisruptionBudget: z
    .strictObject({
      enabled: z.boolean().describe('Whether there is a PodDisruptionBudget.'),
      maxUnavailable: amountOfPods.describe('Pods that a drain may take away at a time.'),
    })
    .describe('What drains of nodes leave running.'),
  ...podShape,
})

/** The machine as the configuration names it, and a name that ldm takes. */
const guestName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}\/[A-Za-z0-9][A-Za-z0-9_+#.:;~()-]{0,255}$/)

export const nodeShape = z.strictObject({
  guests: z
    .record(objectName, guestName)
    .describe(
      'The guest of each node, `<machine>/<guest>` by the name of the node. The node plugin runs ' +
        'on these nodes only. Platform and limit are those of the first entry of `config.guests` ' +
        'that matches.',
    ),
  root: z
    .string()
    .regex(/^(\/[^\s:{}/]+(\/([^\s:{}/]|\{machine\}|\{guest\})+)*)?$/)
    .describe(
      'Directory of the node that stands before `/sys`, `/dev` and `/var/lib/ldom-csi`; ' +
        '`{machine}` and `{guest}` are filled in. Empty for a usual Linux guest.',
    ),
  maxUnavailable: amountOfPods.describe('Nodes whose plugin an update replaces at a time.'),
  ...podShape,
})
