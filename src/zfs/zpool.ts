// The only question that the driver asks zpool.

import { StorageError } from '../errors.ts'
import type { Tool } from '../shell/tool.ts'
import { checkName, ZPOOL } from './names.ts'

export async function readPoolHealth(
  tool: Tool,
  pool: string,
  signal?: AbortSignal,
): Promise<string> {
  const { stdout } = await tool.read([ZPOOL, 'list', '-H', '-o', 'name,health', checkName(pool)], {
    about: `pool ${pool}`,
    signal,
  })
  const health = stdout
    .split('\n')
    .map(line => line.split('\t'))
    .find(fields => fields.length === 2 && fields[0] === pool)?.[1]
  if (health === undefined) {
    throw new StorageError(
      'internal',
      `zpool list printed nothing about pool ${pool}: ${JSON.stringify(stdout)}`,
    )
  }
  return health
}
