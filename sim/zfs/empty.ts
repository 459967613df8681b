// What empty datasets take, which depends on the disks of their pool. Recorded with OpenZFS 2.1.11
// and 2.3.2 (test/transcripts/openzfs-empty.txt), but for a clone on raidz, which is computed.

import type { SimDialect } from './dialects.ts'

/** Bytes that a dataset takes for itself. Each of its blocks has two copies, and counts once. */
export interface Metadata {
  readonly bytes: number
  readonly logicalBytes: number
}

/** `clone`: what the clone of a written volume takes anew. */
type Empty = Readonly<Record<'filesystem' | 'volume' | 'clone', Metadata>>

const metadata = (bytes: number, logicalBytes: number): Metadata => ({ bytes, logicalBytes })

export const DISKS = ['512', '4k', 'raidz-4k', '8k'] as const
/** By the size of sectors; `raidz-4k` is raidz1 of three. */
export type Disks = (typeof DISKS)[number]

const EMPTY: Readonly<Record<Disks, Empty>> = {
  512: {
    filesystem: metadata(24576, 12288),
    volume: metadata(12288, 6144),
    clone: metadata(1024, 512),
  },
  '4k': {
    filesystem: metadata(98304, 43008),
    volume: metadata(57344, 28672),
    clone: metadata(8192, 4096),
  },
  'raidz-4k': {
    filesystem: metadata(130944, 43008),
    volume: metadata(76384, 28672),
    clone: metadata(10912, 4096),
  },
  '8k': {
    filesystem: metadata(196608, 79872),
    volume: metadata(114688, 53248),
    clone: metadata(16384, 4096),
  },
}

export function emptyOf(disks: Disks, { line }: SimDialect): Empty {
  const empty = EMPTY[disks]
  // Recalled. Old lines do not count the logical bytes.
  return disks === '512' && line === 'old' ? { ...empty, volume: metadata(16384, 8192) } : empty
}
