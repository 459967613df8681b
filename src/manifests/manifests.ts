// Parses the manifest files of `apply` into objects, sources before what is created from them. All
// problems of all files are reported together, each with file, document and key path. Nothing is
// looked up here.

import type { z } from 'zod'
import { schemaProblems, UNKNOWN_KEY } from '../config/problems.ts'
import { StorageError } from '../errors.ts'
import { formatBytes } from '../model/quantity.ts'
import { findClaimConflicts, readClaim } from './claims.ts'
import { ClassTable, type Located, type Problem, repeated } from './classes.ts'
import { documentsOf } from './documents.ts'
import { addGuestDisks } from './guest-disks.ts'
import type {
  AttributesClass,
  Claim,
  ManifestObject,
  Snapshot,
  SnapshotClass,
  StorageClass,
} from './objects.ts'
import { inOrderOfMaking } from './order.ts'
import {
  attributesClassSchema,
  claimSchema,
  DEFAULT_CLASS_ANNOTATION,
  DEFAULT_SNAPSHOT_CLASS_ANNOTATION,
  FILE_SYSTEM_PARAMETER,
  guestDiskSchema,
  KINDS,
  nameOf,
  snapshotClassSchema,
  snapshotSchema,
  storageClassSchema,
  titleOf,
  UNSERVED,
} from './schema.ts'

export interface Manifests {
  /** Every driver that a class names, with the class. */
  readonly drivers: readonly { readonly of: string; readonly name: string }[]
  /** In the order of creation: a source comes before its copies. */
  readonly objects: readonly ManifestObject[]
}

/** CSI allows 128 bytes for the name of a volume or snapshot. */
const LONGEST_NAME = 128
/** For a `kind` with a long text. */
const LONGEST_SHOWN = 60

/** Rejects files without any object: most likely a wrong file was named. */
export function parseManifests(
  files: readonly { readonly file: string; readonly text: string }[],
): Manifests {
  const reading = new Reading()
  let count = 0
  for (const { file, text } of files) {
    for (const document of documentsOf(file, text, reading.problems)) {
      reading.take(document)
      count += 1
    }
  }
  if (count === 0 && reading.problems.length === 0) {
    throw new StorageError(
      'invalid-argument',
      `no objects in ${files.map(({ file }) => file).join(', ')}`,
    )
  }
  const { problems, drivers } = reading
  const objects = inOrderOfMaking(reading.finish(), problems)
  if (problems.length > 0) throw new StorageError('invalid-argument', problems.join('\n'))
  return { drivers, objects }
}

/** One line for `--dry-run`. */
export function describeObject(object: ManifestObject): string {
  if (object.kind === 'snapshot') return `snapshot ${object.name}: of ${object.claim}`
  const { name, requiredBytes, storageClass, source, places } = object
  const given = places.map(({ guest, mountPath, readOnly }) => {
    const path = mountPath === undefined ? '' : ` at ${mountPath}`
    return `${guest}${path}${readOnly ? ' read-only' : ''}`
  })
  const from = source === undefined ? '' : `, from ${source.kind} ${source.name}`
  return (
    `${name}: ${formatBytes(requiredBytes)}, StorageClass ${storageClass.name}${from}, ` +
    `${given.length === 0 ? 'for no guest' : `for ${given.join(', ')}`}`
  )
}

interface ObjectName {
  readonly namespace: string
  readonly name: string
}

/** Collects the objects read so far and all their problems. */
class Reading {
  readonly problems: string[] = []
  readonly drivers: { of: string; name: string }[] = []
  readonly #storageClasses = new ClassTable<StorageClass>('StorageClass')
  readonly #attributesClasses = new ClassTable<AttributesClass>('VolumeAttributesClass')
  readonly #snapshotClasses = new ClassTable<SnapshotClass>('VolumeSnapshotClass')
  readonly #claims: Located<z.infer<typeof claimSchema>>[] = []
  readonly #snapshots: Located<z.infer<typeof snapshotSchema>>[] = []
  readonly #disks: Located<z.infer<typeof guestDiskSchema>>[] = []
  /** Names of the claims with mistakes. Undefined stands for a name that is unreadable itself. */
  readonly #malformedClaims = new Set<string | undefined>()

  take(document: Located<unknown>): void {
    const { where, value } = document
    const kind = KINDS.find(each => each === kindOf(value))
    switch (kind) {
      case 'StorageClass': {
        const raw = this.#parse(document, kind, storageClassSchema)
        if (raw !== undefined) {
          this.drivers.push({
            of: `${kind} ${raw.metadata.name}: provisioner`,
            name: raw.provisioner,
          })
        }
        this.#storageClasses.add(
          document,
          raw && storageClassOf(raw),
          isMarked(raw, DEFAULT_CLASS_ANNOTATION),
        )
        return
      }
      case 'VolumeAttributesClass': {
        const raw = this.#parse(document, kind, attributesClassSchema)
        if (raw !== undefined) {
          this.drivers.push({
            of: `${kind} ${raw.metadata.name}: driverName`,
            name: raw.driverName,
          })
        }
        this.#attributesClasses.add(
          document,
          raw && { name: raw.metadata.name, parameters: raw.parameters },
          false,
        )
        return
      }
      case 'VolumeSnapshotClass': {
        const raw = this.#parse(document, kind, snapshotClassSchema)
        if (raw !== undefined) {
          this.drivers.push({ of: `${kind} ${raw.metadata.name}: driver`, name: raw.driver })
        }
        const { metadata, parameters, deletionPolicy } = raw ?? {}
        const parsed = metadata &&
          parameters &&
          deletionPolicy && { name: metadata.name, parameters, deletionPolicy }
        this.#snapshotClasses.add(
          document,
          parsed,
          isMarked(raw, DEFAULT_SNAPSHOT_CLASS_ANNOTATION),
        )
        return
      }
      case 'PersistentVolumeClaim': {
        const raw = this.#parse(document, kind, claimSchema)
        if (raw === undefined) this.#malformedClaims.add(nameOf(value))
        else this.#claims.push({ where, value: raw })
        return
      }
      case 'VolumeSnapshot': {
        const raw = this.#parse(document, kind, snapshotSchema)
        if (raw !== undefined) this.#snapshots.push({ where, value: raw })
        return
      }
      case 'GuestDisk': {
        const raw = this.#parse(document, kind, guestDiskSchema)
        if (raw !== undefined) this.#disks.push({ where, value: raw })
        return
      }
      case undefined:
        this.problems.push(`${where}: kind: ${strangeKind(value)}; it takes ${KINDS.join(', ')}`)
    }
  }

  /** Resolves claims and snapshots once all classes are known. */
  finish(): readonly Located<ManifestObject>[] {
    const annotated = this.#claims.flatMap(({ where, value }): Located<Claim>[] => {
      const problem = this.#problemsOf(where, 'PersistentVolumeClaim', value.metadata)
      checkLength(value.metadata, problem)
      const claim = readClaim(
        value,
        { storageClasses: this.#storageClasses, attributesClasses: this.#attributesClasses },
        problem,
      )
      if (claim === undefined) this.#malformedClaims.add(value.metadata.name)
      return claim === undefined ? [] : [{ where, value: claim }]
    })
    const malformed = this.#malformedClaims
    const given = addGuestDisks(annotated, this.#disks, {
      isMalformed: name => malformed.has(name) || malformed.has(undefined),
      problemsOf: (where, metadata) => this.#problemsOf(where, 'GuestDisk', metadata),
    })
    const snapshots = this.#snapshots.flatMap(({ where, value }): Located<Snapshot>[] => {
      const problem = this.#problemsOf(where, 'VolumeSnapshot', value.metadata)
      checkLength(value.metadata, problem)
      const snapshot = readSnapshot(value, this.#snapshotClasses, problem)
      return snapshot === undefined ? [] : [{ where, value: snapshot }]
    })
    this.problems.push(
      ...this.#storageClasses.duplicates(),
      ...this.#attributesClasses.duplicates(),
      ...this.#snapshotClasses.duplicates(),
      ...repeated(given.claims, claim => [`PersistentVolumeClaim ${claim.name}`]),
      ...repeated(this.#disks, ({ metadata: { namespace, name } }) => [
        `GuestDisk ${namespace}/${name}`,
      ]),
      ...repeated(snapshots, snapshot => [`VolumeSnapshot ${snapshot.name}`]),
      ...findClaimConflicts(given),
    )
    return [...given.claims, ...snapshots]
  }

  /** Undefined: the problems have been reported. */
  #parse<T>({ where, value }: Located<unknown>, kind: string, schema: z.ZodType<T>): T | undefined {
    const parsed = schema.safeParse(value)
    if (!parsed.success) {
      const object = titleOf(kind, value)
      for (const { path, message } of schemaProblems(parsed)) {
        const reason = message === UNKNOWN_KEY ? describeUnknownKey(kind, path) : message
        this.problems.push(`${where} (${object}): ${path}: ${reason}`)
      }
    }
    return parsed.data
  }

  /** Reports problems of one object under its name. */
  #problemsOf(where: string, kind: string, { namespace, name }: ObjectName): Problem {
    return (path, message) =>
      this.problems.push(`${where} (${kind} ${namespace}/${name}): ${path}: ${message}`)
  }
}

function checkLength({ namespace, name }: ObjectName, problem: Problem): void {
  if (Buffer.byteLength(`${namespace}/${name}`) > LONGEST_NAME) {
    problem('metadata.name', `namespace and name together are longer than ${LONGEST_NAME} bytes`)
  }
}

function kindOf(value: unknown): string | undefined {
  return typeof value === 'object' &&
    value !== null &&
    'kind' in value &&
    typeof value.kind === 'string'
    ? value.kind
    : undefined
}

function strangeKind(value: unknown): string {
  const kind = kindOf(value)
  if (kind === undefined) return 'is missing'
  const shown = kind.length > LONGEST_SHOWN ? `${kind.slice(0, LONGEST_SHOWN)}…` : kind
  return `${JSON.stringify(shown)} is not served by apply`
}

function describeUnknownKey(kind: string, path: string): string {
  return UNSERVED[`${kind}.${path}`] ?? `is not a field of a ${kind} that apply knows`
}

function isMarked(
  raw: { metadata: { annotations: Readonly<Record<string, string>> } } | undefined,
  annotation: string,
): boolean {
  return raw?.metadata.annotations[annotation] === 'true'
}

function storageClassOf(raw: z.infer<typeof storageClassSchema>): StorageClass {
  const { [FILE_SYSTEM_PARAMETER]: fileSystem = '', ...parameters } = raw.parameters
  const { mountOptions, reclaimPolicy, allowVolumeExpansion } = raw
  const expansion = allowVolumeExpansion ? 'allowed' : 'refused'
  return { name: raw.metadata.name, parameters, fileSystem, mountOptions, reclaimPolicy, expansion }
}

function readSnapshot(
  { metadata, spec }: z.infer<typeof snapshotSchema>,
  classes: ClassTable<SnapshotClass>,
  problem: Problem,
): Snapshot | undefined {
  const snapshotClass = classes.find(
    'spec.volumeSnapshotClassName',
    spec.volumeSnapshotClassName,
    problem,
  )
  if (snapshotClass === undefined) return undefined
  const { namespace, name } = metadata
  return {
    kind: 'snapshot',
    name: `${namespace}/${name}`,
    snapshotClass,
    claim: `${namespace}/${spec.source.persistentVolumeClaimName}`,
  }
}
