// One claim of a manifest file: its class, size, source and access. Values that are well formed but
// do not fit together are rejected here.

import type { z } from 'zod'
import { isStorageError } from '../errors.ts'
import { type Access, accessOf } from '../model/access.ts'
import { parseQuantity } from '../model/quantity.ts'
import { type ClassTable, type Problem, repeated } from './classes.ts'
import type { Given } from './guest-disks.ts'
import type { AttributesClass, Claim, Source, StorageClass } from './objects.ts'
import { readPlaces, reasonAgainstGuests } from './places.ts'
import { type claimSchema, GUEST_ANNOTATION } from './schema.ts'

type RawClaim = z.infer<typeof claimSchema>

export interface Classes {
  readonly storageClasses: ClassTable<StorageClass>
  readonly attributesClasses: ClassTable<AttributesClass>
}

/** Undefined: the problems have been reported. */
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
  const found = findClasses(spec, classes, problem)
  const sizes = readSizes(spec.resources, problem)
  const mode = spec.volumeMode === 'Block' ? 'block' : 'filesystem'
  const places = readPlaces(metadata.annotations, mode, problem)
  const access = readAccess(spec.accessModes, { mode, guests: places.length }, problem)
  if (!isSound || found === undefined) return undefined
  const name = `${metadata.namespace}/${metadata.name}`
  const source = readSource(spec.dataSource, metadata.namespace)
  return { kind: 'claim', name, ...found, access, mode, ...sizes, source, places }
}

function findClasses(
  { storageClassName, volumeAttributesClassName: wanted }: RawClaim['spec'],
  { storageClasses, attributesClasses }: Classes,
  problem: Problem,
): Pick<Claim, 'storageClass' | 'attributes'> | undefined {
  const storageClass = storageClasses.find('spec.storageClassName', storageClassName, problem)
  const attributes =
    wanted === undefined
      ? undefined
      : attributesClasses.find('spec.volumeAttributesClassName', wanted, problem)
  const isMissing = storageClass === undefined || (wanted !== undefined && attributes === undefined)
  return isMissing ? undefined : { storageClass, attributes }
}

function readSizes(
  { requests, limits }: RawClaim['spec']['resources'],
  problem: Problem,
): Pick<Claim, 'requiredBytes' | 'limitBytes'> {
  const requiredBytes = readBytes('spec.resources.requests.storage', requests.storage, problem)
  const limitBytes = readBytes('spec.resources.limits.storage', limits?.storage, problem)
  if (limitBytes > 0 && requiredBytes > limitBytes) {
    problem('spec.resources', 'the request is larger than the limit')
  }
  return { requiredBytes, limitBytes }
}

function readAccess(
  accessModes: RawClaim['spec']['accessModes'],
  { mode, guests }: { readonly mode: Claim['mode']; readonly guests: number },
  problem: Problem,
): Access {
  const access = accessOf(accessModes)
  if (access === 'many-writers' && mode === 'filesystem') {
    problem(
      'spec.accessModes[0]',
      'ReadWriteMany needs volumeMode Block: several writing guests would destroy a file system',
    )
  }
  const tooMany = reasonAgainstGuests(guests, accessModes)
  if (tooMany !== undefined) problem(`metadata.annotations.${GUEST_ANNOTATION}`, tooMany)
  return access
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
 * Rejects two claims with the same place, and sources whose volume mode differs from the claim's.
 */
export function findClaimConflicts({ claims, places }: Given): readonly string[] {
  return [
    ...repeated(places, ({ guest, mountPath }) =>
      mountPath === undefined ? [] : [`a claim at ${mountPath} of guest ${guest}`],
    ),
    ...repeated(places, ({ guest, vdiskNumber }) =>
      vdiskNumber === undefined ? [] : [`a claim for vdisk ${vdiskNumber} of guest ${guest}`],
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
