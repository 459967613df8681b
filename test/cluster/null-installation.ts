// The null driver in the cluster: pods like those of the chart, with the same sidecars under the
// same flags, around a driver that answers at once.

import { join } from 'node:path'
import { DRIVER_CONTAINER } from './driver.ts'
import { CONTROLLER, NODE_PLUGIN } from './installation.ts'
import type { Kubectl, KubernetesObject } from './kubectl.ts'
import { DRIVER } from './settings.ts'

export const NULL_CLASS = 'null'
const NULL_DRIVER = 'null.ldom-csi.io'
const SOURCES = join(import.meta.dirname, '../..')
const SIDECARS = ['csi-provisioner', 'csi-attacher', 'node-driver-registrar']

interface Container {
  readonly name: string
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[]
  readonly [key: string]: unknown
}

interface Workload extends KubernetesObject {
  readonly spec: {
    readonly template: {
      readonly metadata: object
      readonly spec: {
        readonly containers: readonly Container[]
        readonly volumes: readonly { readonly name: string }[]
        readonly [key: string]: unknown
      }
    }
    readonly [key: string]: unknown
  }
}

/** In the namespace of `own`, which is the test's; `driver` is that of the driver's. */
export async function installNullDriver(own: Kubectl, driver: Kubectl): Promise<void> {
  await own.apply(...clusterObjects(own.namespace))
  const deployment = await driver.get<Workload>('deployment', CONTROLLER)
  const daemonSet = await driver.get<Workload>('daemonset', NODE_PLUGIN)
  const controller = nullWorkload(deployment, 'controller', 'unix:///run/csi/csi.sock')
  const socket = nodeSocket(daemonSet)
  const node = nullWorkload(daemonSet, 'node', `unix://${socket}`)
  await own.apply({ ...controller, spec: { ...controller.spec, replicas: 1 } }, node)
  await own.run(['rollout', 'status', 'deployment/null-controller', '--timeout=120s'])
  await own.run(['rollout', 'status', 'daemonset/null-node', '--timeout=120s'])
}

export async function removeNullDriver(own: Kubectl): Promise<void> {
  await own.delete('deployment,daemonset', '--all')
  await own.delete('csidriver', NULL_DRIVER)
  await own.delete('storageclass', NULL_CLASS)
  await own.delete('clusterrolebinding', NULL_CLASS)
}

function clusterObjects(namespace: string): readonly object[] {
  const subject = { kind: 'ServiceAccount', name: 'default', namespace }
  return [
    {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'CSIDriver',
      metadata: { name: NULL_DRIVER },
      spec: { attachRequired: true, storageCapacity: true },
    },
    {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: NULL_CLASS },
      provisioner: NULL_DRIVER,
      volumeBindingMode: 'WaitForFirstConsumer',
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: NULL_CLASS },
      roleRef: {
        apiGroup: 'rbac.authorization.k8s.io',
        kind: 'ClusterRole',
        name: 'cluster-admin',
      },
      subjects: [subject],
    },
  ]
}

function nodeSocket(daemonSet: Workload): string {
  const text = JSON.stringify(daemonSet)
  const [socket] = /\/[^"=:]*\/plugins\/[^"]*\/csi\.sock/.exec(text) ?? []
  if (socket === undefined) throw new Error('the node plugin has no socket')
  return socket.replaceAll(DRIVER, NULL_DRIVER)
}

/** The same pods, with another driver under other labels and the test's account. */
function nullWorkload(original: Workload, role: string, endpoint: string): Workload {
  const labels = { app: `null-${role}` }
  const { template, ...others } = original.spec
  const { spec: pods } = template
  const containers = pods.containers
    .filter(({ name }) => name === DRIVER_CONTAINER || SIDECARS.includes(name))
    .map(container =>
      container.name === DRIVER_CONTAINER ? nullContainer(container, role, endpoint) : container,
    )
  const volumes = [
    ...pods.volumes.filter(({ name }) => !/^(configuration|ssh-)/.test(name)),
    { name: 'sources', hostPath: { path: SOURCES } },
  ]
  const own: Workload = {
    apiVersion: original.apiVersion,
    kind: original.kind,
    metadata: { name: `null-${role}` },
    spec: {
      ...others,
      minReadySeconds: 0,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          ...pods,
          containers,
          volumes,
          serviceAccountName: 'default',
          topologySpreadConstraints: [],
        },
      },
    },
  }
  return JSON.parse(JSON.stringify(own).replaceAll(DRIVER, NULL_DRIVER))
}

function nullContainer(container: Container, role: string, endpoint: string): Container {
  const { args: _, livenessProbe: _probe, startupProbe: _start, ...same } = container
  const mounts = container.volumeMounts ?? []
  return {
    ...same,
    command: ['/usr/bin/node', '/sources/test/cluster/null-driver.ts', role, endpoint],
    volumeMounts: [
      ...mounts.filter(({ mountPath }) => !mountPath.startsWith('/etc/ldom-csi')),
      { name: 'sources', mountPath: '/sources' },
    ],
  }
}
