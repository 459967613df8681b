// The disks that the annotations of a claim ask for, in the words of `apply`: made for the claim,
// owned by it, and deleted when the claim is. And the finalizer of a claim that no disk uses.

import { createHash } from 'node:crypto'
import type { ClaimObject, GuestDiskObject, GuestDiskSpec } from '../kubernetes/cluster-objects.ts'
import type { Place } from '../manifests/objects.ts'
import { readPlaces, reasonAgainstGuests } from '../manifests/places.ts'
import { GUEST_ANNOTATION, reasonsAgainstAnnotations } from '../manifests/schema.ts'
import { isHeld, type Parts } from './parts.ts'
import type { Outcome } from './work-queue.ts'

interface Wanted {
  readonly name: string
  readonly spec: GuestDiskSpec
}

/** Whoever calls holds the claim. */
export async function tendClaim(
  claim: ClaimObject,
  parts: Parts,
  signal: AbortSignal,
): Promise<Outcome> {
  const { view, writes } = parts
  const disks = view.disksOfClaim(claim.key)
  const own = disks.filter(({ meta }) => meta.ownerUids.includes(claim.meta.uid))
  const wanted = claim.meta.deleting ? [] : wantedDisks(claim, parts)
  // Annotations with a mistake change nothing.
  if (wanted === undefined) return 'done'
  for (const disk of own) {
    const same = wanted.find(({ name }) => name === disk.meta.name)
    if (disk.meta.deleting || (same !== undefined && isSame(same.spec, disk.spec))) continue
    if ((await writes.deleteDisk(disk.meta, signal)) === 'conflict') return 'again'
  }
  for (const each of wanted) {
    const there = view.disk(`${claim.meta.namespace}/${each.name}`)
    if (there === undefined) await make(each, { claim, parts, signal })
    else if (!own.includes(there)) tellTaken(claim, there, parts)
  }
  if (claim.meta.deleting) tellUsers(claim, { disks, own, parts })
  if (disks.length > 0 || !isHeld(claim.meta)) return 'done'
  const written = await writes.removeFinalizer('claim', claim.meta, signal)
  return written === 'conflict' ? 'again' : 'done'
}

/** Undefined: the annotations have a mistake, which the claim is told. */
function wantedDisks(claim: ClaimObject, { teller }: Parts): readonly Wanted[] | undefined {
  const mode = claim.volumeMode === 'Block' ? 'block' : 'filesystem'
  const problems: string[] = []
  const places = readPlaces(claim.meta.annotations, mode, (at, message) =>
    problems.push(`${at}: ${message}`),
  )
  problems.push(...otherProblems(claim, places))
  if (problems.length === 0) return places.map(place => wantedDisk(claim, place))
  teller.onClaim(claim, {
    type: 'Warning',
    reason: 'AnnotationsRefused',
    message: problems.join('; '),
  })
  return undefined
}

/** What `apply` refuses of the same claim. */
function otherProblems(claim: ClaimObject, places: readonly Place[]): readonly string[] {
  const { meta, accessModes } = claim
  const unknown = [...reasonsAgainstAnnotations(meta.annotations)]
  const tooMany = reasonAgainstGuests(places.length, accessModes)
  return [
    ...unknown.map(([key, reason]) => `${key} ${reason}`),
    ...(tooMany === undefined ? [] : [`${GUEST_ANNOTATION} ${tooMany}`]),
  ]
}

function wantedDisk(claim: ClaimObject, place: Place): Wanted {
  const { guest, mountPath, vdiskNumber, readOnly, mountOptions } = place
  const isBlock = claim.volumeMode === 'Block'
  return {
    name: diskName(claim.meta.name, guest),
    spec: {
      claimName: claim.meta.name,
      guest,
      mountPath: isBlock ? undefined : mountPath,
      devicePath: isBlock ? mountPath : undefined,
      readOnly,
      vdiskNumber,
      mountOptions,
    },
  }
}

/** Longer names of objects are refused. */
const LONGEST_NAME = 253
const HASH_DIGITS = 10

/** A name of Kubernetes, which not every guest's name is part of: a hash then tells them apart. */
function diskName(claim: string, guest: string): string {
  const plain = `${claim}-${guest.replace('/', '-')}`
  if (plain.length <= LONGEST_NAME && /^[a-z0-9.-]*[a-z0-9]$/.test(plain)) return plain
  const hash = createHash('sha256').update(guest).digest('hex').slice(0, HASH_DIGITS)
  return `${claim.slice(0, LONGEST_NAME - HASH_DIGITS - 1)}-${hash}`
}

function isSame(one: GuestDiskSpec, other: GuestDiskSpec): boolean {
  const fields = (spec: GuestDiskSpec) => [
    spec.guest,
    spec.mountPath,
    spec.devicePath,
    spec.readOnly,
    spec.vdiskNumber,
    spec.mountOptions,
  ]
  return JSON.stringify(fields(one)) === JSON.stringify(fields(other))
}

interface Making {
  readonly claim: ClaimObject
  readonly parts: Parts
  readonly signal: AbortSignal
}

async function make({ name, spec }: Wanted, { claim, parts, signal }: Making): Promise<void> {
  const { namespace, name: claimName, uid } = claim.meta
  await parts.writes.createDisk(
    {
      namespace,
      name,
      spec,
      labels: {},
      annotations: {},
      finalizers: [],
      owner: { name: claimName, uid },
    },
    signal,
  )
}

function tellTaken(claim: ClaimObject, there: GuestDiskObject, { teller }: Parts): void {
  teller.onClaim(claim, {
    type: 'Warning',
    reason: 'NameTaken',
    message:
      `GuestDisk ${there.key} was not made for this claim and has the name of the one that its ` +
      'annotations ask for; delete it, or remove the annotations',
  })
}

function tellUsers(
  claim: ClaimObject,
  {
    disks,
    own,
    parts,
  }: {
    readonly disks: readonly GuestDiskObject[]
    readonly own: readonly GuestDiskObject[]
    readonly parts: Parts
  },
): void {
  const users = disks.filter(disk => !own.includes(disk) && !disk.meta.deleting)
  if (users.length === 0) return
  parts.teller.onClaim(claim, {
    type: 'Warning',
    reason: 'StillUsed',
    message:
      'the claim is being deleted and waits for GuestDisk ' +
      `${users.map(({ meta }) => meta.name).join(', ')}; delete that, too`,
  })
}
