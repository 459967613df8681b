// One disk of a guest, and what its steps need. Each step is the CSI call that Kubernetes would
// make, and safe to repeat. Who uses the steps decides how long a call may take and be repeated.

import type { CallOptions, CsiClient } from '../csi/wire/client.ts'
import type { Usage } from './capability.ts'

export interface StepDisk extends Usage {
  /** `<namespace>/<name>`: how titles and lines call the disk. */
  readonly name: string
  readonly volumeId: string
  readonly volumeContext: Readonly<Record<string, string>>
  readonly guest: string // <machine>/<guest>
  /** The mount path or device path. Undefined for a boot disk, which is only attached. */
  readonly path: string | undefined
  readonly readOnly: boolean
  /** Undefined: the driver chooses the number. */
  readonly vdiskNumber: number | undefined
}

/** What the controller answers for the guest: the number and size of the disk, among others. */
export type PublishContext = Readonly<Record<string, string>>

type ControllerCalls = Pick<
  CsiClient['controller'],
  'ControllerPublishVolume' | 'ControllerUnpublishVolume'
>

export type NodeCalls = Pick<
  CsiClient['node'],
  | 'NodeStageVolume'
  | 'NodePublishVolume'
  | 'NodeExpandVolume'
  | 'NodeUnpublishVolume'
  | 'NodeUnstageVolume'
>

interface CommonTools {
  /** Makes one call. It answers with the result of the call, or throws. */
  readonly run: <T>(title: string, call: (options: CallOptions) => Promise<T>) => Promise<T>
  /** Takes one line for each step that is done. */
  readonly say: (line: string) => void
}

export interface AttachTools extends CommonTools {
  readonly controller: ControllerCalls
}

export interface MountTools extends CommonTools {
  /** Undefined: the guest has no node plugin, so nothing can be mounted there. */
  readonly node: NodeCalls | undefined
  /** Directory in the guest where volumes are mounted first. */
  readonly stagingDirectory: string
}

export interface StepTools extends AttachTools, MountTools {}

/** The options of the volume, then those of the disk: a guest obeys the later of two. */
export function joinMountOptions(
  ofVolume: readonly string[],
  ofDisk: readonly string[],
): readonly string[] {
  return [...new Set([...ofVolume, ...ofDisk])]
}
