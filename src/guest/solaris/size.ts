// The size of a disk as the kernel of a Solaris guest sees it, including the label.

import { StorageError } from '../../errors.ts'
import type { Tool } from '../../shell/tool.ts'
import { MEASURE_MS } from '../platform.ts'
import { parseDiskBytes } from './tables.ts'

const IOSTAT = '/usr/bin/iostat'

/** `name` has the form cXdN. */
export async function readDiskBytes(
  tool: Tool,
  name: string,
  signal?: AbortSignal,
): Promise<number> {
  const call = { about: name, signal, timeoutMs: MEASURE_MS }
  const size = parseDiskBytes((await tool.read([IOSTAT, '-En', name], call)).stdout)
  if (size === undefined) {
    throw new StorageError(
      'unavailable',
      `${name}: the guest does not report its size; check that its service domain is up`,
    )
  }
  return size
}
