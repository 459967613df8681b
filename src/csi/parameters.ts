// Parameters of the four classes of Kubernetes: text to values, by the table of the model. What a
// pool allows is storage's. An unknown parameter is refused by name: a misspelt one
// must not be a volume with other properties than meant.

import {
  MUTABLE_KEYS,
  MUTABLE_PARAMETERS,
  type MutableParameters,
  PARAMETER_KEYS,
  PARAMETERS,
  type VolumeParameters,
} from '../model/parameters.ts'
import type { FileSystemType } from '../model/volumes.ts'
import { parseFileSystem } from './capabilities.ts'
import { checkMap, invalid, type TextMap } from './fields.ts'

export interface ClassParameters {
  readonly pool: string | undefined
  readonly volume: Partial<VolumeParameters>
  /** What the class says of the file system; `any` where it says nothing. */
  readonly fileSystem: FileSystemType | 'any'
}

// What sidecars read from a class or add to it (secrets, names of claims and snapshots): none of
// the driver's own has a name under it. The capacity controller of the provisioner sends classes as
// they stand.
const SIDECARS = /^csi\.storage\.k8s\.io\//
const FILE_SYSTEM = 'csi.storage.k8s.io/fstype'

// Written by users, and by the suite of Kubernetes, among the parameters of a class of snapshots
// where it stands beside them. It says nothing about how a snapshot is made.
const BESIDE_SNAPSHOT_PARAMETERS: readonly string[] = ['deletionPolicy']

const KEYS = new Map(PARAMETER_KEYS.map(key => [PARAMETERS[key].name, key]))
const NAMES: readonly string[] = ['pool', ...KEYS.keys()]

export function parseParameters(parameters: TextMap): ClassParameters {
  const all = Object.entries(checkMap(parameters, 'parameters'))
  const entries = all.filter(([name]) => !SIDECARS.test(name))
  refuseUnknown('parameters', entries, NAMES)
  const given = new Map(entries)
  const pool = given.get('pool')
  if (pool === '') throw invalid('parameter pool', 'is empty')
  const volume: { -readonly [K in keyof VolumeParameters]?: VolumeParameters[K] } = {}
  const put = <K extends keyof VolumeParameters>(key: K, text: string) => {
    volume[key] = PARAMETERS[key].parse(text)
  }
  for (const [name, text] of entries) {
    const key = KEYS.get(name)
    if (key !== undefined) put(key, text)
  }
  const fileSystem = parseFileSystem(new Map(all).get(FILE_SYSTEM) ?? '')
  return { pool, volume, fileSystem }
}

/** All of them are checked before any is taken: what is refused changes nothing. */
export function parseMutableParameters(parameters: TextMap): MutableParameters {
  const entries = Object.entries(checkMap(parameters, 'mutable_parameters')).filter(
    ([name]) => !SIDECARS.test(name),
  )
  refuseUnknown('mutable_parameters', entries, MUTABLE_KEYS)
  const changes: { -readonly [K in keyof MutableParameters]: MutableParameters[K] } = {}
  const put = <K extends keyof MutableParameters>(key: K, text: string) => {
    changes[key] = MUTABLE_PARAMETERS[key].parse(text)
  }
  for (const [name, text] of entries) {
    const key = MUTABLE_KEYS.find(each => each === name)
    if (key !== undefined) put(key, text)
  }
  return changes
}

/** Of snapshots and group snapshots: none has a meaning. */
export function refuseSnapshotParameters(parameters: TextMap): void {
  const entries = Object.entries(checkMap(parameters, 'parameters')).filter(
    ([name]) => !SIDECARS.test(name),
  )
  refuseUnknown(
    'parameters',
    entries.filter(([name]) => !BESIDE_SNAPSHOT_PARAMETERS.includes(name)),
    [],
  )
}

function refuseUnknown(
  field: string,
  entries: readonly (readonly [string, string])[],
  known: readonly string[],
): void {
  const unknown = entries.map(([name]) => name).filter(name => !known.includes(name))
  if (unknown.length === 0) return
  throw invalid(
    field,
    `has unknown names: ${unknown.sort().join(', ')}; ` +
      `${known.length > 0 ? `known are ${known.join(', ')}` : 'none is known'}`,
  )
}
