// The plugins that `apply` calls: which driver and guests they serve, and which volumes and
// snapshots exist. Each list is read once, when it is first needed. Nothing is changed here.

import { type CallOptions, type CsiClient, isWorthRepeating, RpcError } from '../csi/wire/client.ts'
import { knowsConditions } from '../csi/wire/conditions.ts'
import type {
  Topology,
  Snapshot as WireSnapshot,
  Volume as WireVolume,
} from '../csi/wire/types.gen.ts'
import { isStorageError, StorageError } from '../errors.ts'
import type { Manifests } from '../manifests/manifests.ts'
import type { Claim, Source } from '../manifests/objects.ts'
import { findVolumeId, formatVolumeId, snapshotLeaf, volumeLeaf } from '../model/ids.ts'
import { type ApplyTools, step } from './step.ts'

/** A guest as its node plugin describes it. */
export interface Node {
  readonly topology: Topology | undefined
  readonly client: CsiClient
}

/** A volume or snapshot that another volume can be created from. */
export interface Made {
  readonly id: string
  readonly sizeBytes: number
}

/** Long enough for a plugin that has just started. Short enough to report a missing socket soon. */
const MEETING_MS = 10_000

/** The first call to a plugin. It names a plugin that does not answer, and gives up soon. */
async function meet<T>(
  { who, option }: { readonly who: string; readonly option: string },
  tools: ApplyTools,
  call: (options: CallOptions) => Promise<T>,
): Promise<T> {
  try {
    return await step(who, { ...tools, timeoutMs: Math.min(tools.timeoutMs, MEETING_MS) }, call)
  } catch (error) {
    if (!isWorthRepeating(error)) throw error
    const said = error instanceof Error ? error.message : error
    throw new StorageError(
      'unavailable',
      `the ${who} does not answer (${said}); ` +
        `check that it runs, that ${option} names its socket, and that this account may use it`,
    )
  }
}

/** One page of a list of CSI. */
interface Page<T> {
  readonly entries: readonly T[]
  readonly next_token: string
}

/** A volume behind the controller, and the guests that have it, `<machine>/<guest>`. */
export interface Found {
  readonly volume: WireVolume
  readonly guests: readonly string[]
}

/**
 * Checks that the plugins answer and serve the driver and guests of the manifests. It runs before
 * any change. For `take`, a node plugin may be silent: its guest may be off.
 */
export async function meetPlugins(
  { drivers, objects }: Manifests,
  tools: ApplyTools,
  purpose: 'give' | 'take',
): Promise<Plugins> {
  const { name: driver, manifest } = await meet(
    { who: 'controller', option: '--controller' },
    tools,
    options => tools.controller.identity.GetPluginInfo({}, options),
  )
  const guests = [
    ...new Set(
      objects.flatMap(object =>
        object.kind === 'claim'
          ? object.places.filter(place => place.mountPath !== undefined).map(place => place.guest)
          : [],
      ),
    ),
  ]
  const problems = [
    ...drivers
      .filter(({ name }) => name !== driver)
      .map(({ of, name }) => `${of} is ${name}, the controller is ${driver}`),
    ...guests
      .filter(guest => !tools.nodes.has(guest))
      .map(guest => `guest ${guest}: no node plugin given; add --node ${guest}=SOCKET`),
  ]
  if (problems.length > 0) throw new StorageError('invalid-argument', problems.join('\n'))
  const nodes = new Map<string, Node | StorageError>()
  for (const guest of guests) {
    const client = tools.nodes.get(guest)
    if (client !== undefined) nodes.set(guest, await meetNode(guest, client, tools))
  }
  const silent = [...nodes.values()].find(node => node instanceof StorageError)
  if (silent !== undefined && purpose === 'give') throw silent
  return new Plugins(tools, nodes, manifest)
}

async function meetNode(
  guest: string,
  client: CsiClient,
  tools: ApplyTools,
): Promise<Node | StorageError> {
  try {
    const { node_id, accessible_topology } = await meet(
      { who: `node plugin of ${guest}`, option: `--node ${guest}=SOCKET` },
      tools,
      options => client.node.NodeGetInfo({}, options),
    )
    if (node_id !== guest) {
      throw new StorageError(
        'invalid-argument',
        `the socket of --node ${guest} belongs to guest ${node_id}`,
      )
    }
    return { topology: accessible_topology, client }
  } catch (error) {
    if (isStorageError(error, 'unavailable')) return error
    throw error
  }
}

export class Plugins {
  readonly #tools: ApplyTools
  readonly #nodes: ReadonlyMap<string, Node | StorageError>
  readonly #cluster: string | undefined
  /** Whether the controller can be asked to detach only while a guest is off. */
  readonly knowsConditions: boolean
  #volumes: Promise<readonly Found[]> | undefined
  #snapshots: Promise<readonly WireSnapshot[]> | undefined

  constructor(
    tools: ApplyTools,
    nodes: ReadonlyMap<string, Node | StorageError>,
    manifest: Readonly<Record<string, string>>,
  ) {
    this.#tools = tools
    this.#nodes = nodes
    this.#cluster = manifest.cluster
    this.knowsConditions = knowsConditions(manifest)
  }

  /** Throws when the node plugin did not answer. */
  node(guest: string): Node {
    const node = this.#nodes.get(guest)
    if (node === undefined) throw new Error(`nobody met the node plugin of guest ${guest}`)
    if (node instanceof StorageError) throw node
    return node
  }

  /**
   * The volume of a claim as of the list. A volume in another pool than the class names is found
   * and rejected here, with the ways out. The driver could say only that the name is taken.
   */
  async findVolume({ name, storageClass }: Claim): Promise<Found | undefined> {
    const { pool } = storageClass.parameters
    const found = await this.#findByName(name)
    const own =
      pool === undefined
        ? found
        : found.filter(({ volume }) => volume.volume_id.startsWith(`${pool}/`))
    if (own.length > 0) return only(name, own)
    if (found.length === 0) return undefined
    const ids = found.map(({ volume }) => volume.volume_id).join(', ')
    throw new StorageError(
      'failed-precondition',
      `its volume is ${ids}, and StorageClass ${storageClass.name} is for pool ${pool}: the ` +
        'class of a claim cannot be changed, because the claim would get another, empty volume; ' +
        'put the old class back, or delete the old volume first (apply --delete with the old ' +
        'class), or give the claim another name',
    )
  }

  /**
   * Throws unless a claim whose volume is not listed has none. A list leaves out a dataset that has
   * lost its properties; asked for by its id, it is unknown, and not absent.
   */
  async requireNone({ name, storageClass }: Claim): Promise<void> {
    const { pool } = storageClass.parameters
    if (this.#cluster === undefined || pool === undefined) return
    const volume_id = formatVolumeId(pool, volumeLeaf(this.#cluster, pool, name))
    // No pool has such a name, so none has a volume.
    if (findVolumeId(volume_id) === undefined) return
    try {
      await step(`${name}: look for its volume`, this.#tools, options =>
        this.#tools.controller.controller.ControllerGetVolume({ volume_id }, options),
      )
    } catch (error) {
      if (error instanceof RpcError && error.code === 'NOT_FOUND') return
      throw error
    }
    throw new StorageError('unavailable', `volume ${volume_id} is new; try again`)
  }

  /** The names of the claims whose volumes a message of a plugin names. */
  async claimsIn(message: string): Promise<readonly string[]> {
    this.#volumes ??= this.#listVolumes()
    return (await this.#volumes).flatMap(({ volume }) => {
      const { name } = volume.volume_context
      return name !== undefined && message.includes(volume.volume_id) ? [name] : []
    })
  }

  /** Finds a source that is not in the files. */
  async findSource({ kind, name }: Source): Promise<Made | undefined> {
    if (kind === 'snapshot') {
      const snapshot = await this.findSnapshot(name)
      return snapshot && { id: snapshot.snapshot_id, sizeBytes: Number(snapshot.size_bytes) }
    }
    const volume = only(name, await this.#findByName(name))?.volume
    return volume && { id: volume.volume_id, sizeBytes: Number(volume.capacity_bytes) }
  }

  // The driver computes ids and writes the caller's name into each volume context.
  async #findByName(name: string): Promise<readonly Found[]> {
    this.#volumes ??= this.#listVolumes()
    return (await this.#volumes).filter(({ volume }) => volume.volume_context.name === name)
  }

  // CSI lists snapshots without their names. Names are unique over the driver, and ids are computed
  // from them.
  async findSnapshot(name: string): Promise<WireSnapshot | undefined> {
    if (this.#cluster === undefined) {
      throw new StorageError(
        'failed-precondition',
        `the controller does not report its cluster, so snapshot ${name} cannot be found`,
      )
    }
    const leaf = snapshotLeaf(this.#cluster, name)
    this.#snapshots ??= this.#listSnapshots()
    return (await this.#snapshots).find(({ snapshot_id }) => snapshot_id.endsWith(`@${leaf}`))
  }

  async #listVolumes(): Promise<readonly Found[]> {
    const { controller } = this.#tools.controller
    const entries = await this.#listAll('list volumes', (starting_token, options) =>
      controller.ListVolumes({ starting_token }, options),
    )
    return entries.flatMap(({ volume, status }) =>
      volume === undefined ? [] : { volume, guests: status?.published_node_ids ?? [] },
    )
  }

  async #listSnapshots(): Promise<readonly WireSnapshot[]> {
    const { controller } = this.#tools.controller
    const entries = await this.#listAll('list snapshots', (starting_token, options) =>
      controller.ListSnapshots({ starting_token }, options),
    )
    return entries.flatMap(({ snapshot }) => snapshot ?? [])
  }

  async #listAll<T>(
    title: string,
    readPage: (starting_token: string, options: CallOptions) => Promise<Page<T>>,
  ): Promise<readonly T[]> {
    const entries: T[] = []
    let starting_token = ''
    do {
      const page = await step(title, this.#tools, options => readPage(starting_token, options))
      for (const entry of page.entries) entries.push(entry)
      starting_token = page.next_token
    } while (starting_token !== '')
    return entries
  }
}

function only(name: string, found: readonly Found[]): Found | undefined {
  if (found.length <= 1) return found[0]
  const ids = found.map(({ volume }) => volume.volume_id).join(', ')
  throw new StorageError(
    'failed-precondition',
    `several volumes have the name ${name}: ${ids}; name the pool in the StorageClass`,
  )
}
