// The shape of the chart's values, with a description of each. values.schema.json and
// docs/chart-values.md are made from it; the defaults stand in values.yaml.

import { z } from 'zod'
import { classShape } from './classes.ts'
import { controllerShape, nodeShape } from './pods.ts'
import { sidecarsShape } from './sidecars.ts'

const image = z.strictObject({
  repository: z.string().min(1).describe('Name of the image without its tag.'),
  tag: z.string().describe('Tag of the image; empty for the appVersion of the chart.'),
  digest: z
    .string()
    .regex(/^(sha256:[0-9a-f]{64})?$/)
    .describe('Digest of the image, `sha256:…`. It counts instead of the tag.'),
  pullPolicy: z.enum(['IfNotPresent', 'Always', 'Never']).describe('When the image is fetched.'),
})

const ssh = z.strictObject({
  secretName: z
    .string()
    .describe(
      'Secret that holds the private key and the known_hosts file of every host that names none ' +
        'in `config`. It must exist in the namespace of the release.',
    ),
  privateKey: z.string().min(1).describe('Key of that Secret that holds the private key.'),
  knownHosts: z.string().min(1).describe('Key of that Secret that holds the known_hosts file.'),
})

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
      'Let the controller reach the API server and SSH of the hosts of `config`, and nothing ' +
        'else; let nothing reach it, and let the node plugin reach nothing.',
    ),
  apiServer: z
    .strictObject({
      cidrs: z
        .array(z.string())
        .describe('Addresses of the API server as CIDRs; empty for any address on these ports.'),
      ports: z
        .array(z.int().min(1).max(65_535))
        .min(1)
        .describe(
          'Ports of the API server: that of the service, and that of the servers behind it.',
        ),
    })
    .describe('How the API server is reached.'),
  sshCIDRs: z
    .array(z.string())
    .describe(
      'Addresses, as CIDRs, of the hosts that `config` calls by a name. A policy takes no names.',
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
    .describe('Takes the place of the chart name in names. Never change it after the install.'),
  fullnameOverride: z
    .string()
    .max(50)
    .describe('Takes the place of release and chart name. Never change it after the install.'),
  image: image.describe('The image of controller and node plugin.'),
  imagePullSecrets: z
    .array(z.strictObject({ name: z.string().describe('Name of the Secret.') }))
    .describe('Secrets to fetch images with.'),
  kubeletDirectory: z
    .string()
    .regex(/^\/[^\s:]*[^\s:/]$/)
    .describe('Directory of kubelet on the nodes, as its `--root-dir` says.'),
  ssh: ssh.describe('Where hosts of `config` that name no key files have them.'),
  controller: controllerShape.describe('The controller: a Deployment.'),
  node: nodeShape.describe('The node plugin: a DaemonSet on the nodes that are guests.'),
  sidecars: sidecarsShape.describe('Programs of the Kubernetes project beside the driver.'),
  csiDriver: csiDriver.describe('What Kubernetes is told about the driver.'),
  ...classShape,
  networkPolicy: networkPolicy.describe('Limits of the network.'),
})
