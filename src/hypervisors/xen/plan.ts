// Plans the commands that give a guest a wanted disk, from what Xen shows. Pure, no I/O.

import { StorageError } from '../../errors.ts'
import type { ExposedDisk } from '../hypervisor.ts'
import { isConnected, waitsForGuest, type XenDisk, type XenState } from './state.ts'
import { describe, diskAt, isSame } from './view.ts'

export interface AttachPlan {
  /** What an earlier call left behind, or what is half removed. */
  readonly detach: readonly XenDisk[]
  readonly attach: { readonly domainId: number; readonly device: string } | undefined
}

const NOTHING: AttachPlan = { detach: [], attach: undefined }

/**
 * A disk that waits only for its guest stays: another attach would be refused, and a guest that
 * hangs would not let it go.
 */
export function planAttach(wanted: ExposedDisk, machine: string, state: XenState): AttachPlan {
  const { about, guest } = wanted
  const [path] = wanted.paths
  const domain = state.domains.find(({ name }) => name === guest)
  if (path === undefined || domain === undefined) {
    throw new Error(`${about}: guest ${guest} or its path is not in the view of ${machine}`)
  }
  refuseSharing(wanted, path.device, state)
  const attach = { domainId: domain.id, device: path.device }
  const disk = diskAt(state, wanted)
  if (disk === undefined) return { detach: [], attach }
  if (!isSame(disk, wanted)) {
    throw new StorageError(
      'failed-precondition',
      `${about}: guest ${machine}/${guest} has ${disk.device ?? 'another device'} as disk ` +
        `${disk.label}, ${disk.mode ?? 'in another mode'}; ` +
        `remove it when nobody uses it (xl block-detach ${guest} ${disk.label}), then try again`,
    )
  }
  if (isConnected(disk) || waitsForGuest(disk)) return NOTHING
  return { detach: [disk], attach }
}

// The hot-plug script of dom0 knows devices only by their numbers, and files not at all (xen/07).
// It does not look at disks of the same guest (xen/02). So the driver looks first.
function refuseSharing(wanted: ExposedDisk, device: string, { disks }: XenState): void {
  const other = disks.find(
    disk =>
      disk.device === device &&
      !(disk.guest === wanted.guest && disk.slot === wanted.slot) &&
      (disk.guest === wanted.guest || wanted.mode === 'rw' || disk.mode !== 'ro'),
  )
  if (other === undefined) return
  throw new StorageError(
    'failed-precondition',
    `${wanted.about}: guest ${other.guest} has ${device} as disk ${other.label} ` +
      `(${other.mode ?? 'unknown mode'}), which ${describeOrIs(other)}; Xen shares a device only ` +
      'between guests that all read; detach it there, or attach it read-only everywhere',
  )
}

function describeOrIs(disk: XenDisk): string {
  return isConnected(disk) ? 'is connected' : describe(disk)
}
