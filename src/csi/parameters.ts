// Parses the parameters of Kubernetes' four classes by the table in model/parameters.ts. Storage
// checks what a pool allows. An unknown parameter is rejected by name: a misspelt one would give
// the volume other properties than meant.

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
  /** The file system that the class names; `any` if it names none. */
  readonly fileSystem: FileSystemType | 'any'
}

// Sidecars read keys with this prefix from a class or add them (secrets, names of claims and
// snapshots). No parameter of the driver has the prefix. The provisioner's capacity controller
// sends classes unchanged.
const SIDECARS = /^csi\.storage\.k8s\.io\//
const FILE_SYSTEM = 'csi.storage.k8s.io/fstype'

// Users, and the Kubernetes test suite, write this key among the parameters of a snapshot class. It
// belongs beside them, and says nothing about how to create a snapshot.
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

/** All parameters are checked before one is returned: a rejected request changes nothing. */
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

/** Snapshots and group snapshots have no parameters. */
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
