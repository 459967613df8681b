// Which zfs a host has, and its features. These are read from the usage text, never from a version
// number. It also computes the sizes of thick volumes. It decides nothing about volumes.

import { StorageError } from '../errors.ts'
import type { Shell } from '../shell/shell.ts'
import { ZFS } from './names.ts'

export interface Dialect {
  readonly name: 'openzfs' | 'illumos' | 'solaris-11' | 'solaris-10'
  /** One command can take several snapshots at one moment, all or none. */
  readonly multipleSnapshots: boolean
  /** Names of native properties. One unknown name makes a whole `zfs get` fail (recorded). */
  readonly properties: ReadonlySet<string>
}

/**
 * Classifies the output of `uname -s -r`, of `zfs`, and of `zfs get` without arguments, whose usage
 * text lists every property.
 */
export function classifyDialect(answers: {
  readonly system: string
  readonly usage: string
  readonly propertyUsage: string
}): Dialect {
  const linux = /^Linux /m.test(answers.system)
  const snapshotLine = answers.usage.split('\n').find(line => /^\s+snapshot(\|snap)? \[/.test(line))
  if (snapshotLine === undefined) {
    throw new StorageError('internal', 'zfs without arguments printed no usage line for snapshot')
  }
  const multipleSnapshots = snapshotLine.trimEnd().endsWith('...')
  const release = /^SunOS (5\.1[01])\b/m.exec(answers.system)?.[1]
  return {
    name: linux
      ? 'openzfs'
      : multipleSnapshots
        ? 'illumos'
        : release === '5.10'
          ? 'solaris-10'
          : 'solaris-11',
    multipleSnapshots,
    properties: parsePropertyNames(answers.propertyUsage),
  }
}

function parsePropertyNames(usage: string): ReadonlySet<string> {
  const names = [...usage.matchAll(/^\t([a-z_]+)\s+(?:YES|NO)\b/gm)].map(match => match[1] ?? '')
  if (!names.includes('volsize')) {
    throw new StorageError('internal', 'zfs get without arguments printed no list of properties')
  }
  return new Set(names)
}

/** Runs three reads. zfs prints usage texts on standard error with exit status 2 (recorded). */
export async function readDialect(shell: Shell, signal?: AbortSignal): Promise<Dialect> {
  const [system, usage, propertyUsage] = await Promise.all([
    shell.run(['/usr/bin/uname', '-s', '-r'], { effect: 'read', signal }),
    shell.run([ZFS], { effect: 'read', signal }),
    readPropertyUsage(shell, signal),
  ])
  return classifyDialect({
    system: system.stdout,
    usage: usage.stdout + usage.stderr,
    propertyUsage,
  })
}

/** `Dialect.properties` alone, with one read. */
export async function readPropertyNames(
  shell: Shell,
  signal?: AbortSignal,
): Promise<Dialect['properties']> {
  return parsePropertyNames(await readPropertyUsage(shell, signal))
}

async function readPropertyUsage(shell: Shell, signal?: AbortSignal): Promise<string> {
  const { stdout, stderr } = await shell.run([ZFS, 'get'], { effect: 'read', signal })
  return stdout + stderr
}

/**
 * `current`: OpenZFS and illumos. `old`: Solaris 10 and its time. Source:
 * zvol_volsize_to_reservation; `current` was checked against recordings.
 */
export type ReservationArithmetic = 'current' | 'old'

const ARITHMETIC = {
  current: { fanout: 1024, indirectBytes: 131072 },
  old: { fanout: 128, indirectBytes: 16384 },
} as const

/**
 * What a thick volume reserves: its size and its worst-case metadata. On raidz, parity and padding
 * add up to 30 %.
 */
export function thickReservation(
  sizeBytes: number,
  blockSizeBytes: number,
  arithmetic: ReservationArithmetic = 'current',
): number {
  const { fanout, indirectBytes } = ARITHMETIC[arithmetic]
  let metadataBlocks = 7
  for (let blocks = Math.floor(sizeBytes / blockSizeBytes); blocks > 1; ) {
    blocks = Math.floor((blocks + fanout - 1) / fanout)
    metadataBlocks += blocks
  }
  // Metadata has one copy more than data: copies + 1, with copies = 1.
  return sizeBytes + metadataBlocks * 2 * indirectBytes
}

/**
 * The largest thick volume that fits into the space, by the arithmetic that reserves more; 0 if
 * none fits.
 */
export function largestThickVolume(availableBytes: number, blockSizeBytes: number): number {
  const fits = (blocks: number) => {
    const sizeBytes = blocks * blockSizeBytes
    return (
      Math.max(
        thickReservation(sizeBytes, blockSizeBytes, 'current'),
        thickReservation(sizeBytes, blockSizeBytes, 'old'),
      ) <= availableBytes
    )
  }
  let low = 0
  let high = Math.floor(availableBytes / blockSizeBytes)
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (fits(middle)) low = middle
    else high = middle - 1
  }
  return low * blockSizeBytes
}
