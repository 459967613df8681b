// The status of a disk, from what was observed and what went wrong. Pure, no I/O. The status before
// gives only the times of changes.

import type {
  Condition,
  GuestDiskObject,
  GuestDiskStatus,
  Truth,
} from '../kubernetes/cluster-objects.ts'
import { pathOf } from '../model/guest-disks.ts'
import { formatQuantity } from '../model/quantity.ts'
import type { Waiting } from './decision.ts'
import type { Bound, Refusal } from './entitlement.ts'
import { type Attachment, isAt, type Mount, namesOfDown } from './situation.ts'

/** A step that failed, in the words of whoever refused it. */
export interface Trouble {
  readonly condition: 'Attached' | 'Mounted' | 'Ready'
  readonly reason: string
  readonly message: string
}

export interface Observed {
  readonly bound: Bound | undefined
  /** What its claim is bound to, or was; undefined while that is not known. */
  readonly volumeId: string | undefined
  readonly attachment: Attachment
  readonly mount: Mount
}

/** What keeps the disk from being ready. */
export interface Obstacles {
  readonly refusal?: Refusal | undefined
  readonly waiting?: Waiting | undefined
  readonly trouble?: Trouble | undefined
}

interface Judged {
  readonly truth: Truth
  readonly reason: string
  readonly message: string
}

type Type = 'Bound' | 'Attached' | 'Mounted'

export function statusOf(
  disk: GuestDiskObject,
  { observed, obstacles }: { readonly observed: Observed; readonly obstacles: Obstacles },
  now: Date,
): GuestDiskStatus {
  const { attachment, mount, bound } = observed
  const seen = attachment.kind === 'seen' && attachment.isAttached ? attachment : undefined
  const judged: Readonly<Record<Type, Judged>> = {
    Bound: judge('Bound', boundOf(observed), obstacles),
    Attached: judge('Attached', attachedOf(disk, observed), obstacles),
    Mounted: judge('Mounted', mountedOf(disk, observed), obstacles),
  }
  const conditions = { ...judged, Ready: readyOf(disk, { observed, judged, obstacles }) }
  const working = seen && seen.paths.length - namesOfDown(seen.paths).length
  return {
    observedGeneration: disk.meta.generation,
    conditions: Object.entries(conditions).map(([type, each]) =>
      condition(disk, { type, ...each }, now),
    ),
    volume: observed.volumeId,
    size: sizeOf(bound),
    vdisk: seen?.vdisk,
    device: mount.kind === 'seen' && seen !== undefined ? mount.device : undefined,
    paths: seen?.paths ?? [],
    pathsWorking: seen && `${working}/${seen.paths.length}`,
  }
}

function sizeOf(bound: Bound | undefined): string | undefined {
  const bytes = bound?.claim.capacityBytes
  return bytes === undefined ? undefined : formatQuantity(bytes)
}

/**
 * What is waited for counts for more than what was observed last: a guest that is off is not looked
 * into. Other obstacles say more than what is missing.
 */
function judge(type: Type, observed: Judged, { refusal, waiting, trouble }: Obstacles): Judged {
  if (waiting?.condition === type) {
    return { truth: waiting.isKnown ? 'False' : 'Unknown', ...words(waiting) }
  }
  if (observed.truth === 'True') return observed
  if (trouble?.condition === type) return { truth: observed.truth, ...words(trouble) }
  if (refusal?.condition === type) return { truth: 'False', ...words(refusal) }
  return observed
}

const words = ({ reason, message }: Omit<Judged, 'truth'>) => ({ reason, message })

function boundOf({ bound }: Observed): Judged {
  return bound === undefined
    ? { truth: 'False', reason: 'NotBound', message: 'the claim has no volume of this driver' }
    : {
        truth: 'True',
        reason: 'Bound',
        message: `claim ${bound.claim.meta.name} has volume ${bound.volume.handle}`,
      }
}

function attachedOf({ spec: { guest } }: GuestDiskObject, { attachment }: Observed): Judged {
  if (attachment.kind === 'unknown') {
    return { truth: 'Unknown', reason: 'NotObserved', message: attachment.why }
  }
  if (attachment.kind === 'none') {
    return { truth: 'False', reason: 'NotAttached', message: `guest ${guest} has no such disk` }
  }
  if (!attachment.isAttached) {
    return {
      truth: 'False',
      reason: 'DiskMissing',
      message: `the machine of guest ${guest} does not show the disk`,
    }
  }
  return {
    truth: 'True',
    reason: 'Attached',
    message: `guest ${guest} has it as disk ${attachment.vdisk}`,
  }
}

function mountedOf({ spec }: GuestDiskObject, { attachment, mount }: Observed): Judged {
  const path = pathOf(spec)
  const isAttached = attachment.kind === 'seen' && attachment.isAttached
  if (path === undefined && attachment.kind === 'unknown') {
    return { truth: 'Unknown', reason: 'NotObserved', message: attachment.why }
  }
  if (path === undefined) {
    return isAttached
      ? {
          truth: 'True',
          reason: 'NothingToMount',
          message: 'a disk without a path: it is attached',
        }
      : { truth: 'False', reason: 'NotAttached', message: 'the guest does not have the disk' }
  }
  if (mount.kind === 'unknown') {
    return { truth: 'Unknown', reason: 'NotObserved', message: mount.why }
  }
  // A guest answers for itself while its machine is silent.
  const isMissing = !isAttached && attachment.kind !== 'unknown'
  if (isMissing || mount.kind === 'none' || !isAt(mount, path)) {
    return { truth: 'False', reason: 'NotMounted', message: `nothing of it is at ${path}` }
  }
  if (mount.failure !== undefined) {
    return { truth: 'False', reason: 'FileSystemFailed', message: mount.failure }
  }
  return { truth: 'True', reason: 'Mounted', message: `at ${path} in guest ${spec.guest}` }
}

function readyOf(
  { spec, meta }: GuestDiskObject,
  {
    observed,
    judged,
    obstacles,
  }: {
    readonly observed: Observed
    readonly judged: Readonly<Record<Type, Judged>>
    readonly obstacles: Obstacles
  },
): Judged {
  const { trouble, refusal } = obstacles
  const missing = [judged.Bound, judged.Attached, judged.Mounted].find(
    ({ truth }) => truth !== 'True',
  )
  if (meta.deleting) {
    const { reason, message } = trouble ?? { reason: 'Leaving', message: 'it is being taken away' }
    return { truth: 'False', reason, message }
  }
  if (missing !== undefined) return missing
  // It serves its guest, and something is still to be done.
  const rest = trouble ?? refusal
  const down = pathsDown(observed.attachment)
  const where = pathOf(spec)
  const serves = where === undefined ? `guest ${spec.guest} has it` : `${where} in ${spec.guest}`
  const notes = [rest?.message, down].filter(each => each !== undefined)
  return {
    truth: 'True',
    reason: rest?.reason ?? (down === undefined ? 'Ready' : 'PathsDown'),
    message: [serves, ...notes].join('; '),
  }
}

function pathsDown(attachment: Attachment): string | undefined {
  if (attachment.kind !== 'seen') return undefined
  const down = namesOfDown(attachment.paths)
  return down.length === 0 ? undefined : `not served by ${down.join(', ')}`
}

function condition(
  { meta, status }: GuestDiskObject,
  { type, truth, reason, message }: Judged & { readonly type: string },
  now: Date,
): Condition {
  const before = status.conditions.find(each => each.type === type)
  const lastTransitionTime =
    before?.status === truth ? before.lastTransitionTime : `${now.toISOString().slice(0, 19)}Z`
  return {
    type,
    status: truth,
    reason,
    message,
    lastTransitionTime,
    observedGeneration: meta.generation,
  }
}
