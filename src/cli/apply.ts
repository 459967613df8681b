// Brings claims about, and takes them away, through the CSI sockets: the same calls in the same order as Kubernetes' sidecars and
// kubelet make. It keeps nothing: every call is safe to repeat, so a second run changes nothing and a cut run is simply run again.

import { createHash } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { type CallOptions, type CsiClient, isWorthRepeating } from '../csi/client.ts'
import { VolumeCapabilityAccessModeMode as Mode, type Topology, type Volume } from '../csi/types.gen.ts'
import { describeError, StorageError } from '../errors.ts'
import type { Claim, Manifests } from './manifests.ts'
import { formatBytes } from './quantity.ts'

export interface ApplyTools {
  readonly controller: CsiClient
  /** Node plugins by guest, `<machine>/<guest>`. */
  readonly nodes: ReadonlyMap<string, CsiClient>
  readonly clock: Clock
  /** How long one step is repeated while the plugin says that it may still succeed. */
  readonly timeoutMs: number
  /** Directory in the guest where volumes are mounted first. */
  readonly stagingDirectory: string
  readonly print: (line: string) => void
}

export interface ClaimFailure {
  readonly claim: string
  readonly message: string
}

/** A guest as its node plugin describes it. */
interface Node {
  readonly id: string
  readonly topology: Topology | undefined
  readonly client: CsiClient
}

const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 10_000
const PROGRESS_MS = 10_000
/** As long as the provisioner and the attacher let one call run; the next call joins what is still going on. */
const CALL_MS = 60_000

/** Makes, attaches and mounts what the claims ask for. A claim that fails does not stop the others. */
export async function applyManifests(manifests: Manifests, tools: ApplyTools): Promise<readonly ClaimFailure[]> {
  const nodes = await meetPlugins(manifests, tools)
  return forEachClaim(manifests.claims, tools, claim => bringAbout(claim, nodes, tools))
}

/** The opposite, in reverse order. It makes nothing: a claim without a volume is already deleted. */
export async function deleteManifests(manifests: Manifests, tools: ApplyTools): Promise<readonly ClaimFailure[]> {
  const nodes = await meetPlugins(manifests, tools)
  const volumes = await listVolumes(tools)
  return forEachClaim([...manifests.claims].reverse(), tools, claim => takeAway(claim, findVolume(claim, volumes), nodes, tools))
}

async function bringAbout(claim: Claim, nodes: ReadonlyMap<string, Node>, tools: ApplyTools): Promise<void> {
  const { controller } = tools
  const node = claim.place && nodes.get(claim.place.guest)
  const capability = capabilityOf(claim)
  const { volume } = await step(`${claim.name}: create`, tools, options =>
    controller.controller.CreateVolume(
      {
        name: claim.name,
        capacity_range: { required_bytes: String(claim.requiredBytes), limit_bytes: String(claim.limitBytes) },
        volume_capabilities: [capability],
        parameters: claim.storageClass.parameters,
        accessibility_requirements: node?.topology && { requisite: [node.topology], preferred: [node.topology] },
      },
      options,
    ),
  )
  if (volume === undefined) throw new StorageError('internal', `${claim.name}: the controller answered without a volume`)
  tools.print(`${claim.name}: volume ${volume.volume_id}, ${formatBytes(Number(volume.capacity_bytes))}`)
  if (node === undefined || claim.place === undefined) return

  const common = { volume_id: volume.volume_id, volume_capability: capability, volume_context: volume.volume_context }
  const { publish_context } = await step(`${claim.name}: attach to ${node.id}`, tools, options =>
    controller.controller.ControllerPublishVolume({ ...common, node_id: node.id }, options),
  )
  tools.print(`${claim.name}: attached to ${node.id}${describeContext(publish_context)}`)

  const staging = { staging_target_path: stagingPath(tools, volume.volume_id), publish_context }
  await step(`${claim.name}: stage in ${node.id}`, tools, options => node.client.node.NodeStageVolume({ ...common, ...staging }, options))
  tools.print(`${claim.name}: staged in ${node.id} at ${staging.staging_target_path}`)

  const target_path = claim.place.mountPath
  await step(`${claim.name}: publish at ${target_path}`, tools, options =>
    node.client.node.NodePublishVolume({ ...common, ...staging, target_path }, options),
  )
  tools.print(`${claim.name}: ${claim.mode === 'block' ? 'device' : 'mounted'} in ${node.id} at ${target_path}`)
}

async function takeAway(claim: Claim, volume: Volume | undefined, nodes: ReadonlyMap<string, Node>, tools: ApplyTools): Promise<void> {
  if (volume === undefined) return tools.print(`${claim.name}: no such volume, nothing to delete`)
  const { volume_id } = volume
  const { controller } = tools.controller
  const node = claim.place && nodes.get(claim.place.guest)
  if (node !== undefined && claim.place !== undefined) {
    const target_path = claim.place.mountPath
    await step(`${claim.name}: unpublish ${target_path}`, tools, options =>
      node.client.node.NodeUnpublishVolume({ volume_id, target_path }, options),
    )
    tools.print(`${claim.name}: gone from ${target_path} in ${node.id}`)
    const staging_target_path = stagingPath(tools, volume_id)
    await step(`${claim.name}: unstage in ${node.id}`, tools, options =>
      node.client.node.NodeUnstageVolume({ volume_id, staging_target_path }, options),
    )
    tools.print(`${claim.name}: unstaged in ${node.id}`)
    await step(`${claim.name}: detach from ${node.id}`, tools, options =>
      controller.ControllerUnpublishVolume({ volume_id, node_id: node.id }, options),
    )
    tools.print(`${claim.name}: detached from ${node.id}`)
  }
  if (claim.storageClass.reclaimPolicy === 'Retain') {
    return tools.print(`${claim.name}: volume ${volume_id} is kept, as StorageClass ${claim.storageClass.name} says Retain`)
  }
  await step(`${claim.name}: delete ${volume_id}`, tools, options => controller.DeleteVolume({ volume_id }, options))
  tools.print(`${claim.name}: volume ${volume_id} deleted`)
}

async function forEachClaim(
  claims: readonly Claim[],
  tools: ApplyTools,
  work: (claim: Claim) => Promise<void>,
): Promise<readonly ClaimFailure[]> {
  const failures: ClaimFailure[] = []
  for (const claim of claims) {
    try {
      await work(claim)
    } catch (error) {
      const message = error instanceof StorageError ? describeError(error) : error instanceof Error ? error.message : String(error)
      failures.push({ claim: claim.name, message })
      tools.print(`${claim.name}: failed: ${message}`)
    }
  }
  return failures
}

/** Checks, before anything is changed, that the plugins are there and are the ones that the manifests speak of. */
async function meetPlugins({ classes, claims }: Manifests, tools: ApplyTools): Promise<ReadonlyMap<string, Node>> {
  const { name: driver } = await step('controller', tools, options => tools.controller.identity.GetPluginInfo({}, options))
  const strange = classes.filter(storageClass => storageClass.provisioner !== driver)
  const guests = [...new Set(claims.flatMap(claim => (claim.place === undefined ? [] : [claim.place.guest])))]
  const problems = [
    ...strange.map(({ name, provisioner }) => `StorageClass ${name}: provisioner is ${provisioner}, the controller is ${driver}`),
    ...guests.filter(guest => !tools.nodes.has(guest)).map(guest => `guest ${guest}: no node plugin given; add --node ${guest}=SOCKET`),
  ]
  if (problems.length > 0) throw new StorageError('invalid-argument', problems.join('\n'))
  const nodes = new Map<string, Node>()
  for (const guest of guests) {
    const client = tools.nodes.get(guest)
    if (client === undefined) continue
    const { node_id, accessible_topology } = await step(`node plugin of ${guest}`, tools, options => client.node.NodeGetInfo({}, options))
    if (node_id !== guest) throw new StorageError('invalid-argument', `the socket given for guest ${guest} is that of ${node_id}`)
    nodes.set(guest, { id: node_id, topology: accessible_topology, client })
  }
  return nodes
}

async function listVolumes(tools: ApplyTools): Promise<readonly Volume[]> {
  const volumes: Volume[] = []
  let starting_token = ''
  do {
    const page = await step('list volumes', tools, options => tools.controller.controller.ListVolumes({ starting_token }, options))
    volumes.push(...page.entries.flatMap(entry => entry.volume ?? []))
    starting_token = page.next_token
  } while (starting_token !== '')
  return volumes
}

// The driver computes ids and writes the caller's name into the context of every volume.
function findVolume(claim: Claim, volumes: readonly Volume[]): Volume | undefined {
  const { pool } = claim.storageClass.parameters
  const found = volumes.filter(
    ({ volume_id, volume_context }) => volume_context.name === claim.name && (pool === undefined || volume_id.startsWith(`${pool}/`)),
  )
  if (found.length > 1) {
    const ids = found.map(volume => volume.volume_id).join(', ')
    throw new StorageError('failed-precondition', `several volumes have the name ${claim.name}: ${ids}; name the pool in the StorageClass`)
  }
  return found[0]
}

function capabilityOf(claim: Claim) {
  // What the provisioner sends for ReadWriteOnce and ReadWriteOncePod to a driver that knows the two.
  const mode = claim.access === 'single-writer' ? Mode.SINGLE_NODE_SINGLE_WRITER : Mode.SINGLE_NODE_MULTI_WRITER
  const { fileSystem, mountOptions } = claim.storageClass
  const type = claim.mode === 'block' ? { block: {} } : { mount: { fs_type: fileSystem, mount_flags: mountOptions } }
  return { access_mode: { mode }, ...type }
}

function stagingPath({ stagingDirectory }: ApplyTools, volumeId: string): string {
  return `${stagingDirectory}/${createHash('sha256').update(volumeId).digest('hex').slice(0, 20)}`
}

function describeContext(context: Readonly<Record<string, string>>): string {
  return context.vdisk === undefined ? '' : ` as vdisk ${context.vdisk}`
}

/** One call, repeated with growing pauses while the answer says that it may still be going on or may succeed later. */
async function step<T>(title: string, tools: ApplyTools, call: (options: CallOptions) => Promise<T>): Promise<T> {
  const { clock, print, timeoutMs } = tools
  const endMs = clock.nowMs() + timeoutMs
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      const options = { timeoutMs: Math.max(1, Math.min(CALL_MS, endMs - clock.nowMs())) }
      return await withProgress(title, tools, call(options))
    } catch (error) {
      if (!isWorthRepeating(error) || clock.nowMs() + pauseMs >= endMs) throw error
      print(`${title}: not yet: ${error instanceof Error ? error.message : error}`)
      await clock.sleep(pauseMs)
    }
  }
}

async function withProgress<T>(title: string, { clock, print }: ApplyTools, work: Promise<T>): Promise<T> {
  const ended = new AbortController()
  const startedMs = clock.nowMs()
  const tell = async () => {
    while (!ended.signal.aborted) {
      await clock.sleep(PROGRESS_MS, ended.signal)
      print(`${title}: working for ${Math.round((clock.nowMs() - startedMs) / 1000)} s`)
    }
  }
  const telling = tell().catch(() => {}) // the end of the work ends the sleep
  try {
    return await work
  } finally {
    ended.abort()
    await telling
  }
}
