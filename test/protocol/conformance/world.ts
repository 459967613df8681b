// What every demand of the conformance suite is asked with: an installation, its calls, and
// requests with nothing incidental. It takes away whatever a test made, as csi-sanity does, and
// finds the installation empty afterwards.

import { type CsiClient, RpcError } from '../../../src/csi/wire/client.ts'
import type { Draft } from '../../../src/csi/wire/proto.ts'
import type {
  ControllerPublishVolumeRequest,
  CreateSnapshotRequest,
  CreateVolumeRequest,
  NodePublishVolumeRequest,
  NodeStageVolumeRequest,
  Snapshot,
  Volume,
  VolumeCapability,
  VolumeGroupSnapshot,
} from '../../../src/csi/wire/types.gen.ts'

/** For `mutableParameters` of an installation whose pools know all of them. */
export const MUTABLE_PARAMETERS = {
  compression: 'gzip-1',
  reservation: 'thin',
  logbias: 'throughput',
  sync: 'always',
}

export interface Installation {
  /** A socket with Identity, Controller and GroupController. */
  readonly controller: CsiClient
  /** A socket with Identity and Node, of the guest below. */
  readonly node: CsiClient
  readonly driverName: string
  readonly nodeId: string
  /** Another guest that reaches the same volumes. */
  readonly otherNodeId: string
  /** StorageClass parameters for every volume that is made. */
  readonly parameters: Readonly<Record<string, string>>
  /** Mutable parameters that the pool's dialect has. */
  readonly mutableParameters: Readonly<Record<string, string>>
  /** Whether the pool's dialect cuts several volumes at one moment. */
  readonly groups: 'cut' | 'refused'
  /**
   * Whether the guest's platform has read-only nodes for raw devices; a link has the device's own
   * mode.
   */
  readonly readOnlyNodes: 'made' | 'impossible'
  readonly sizeBytes: number
  /**
   * Existing directories of the guest: one to stage at, and one in which the driver makes its
   * targets.
   */
  readonly stagingPath: string
  readonly targetDirectory: string
  end(): Promise<void>
}

export type Kind = 'mount' | 'block'
/**
 * SINGLE_NODE_WRITER, …_READER_ONLY, MULTI_NODE_READER_ONLY, …_SINGLE_WRITER, …_MULTI_WRITER,
 * SINGLE_NODE_SINGLE_WRITER, …_MULTI_WRITER
 */
export type Mode = 1 | 2 | 3 | 4 | 5 | 6 | 7
type TextMap = Readonly<Record<string, string>>

export class World {
  readonly kind: Kind
  readonly #volumes = new Set<string>()
  readonly #snapshots = new Set<string>()
  readonly #groups = new Map<string, readonly string[]>()
  #installation: Installation | undefined

  constructor(kind: Kind) {
    this.kind = kind
  }

  get installation(): Installation {
    if (this.#installation === undefined) throw new Error('no installation outside of a test')
    return this.#installation
  }

  get controller(): CsiClient['controller'] {
    return this.installation.controller.controller
  }

  get groups(): CsiClient['groupController'] {
    return this.installation.controller.groupController
  }

  get node(): CsiClient['node'] {
    return this.installation.node.node
  }

  begin(installation: Installation): void {
    this.#installation = installation
  }

  async end(): Promise<void> {
    const { installation, controller } = this
    for (const [group_snapshot_id, snapshot_ids] of this.#groups) {
      await this.groups.DeleteVolumeGroupSnapshot({ group_snapshot_id, snapshot_ids })
    }
    for (const volume_id of this.#volumes) await this.#takeAway(volume_id)
    for (const snapshot_id of this.#snapshots) await controller.DeleteSnapshot({ snapshot_id })
    const volumes = (await controller.ListVolumes({})).entries
    const snapshots = (await controller.ListSnapshots({})).entries
    for (const made of [this.#volumes, this.#snapshots, this.#groups]) made.clear()
    this.#installation = undefined
    await installation.end()
    expect({ volumes, snapshots }).toEqual({ volumes: [], snapshots: [] })
  }

  // Of every volume ever made, whether any of it was there or not.
  async #takeAway(volume_id: string): Promise<void> {
    const { node, controller, installation } = this
    for (const name of ['a', 'b']) {
      await node.NodeUnpublishVolume({ volume_id, target_path: this.target(name) })
    }
    await node.NodeUnstageVolume({ volume_id, staging_target_path: installation.stagingPath })
    for (const node_id of [installation.nodeId, installation.otherNodeId]) {
      await controller.ControllerUnpublishVolume({ volume_id, node_id })
    }
    await controller.DeleteVolume({ volume_id })
  }

  target(name: string): string {
    return `${this.installation.targetDirectory}/${name}`
  }

  capability(mode: Mode = 1, kind: Kind = this.kind): Draft<VolumeCapability> {
    return { [kind]: {}, access_mode: { mode } }
  }

  /** A capability that a volume of this kind cannot have. */
  get otherCapability(): Draft<VolumeCapability> {
    return this.capability(1, this.kind === 'block' ? 'mount' : 'block')
  }

  range(factor = 1) {
    const required_bytes = String(factor * this.installation.sizeBytes)
    return { required_bytes, limit_bytes: required_bytes }
  }

  createRequest(name: string, fields: Draft<CreateVolumeRequest> = {}): Draft<CreateVolumeRequest> {
    const { parameters } = this.installation
    return {
      name,
      volume_capabilities: [this.capability()],
      parameters,
      capacity_range: this.range(),
      ...fields,
    }
  }

  async create(name: string, fields: Draft<CreateVolumeRequest> = {}): Promise<Volume> {
    const { volume } = await this.controller.CreateVolume(this.createRequest(name, fields))
    if (volume === undefined) throw new Error('CreateVolume answered without a volume')
    this.#volumes.add(volume.volume_id)
    return volume
  }

  async snapshot(
    name: string,
    volume: Volume,
    fields: Draft<CreateSnapshotRequest> = {},
  ): Promise<Snapshot> {
    const { snapshot } = await this.controller.CreateSnapshot({
      name,
      source_volume_id: volume.volume_id,
      ...fields,
    })
    if (snapshot === undefined) throw new Error('CreateSnapshot answered without a snapshot')
    this.#snapshots.add(snapshot.snapshot_id)
    return snapshot
  }

  async group(name: string, volumes: readonly Volume[]): Promise<VolumeGroupSnapshot> {
    const source_volume_ids = volumes.map(volume => volume.volume_id)
    const { group_snapshot: group } = await this.groups.CreateVolumeGroupSnapshot({
      name,
      source_volume_ids,
    })
    if (group === undefined) throw new Error('CreateVolumeGroupSnapshot answered without a group')
    this.#groups.set(group.group_snapshot_id, idsOf(group))
    return group
  }

  publishRequest(
    volume: Volume,
    fields: Draft<ControllerPublishVolumeRequest> = {},
  ): Draft<ControllerPublishVolumeRequest> {
    const { volume_id, volume_context } = volume
    return {
      volume_id,
      volume_context,
      node_id: this.installation.nodeId,
      volume_capability: this.capability(),
      ...fields,
    }
  }

  stageRequest(volume: Volume, publish_context: TextMap): Draft<NodeStageVolumeRequest> {
    const { volume_id, volume_context } = volume
    const staging_target_path = this.installation.stagingPath
    return {
      volume_id,
      volume_context,
      publish_context,
      staging_target_path,
      volume_capability: this.capability(),
    }
  }

  targetRequest(
    volume: Volume,
    publish_context: TextMap,
    fields: Draft<NodePublishVolumeRequest> = {},
  ): Draft<NodePublishVolumeRequest> {
    return {
      ...this.stageRequest(volume, publish_context),
      target_path: this.target('a'),
      ...fields,
    }
  }

  /** A volume that is ready to be published to targets. */
  async staged(name: string, mode: Mode) {
    const volume_capability = this.capability(mode)
    const volume = await this.create(name, { volume_capabilities: [volume_capability] })
    const { publish_context } = await this.controller.ControllerPublishVolume(
      this.publishRequest(volume, { volume_capability }),
    )
    await this.node.NodeStageVolume({
      ...this.stageRequest(volume, publish_context),
      volume_capability,
    })
    return { volume, publish_context }
  }

  /** A volume that somebody uses. */
  async published(name: string): Promise<Volume> {
    const { volume, publish_context } = await this.staged(name, 1)
    await this.node.NodePublishVolume(this.targetRequest(volume, publish_context))
    return volume
  }

  async listIds(): Promise<string[]> {
    return (await this.controller.ListVolumes({})).entries.map(
      entry => entry.volume?.volume_id ?? '',
    )
  }

  async listSnapshotIds(
    filter: { source_volume_id?: string; snapshot_id?: string } = {},
  ): Promise<string[]> {
    return (await this.controller.ListSnapshots(filter)).entries.map(
      entry => entry.snapshot?.snapshot_id ?? '',
    )
  }

  async topology() {
    const { accessible_topology } = await this.node.NodeGetInfo({})
    if (accessible_topology === undefined) {
      throw new Error('NodeGetInfo answered without a topology')
    }
    return accessible_topology
  }

  get elsewhere() {
    return { segments: { [`${this.installation.driverName}/machine`]: 'nowhere' } }
  }
}

export function idsOf(group: VolumeGroupSnapshot): readonly string[] {
  return group.snapshots.map(snapshot => snapshot.snapshot_id)
}

/** OK or the code of the failure. A failure says why, in a message, and has nothing else. */
export async function code(call: Promise<unknown>): Promise<string> {
  try {
    await call
    return 'OK'
  } catch (error) {
    if (!(error instanceof RpcError)) throw error
    if (error.details === '') throw new Error(`${error.rpc} failed without a message`)
    return error.code
  }
}
