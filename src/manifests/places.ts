// The guests that get the volume of a claim, from the claim's annotations: which guests, the mount
// path in each, and the disk number.

import type { Problem } from './classes.ts'
import type { Claim, Place } from './objects.ts'
import { GUEST_ANNOTATION, MOUNT_PATH_ANNOTATION, VDISK_NUMBER_ANNOTATION } from './schema.ts'

/** Linux has names for no more disks. The numbers that the driver chooses begin at 100. */
const LARGEST_VDISK_NUMBER = 700
/** PATH_MAX of Linux without the final zero; that of Solaris is smaller. NAME_MAX of both. */
const LONGEST_PATH = 4095
const LONGEST_NAME = 255

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
    }
  })
}

function readList(annotation: string | undefined): readonly string[] | undefined {
  return annotation?.split(',').map(part => part.trim())
}

function missingFor(annotation: string): string {
  return `is missing: ${annotation} needs a guest`
}

function checkGuests({ guests }: Values, at: Problem): void {
  for (const guest of guests) {
    if (!/^[^\s/|=]+\/[^\s/|=]+$/.test(guest)) {
      at(GUEST_ANNOTATION, `${JSON.stringify(guest)} is not <machine>/<guest>`)
    }
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
  for (const path of paths?.filter(each => !isPlainPath(each)) ?? []) {
    at(
      MOUNT_PATH_ANNOTATION,
      `${JSON.stringify(path)} is not an absolute path below "/"; it may have no ".", no "..", ` +
        'no white space and no needless slash',
    )
  }
  for (const path of paths?.filter(isSystems) ?? []) {
    at(
      MOUNT_PATH_ANNOTATION,
      `${JSON.stringify(path)} belongs to the guest's system; mount elsewhere, as below /srv ` +
        'or /export',
    )
  }
  for (const path of paths?.filter(isTooLong) ?? []) {
    const allowed = `${LONGEST_PATH} bytes are allowed, ${LONGEST_NAME} for each name in it`
    at(
      MOUNT_PATH_ANNOTATION,
      `the path ${path.slice(0, 60)}… has ${Buffer.byteLength(path)} bytes; ${allowed}`,
    )
  }
}

function checkNumbers({ numbers }: Values, at: Problem): void {
  for (const number of numbers?.filter(each => !isVdiskNumber(each)) ?? []) {
    at(
      VDISK_NUMBER_ANNOTATION,
      `${JSON.stringify(number)} is not a number from 0 to ${LARGEST_VDISK_NUMBER}`,
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
  return /^\d{1,3}$/.test(text) && Number(text) <= LARGEST_VDISK_NUMBER
}

// Kernel file systems, directories that the guest boots from, and the node plugin's own notes and
// staging paths. A raw disk may be published below /dev.
const SYSTEMS = [
  /^\/(?:boot|bin|sbin|lib\w*|dev|devices|kernel|platform|run|var)$/,
  /^\/(?:proc|sys|system|etc|usr|var\/lib\/ldom-csi\/(?:used|volumes|staging))(?:\/|$)/,
]

function isSystems(path: string): boolean {
  return SYSTEMS.some(expression => expression.test(path))
}

/** No guest accepts such a path. It would fail only after the volume is created and attached. */
function isTooLong(path: string): boolean {
  return (
    Buffer.byteLength(path) > LONGEST_PATH ||
    path.split('/').some(part => Buffer.byteLength(part) > LONGEST_NAME)
  )
}

export function isPlainPath(path: string): boolean {
  const [first, ...parts] = path.split('/')
  return (
    first === '' &&
    parts.length > 0 &&
    parts.every(part => part !== '' && part !== '.' && part !== '..' && !/[\s\p{Cc}]/u.test(part))
  )
}
