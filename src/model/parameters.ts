// The parameters of a StorageClass and a VolumeAttributesClass, one row each. Requests, datasets,
// defaults and the table in README.md all use these rows.

import { StorageError } from '../errors.ts'
import { parseMkfsOptions } from './mkfs-options.ts'

/**
 * The StorageClass parameters with their defaults. They are written on the volume and compared when
 * a create call is repeated.
 */
export interface VolumeParameters {
  readonly blockSizeBytes: number
  readonly compression: string
  readonly reservation: 'thick' | 'thin'
  readonly vdiskTimeoutSeconds: number
  /** For the guest that formats the volume; '' for none. */
  readonly mkfsOptions: string
  readonly export: 'slice' | 'full'
}

/** The parameters that the guest needs. They travel in the volume context. */
export type GuestParameters = Pick<VolumeParameters, 'mkfsOptions'>

/**
 * The parameters that can change while the volume exists (VolumeAttributesClass). `sync` has no
 * `disabled`: it loses acknowledged writes.
 */
interface MutableValues {
  readonly compression: string
  readonly reservation: 'thick' | 'thin'
  readonly logbias: 'latency' | 'throughput'
  readonly sync: 'standard' | 'always'
}
export type MutableParameters = Partial<MutableValues>

/** A row of the table in README.md, in Markdown. */
export interface Described {
  readonly values: string
  readonly meaning: string
}

interface Parsed<T> extends Described {
  /** Throws `invalid-argument`. */
  readonly parse: (text: string) => T
}

export interface Parameter<T> extends Parsed<T> {
  /** The name in a StorageClass. */
  readonly name: string
  /** The default as StorageClass text. Undefined: the pool decides. */
  readonly byDefault: string | undefined
  /**
   * The value of volumes created before the parameter existed. Undefined: every version wrote it.
   * It stays when the default changes.
   */
  readonly before: string | undefined
  /** Whether the driver can have written this value to a dataset. */
  readonly isValue: (value: unknown) => value is T
  readonly usedBy: 'zfs' | 'hypervisor' | 'guest'
}

export interface MutableParameter<T> extends Parsed<T> {
  /** Which versions of zfs have a property of this name. `none`: the driver uses other commands. */
  readonly property: 'every' | 'newer' | 'none'
}

type Table = { readonly [K in keyof VolumeParameters]: Parameter<VolumeParameters[K]> }
type MutableTable = {
  readonly [K in keyof MutableValues]: MutableParameter<MutableValues[K]>
}

const COMPRESSIONS: readonly string[] = [
  ...['on', 'off', 'lz4', 'lzjb', 'zle', 'zstd', 'gzip'],
  ...Array.from({ length: 9 }, (_, level) => `gzip-${level + 1}`),
]
const KiB = 1024
const SMALLEST_BLOCK = 512
const LARGEST_BLOCK = 128 * KiB
const LONGEST_TIMEOUT_S = 2 ** 31 - 1

const compression = {
  parse: (text: string) => parseWord('compression', text, COMPRESSIONS),
  values: '`off`, `on`, `lz4`, `lzjb`, `zle`, `zstd`, `gzip`, `gzip-1` to `gzip-9`',
  meaning: 'compression by ZFS; its version has to know the word',
}
const reservation = {
  ...words('reservation', ['thick', 'thin']),
  values: '`thick`, `thin`',
  meaning: '`thick` reserves room for the whole volume in the pool, `thin` reserves none',
}

/**
 * The order is that of the text on datasets. OpenZFS and Solaris have different defaults, so the
 * driver always passes its own (zfs 2.1 to 2.3, recorded).
 */
export const PARAMETERS: Table = {
  blockSizeBytes: {
    name: 'blockSize',
    parse: parseBlockSize,
    byDefault: '8K',
    before: undefined,
    isValue: isNumber(SMALLEST_BLOCK, LARGEST_BLOCK),
    usedBy: 'zfs',
    values: 'a power of two from `512` to `128K`',
    meaning: 'block size of the zvol; a copy keeps that of its source',
  },
  compression: {
    ...compression,
    name: 'compression',
    byDefault: 'off',
    before: undefined,
    isValue: (value): value is string => typeof value === 'string' && value !== '',
    usedBy: 'zfs',
  },
  reservation: {
    ...reservation,
    name: 'reservation',
    byDefault: 'thick',
    before: undefined,
    usedBy: 'zfs',
  },
  vdiskTimeoutSeconds: {
    name: 'vdiskTimeoutSeconds',
    parse: parseSeconds,
    byDefault: '0',
    before: '0',
    isValue: isNumber(0, Number.MAX_SAFE_INTEGER),
    usedBy: 'hypervisor',
    values: 'seconds',
    meaning:
      'seconds without its service domain after which a disk of the guest fails I/O; `0` waits ' +
      'without end. Not allowed with several paths',
  },
  mkfsOptions: {
    name: 'mkfsOptions',
    // The guest may choose the file system, so it checks again.
    parse: text => parseMkfsOptions(text, '').join(' '),
    byDefault: '',
    before: '',
    isValue: (value): value is string => typeof value === 'string',
    usedBy: 'guest',
    values: 'words for `mkfs`, as in `-m 1 -i 16384`',
    meaning: 'options that shape the file system; none that forces',
  },
  export: {
    name: 'export',
    ...words('export', ['slice', 'full']),
    byDefault: undefined,
    before: undefined,
    usedBy: 'hypervisor',
    values: '`slice`, `full`',
    meaning:
      'whether the guest sees one slice or a whole disk. Design `local`: `slice` by default; ' +
      'design `lun`: `full` only. A whole disk has 9 MiB or more, unless its file system is ' +
      '`ext4` or `xfs`',
  },
}

/**
 * Parameters of a StorageClass that choose the pool and the file system. They are not written on
 * the volume as parameters.
 */
export const PLACE_PARAMETERS: Readonly<
  Record<'pool' | 'csi.storage.k8s.io/fstype', Described & { readonly byDefault: string }>
> = {
  pool: {
    values: 'a pool of the configuration',
    byDefault: 'the only pool, where there is one',
    meaning: 'where the volume is created; a copy is created in the pool of its source',
  },
  'csi.storage.k8s.io/fstype': {
    values: '`ufs`, `ext4`, `xfs`',
    byDefault: 'the choice of the first guest',
    meaning:
      'the file system. An `xfs` has 300 MiB or more. A copy has the file system of its source',
  },
}

export const MUTABLE_PARAMETERS: MutableTable = {
  compression: { ...compression, property: 'every' },
  reservation: { ...reservation, property: 'none' },
  logbias: {
    ...words('logbias', ['latency', 'throughput']),
    property: 'newer',
    values: '`latency`, `throughput`',
    meaning: 'what ZFS favours for synchronous writes',
  },
  sync: {
    parse: parseSync,
    property: 'newer',
    values: '`standard`, `always`',
    meaning:
      'which writes ZFS makes synchronous; never `disabled`, which loses acknowledged writes',
  },
}

export const PARAMETER_KEYS = Object.keys(PARAMETERS).filter(
  (key): key is keyof VolumeParameters => key in PARAMETERS,
)
export const MUTABLE_KEYS = Object.keys(MUTABLE_PARAMETERS).filter(
  (key): key is keyof MutableParameters => key in MUTABLE_PARAMETERS,
)

/** All parameters of a volume, each with the value that `choose` returns. */
export function everyParameter(
  choose: <K extends keyof VolumeParameters>(key: K) => VolumeParameters[K],
): VolumeParameters {
  return {
    blockSizeBytes: choose('blockSizeBytes'),
    compression: choose('compression'),
    reservation: choose('reservation'),
    vdiskTimeoutSeconds: choose('vdiskTimeoutSeconds'),
    mkfsOptions: choose('mkfsOptions'),
    export: choose('export'),
  }
}

/** For the volume context. Parameters with their default are left out. */
export function formatGuestParameters(parameters: VolumeParameters): Record<string, string> {
  const entries = PARAMETER_KEYS.flatMap(key => {
    const { usedBy, name, byDefault } = PARAMETERS[key]
    const text = String(parameters[key])
    return usedBy === 'guest' && text !== byDefault ? [[name, text] as const] : []
  })
  return Object.fromEntries(entries)
}

/** The guest checks the values, because it knows its file systems. */
export function parseGuestParameters(context: Readonly<Record<string, string>>): GuestParameters {
  return { mkfsOptions: context.mkfsOptions ?? '' }
}

function invalid(name: string, problem: string): StorageError {
  return new StorageError('invalid-argument', `parameter ${name}${problem}`)
}

function parseWord<T extends string>(name: string, text: string, choices: readonly T[]): T {
  const choice = choices.find(each => each === text)
  if (choice === undefined) {
    throw invalid(name, ` ${JSON.stringify(text)} is not one of ${choices.join(', ')}`)
  }
  return choice
}

function words<const T extends string>(name: string, choices: readonly T[]) {
  return {
    parse: (text: string): T => parseWord(name, text, choices),
    isValue: (value: unknown): value is T => choices.some(each => each === value),
  }
}

function isNumber(smallest: number, largest: number) {
  return (value: unknown): value is number =>
    typeof value === 'number' && Number.isInteger(value) && value >= smallest && value <= largest
}

function parseSync(text: string): 'standard' | 'always' {
  if (text === 'disabled') {
    throw invalid(
      'sync',
      ': "disabled" is refused: writes that the guest was told are safe would be lost when the ' +
        'storage host stops',
    )
  }
  return parseWord('sync', text, ['standard', 'always'])
}

function parseBlockSize(text: string): number {
  const match = /^(\d{1,6})(k?)$/i.exec(text)
  const bytes = Number(match?.[1]) * (match?.[2] === '' ? 1 : KiB)
  // volblocksize is a power of two from 512 to 128K in every dialect without a feature flag (zfs
  // man pages).
  const fits =
    bytes >= SMALLEST_BLOCK && bytes <= LARGEST_BLOCK && Number.isInteger(Math.log2(bytes))
  if (!fits) {
    throw invalid('blockSize', ` ${JSON.stringify(text)} is not a power of two from 512 to 128K`)
  }
  return bytes
}

function parseSeconds(text: string): number {
  const seconds = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
  if (!(seconds <= LONGEST_TIMEOUT_S)) {
    throw invalid('vdiskTimeoutSeconds', ` ${JSON.stringify(text)} is not a number of seconds`)
  }
  return seconds
}
