// The shape of the chart's values, with a description of each. values.schema.json and
// docs/chart-values.md are made from it; the defaults stand in values.yaml.

import { z } from 'zod'
import { classShape } from './classes.ts'
import { guestDisksShape } from './guest-disks.ts'
import { cidrs, objectName, sshSecret } from './kubernetes.ts'
import { controllerShape, nodeShape } from './pods.ts'
import { sidecarsShape } from './sidecars.ts'

const image = z.strictObject({
  repository: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]+)?(\/[A-Za-z0-9._-]+)*$/)
    .describe('Name of the image without its tag.'),
  tag: z
    .string()
    .regex(/^([A-Za-z0-9_][A-Za-z0-9._-]{0,127})?$/)
    .describe('Tag of the image; empty for the appVersion of the chart.'),
  digest: z
    .string()
    .regex(/^(sha256:[0-9a-f]{64})?$/)
    .describe('Digest of the image, `sha256:…`. It counts instead of the tag.'),
  pullPolicy: z.enum(['IfNotPresent', 'Always', 'Never']).describe('When the image is fetched.'),
})

const ssh = sshSecret('host', '`config`')

const csiDriver = z.strictObject({
  fsGroupPolicy: z
    .enum(['ReadWriteOnceWithFSType', 'File', 'None'])
    .describe(
      "Whether kubelet gives the files of a volume to a pod's `fsGroup`. `File` does it for " +
        'volumes of many readers, too, where nothing can be changed.',
    ),
  seLinuxMount: z
    .boolean()
    .describe(
      'Whether kubelet mounts with the SELinux label of the pod instead of labelling every file. ' +
        'The driver passes the label to mount; no SELinux kernel has tried it yet.',
    ),
})

const networkPolicy = z.strictObject({
  enabled: z
    .boolean()
    .describe(
      'Let the controller reach the API server and SSH of the hosts of `config` and of the ' +
        'guests of `guestDisks`, and nothing else; let nothing reach it, and let the node plugin ' +
        'reach nothing.',
    ),
  apiServer: z
    .strictObject({
      cidrs: cidrs.describe(
        'Addresses of the API server as CIDRs; empty for any address on these ports.',
      ),
      ports: z
        .array(z.int().min(1).max(65_535))
        .min(1)
        .describe(
          'Ports of the API server: that of the service, and that of the servers behind it.',
        ),
    })
    .describe('How the API server is reached.'),
  sshCIDRs: cidrs.describe(
    'Addresses, as CIDRs, of the hosts and guests that the values call by a name. A policy ' +
      'takes no names.',
  ),
  dns: z
    .enum(['auto', 'always', 'never'])
    .describe('Whether port 53 is open: `auto` opens it where a host has a name.'),
})

/** All but `config`, which is the shape of the controller's file. */
export const chartValues = z.strictObject({
  global: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('Values of a parent chart. This chart uses none of them.'),
  nameOverride: z
    .string()
    .max(50)
    .regex(/^([a-z0-9]([a-z0-9.-]*[a-z0-9])?)?$/)
    .describe('Takes the place of the chart name in names. Never change it after the install.'),
  fullnameOverride: z
    .string()
    .max(50)
    .regex(/^([a-z0-9]([a-z0-9.-]*[a-z0-9])?)?$/)
    .describe('Takes the place of release and chart name. Never change it after the install.'),
  image: image.describe('The image of controller and node plugin.'),
  imagePullSecrets: z
    .array(z.strictObject({ name: objectName.describe('Name of the Secret.') }))
    .describe('Secrets to fetch images with.'),
  kubeletDirectory: z
    .string()
    .regex(/^\/[^\s:]*[^\s:/]$/)
    .describe('Directory of kubelet on the nodes, as its `--root-dir` says.'),
  ssh: ssh.describe('Where hosts of `config` that name no key files have them.'),
  controller: controllerShape.describe('The controller: a Deployment.'),
  node: nodeShape.describe('The node plugin: a DaemonSet on the nodes that are guests.'),
  guestDisks: guestDisksShape.describe('Disks of guests without a kubelet, from the cluster.'),
  sidecars: sidecarsShape.describe('Programs of the Kubernetes project beside the driver.'),
  csiDriver: csiDriver.describe('What Kubernetes is told about the driver.'),
  ...classShape,
  networkPolicy: networkPolicy.describe('Limits of the network.'),
})
