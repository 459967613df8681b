// GuestDisk documents: each gives the volume of its claim to one more guest. What a claim says in
// its annotations and what the documents say is one list of places.

import type { z } from 'zod'
import { pathOf } from '../model/guest-disks.ts'
import type { Located, Problem } from './classes.ts'
import type { Claim, Place } from './objects.ts'
import type { guestDiskSchema } from './schema.ts'

type RawDisk = z.infer<typeof guestDiskSchema>

interface Reporting {
  /** Whether a claim of that name has mistakes. Its disks are then not told that it is missing. */
  readonly isMalformed: (claim: string) => boolean
  readonly problemsOf: (where: string, metadata: RawDisk['metadata']) => Problem
}

export interface Given {
  readonly claims: readonly Located<Claim>[]
  /** Every place, with the document that asks for it. */
  readonly places: readonly Located<Place>[]
}

/** Adds the places of the documents to their claims, in the order of the files. */
export function addGuestDisks(
  claims: readonly Located<Claim>[],
  disks: readonly Located<RawDisk>[],
  { isMalformed, problemsOf }: Reporting,
): Given {
  const byName = new Map(claims.map(({ value }) => [value.name, value]))
  const places = claims.flatMap(({ where, value }) =>
    value.places.map((place): Located<Place> => ({ where, value: place })),
  )
  for (const { where, value } of disks) {
    const { metadata, spec } = value
    const problem = problemsOf(where, metadata)
    const name = `${metadata.namespace}/${spec.claimName}`
    const claim = byName.get(name)
    if (claim === undefined) {
      if (isMalformed(spec.claimName)) continue
      problem(
        'spec.claimName',
        `there is no PersistentVolumeClaim ${name} in the files; add its file with -f`,
      )
      continue
    }
    const place = readPlace(spec, claim, problem)
    if (place === undefined) continue
    byName.set(name, { ...claim, places: [...claim.places, place] })
    places.push({ where, value: place })
  }
  const filled = claims.map(({ where, value }) => ({
    where,
    value: byName.get(value.name) ?? value,
  }))
  return { claims: filled, places }
}

/** Undefined: the problems have been reported. */
function readPlace(spec: RawDisk['spec'], claim: Claim, report: Problem): Place | undefined {
  let isSound = true
  const problem: Problem = (path, message) => {
    isSound = false
    report(path, message)
  }
  if (claim.mode === 'block') checkBlock(spec, claim, problem)
  else checkFileSystem(spec, claim, problem)
  checkGuest(spec, claim, problem)
  const { guest, vdiskNumber, readOnly, mountOptions } = spec
  const place = { guest, mountPath: pathOf(spec), vdiskNumber, readOnly, mountOptions }
  return isSound ? place : undefined
}

function checkFileSystem(spec: RawDisk['spec'], { name }: Claim, problem: Problem): void {
  if (spec.devicePath !== undefined) {
    problem('spec.devicePath', `claim ${name} has volumeMode Filesystem: write mountPath`)
  } else if (spec.mountPath === undefined) {
    problem(
      'spec.mountPath',
      `is missing: claim ${name} has volumeMode Filesystem, and only a boot disk, volumeMode ` +
        'Block with vdiskNumber, needs no path',
    )
  }
}

function checkBlock(spec: RawDisk['spec'], { name }: Claim, problem: Problem): void {
  if (spec.mountPath !== undefined) {
    problem('spec.mountPath', `claim ${name} has volumeMode Block: write devicePath`)
  }
  if (spec.mountOptions.length > 0) {
    problem(
      'spec.mountOptions',
      `claim ${name} has volumeMode Block: a device has no mount options`,
    )
  }
}

function checkGuest({ guest }: RawDisk['spec'], claim: Claim, problem: Problem): void {
  const { name, access, places } = claim
  if (places.some(place => place.guest === guest)) {
    problem(
      'spec.guest',
      `${guest} has claim ${name} already, by the claim's annotations or by another GuestDisk; ` +
        'leave one of them out',
    )
  } else if (places.length > 0 && (access === 'one-guest' || access === 'one-workload')) {
    const others = places.map(place => place.guest).join(', ')
    problem(
      'spec.guest',
      `claim ${name} is for one guest, and ${others} has it; several need ReadOnlyMany, or ` +
        'ReadWriteMany with volumeMode Block',
    )
  }
}
