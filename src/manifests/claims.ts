// One claim of a manifest file: its class, size, source and the guests that get its volume. What is
// well formed by itself and makes no sense together is refused here.

import type { z } from 'zod'
import { isStorageError } from '../errors.ts'
import { type ClassTable, type Located, type Problem, repeated } from './classes.ts'
import type { Access, AttributesClass, Claim, Place, Source, StorageClass } from './objects.ts'
import { parseQuantity } from './quantity.ts'
import {
  type claimSchema,
  GUEST_ANNOTATION,
  MOUNT_PATH_ANNOTATION,
  VDISK_NUMBER_ANNOTATION,
} from './schema.ts'

type RawClaim = z.infer<typeof claimSchema>

const ACCESS = {
  ReadWriteOncePod: 'one-workload',
  ReadWriteOnce: 'one-guest',
  ReadOnlyMany: 'many-readers',
  ReadWriteMany: 'many-writers',
} as const satisfies Record<string, Access>

/** Linux guests have names for no more, and the driver's own begin at 100. */
const LARGEST_VDISK_NUMBER = 700
/** PATH_MAX of Linux, without the zero at its end; Solaris has less. NAME_MAX of both. */
const LONGEST_PATH = 4095
const LONGEST_NAME = 255

export interface Classes {
  readonly storageClasses: ClassTable<StorageClass>
  readonly attributesClasses: ClassTable<AttributesClass>
}

/** Undefined: problems were reported. */
export function readClaim(
  { metadata, spec }: RawClaim,
  classes: Classes,
  report: Problem,
): Claim | undefined {
  let isSound = true
  const problem: Problem = (path, message) => {
    isSound = false
    report(path, message)
  }
  const storageClass = classes.storageClasses.find(
    'spec.storageClassName',
    spec.storageClassName,
    problem,
  )
  const wanted = spec.volumeAttributesClassName
  const attributes =
    wanted === undefined
      ? undefined
      : classes.attributesClasses.find('spec.volumeAttributesClassName', wanted, problem)
  const requiredBytes = readBytes(
    'spec.resources.requests.storage',
    spec.resources.requests.storage,
    problem,
  )
  const limitBytes = readBytes(
    'spec.resources.limits.storage',
    spec.resources.limits?.storage,
    problem,
  )
  if (limitBytes > 0 && requiredBytes > limitBytes) {
    problem('spec.resources', 'the request is larger than the limit')
  }
  const mode = spec.volumeMode === 'Block' ? 'block' : 'filesystem'
  const places = readPlaces(metadata.annotations, mode, problem)
  const [accessMode = 'ReadWriteOnce'] = spec.accessModes
  const access = ACCESS[accessMode]
  if (access === 'many-writers' && mode === 'filesystem') {
    problem(
      'spec.accessModes[0]',
      'ReadWriteMany needs volumeMode Block: a file system that several guests write to is ' +
        'destroyed',
    )
  }
  if (places.length > 1 && (access === 'one-guest' || access === 'one-workload')) {
    problem(
      `metadata.annotations.${GUEST_ANNOTATION}`,
      `names ${places.length} guests; ${accessMode} is for one, several need ReadOnlyMany, or ` +
        'ReadWriteMany with volumeMode Block',
    )
  }
  if (
    !isSound ||
    storageClass === undefined ||
    (wanted !== undefined && attributes === undefined)
  ) {
    return undefined
  }
  const name = `${metadata.namespace}/${metadata.name}`
  const source = readSource(spec.dataSource, metadata.namespace)
  return {
    kind: 'claim',
    name,
    storageClass,
    attributes,
    access,
    mode,
    requiredBytes,
    limitBytes,
    source,
    places,
  }
}

function readSource(
  dataSource: RawClaim['spec']['dataSource'],
  namespace: string,
): Source | undefined {
  if (dataSource === undefined) return undefined
  return {
    kind: dataSource.kind === 'VolumeSnapshot' ? 'snapshot' : 'claim',
    name: `${namespace}/${dataSource.name}`,
  }
}

function readBytes(path: string, text: string | undefined, problem: Problem): number {
  if (text === undefined) return 0
  try {
    return parseQuantity(text)
  } catch (error) {
    if (!isStorageError(error)) throw error
    problem(path, error.message)
    return 0
  }
}

/**
 * The guests, in the order of the annotation; the other annotations have one value for all of them
 * or one for each.
 */
function readPlaces(
  annotations: Readonly<Record<string, string>>,
  mode: Claim['mode'],
  problem: Problem,
): readonly Place[] {
  const guests = readList(annotations[GUEST_ANNOTATION])
  const paths = readList(annotations[MOUNT_PATH_ANNOTATION])
  const numbers = readList(annotations[VDISK_NUMBER_ANNOTATION])
  const at = (annotation: string, message: string) =>
    problem(`metadata.annotations.${annotation}`, message)
  if (guests === undefined) {
    for (const [annotation, values] of [
      [MOUNT_PATH_ANNOTATION, paths] as const,
      [VDISK_NUMBER_ANNOTATION, numbers] as const,
    ]) {
      if (values !== undefined) at(GUEST_ANNOTATION, `is missing: ${annotation} needs a guest`)
    }
    return []
  }
  for (const guest of guests) {
    if (!/^[^\s/|=]+\/[^\s/|=]+$/.test(guest)) {
      at(GUEST_ANNOTATION, `${JSON.stringify(guest)} is not <machine>/<guest>`)
    }
  }
  if (new Set(guests).size < guests.length) at(GUEST_ANNOTATION, 'names a guest twice')
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
      `${JSON.stringify(path)} is not an absolute path below "/" without ".", "..", white space ` +
        'and needless slashes',
    )
  }
  for (const path of paths?.filter(isSystems) ?? []) {
    at(
      MOUNT_PATH_ANNOTATION,
      `${JSON.stringify(path)} is of the guest's system; mount elsewhere, as below /srv or /export`,
    )
  }
  for (const path of paths?.filter(isTooLong) ?? []) {
    const allowed = `${LONGEST_PATH} bytes are allowed, ${LONGEST_NAME} for each name in it`
    at(
      MOUNT_PATH_ANNOTATION,
      `the path ${path.slice(0, 60)}… has ${Buffer.byteLength(path)} bytes; ${allowed}`,
    )
  }
  for (const number of numbers?.filter(each => !isVdiskNumber(each)) ?? []) {
    at(
      VDISK_NUMBER_ANNOTATION,
      `${JSON.stringify(number)} is not a number from 0 to ${LARGEST_VDISK_NUMBER}`,
    )
  }
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

function isVdiskNumber(text: string): boolean {
  return /^\d{1,3}$/.test(text) && Number(text) <= LARGEST_VDISK_NUMBER
}

// What a kernel shows there, what the system starts from, and where the node plugin notes and
// stages. A raw disk may be below /dev.
const SYSTEMS = [
  /^\/(?:boot|bin|sbin|lib\w*|dev|devices|kernel|platform|run|var)$/,
  /^\/(?:proc|sys|system|etc|usr|var\/lib\/ldom-csi\/(?:used|volumes|staging))(?:\/|$)/,
]

function isSystems(path: string): boolean {
  return SYSTEMS.some(expression => expression.test(path))
}

/**
 * Also what no system has room for, and would be known only when the volume is made and attached.
 */
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

/** What two claims cannot both have, and sources that fit no claim made from them. */
export function findClaimConflicts(claims: readonly Located<Claim>[]): readonly string[] {
  return [
    ...repeated(claims, ({ places }) =>
      places.flatMap(({ guest, mountPath }) =>
        mountPath === undefined ? [] : [`a claim at ${mountPath} of guest ${guest}`],
      ),
    ),
    ...repeated(claims, ({ places }) =>
      places.flatMap(({ guest, vdiskNumber }) =>
        vdiskNumber === undefined ? [] : [`a claim for vdisk ${vdiskNumber} of guest ${guest}`],
      ),
    ),
    ...claims.flatMap(({ where, value }) => {
      const source =
        value.source?.kind === 'claim' &&
        claims.find(other => other.value.name === value.source?.name)?.value
      if (!source || source.mode === value.mode) return []
      const words = { filesystem: 'Filesystem', block: 'Block' }
      return [
        `${where} (PersistentVolumeClaim ${value.name}): spec.volumeMode: ${words[value.mode]}, ` +
          `but its source ${source.name} is ${words[source.mode]}`,
      ]
    }),
  ]
}
