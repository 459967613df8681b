// Reads what is delegated on a dataset, and whether its pool heeds that. Any account may read both
// (recorded).

import { StorageError } from '../errors.ts'
import type { Command, Shell } from '../shell/shell.ts'
import { Tool } from '../shell/tool.ts'
import { type Delegation, parseDelegation } from './delegation.ts'
import { ZFS_FAILURES } from './failures.ts'
import { checkName, ZFS, ZPOOL } from './names.ts'

export async function readDelegation(
  shell: Shell,
  dataset: string,
  signal?: AbortSignal,
): Promise<Delegation> {
  const command: Command = [ZFS, 'allow', checkName(dataset)]
  const { stdout } = await new Tool(shell, ZFS_FAILURES).read(command, { about: dataset, signal })
  return parseDelegation(stdout)
}

/** The pool's property `delegation`: without it ZFS refuses what is delegated. */
export async function readHeeded(
  shell: Shell,
  pool: string,
  signal?: AbortSignal,
): Promise<boolean> {
  // Without -H, which the old line does not know (recorded).
  const command: Command = [ZPOOL, 'get', 'delegation', checkName(pool)]
  const about = `pool ${pool}`
  const { stdout } = await new Tool(shell, ZFS_FAILURES).read(command, { about, signal })
  const value = /^\S+\s+delegation\s+(on|off)\b/m.exec(stdout)?.[1]
  if (value === undefined) {
    throw new StorageError('internal', `zpool get printed nothing about pool ${pool}`)
  }
  return value === 'on'
}
