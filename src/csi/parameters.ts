// Parameters of the four classes of Kubernetes: text to values. What a parameter means, its default
// and what a pool allows are storage's. An unknown parameter is refused by name: a misspelt one
// must not be a volume with other properties than meant.

import { StorageError } from '../errors.ts'
import { parseMkfsOptions } from '../model/mkfs-options.ts'
import {
  type FileSystemType,
  KiB,
  type MutableParameters,
  type VolumeParameters,
} from '../model/volumes.ts'
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

const COMPRESSIONS: readonly string[] = [
  ...['on', 'off', 'lz4', 'lzjb', 'zle', 'zstd', 'gzip'],
  ...Array.from({ length: 9 }, (_, level) => `gzip-${level + 1}`),
]

const SMALLEST_BLOCK = 512
const LARGEST_BLOCK = 128 * KiB
const LONGEST_TIMEOUT_S = 2 ** 31 - 1

const PARSERS: Readonly<Record<string, (text: string) => Partial<VolumeParameters>>> = {
  blockSize: text => ({ blockSizeBytes: parseBlockSize(text) }),
  compression: text => ({ compression: oneOf('compression', text, COMPRESSIONS) }),
  reservation: text => ({ reservation: oneOf('reservation', text, ['thick', 'thin']) }),
  export: text => ({ export: oneOf('export', text, ['slice', 'full']) }),
  vdiskTimeoutSeconds: text => ({ vdiskTimeoutSeconds: parseSeconds(text) }),
  // The file system may be the guest's choice; it looks again.
  mkfsOptions: text => ({ mkfsOptions: parseMkfsOptions(text, '').join(' ') }),
}
const NAMES: readonly string[] = ['pool', ...Object.keys(PARSERS)]

export function parseParameters(parameters: TextMap): ClassParameters {
  const all = Object.entries(checkMap(parameters, 'parameters'))
  const entries = all.filter(([name]) => !SIDECARS.test(name))
  refuseUnknown('parameters', entries, NAMES)
  const given = new Map(entries)
  const pool = given.get('pool')
  if (pool === '') throw invalid('parameter pool', 'is empty')
  const volume = entries.map(([name, text]) => PARSERS[name]?.(text) ?? {})
  const fileSystem = parseFileSystem(new Map(all).get(FILE_SYSTEM) ?? '')
  return { pool, volume: Object.assign({}, ...volume), fileSystem }
}

const MUTABLE_PARSERS: Readonly<Record<string, (text: string) => MutableParameters>> = {
  compression: text => ({ compression: oneOf('compression', text, COMPRESSIONS) }),
  reservation: text => ({ reservation: oneOf('reservation', text, ['thick', 'thin']) }),
  logbias: text => ({ logbias: oneOf('logbias', text, ['latency', 'throughput']) }),
  sync: text => ({ sync: parseSync(text) }),
}
const MUTABLE_NAMES: readonly string[] = Object.keys(MUTABLE_PARSERS)

/** All of them are checked before any is taken: what is refused changes nothing. */
export function parseMutableParameters(parameters: TextMap): MutableParameters {
  const entries = Object.entries(checkMap(parameters, 'mutable_parameters')).filter(
    ([name]) => !SIDECARS.test(name),
  )
  refuseUnknown('mutable_parameters', entries, MUTABLE_NAMES)
  return Object.assign({}, ...entries.map(([name, text]) => MUTABLE_PARSERS[name]?.(text) ?? {}))
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

function parseSync(text: string): 'standard' | 'always' {
  if (text === 'disabled') {
    throw new StorageError(
      'invalid-argument',
      'parameter sync: "disabled" is refused: writes that the guest was told are safe would be ' +
        'lost when the storage host stops',
    )
  }
  return oneOf('sync', text, ['standard', 'always'])
}

function parseBlockSize(text: string): number {
  const match = /^(\d{1,6})(k?)$/i.exec(text)
  const bytes = Number(match?.[1]) * (match?.[2] === '' ? 1 : KiB)
  // volblocksize: a power of two, 512 to 128K in every dialect without a feature flag (zfs man
  // pages).
  const fits =
    bytes >= SMALLEST_BLOCK && bytes <= LARGEST_BLOCK && Number.isInteger(Math.log2(bytes))
  if (!fits) {
    throw invalid(
      'parameter blockSize',
      `${JSON.stringify(text)} is not a power of two from 512 to 128K`,
    )
  }
  return bytes
}

function parseSeconds(text: string): number {
  const seconds = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
  if (!(seconds <= LONGEST_TIMEOUT_S)) {
    throw invalid(
      'parameter vdiskTimeoutSeconds',
      `${JSON.stringify(text)} is not a number of seconds`,
    )
  }
  return seconds
}

function oneOf<T extends string>(name: string, text: string, choices: readonly T[]): T {
  const choice = choices.find(each => each === text)
  if (choice === undefined) {
    throw invalid(
      `parameter ${name}`,
      `${JSON.stringify(text)} is not one of ${choices.join(', ')}`,
    )
  }
  return choice
}
