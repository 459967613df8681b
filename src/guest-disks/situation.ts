// What was observed of one disk of a guest, from its machine and from the guest itself. No I/O.

import type { DiskPath } from '../kubernetes/cluster-objects.ts'

/** Which volume a guest is to have, and where. */
export interface WantedDisk {
  readonly volumeId: string
  /** `<machine>/<guest>` */
  readonly guest: string
  /** Undefined for a boot disk: nothing is done in the guest. */
  readonly path: string | undefined
}

export type Readiness =
  | 'running'
  | 'off'
  | 'no-os'
  | 'changing'
  | 'unclear'
  | 'unlisted'
  | 'unknown'

/** A volume of which the driver has a record for the guest. */
export interface SeenDisk {
  readonly kind: 'seen'
  readonly guest: Readiness
  readonly guestReason: string
  /** Whether the machine shows the disk in the guest. */
  readonly isAttached: boolean
  readonly vdisk: number
  /** Empty: the disk has all its parts. */
  readonly missing: string
  readonly paths: readonly DiskPath[]
}

/** `none` is an answer; `unknown` is none. */
export type Attachment =
  | SeenDisk
  | { readonly kind: 'none' }
  | { readonly kind: 'unknown'; readonly why: string }

export interface SeenMount {
  readonly kind: 'seen'
  /** As a person names it in the guest. */
  readonly device: string | undefined
  readonly isStaged: boolean
  /** Where something of the volume is. */
  readonly paths: readonly string[]
  /** What happened to its file system. */
  readonly failure: string | undefined
}

export type Mount =
  | SeenMount
  | { readonly kind: 'none' }
  | { readonly kind: 'unknown'; readonly why: string }

export interface Situation {
  readonly wanted: WantedDisk
  readonly attachment: Attachment
  readonly mount: Mount
  /** The volume has grown, and its file system has not. */
  readonly isResizePending: boolean
}

/** Whether the guest has the volume at the path, all of the way. */
export function isAt({ isStaged, paths }: SeenMount, path: string): boolean {
  return isStaged && paths.includes(path)
}

/**
 * What of a look decides: two looks with the same outline show the same. Reasons are left out, as
 * their words change with each try.
 */
export function outlineOf({ attachment, mount }: Pick<Situation, 'attachment' | 'mount'>): unknown {
  return [
    attachment.kind === 'seen' ? { ...attachment, guestReason: '' } : attachment.kind,
    mount.kind === 'seen' ? { ...mount, failure: mount.failure !== undefined } : mount.kind,
  ]
}

export function namesOfDown(paths: readonly DiskPath[]): readonly string[] {
  return paths
    .filter(({ state }) => state === 'down')
    .map(({ service, serviceDomain }) => `${service} in ${serviceDomain}`)
}
