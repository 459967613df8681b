// Files as a careful program writes them.

import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** The bytes, and the file's name, are on the disk when this returns. */
export function writeSynced(path: string, bytes: Buffer): void {
  const file = openSync(path, 'w')
  writeSync(file, bytes)
  fsyncSync(file)
  closeSync(file)
  const parent = openSync(join(path, '..'), 'r')
  fsyncSync(parent)
  closeSync(parent)
}
