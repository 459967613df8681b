// What several parts of the Linux platform ask the kernel about block devices.

import { StorageError } from '../../errors.ts'
import type { Tool } from '../../shell/tool.ts'
import type { Paths } from '../paths.ts'
import { MEASURE_MS } from '../platform.ts'

export const BLOCKDEV = '/sbin/blockdev'

/**
 * Block device names in a kernel directory; empty if the directory does not exist. Names with
 * blanks are output of a login script.
 */
export async function listBlockDevices(
  paths: Pick<Paths, 'list'>,
  directory: string,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  return ((await paths.list(directory, signal)) ?? []).filter(name => !/\s/.test(name))
}

export function deviceName(blockPath: string): string {
  return blockPath.slice(blockPath.lastIndexOf('/') + 1)
}

export async function readBlockBytes(
  tool: Tool,
  blockPath: string,
  signal?: AbortSignal,
): Promise<number> {
  const result = await tool.read([BLOCKDEV, '--getsize64', blockPath], {
    about: blockPath,
    signal,
    timeoutMs: MEASURE_MS,
  })
  const size = Number(result.stdout.trim().split('\n').at(-1))
  if (!Number.isSafeInteger(size) || size <= 0) {
    throw new StorageError(
      'unavailable',
      `${blockPath}: blockdev printed no size: ${JSON.stringify(result.stdout)}`,
    )
  }
  return size
}
