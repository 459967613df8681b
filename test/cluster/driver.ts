// The installed driver as the tests see and harm it.

import { waitFor } from '../support/commands.ts'
import { cluster } from './fixture.ts'
import { CONTROLLER, NODE_PLUGIN } from './installation.ts'
import type { KubernetesObject } from './kubectl.ts'
import { DRIVER, NAMESPACE, NODES } from './settings.ts'

/** The container of the driver in both kinds of pods. */
export const DRIVER_CONTAINER = 'ldom-csi'

export interface Pod extends KubernetesObject {
  readonly metadata: {
    readonly name: string
    readonly uid: string
    readonly [key: string]: unknown
  }
  readonly spec: { readonly nodeName?: string }
  readonly status: {
    readonly phase: string
    readonly containerStatuses?: readonly {
      readonly name: string
      readonly containerID?: string
      readonly restartCount: number
      readonly ready: boolean
    }[]
  }
}

export const driver = cluster.kubectl.in(NAMESPACE)

export const leaseHolder = () =>
  driver.value(`lease ${DRIVER.replaceAll('.', '-')}`, '.spec.holderIdentity')

async function podsOf(component: 'controller' | 'node'): Promise<readonly Pod[]> {
  return driver.list<Pod>('pods', `--selector=app.kubernetes.io/component=${component}`)
}

/** The controller that acts. */
export async function leader(): Promise<Pod> {
  return waitFor({ what: 'a controller that holds the lease' }, async () => {
    const holder = await leaseHolder()
    const pods = await podsOf('controller')
    return pods.find(({ metadata }) => holder.startsWith(`${metadata.name}_`))
  })
}

export async function nodePlugin(node: string): Promise<Pod> {
  const pods = await podsOf('node')
  const found = pods.find(({ spec }) => spec.nodeName === node)
  if (found === undefined) throw new Error(`${node} has no node plugin`)
  return found
}

/** The driver gets SIGKILL; kubelet starts another one. */
export const killDriver = (pod: Pod) => killContainer(pod, DRIVER_CONTAINER)

export async function killContainer(
  { spec, status, metadata }: Pod,
  wanted: string,
): Promise<void> {
  const container = status.containerStatuses?.find(({ name }) => name === wanted)
  const node = NODES.find(({ name }) => name === spec.nodeName)
  if (container?.containerID === undefined || node === undefined) {
    throw new Error(`${metadata.name} has no ${wanted} that runs`)
  }
  await cluster.node(node.name).killContainer(container.containerID.replace('containerd://', ''))
}

/** Everything runs again, after a test that harmed it. */
export async function allReady(): Promise<void> {
  for (const what of [`deployment/${CONTROLLER}`, `daemonset/${NODE_PLUGIN}`]) {
    await driver.run(['rollout', 'status', what, '--timeout=240s'])
  }
}

export interface VolumeAttachment extends KubernetesObject {
  readonly metadata: { readonly name: string; readonly uid: string }
  readonly spec: {
    readonly nodeName: string
    readonly source: { readonly persistentVolumeName: string }
  }
  readonly status?: { readonly attached: boolean }
}

export async function attachmentsOf(volume: string): Promise<readonly VolumeAttachment[]> {
  const all = await cluster.kubectl.list<VolumeAttachment>('volumeattachments')
  return all.filter(({ spec }) => spec.source.persistentVolumeName === volume)
}
