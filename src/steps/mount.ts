// Mounts an attached disk in its guest, grows its file system and unmounts it. A disk without a
// path is only attached: here nothing is done for it.

import { createHash } from 'node:crypto'
import type { CallOptions } from '../csi/wire/client.ts'
import { StorageError } from '../errors.ts'
import { formatBytes } from '../model/quantity.ts'
import { capabilityAtPath, capabilityOf } from './capability.ts'
import type { MountTools, NodeCalls, PublishContext, StepDisk } from './disk.ts'

/**
 * Stages and publishes. `contextFor` gives the controller's answer for each call that stages: a
 * guest formats by what it says of the volume.
 */
export async function mountDisk(
  disk: StepDisk,
  contextFor: (options: CallOptions) => Promise<PublishContext>,
  tools: MountTools,
): Promise<void> {
  const { name, volumeId, guest, path, readOnly, mode } = disk
  if (path === undefined) return
  const { run, say } = tools
  const node = nodeOf(disk, tools)
  const staging_target_path = stagingPath(tools, volumeId)
  const common = {
    volume_id: volumeId,
    volume_context: disk.volumeContext,
    staging_target_path,
  }
  const publish_context = await run(`${name}: stage in ${guest}`, async options => {
    const context = await contextFor(options)
    const volume_capability = capabilityOf(disk)
    await node.NodeStageVolume({ ...common, publish_context: context, volume_capability }, options)
    return context
  })
  say(`${name}: staged in ${guest} at ${staging_target_path}`)

  const atPath = {
    publish_context,
    target_path: path,
    readonly: readOnly,
    volume_capability: capabilityAtPath(disk),
  }
  await run(`${name}: publish at ${path}`, options =>
    node.NodePublishVolume({ ...common, ...atPath }, options),
  )
  say(`${name}: ${mode === 'block' ? 'device' : 'mounted'} in ${guest} at ${path}`)
}

/** Lets the guest see the size, and grows the file system to it. */
export async function growDisk(
  disk: StepDisk,
  sizeBytes: number,
  tools: MountTools,
): Promise<void> {
  const { name, volumeId, guest, path } = disk
  if (path === undefined) return
  const node = nodeOf(disk, tools)
  await tools.run(`${name}: grow in ${guest}`, options =>
    node.NodeExpandVolume(
      {
        volume_id: volumeId,
        volume_capability: capabilityOf(disk),
        volume_path: path,
        staging_target_path: stagingPath(tools, volumeId),
        capacity_range: { required_bytes: String(sizeBytes), limit_bytes: '0' },
      },
      options,
    ),
  )
  tools.say(`${name}: ${guest} has ${formatBytes(sizeBytes)} at ${path}`)
}

/** Unpublishes and unstages. What is already gone counts as success. */
export async function unmountDisk(
  disk: Pick<StepDisk, 'name' | 'volumeId' | 'guest' | 'path'>,
  tools: MountTools,
): Promise<void> {
  const { name, volumeId, guest, path } = disk
  if (path === undefined) return
  const { run, say } = tools
  const node = nodeOf(disk, tools)
  await run(`${name}: unpublish ${path}`, options =>
    node.NodeUnpublishVolume({ volume_id: volumeId, target_path: path }, options),
  )
  say(`${name}: unpublished at ${path} in ${guest}`)

  await run(`${name}: unstage in ${guest}`, options =>
    node.NodeUnstageVolume(
      { volume_id: volumeId, staging_target_path: stagingPath(tools, volumeId) },
      options,
    ),
  )
  say(`${name}: unstaged in ${guest}`)
}

function nodeOf({ guest }: Pick<StepDisk, 'guest'>, { node }: MountTools): NodeCalls {
  if (node !== undefined) return node
  throw new StorageError(
    'failed-precondition',
    `guest ${guest} has no node plugin, so nothing can be mounted or unmounted there`,
  )
}

function stagingPath({ stagingDirectory }: MountTools, volumeId: string): string {
  return `${stagingDirectory}/${createHash('sha256').update(volumeId).digest('hex').slice(0, 20)}`
}
