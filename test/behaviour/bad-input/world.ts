// A served installation for requests with bad texts: controller and one node plugin on real
// sockets, a volume that is in use, and what commands look like on a good day.

import type { World } from '../../../sim/world.ts'
import { worldState } from '../../../sim/world-state.ts'
import { controllerServices } from '../../../src/bin/compose/installation.ts'
import { identityService } from '../../../src/csi/identity.ts'
import { nodeService } from '../../../src/csi/node.ts'
import { type CsiClient, RpcError } from '../../../src/csi/wire/client.ts'
import { VolumeCapabilityAccessModeMode as Mode } from '../../../src/csi/wire/types.gen.ts'
import { parseGuestId } from '../../../src/model/ids.ts'
import { servePlugin } from '../../protocol/plugin.ts'
import { install } from '../../support/installation.ts'
import { HonestCommands } from './texts.ts'

export const DRIVER = 'vdisk.ldom-csi.io'
export const STAGING = '/var/lib/ldom-csi/staging/base'
export const TARGET = '/srv/base'

export const WRITER = { mode: Mode.SINGLE_NODE_WRITER }
export const MOUNT = { fs_type: '', mount_flags: [], volume_mount_group: '' }
export const CAPABILITY = { mount: MOUNT, access_mode: WRITER }
export const SIZE = { required_bytes: String(16 << 20), limit_bytes: '0' }
export const CREATE = {
  name: 'pvc-1',
  capacity_range: SIZE,
  volume_capabilities: [CAPABILITY],
  parameters: { pool: 'silver' },
}

export interface BadInputWorld {
  readonly world: World
  readonly guest: string
  readonly controller: CsiClient['controller']
  readonly groups: CsiClient['groupController']
  readonly node: CsiClient['node']
  readonly honest: HonestCommands
  /** Of the volume that is in use: staged and published. */
  readonly volumeId: string
  readonly snapshotId: string
  readonly publishContext: Readonly<Record<string, string>>
  /** A stage request for it, or with a target a publish request. */
  readonly request: {
    readonly volume_id: string
    readonly staging_target_path: string
    readonly volume_capability: typeof CAPABILITY
    readonly publish_context: Readonly<Record<string, string>>
    readonly volume_context: Readonly<Record<string, string>>
  }
  commandsSoFar(): number
  /** Everything there is, to compare. */
  state(): string
  end(): Promise<void>
}

export async function badInputWorld(guest: string): Promise<BadInputWorld> {
  const { world, driver, node: pluginOf } = install()
  const controllerPlugin = await servePlugin(
    controllerServices({ ...driver(), stop: async () => {} }, '1'),
  )
  const nodePlugin = await servePlugin([
    identityService({
      driverName: DRIVER,
      version: '1',
      snapshotTopology: true,
      manifest: { cluster: 'test' },
    }),
    nodeService({
      driverName: DRIVER,
      guest: parseGuestId(guest),
      attachLimit: 60,
      volumes: pluginOf(guest),
      health: undefined,
    }),
  ])
  const { controller, groupController: groups } = controllerPlugin.client
  const { node } = nodePlugin.client
  for (const pool of ['gold', 'silver']) await goodDay({ controller, node }, guest, pool)

  const { volume } = await controller.CreateVolume({ ...CREATE, name: 'base' })
  const volume_id = volume?.volume_id ?? ''
  const { snapshot } = await controller.CreateSnapshot({
    name: 'base',
    source_volume_id: volume_id,
  })
  const { publish_context } = await controller.ControllerPublishVolume({
    volume_id,
    node_id: guest,
    volume_capability: CAPABILITY,
  })
  const volume_context = volume?.volume_context ?? {}
  const request = {
    volume_id,
    staging_target_path: STAGING,
    volume_capability: CAPABILITY,
    publish_context,
    volume_context,
  }
  await node.NodeStageVolume(request)
  await node.NodePublishVolume({ ...request, target_path: TARGET })
  return {
    ...{ world, guest, controller, groups, node, request },
    honest: new HonestCommands(world),
    volumeId: volume_id,
    snapshotId: snapshot?.snapshot_id ?? '',
    publishContext: publish_context,
    commandsSoFar: () => world.timeline.commands.length,
    state: () => JSON.stringify(worldState(world)),
    end: async () => {
      await controllerPlugin.end()
      await nodePlugin.end()
    },
  }
}

type Clients = Pick<CsiClient, 'controller' | 'node'>

/** Every call once, as an orchestrator means it. */
async function goodDay({ controller, node }: Clients, guest: string, pool: string): Promise<void> {
  const create = { ...CREATE, parameters: { pool } }
  const { volume } = await controller.CreateVolume({ ...create, name: 'honest' })
  const volume_id = volume?.volume_id ?? ''
  const { snapshot } = await controller.CreateSnapshot({
    name: 'honest',
    source_volume_id: volume_id,
  })
  const snapshot_id = snapshot?.snapshot_id ?? ''
  const restored = await controller.CreateVolume({
    ...create,
    name: 'restored',
    volume_content_source: { snapshot: { snapshot_id } },
  })
  const copied = await controller.CreateVolume({
    ...create,
    name: 'copied',
    volume_content_source: { volume: { volume_id } },
  })
  await controller.ControllerExpandVolume({
    volume_id,
    capacity_range: { required_bytes: String(32 << 20), limit_bytes: '0' },
  })
  await controller.ControllerModifyVolume({
    volume_id,
    mutable_parameters: { compression: 'gzip' },
  })
  for (const readonly of [false, true]) {
    await attachedAndBack({ controller, node }, { guest, volume_id, readonly })
  }
  await controller.ListVolumes({})
  await controller.ListSnapshots({})
  await controller.GetCapacity({})
  await controller.DeleteSnapshot({ snapshot_id })
  for (const id of [restored.volume?.volume_id, copied.volume?.volume_id, volume_id]) {
    await controller.DeleteVolume({ volume_id: id ?? '' })
  }
}

async function attachedAndBack(
  { controller, node }: Clients,
  {
    guest,
    volume_id,
    readonly,
  }: { readonly guest: string; readonly volume_id: string; readonly readonly: boolean },
): Promise<void> {
  const volume = { volume_id, volume_capability: CAPABILITY }
  const { publish_context } = await controller.ControllerPublishVolume({
    ...volume,
    node_id: guest,
    readonly,
  })
  const target_path = '/srv/honest'
  const staging_target_path = '/var/lib/ldom-csi/staging/honest'
  const request = {
    ...volume,
    staging_target_path,
    publish_context,
    volume_context: { source: 'empty', format: 'filesystem' },
  }
  await node.NodeStageVolume(request)
  await node.NodePublishVolume({ ...request, target_path, readonly })
  await node.NodeGetVolumeStats({ volume_id, volume_path: target_path })
  await node.NodeUnpublishVolume({ volume_id, target_path })
  await node.NodeUnstageVolume({ volume_id, staging_target_path })
  await controller.ControllerUnpublishVolume({ volume_id, node_id: guest })
}

/**
 * What the caller may be told: never that the driver has a defect, or that nobody has thought of
 * this.
 */
const CLEAR = [
  ...['INVALID_ARGUMENT', 'NOT_FOUND', 'OUT_OF_RANGE', 'ALREADY_EXISTS', 'FAILED_PRECONDITION'],
  ...['ABORTED', 'RESOURCE_EXHAUSTED', 'UNAVAILABLE'],
]

/** How the call ended; fails unless it is clear. */
export async function told(call: Promise<unknown>): Promise<string> {
  try {
    await call
    return 'OK'
  } catch (error) {
    if (!(error instanceof RpcError)) throw error
    if (!CLEAR.includes(error.code)) {
      throw new Error(`not clear: ${error.message}`, { cause: error })
    }
    expect(error.details).toMatch(/[a-z]{3,}.* /)
    return error.code
  }
}
