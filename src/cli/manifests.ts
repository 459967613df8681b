// Manifest files for `apply`: YAML documents to classes and claims. All problems of all files are reported together, each with
// file, document and key path. Nothing is looked up here.

import { parseAllDocuments } from 'yaml'
import type { z } from 'zod'
import { type ConfigProblem, schemaProblems, UNKNOWN_KEY } from '../config.ts'
import { isStorageError, StorageError } from '../errors.ts'
import {
  claimSchema,
  DEFAULT_CLASS_ANNOTATION,
  FILE_SYSTEM_PARAMETER,
  GUEST_ANNOTATION,
  MOUNT_PATH_ANNOTATION,
  storageClassSchema,
  UNSERVED,
} from './manifest-schema.ts'
import { parseQuantity } from './quantity.ts'

export interface StorageClass {
  readonly name: string
  readonly provisioner: string
  /** Without the reserved csi.storage.k8s.io/ keys. */
  readonly parameters: Readonly<Record<string, string>>
  readonly fileSystem: string // '' leaves it to the guest's platform
  readonly mountOptions: readonly string[]
  readonly reclaimPolicy: 'Delete' | 'Retain'
}

export interface Claim {
  /** `<namespace>/<name>`: also the name of the volume. */
  readonly name: string
  readonly storageClass: StorageClass
  readonly access: 'multi-writer' | 'single-writer' // of one guest: ReadWriteOnce, ReadWriteOncePod
  readonly mode: 'filesystem' | 'block'
  readonly requiredBytes: number
  readonly limitBytes: number // 0: none
  /** Undefined: the volume is made, and given to nobody. */
  readonly place: { readonly guest: string; readonly mountPath: string } | undefined
}

export interface Manifests {
  readonly classes: readonly StorageClass[]
  readonly claims: readonly Claim[]
}

type RawClaim = z.infer<typeof claimSchema>
interface Located<T> {
  readonly where: string
  readonly value: T
}

/** A volume's name has at most 128 bytes in CSI. */
const LONGEST_NAME = 128

export function parseManifests(files: readonly { readonly file: string; readonly text: string }[]): Manifests {
  const problems: string[] = []
  const classes: Located<{ storageClass: StorageClass; isDefault: boolean }>[] = []
  const rawClaims: Located<RawClaim>[] = []
  for (const { file, text } of files) {
    for (const [where, value] of documentsOf(file, text, problems)) {
      const kind = kindOf(value)
      if (kind === 'StorageClass') {
        const parsed = storageClassSchema.safeParse(value)
        if (parsed.success) classes.push({ where, value: storageClassOf(parsed.data) })
        else problems.push(...describe(where, kind, schemaProblems(parsed)))
      } else if (kind === 'PersistentVolumeClaim') {
        const parsed = claimSchema.safeParse(value)
        if (parsed.success) rawClaims.push({ where, value: parsed.data })
        else problems.push(...describe(where, kind, schemaProblems(parsed)))
      } else {
        const named = kind === undefined ? 'is missing' : `${JSON.stringify(kind)} is not served by apply`
        problems.push(`${where}: kind: ${named}; it takes StorageClass and PersistentVolumeClaim`)
      }
    }
  }
  const claims = rawClaims.flatMap(claim => claimOf(claim, classes, problems))
  problems.push(...duplicates(classes, claims))
  if (problems.length > 0) throw new StorageError('invalid-argument', problems.join('\n'))
  return { classes: classes.map(({ value }) => value.storageClass), claims: claims.map(({ value }) => value) }
}

function documentsOf(file: string, text: string, problems: string[]): [where: string, value: unknown][] {
  const documents = parseAllDocuments(text)
  if (!Array.isArray(documents)) return [] // the file is empty
  return documents.flatMap((document, index): [string, unknown][] => {
    const where = `${file}, document ${index + 1}`
    if (document.errors.length > 0) {
      problems.push(...document.errors.map(error => `${where}: ${error.message.split('\n')[0]}`))
      return []
    }
    const value: unknown = document.toJS({ maxAliasCount: 100 })
    return value === null ? [] : [[where, value]]
  })
}

function kindOf(value: unknown): string | undefined {
  return typeof value === 'object' && value !== null && 'kind' in value && typeof value.kind === 'string' ? value.kind : undefined
}

function describe(where: string, kind: string, problems: readonly ConfigProblem[]): string[] {
  return problems.map(({ path, message }) => {
    const reason = message === UNKNOWN_KEY ? (UNSERVED[`${kind}.${path}`] ?? `is not a field of a ${kind} that apply knows`) : message
    return `${where} (${kind}): ${path}: ${reason}`
  })
}

function storageClassOf(raw: z.infer<typeof storageClassSchema>): { storageClass: StorageClass; isDefault: boolean } {
  const { [FILE_SYSTEM_PARAMETER]: fileSystem = '', ...parameters } = raw.parameters
  const { provisioner, mountOptions, reclaimPolicy } = raw
  return {
    storageClass: { name: raw.metadata.name, provisioner, parameters, fileSystem, mountOptions, reclaimPolicy },
    isDefault: raw.metadata.annotations[DEFAULT_CLASS_ANNOTATION] === 'true',
  }
}

function claimOf(
  { where, value }: Located<RawClaim>,
  classes: readonly Located<{ storageClass: StorageClass; isDefault: boolean }>[],
  problems: string[],
): Located<Claim>[] {
  const { metadata, spec } = value
  const name = `${metadata.namespace}/${metadata.name}`
  const before = problems.length
  const problem = (path: string, message: string) => problems.push(`${where} (PersistentVolumeClaim ${name}): ${path}: ${message}`)

  if (Buffer.byteLength(name) > LONGEST_NAME) problem('metadata.name', `namespace and name together are longer than ${LONGEST_NAME} bytes`)
  const candidates = classes
    .map(located => located.value)
    .filter(candidate =>
      spec.storageClassName === undefined ? candidate.isDefault : candidate.storageClass.name === spec.storageClassName,
    )
  const storageClass = candidates[0]?.storageClass
  if (storageClass === undefined) {
    const missing =
      spec.storageClassName === undefined
        ? 'is missing, and no StorageClass in the files is marked as the default'
        : `no StorageClass ${spec.storageClassName} in the files`
    problem('spec.storageClassName', missing)
  }
  const bytes = (path: string, text: string | undefined): number => {
    if (text === undefined) return 0
    try {
      return parseQuantity(text)
    } catch (error) {
      if (!isStorageError(error)) throw error
      problem(path, error.message)
      return 0
    }
  }
  const requiredBytes = bytes('spec.resources.requests.storage', spec.resources.requests.storage)
  const limitBytes = bytes('spec.resources.limits.storage', spec.resources.limits?.storage)
  if (limitBytes > 0 && requiredBytes > limitBytes) problem('spec.resources', 'the request is larger than the limit')
  const place = placeOf(metadata.annotations, problem)
  if (problems.length > before || storageClass === undefined) return []
  return [
    {
      where,
      value: {
        name,
        storageClass,
        access: spec.accessModes[0] === 'ReadWriteOncePod' ? 'single-writer' : 'multi-writer',
        mode: spec.volumeMode === 'Block' ? 'block' : 'filesystem',
        requiredBytes,
        limitBytes,
        place,
      },
    },
  ]
}

function placeOf(annotations: Readonly<Record<string, string>>, problem: (path: string, message: string) => void): Claim['place'] {
  const guest = annotations[GUEST_ANNOTATION]
  const mountPath = annotations[MOUNT_PATH_ANNOTATION]
  if (guest === undefined && mountPath === undefined) return undefined
  const at = (annotation: string) => `metadata.annotations.${annotation}`
  if (guest === undefined) problem(at(GUEST_ANNOTATION), `is missing: ${MOUNT_PATH_ANNOTATION} needs a guest`)
  else if (!/^[^\s/|=]+\/[^\s/|=]+$/.test(guest)) problem(at(GUEST_ANNOTATION), `${JSON.stringify(guest)} is not <machine>/<guest>`)
  if (mountPath === undefined) problem(at(MOUNT_PATH_ANNOTATION), `is missing: ${GUEST_ANNOTATION} needs a path`)
  else if (!isPlainPath(mountPath)) {
    problem(
      at(MOUNT_PATH_ANNOTATION),
      `${JSON.stringify(mountPath)} is not an absolute path below "/" without "." and ".." and white space`,
    )
  }
  return guest === undefined || mountPath === undefined ? undefined : { guest, mountPath }
}

function isPlainPath(path: string): boolean {
  const [first, ...parts] = path.split('/')
  return first === '' && parts.length > 0 && parts.every(part => part !== '' && part !== '.' && part !== '..' && !/[\s\p{Cc}]/u.test(part))
}

function duplicates(
  classes: readonly Located<{ storageClass: StorageClass; isDefault: boolean }>[],
  claims: readonly Located<Claim>[],
): string[] {
  return [
    ...repeated(classes, ({ storageClass }) => `StorageClass ${storageClass.name}`),
    ...repeated(
      classes.filter(({ value }) => value.isDefault),
      () => 'a default StorageClass',
    ),
    ...repeated(claims, claim => `PersistentVolumeClaim ${claim.name}`),
    ...repeated(
      claims.filter(({ value }) => value.place !== undefined),
      ({ place }) => `a claim at ${place?.mountPath} of guest ${place?.guest}`,
    ),
  ]
}

function repeated<T>(located: readonly Located<T>[], describeIt: (value: T) => string): string[] {
  const first = new Map<string, string>()
  return located.flatMap(({ where, value }) => {
    const what = describeIt(value)
    const earlier = first.get(what)
    if (earlier === undefined) first.set(what, where)
    return earlier === undefined ? [] : [`${where}: ${what} is already in ${earlier}`]
  })
}
