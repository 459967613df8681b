// The disk that a guest gets from a claim, as the steps need it, and the tools of the steps.

import type { Volume } from '../csi/wire/types.gen.ts'
import type { Claim, Place } from '../manifests/objects.ts'
import type { Usage } from '../steps/capability.ts'
import { joinMountOptions, type NodeCalls, type StepDisk, type StepTools } from '../steps/disk.ts'
import { type RepeatTools, step } from './step.ts'

export function usageOf({ access, mode, storageClass }: Claim): Usage {
  const { fileSystem, mountOptions } = storageClass
  return { access, mode, fileSystem, mountOptions }
}

export function diskOf(claim: Claim, volume: Volume, place: Place): StepDisk {
  const { guest, mountPath, vdiskNumber, readOnly } = place
  const usage = usageOf(claim)
  return {
    ...usage,
    mountOptions: joinMountOptions(usage.mountOptions, place.mountOptions),
    name: claim.name,
    volumeId: volume.volume_id,
    volumeContext: volume.volume_context,
    guest,
    path: mountPath,
    readOnly,
    vdiskNumber,
  }
}

/** Steps that `apply` repeats and prints. */
export function stepTools(tools: RepeatTools, node: NodeCalls | undefined): StepTools {
  const { controller, stagingDirectory, print } = tools
  return {
    controller: controller.controller,
    node,
    stagingDirectory,
    run: (title, call) => step(title, tools, call),
    say: print,
  }
}
