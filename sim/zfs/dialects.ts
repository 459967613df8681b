// The differences between the simulated versions of zfs. Every trait is recorded unless its comment
// says otherwise. `solaris-10` is recorded from zfs-fuse 0.7 (pool version 23). `solaris-11` and
// `illumos` are documented, not recorded.

export type DialectName =
  | 'openzfs-2.1'
  | 'openzfs-2.2'
  | 'openzfs-2.3'
  | 'illumos'
  | 'solaris-11'
  | 'solaris-10'

export interface SimDialect {
  readonly name: DialectName
  readonly line: 'openzfs' | 'old'
  readonly version: string | undefined // of `zfs version`; undefined: the command does not exist
  readonly system: string // of `uname -s -r`
  readonly nodes: 'linux' | 'solaris'
  readonly defaultBlockSize: number
  readonly largestBlockSize: number
  readonly blockSizeRule: string
  readonly compression: 'off' | 'on'
  readonly setFailure: 1 | 255
  readonly heldText: (snapshot: string) => string
  readonly unlimited: string // a snapshot limit that is not set, with -p
  readonly helpLine: boolean // the third line after a usage text
  readonly missingPoolText: (pool: string) => string // of `zpool get`
  readonly fanout: number
  readonly indirectBytes: number
  // a reservation cannot exceed the size of an existing volume (source)
  readonly capsReservations: boolean
}

const NO_SUCH_POOL = (pool: string) => `cannot open '${pool}': no such pool`

const OPENZFS_23: SimDialect = {
  name: 'openzfs-2.3',
  line: 'openzfs',
  version: '2.3.8-1',
  system: 'Linux 6.1.0',
  nodes: 'linux',
  defaultBlockSize: 16384,
  largestBlockSize: 16 * 1024 * 1024,
  blockSizeRule: 'power of 2 from 512B to 16M',
  compression: 'on',
  setFailure: 255,
  heldText: snapshot =>
    `cannot destroy snapshot ${snapshot}: it's being held. Run 'zfs holds -r ${snapshot}' to ` +
    'see holders.',
  unlimited: 'none',
  helpLine: true,
  missingPoolText: pool => `Cannot get properties of ${pool}: no such pool available.`,
  fanout: 1024,
  indirectBytes: 131072,
  capsReservations: false,
}

const OPENZFS_22: SimDialect = {
  ...OPENZFS_23,
  name: 'openzfs-2.2',
  version: '2.2.11-1',
  heldText: snapshot => `cannot destroy snapshot ${snapshot}: dataset is busy`,
}

const OPENZFS_21: SimDialect = {
  ...OPENZFS_22,
  name: 'openzfs-2.1',
  version: '2.1.16-1',
  defaultBlockSize: 8192,
  largestBlockSize: 1024 * 1024,
  blockSizeRule: 'power of 2 from 512B to 1M',
  compression: 'off',
  setFailure: 1,
  unlimited: '18446744073709551615',
  helpLine: false,
  missingPoolText: NO_SUCH_POOL,
}

const SOLARIS_10: SimDialect = {
  name: 'solaris-10',
  line: 'old',
  version: undefined,
  system: 'SunOS 5.10',
  nodes: 'solaris',
  defaultBlockSize: 8192,
  largestBlockSize: 128 * 1024,
  blockSizeRule: 'power of 2 from 512 to 128k', // source
  compression: 'off',
  setFailure: 1,
  heldText: snapshot => `cannot destroy '${snapshot}': dataset is busy`,
  unlimited: 'none',
  helpLine: false,
  missingPoolText: NO_SUCH_POOL,
  fanout: 128, // source
  indirectBytes: 16384, // source
  capsReservations: true,
}

const ALL: readonly SimDialect[] = [
  OPENZFS_23,
  OPENZFS_22,
  OPENZFS_21,
  SOLARIS_10,
  {
    ...SOLARIS_10,
    name: 'solaris-11',
    system: 'SunOS 5.11',
    largestBlockSize: 1024 * 1024,
    blockSizeRule: 'power of 2 from 512 to 1M',
  },
  {
    ...OPENZFS_21,
    name: 'illumos',
    version: undefined,
    system: 'SunOS 5.11',
    nodes: 'solaris',
    capsReservations: true,
    largestBlockSize: 128 * 1024,
    blockSizeRule: 'power of 2 from 512B to 128K',
  },
]

export function dialectOf(name: DialectName): SimDialect {
  const dialect = ALL.find(candidate => candidate.name === name)
  if (dialect === undefined) throw new Error(`no dialect ${name}`)
  return dialect
}

/**
 * The reservation of a thick volume (source: zvol_volsize_to_reservation; recorded for OpenZFS).
 */
export function automaticReservation(
  dialect: SimDialect,
  volsize: number,
  blockSize: number,
): number {
  const perLevel: number[] = []
  for (let blocks = Math.floor(volsize / blockSize); blocks > 1; perLevel.push(blocks)) {
    blocks = Math.ceil(blocks / dialect.fanout)
  }
  const indirect = 7 + perLevel.reduce((sum, blocks) => sum + blocks, 0)
  return volsize + indirect * 2 * dialect.indirectBytes
}
