// What every test of the cluster starts from: the cluster that runs, and a namespace of its own
// that is removed afterwards, with its volumes.

import { waitFor } from '../support/commands.ts'
import { Cluster } from './cluster.ts'
import type { Kubectl, KubernetesObject } from './kubectl.ts'
import type { SimulationState } from './simulation.ts'

export const cluster = await Cluster.open()

/** A hung cluster, not a slow one. */
export const SLOW_MS = 300_000

let count = 0
const namespaces: string[] = []

export async function namespace(name: string): Promise<Kubectl> {
  count += 1
  const full = `${name}-${process.pid}-${count}`
  await cluster.kubectl.run(['create', 'namespace', full])
  namespaces.push(full)
  const kubectl = cluster.kubectl.in(full)
  await waitFor({ what: `the service account of ${full}` }, () =>
    kubectl.exists('serviceaccount', 'default'),
  )
  return kubectl
}

/** Pods first: a namespace deletes its objects in any order, which takes longer. */
async function remove(name: string): Promise<void> {
  const kubectl = cluster.kubectl.in(name)
  await kubectl.delete('statefulsets,deployments,jobs', '--all')
  await kubectl.delete('pods', '--all', '--grace-period=2')
  await kubectl.delete('namespace', name)
  await waitFor(
    { what: `the end of the volumes of ${name}`, limitMs: 120_000 },
    async () => (await volumesOf(name)).length === 0,
  )
}

const removals: Promise<void>[] = []

/**
 * Resolves when everything that earlier tests of this file had is gone, their volumes too. A
 * removal that failed is told once: the tests after the next one may still hold.
 */
export async function allRemoved(): Promise<void> {
  await Promise.all(removals.splice(0))
}

// The next test does not wait for it. One that counts what is there asks for `allRemoved`.
afterEach(() => {
  for (const name of namespaces.splice(0)) {
    const removal = remove(name)
    removal.catch(() => {}) // told by allRemoved
    removals.push(removal)
  }
})

afterAll(allRemoved, SLOW_MS)

export interface PersistentVolume extends KubernetesObject {
  readonly spec: {
    readonly claimRef?: { readonly namespace: string; readonly name: string }
    readonly csi?: { readonly driver: string; readonly volumeHandle: string }
    readonly persistentVolumeReclaimPolicy: string
  }
  readonly status: { readonly phase: string }
}

async function volumesOf(namespace: string): Promise<readonly PersistentVolume[]> {
  const volumes = await cluster.kubectl.list<PersistentVolume>('persistentvolumes')
  const deleted = ({ spec }: PersistentVolume) => spec.persistentVolumeReclaimPolicy === 'Delete'
  return volumes.filter(volume => volume.spec.claimRef?.namespace === namespace && deleted(volume))
}

/** The volume behind a claim, as the driver names it: `<pool>/<volume>`. */
export async function volumeHandle(kubectl: Kubectl, claim: string): Promise<string> {
  const volume = await kubectl.value(`pvc ${claim}`, '.spec.volumeName')
  return kubectl.value(`pv ${volume}`, '.spec.csi.volumeHandle')
}

/** Waits until no node has the volume of the claim any more. */
export async function detached(kubectl: Kubectl, claim: string): Promise<void> {
  const volume = await kubectl.value(`pvc ${claim}`, '.spec.volumeName')
  await waitFor({ what: `the detachment of ${claim}`, limitMs: 120_000 }, async () => {
    const all = await cluster.kubectl.value(
      'volumeattachments',
      '.items[*].spec.source.persistentVolumeName',
    )
    return !all.split(' ').includes(volume)
  })
}

/** What the storage side holds and gives to guests. */
export const storageState = () => cluster.simulation.control<SimulationState>({ op: 'state' })
