// The guests that get the volume of a claim, from the claim's annotations: which guests, the mount
// path in each, and the disk number.

import { LARGEST_DISK_NUMBER, reasonAgainstGuest, reasonAgainstPath } from '../model/guest-disks.ts'
import type { Problem } from './classes.ts'
import type { Claim, Place } from './objects.ts'
import { GUEST_ANNOTATION, MOUNT_PATH_ANNOTATION, VDISK_NUMBER_ANNOTATION } from './schema.ts'

/** The values of the three annotations; undefined where an annotation is missing. */
interface Values {
  readonly guests: readonly string[]
  readonly paths: readonly string[] | undefined
  readonly numbers: readonly string[] | undefined
}

/**
 * The guests in the order of their annotation. Each other annotation has one value for all guests,
 * or one value for each guest.
 */
export function readPlaces(
  annotations: Readonly<Record<string, string>>,
  mode: Claim['mode'],
  problem: Problem,
): readonly Place[] {
  const guests = readList(annotations[GUEST_ANNOTATION])
  const paths = readList(annotations[MOUNT_PATH_ANNOTATION])
  const numbers = readList(annotations[VDISK_NUMBER_ANNOTATION])
  const at: Problem = (annotation, message) =>
    problem(`metadata.annotations.${annotation}`, message)
  if (guests === undefined) {
    if (paths !== undefined) at(GUEST_ANNOTATION, missingFor(MOUNT_PATH_ANNOTATION))
    if (numbers !== undefined) at(GUEST_ANNOTATION, missingFor(VDISK_NUMBER_ANNOTATION))
    return []
  }
  const values = { guests, paths, numbers }
  checkGuests(values, at)
  checkPaths(values, mode, at)
  checkNumbers(values, at)
  checkCounts(values, at)
  return guests.map((guest, index) => {
    const number = numbers?.[numbers.length > 1 ? index : 0]
    return {
      guest,
      mountPath: paths?.[paths.length > 1 ? index : 0],
      vdiskNumber: number === undefined ? undefined : Number(number),
      readOnly: false,
      mountOptions: [],
    }
  })
}

/** `modes` are those of the claim. Undefined: so many guests may have it. */
export function reasonAgainstGuests(guests: number, modes: readonly string[]): string | undefined {
  if (guests <= 1 || modes.some(mode => mode.endsWith('Many'))) return undefined
  return (
    `names ${guests} guests; ${modes.join(', ')} is for one, several need ReadOnlyMany, or ` +
    'ReadWriteMany with volumeMode Block'
  )
}

function readList(annotation: string | undefined): readonly string[] | undefined {
  return annotation?.split(',').map(part => part.trim())
}

function missingFor(annotation: string): string {
  return `is missing: ${annotation} needs a guest`
}

function checkGuests({ guests }: Values, at: Problem): void {
  for (const guest of guests) {
    const reason = reasonAgainstGuest(guest)
    if (reason !== undefined) at(GUEST_ANNOTATION, reason)
  }
  if (new Set(guests).size < guests.length) at(GUEST_ANNOTATION, 'names a guest twice')
}

function checkPaths({ paths, numbers }: Values, mode: Claim['mode'], at: Problem): void {
  if (paths === undefined && (mode === 'filesystem' || numbers === undefined)) {
    at(
      MOUNT_PATH_ANNOTATION,
      `is missing: only a boot disk, volumeMode Block with ${VDISK_NUMBER_ANNOTATION}, needs no ` +
        'path',
    )
  }
  for (const reason of paths?.map(reasonAgainstPath) ?? []) {
    if (reason !== undefined) at(MOUNT_PATH_ANNOTATION, reason)
  }
}

function checkNumbers({ numbers }: Values, at: Problem): void {
  for (const number of numbers?.filter(each => !isVdiskNumber(each)) ?? []) {
    at(
      VDISK_NUMBER_ANNOTATION,
      `${JSON.stringify(number)} is not a number from 0 to ${LARGEST_DISK_NUMBER}`,
    )
  }
}

function checkCounts({ guests, paths, numbers }: Values, at: Problem): void {
  for (const [annotation, values] of [
    [MOUNT_PATH_ANNOTATION, paths] as const,
    [VDISK_NUMBER_ANNOTATION, numbers] as const,
  ]) {
    if (values !== undefined && values.length > 1 && values.length !== guests.length) {
      at(
        annotation,
        `has ${values.length} values for ${guests.length} guests; it takes one for all of them, ` +
          'or one for each',
      )
    }
  }
}

function isVdiskNumber(text: string): boolean {
  return /^\d{1,3}$/.test(text) && Number(text) <= LARGEST_DISK_NUMBER
}
