// What the cluster says of the driver's objects: whose claim a volume is, and which node a guest
// is. Read with kubectl, so the person's own rights and context decide.

import { StorageError } from '../errors.ts'
import { type Command, formatCommand, type Shell } from '../shell/shell.ts'
import type { ClusterNames } from './volumes.ts'

/** Which kubectl, and what it is told before the subcommand. */
export interface Kubectl {
  readonly shell: Shell
  /** `--context`, `--kubeconfig` and their like, as the person gave them. */
  readonly global: readonly string[]
}

interface ListOf<Item> {
  readonly items: readonly Item[]
}

interface PersistentVolume {
  readonly spec: {
    readonly csi?: { readonly driver: string; readonly volumeHandle: string }
    readonly claimRef?: { readonly namespace: string; readonly name: string }
  }
  readonly status?: { readonly phase?: string }
}

interface CsiNode {
  readonly metadata: { readonly name: string }
  readonly spec: {
    readonly drivers?: readonly { readonly name: string; readonly nodeID: string }[] | null
  }
}

// A cluster of 10,000 volumes is a long list over a slow line.
const TIMEOUT_MS = 120_000

export async function readNames(kubectl: Kubectl, driverName: string): Promise<ClusterNames> {
  const [volumes, nodes] = await Promise.all([
    getList<PersistentVolume>(kubectl, 'persistentvolumes'),
    getList<CsiNode>(kubectl, 'csinodes.storage.k8s.io'),
  ])
  // Nothing keeps two PersistentVolumes from naming one volume. The bound one comes first.
  const isBound = ({ status }: PersistentVolume) => status?.phase === 'Bound'
  const claims = new Map<string, string[]>()
  for (const { spec } of volumes.toSorted((a, b) => Number(isBound(b)) - Number(isBound(a)))) {
    if (spec.csi?.driver !== driverName || spec.claimRef === undefined) continue
    const claim = `${spec.claimRef.namespace}/${spec.claimRef.name}`
    const { volumeHandle } = spec.csi
    claims.set(volumeHandle, [...(claims.get(volumeHandle) ?? []), claim])
  }
  const guests = nodes.flatMap(({ metadata, spec }) =>
    (spec.drivers ?? [])
      .filter(driver => driver.name === driverName)
      .map(driver => [driver.nodeID, metadata.name] as const),
  )
  return { claims, nodes: new Map(guests) }
}

/** Runs a command of the driver in a pod of the controller; any of its replicas can answer. */
export async function execInController(
  kubectl: Kubectl,
  { namespace, deployment, words }: ControllerCommand,
): Promise<{ readonly exitStatus: number; readonly stdout: string; readonly stderr: string }> {
  return await kubectl.shell.run(
    command(kubectl, [
      'exec',
      `--namespace=${namespace}`,
      `deployment/${deployment}`,
      '--container=ldom-csi',
      '--',
      'ldom-csi',
      ...words,
    ]),
    { effect: 'read', timeoutMs: 10 * TIMEOUT_MS },
  )
}

export interface ControllerCommand {
  readonly namespace: string
  readonly deployment: string
  readonly words: readonly string[]
}

async function getList<Item>(kubectl: Kubectl, resource: string): Promise<readonly Item[]> {
  const argv = command(kubectl, ['get', resource, '--output=json'])
  const { exitStatus, stdout, stderr } = await kubectl.shell.run(argv, {
    effect: 'read',
    timeoutMs: TIMEOUT_MS,
  })
  if (exitStatus !== 0) {
    throw new StorageError(
      'unavailable',
      `${formatCommand(argv)} failed with status ${exitStatus}: ${stderr.trim()}`,
    )
  }
  return (JSON.parse(stdout) as ListOf<Item>).items
}

function command({ global }: Kubectl, words: readonly string[]): Command {
  return ['kubectl', ...global, ...words]
}
