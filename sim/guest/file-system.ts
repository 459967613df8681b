// A simulated file system in the bytes of a disk: a superblock, then the contents of its files. A
// reader of the same bytes sees the same files: through another path, after a failover, in a clone.
// A reader of other bytes sees other files.

import { randomUUID } from 'node:crypto'

/** The bytes of a file system: a whole disk, or slice 0 of one. Offset 0 is its first byte. */
export interface Region {
  readonly sizeBytes: number
  read(offset: number, length: number): Buffer
  write(offset: number, bytes: Uint8Array): void
}

export interface Superblock {
  readonly type: string
  readonly uuid: string
  readonly sizeBytes: number
  /** Size at creation. This and the block size do not change when the file system grows. */
  readonly bornBytes: number
  readonly blockBytes: number
  /** False while the file system is mounted writable, and after a crash. */
  readonly clean: boolean
  /** The repair tool may not mend the file system without a person. */
  readonly damaged: boolean
  /** The file system has a feature that the tools of this guest do not know. */
  readonly newer?: true
  /** How many file systems were created in this region, as far as its bytes tell. */
  readonly generation: number
}

const MAGIC = 'LDOMSIMF'
const SUPERBLOCK_BYTES = 4096
const LENGTH_BYTES = 8
// From 16 MiB on, a real mkfs writes at least this much (measured: 176 KiB by mkfs.ext4 1.47 at 16
// MiB). The driver relies on seeing these writes on the storage host.
const TABLE_BYTES = 128 * 1024
const SMALLEST_WITH_TABLES = 16 * 1024 * 1024

export function readSuperblock(region: Region): Superblock | undefined {
  if (region.sizeBytes < 2 * SUPERBLOCK_BYTES) return undefined
  const bytes = region.read(0, SUPERBLOCK_BYTES)
  if (bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) return undefined
  const end = bytes.indexOf(0)
  return JSON.parse(bytes.toString('utf8', MAGIC.length, end < 0 ? undefined : end))
}

export function writeSuperblock(region: Region, superblock: Superblock): void {
  const bytes = Buffer.alloc(SUPERBLOCK_BYTES)
  bytes.write(MAGIC + JSON.stringify(superblock), 'utf8')
  region.write(0, bytes)
}

/** Creates an empty file system in the region, and overwrites what was there. */
export function makeFileSystem(
  region: Region,
  type: string,
  blockBytes: number,
  uuid: string = randomUUID(),
): Superblock {
  const sizeBytes = Math.floor(region.sizeBytes / blockBytes) * blockBytes
  const superblock = {
    type,
    uuid,
    sizeBytes,
    bornBytes: sizeBytes,
    blockBytes,
    clean: true,
    damaged: false,
    generation: (readSuperblock(region)?.generation ?? 0) + 1,
  }
  if (sizeBytes >= SMALLEST_WITH_TABLES) {
    region.write(sizeBytes - TABLE_BYTES, Buffer.alloc(TABLE_BYTES, 'table'))
  }
  writeSuperblock(region, superblock)
  writeFiles(region, new Map())
  return superblock
}

export function readFiles(region: Region): Map<string, string> {
  const length = Number.parseInt(region.read(SUPERBLOCK_BYTES, LENGTH_BYTES).toString('latin1'), 16)
  if (!(length > 0)) return new Map()
  return new Map(
    Object.entries(
      JSON.parse(region.read(SUPERBLOCK_BYTES + LENGTH_BYTES, length).toString('utf8')),
    ),
  )
}

export function writeFiles(region: Region, files: ReadonlyMap<string, string>): void {
  const body = Buffer.from(JSON.stringify(Object.fromEntries(files)), 'utf8')
  const length = Buffer.from(body.length.toString(16).padStart(LENGTH_BYTES, '0'), 'latin1')
  region.write(SUPERBLOCK_BYTES, Buffer.concat([length, body]))
}

export function usedBytes(region: Region): number {
  let sum = 0
  for (const [path, text] of readFiles(region)) sum += path.length + Buffer.byteLength(text)
  return sum
}
