// The account under which the commands of a host run, with its prefix: `sudo` makes it root.

import { StorageError } from '../errors.ts'
import { refuseFailure } from './failures.ts'
import type { Command, Shell } from './shell.ts'

export interface Account {
  readonly name: string
  readonly uid: number
  readonly groups: readonly string[]
}

const ID = '/usr/bin/id'

/**
 * Solaris prints the groups only with `-a` (documented: id(1M)). Busybox does not know the letter
 * (recorded), and GNU ignores it.
 */
export async function readAccount(
  shell: Shell,
  system: 'linux' | 'solaris',
  signal?: AbortSignal,
): Promise<Account> {
  const command: Command = system === 'linux' ? [ID] : [ID, '-a']
  const result = await shell.run(command, { effect: 'read', signal })
  return parseAccount(refuseFailure(result, { command, failures: [], about: 'account' }).stdout)
}

/** Numbers without a name (`uid=1001`) are accounts that the host does not know by name. */
export function parseAccount(stdout: string): Account {
  const [, uid, name] = /^uid=(\d+)(?:\(([^)]*)\))?/m.exec(stdout) ?? []
  if (uid === undefined) {
    throw new StorageError('internal', `${ID} printed no account`)
  }
  const line = stdout.split('\n').find(text => text.startsWith('uid=')) ?? ''
  const ofGroups = line.slice(line.indexOf(' gid='))
  return {
    name: name ?? uid,
    uid: Number(uid),
    groups: [...ofGroups.matchAll(/\d+\(([^)]*)\)/g)].map(([, group = '']) => group),
  }
}
