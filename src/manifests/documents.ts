// Splits manifest texts into documents, one per Kubernetes object. It parses YAML, takes lists
// apart and removes the fields that a cluster writes. It does not interpret the documents.

import { isDeepStrictEqual } from 'node:util'
import { parseAllDocuments } from 'yaml'
import { describeYamlError, readValue } from '../config/yaml.ts'
import type { Located } from './classes.ts'

/** A manifest rarely has more. A text that is no manifest would report a problem per line. */
const PROBLEMS_SHOWN = 3
/** A message of the YAML parser may quote a long text. */
const LONGEST_PROBLEM = 200
const WRITTEN_METADATA = [
  'creationTimestamp',
  'generation',
  'managedFields',
  'resourceVersion',
  'selfLink',
  'uid',
]
/** Finalizers by which a cluster keeps an object in use. They mean nothing without a cluster. */
const CLUSTER_FINALIZER = /^(([a-z-]+\.)*kubernetes\.io\/|ldom-csi\.io\/guest-disk$)/

export function documentsOf(
  file: string,
  text: string,
  problems: string[],
): readonly Located<unknown>[] {
  // kubectl reads `<<`, which belongs to YAML 1.1.
  const documents = parseAllDocuments(text, { merge: true, logLevel: 'error' })
  if (!Array.isArray(documents)) return [] // the file is empty
  const wrong: string[] = []
  const found = documents.flatMap((document, index): readonly Located<unknown>[] => {
    const where = `${file}, document ${index + 1}`
    if (document.errors.length > 0) {
      wrong.push(...document.errors.map(error => `${where}: ${describeYamlError(error)}`))
      return []
    }
    const read = readValue(document)
    if ('value' in read) return objectsOf({ where, value: read.value }, wrong)
    wrong.push(`${where}: ${read.problem}`)
    return []
  })
  problems.push(...wrong.slice(0, PROBLEMS_SHOWN).map(shortened))
  if (wrong.length > PROBLEMS_SHOWN) {
    problems.push(`${file}: and ${wrong.length - PROBLEMS_SHOWN} more; is it a manifest?`)
  }
  return found
}

function shortened(problem: string): string {
  return problem.length <= LONGEST_PROBLEM ? problem : `${problem.slice(0, LONGEST_PROBLEM)}…`
}

function objectsOf(
  { where, value }: Located<unknown>,
  problems: string[],
): readonly Located<unknown>[] {
  if (value === null) return []
  if (!isRecord(value) || value.kind !== 'List') return [{ where, value: withoutWritten(value) }]
  const { items } = value
  if (!Array.isArray(items)) {
    const wrong = items === undefined ? 'is missing' : 'is not a list'
    problems.push(
      `${where} (List): items: ${wrong}; write one object per "-", or one object a document`,
    )
    return []
  }
  return items.flatMap((item: unknown, at) =>
    objectsOf({ where: `${where}, item ${at + 1}`, value: item }, problems),
  )
}

/**
 * Removes what `kubectl get -o yaml` adds to an object. A field that would mean something else here
 * stays, so that it is rejected by name.
 */
function withoutWritten(value: unknown): unknown {
  if (!isRecord(value)) return value
  const { status: _, ...rest } = value
  const { metadata, spec } = rest
  return {
    ...rest,
    ...(isRecord(metadata) ? { metadata: withoutWrittenMetadata(metadata) } : {}),
    ...(isRecord(spec) ? { spec: withoutTwin(spec) } : {}),
  }
}

function withoutWrittenMetadata(
  metadata: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const isClusters = (value: unknown) =>
    Array.isArray(value) &&
    value.every(each => typeof each === 'string' && CLUSTER_FINALIZER.test(each))
  return Object.fromEntries(
    Object.entries(metadata).filter(
      ([key, value]) =>
        !WRITTEN_METADATA.includes(key) && !(key === 'finalizers' && isClusters(value)),
    ),
  )
}

/** Kubernetes copies a dataSource into the newer field dataSourceRef. */
function withoutTwin(spec: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { dataSourceRef, ...rest } = spec
  const isTwin = dataSourceRef !== undefined && isDeepStrictEqual(dataSourceRef, spec.dataSource)
  return isTwin ? rest : spec
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
