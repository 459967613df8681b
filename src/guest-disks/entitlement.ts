// Whether a disk may be given to its guest, and of which volume: what the claim, its volume, its
// class and the configuration say. Pure, no I/O.

import { type GuestDisksGuest, isGivenTo } from '../config/guest-disks.ts'
import { isStorageError } from '../errors.ts'
import type { ClaimObject, GuestDiskObject, VolumeObject } from '../kubernetes/cluster-objects.ts'
import { accessOf } from '../model/access.ts'
import { pathOf } from '../model/guest-disks.ts'
import { joinMountOptions, type StepDisk } from '../steps/disk.ts'

export interface Refusal {
  readonly kind: 'refused'
  readonly condition: 'Bound' | 'Attached'
  readonly reason: string
  readonly message: string
}

export interface Bound {
  readonly kind: 'bound'
  readonly claim: ClaimObject
  readonly volume: VolumeObject
  readonly disk: StepDisk
}

export interface Evidence {
  readonly claim: ClaimObject | undefined
  /** The PersistentVolume that the claim names, if it is one of the driver. */
  readonly volume: VolumeObject | undefined
  /** Whether the class of an unbound claim binds only when a pod uses the claim. */
  readonly waitsForPod: boolean
}

/** What a volume needs whose claim is gone: without its guest, it would be deleted. */
const KEEP_VOLUME =
  'to keep its data, first set persistentVolumeReclaimPolicy of its PersistentVolume to Retain'

/** The volume of the claim, or why there is none yet. */
export function judgeClaim(disk: GuestDiskObject, evidence: Evidence): Bound | Refusal {
  const { claim, volume, waitsForPod } = evidence
  const { namespace } = disk.meta
  const name = `${namespace}/${disk.spec.claimName}`
  if (claim === undefined) {
    const { volume: given } = disk.status
    return given === undefined
      ? unbound('ClaimMissing', `claim ${name} does not exist; create it`)
      : unbound(
          'ClaimMissing',
          `claim ${name} is gone, and guest ${disk.spec.guest} still has its volume ${given}; ` +
            `${KEEP_VOLUME}, then delete this GuestDisk`,
        )
  }
  if (claim.phase === 'Lost') {
    return unbound('ClaimLost', `claim ${name} has lost its PersistentVolume ${claim.volumeName}`)
  }
  if (claim.phase !== 'Bound' || claim.volumeName === undefined) {
    return waitsForPod
      ? unbound(
          'WaitsForPod',
          `claim ${name} binds only when a pod uses it: StorageClass ${claim.storageClassName} ` +
            'has volumeBindingMode WaitForFirstConsumer; delete the claim and create it with a ' +
            'class that has volumeBindingMode Immediate',
        )
      : unbound(
          'ClaimPending',
          `claim ${name} has no volume yet; kubectl describe pvc ${claim.meta.name} says why`,
        )
  }
  if (volume === undefined) {
    return unbound(
      'OtherDriver',
      `PersistentVolume ${claim.volumeName} of claim ${name} is not of this driver; a GuestDisk ` +
        'is for volumes of this driver alone',
    )
  }
  if (volume.claimRef?.uid !== claim.meta.uid) {
    return unbound(
      'OtherClaim',
      `PersistentVolume ${volume.name} is bound to another claim than ${name}`,
    )
  }
  const given = disk.status.volume
  if (given !== undefined && given !== volume.handle) {
    return unbound(
      'OtherVolume',
      `claim ${name} has volume ${volume.handle}, and guest ${disk.spec.guest} was given ` +
        `${given}, which the claim had before; ${KEEP_VOLUME}, then delete this GuestDisk and ` +
        'create it again',
    )
  }
  return ofMode(disk, { claim, volume })
}

function ofMode(
  disk: GuestDiskObject,
  { claim, volume }: { readonly claim: ClaimObject; readonly volume: VolumeObject },
): Bound | Refusal {
  const { mountPath, guest, vdiskNumber } = disk.spec
  const isBlock = volume.volumeMode === 'Block'
  if (isBlock && mountPath !== undefined) {
    return unbound('OtherMode', 'the claim has volumeMode Block: write devicePath, not mountPath')
  }
  if (!isBlock && mountPath === undefined) {
    return unbound(
      'OtherMode',
      'the claim has volumeMode Filesystem and needs mountPath; devicePath, and a disk without a ' +
        'path, are for volumeMode Block',
    )
  }
  try {
    return {
      kind: 'bound',
      claim,
      volume,
      disk: {
        name: disk.key,
        volumeId: volume.handle,
        volumeContext: volume.attributes,
        guest,
        path: pathOf(disk.spec),
        mode: isBlock ? 'block' : 'filesystem',
        access: accessOf(volume.accessModes),
        fileSystem: volume.fsType ?? '',
        mountOptions: joinMountOptions(volume.mountOptions, disk.spec.mountOptions),
        readOnly: disk.spec.readOnly || volume.readOnly,
        vdiskNumber,
      },
    }
  } catch (error) {
    if (!isStorageError(error, 'unsupported')) throw error
    return unbound('AccessModes', error.message)
  }
}

/** Undefined: the namespace of the disk may give something to its guest. */
export function judgeGuest(
  { meta: { namespace }, spec }: GuestDiskObject,
  grant: GuestDisksGuest | undefined,
  kubelets: ReadonlySet<string>,
): Refusal | undefined {
  const { guest, vdiskNumber } = spec
  if (grant === undefined) {
    return unattached(
      'GuestUnknown',
      `guest ${guest} is not in the configuration of the driver (guestDisks.config.guests)`,
    )
  }
  if (!isGivenTo(grant, namespace)) {
    return unattached(
      'NotGiven',
      `guest ${guest} is not given to namespace ${namespace}; whoever runs the driver adds it to ` +
        'namespaces of the guest in the configuration (guestDisks.config.guests)',
    )
  }
  if (kubelets.has(guest)) {
    return unattached(
      'GuestRunsKubelet',
      `guest ${guest} is a node of this cluster: its volumes are for pods; use the claim in a pod`,
    )
  }
  const isBootDisk = vdiskNumber !== undefined && pathOf(spec) === undefined
  if (grant.node === undefined && !isBootDisk) {
    return unattached(
      'NoLogin',
      `the configuration has no login for guest ${guest}, so that nothing can be mounted there; ` +
        'add ssh to the guest in the configuration (guestDisks.config.guests)',
    )
  }
  return undefined
}

function unbound(reason: string, message: string): Refusal {
  return { kind: 'refused', condition: 'Bound', reason, message }
}

function unattached(reason: string, message: string): Refusal {
  return { kind: 'refused', condition: 'Attached', reason, message }
}
