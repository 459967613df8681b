// Values of the sidecars.

import { z } from 'zod'
import { duration, imageName, resources } from './kubernetes.ts'

const sidecar = {
  image: imageName.describe('Image with its tag. The chart is tested with this version.'),
  extraArgs: z.array(z.string()).describe('Further arguments, after those of the chart.'),
  resources,
}

const calls = {
  ...sidecar,
  timeout: duration.describe(
    'How long one call may take. It covers the commands of `ldm` and ZFS, and the queue before ' +
      'them.',
  ),
  workerThreads: z.int().min(1).describe('Calls at a time.'),
}

export const sidecarsShape = z.strictObject({
  pullPolicy: z.enum(['IfNotPresent', 'Always', 'Never']).describe('When the images are fetched.'),
  logLevel: z.int().min(0).max(10).describe('What the sidecars log: `--v`.'),
  kubeApiQps: z
    .number()
    .positive()
    .describe('Requests of each sidecar to the API server, per second.'),
  kubeApiBurst: z.int().min(1).describe('Requests that each sidecar may send at once.'),
  retryIntervalStart: duration.describe('Time until a failed call is repeated; it doubles.'),
  retryIntervalMax: duration.describe(
    'Longest such time. After an outage volumes come back within it.',
  ),
  provisioner: z
    .strictObject({
      ...calls,
      defaultFsType: z
        .enum(['ext4', 'xfs', 'ufs'])
        .describe(
          'File system of classes that name none. Kubernetes passes over `fsGroup` of a volume ' +
            'without one.',
        ),
      capacityPollInterval: duration.describe('How often free space is asked for.'),
    })
    .describe('`csi-provisioner`: creates and deletes volumes, and says how much space is free.'),
  attacher: z
    .strictObject({
      ...calls,
      reconcileSync: duration.describe('How often attachments are compared with the machines.'),
    })
    .describe('`csi-attacher`: attaches and detaches volumes.'),
  resizer: z
    .strictObject(calls)
    .describe('`csi-resizer`: grows volumes, and changes their attributes.'),
  snapshotter: z
    .strictObject({
      enabled: z
        .boolean()
        .describe(
          "Whether it runs. It needs the cluster's snapshot-controller and its resource " +
            'definitions, which are not part of the chart.',
        ),
      groupSnapshots: z
        .boolean()
        .describe('Whether it serves snapshots of groups, `groupsnapshot.storage.k8s.io/v1`.'),
      ...calls,
    })
    .describe('`csi-snapshotter`: creates and deletes snapshots.'),
  nodeDriverRegistrar: z
    .strictObject({
      ...sidecar,
      healthCheck: z
        .boolean()
        .describe('Whether kubelet restarts it when the registration is gone.'),
    })
    .describe('`csi-node-driver-registrar`: tells kubelet of the node plugin.'),
  livenessProbe: z
    .strictObject({
      enabled: z.boolean().describe('Whether kubelet restarts a node plugin that hangs.'),
      ...sidecar,
    })
    .describe('`livenessprobe`: asks the node plugin whether it answers. The controller has none.'),
})
