// Attaches the volume of a disk to its guest, and detaches it.

import type { CallOptions } from '../csi/wire/client.ts'
import { capabilityOf } from './capability.ts'
import type { AttachTools, PublishContext, StepDisk } from './disk.ts'

export async function attachDisk(
  disk: Omit<StepDisk, 'path'>,
  { controller, run, say }: AttachTools,
): Promise<PublishContext> {
  const { name, guest } = disk
  const context = await run(`${name}: attach to ${guest}`, options =>
    askForDisk(disk, controller, options),
  )
  const { vdisk } = context
  say(`${name}: attached to ${guest}${vdisk === undefined ? '' : ` as vdisk ${vdisk}`}`)
  return context
}

/** The call of `attachDisk` alone, for whoever repeats it within another step. */
export async function askForDisk(
  disk: Omit<StepDisk, 'path'>,
  controller: AttachTools['controller'],
  options: CallOptions,
): Promise<PublishContext> {
  const { volumeId, volumeContext, guest, readOnly, vdiskNumber } = disk
  const asked: Record<string, string> =
    vdiskNumber === undefined ? {} : { vdiskNumber: String(vdiskNumber) }
  const { publish_context } = await controller.ControllerPublishVolume(
    {
      volume_id: volumeId,
      node_id: guest,
      volume_capability: capabilityOf(disk),
      readonly: readOnly,
      volume_context: { ...volumeContext, ...asked },
    },
    options,
  )
  return publish_context
}

/**
 * A disk that is not attached counts as detached. `onlyWhileOff`: for a guest that cannot be asked
 * to unmount. The controller refuses while the machine does not show the guest off.
 */
export async function detachDisk(
  { name, volumeId, guest }: Pick<StepDisk, 'name' | 'volumeId' | 'guest'>,
  { controller, run, say }: AttachTools,
  { onlyWhileOff }: { readonly onlyWhileOff: boolean },
): Promise<void> {
  await run(`${name}: detach from ${guest}`, options =>
    controller.ControllerUnpublishVolume(
      { volume_id: volumeId, node_id: guest },
      { ...options, conditions: { onlyWhileOff } },
    ),
  )
  const why = onlyWhileOff ? ', which is off and could not be asked to unmount' : ''
  say(`${name}: detached from ${guest}${why}`)
}
