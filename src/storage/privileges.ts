// Whether the account of a storage host may do what the driver does with zfs, for `doctor`. Root
// may do everything, so nothing is said of it. Reads only.

import { type Check, fail, ok } from '../checks.ts'
import { type Account, readAccount } from '../shell/account.ts'
import type { Command, Shell } from '../shell/shell.ts'
import { formatAllow, missingPermissions } from '../zfs/delegation.ts'
import type { Dialect } from '../zfs/dialect.ts'
import { readDelegation, readHeeded } from '../zfs/reading-delegation.ts'
import { zpoolOf } from './places.ts'
import type { Pool } from './pool.ts'

export async function examinePrivileges(
  pool: Pool,
  dialect: Dialect,
  signal?: AbortSignal,
): Promise<readonly Check[]> {
  const { host, dataset } = pool
  const object = `pool ${pool.name}`
  const system = dialect.name === 'openzfs' ? 'linux' : 'solaris'
  const account = await readAccount(host.shell, system, signal)
  if (account.uid === 0) return []
  if (system === 'solaris' && (await hasProfile(host.shell, signal))) {
    return [ok(object, `a rights profile lets account ${account.name} run zfs on ${host.name}`)]
  }
  const [delegation, isHeeded] = await Promise.all([
    readDelegation(host.shell, dataset, signal),
    readHeeded(host.shell, zpoolOf(pool), signal),
  ])
  if (!isHeeded) {
    return [
      fail(
        object,
        `ZFS pool ${zpoolOf(pool)} ignores what is delegated, and ${describe(account, pool)} is ` +
          'not root',
        `zpool set delegation=on ${zpoolOf(pool)}`,
      ),
    ]
  }
  const { properties } = dialect
  const missing = missingPermissions(delegation, account, { dataset, properties })
  const names = [...missing.everywhere, ...missing.below]
  if (names.length === 0) {
    return [
      ok(object, `${describe(account, pool)} has the permissions that it needs on ${dataset}`),
    ]
  }
  const what = names.length === 1 ? 'a permission' : 'permissions'
  return [
    fail(
      object,
      `${describe(account, pool)} lacks ${what} on ${dataset} and below it: ${names.join(', ')}`,
      `as root there: ${formatAllow(missing, account.name, dataset).join('; ')}`,
    ),
  ]
}

function describe({ name }: Account, { host }: Pool): string {
  return `account ${name} on ${host.name}`
}

const PROFILES: Command = ['/usr/bin/profiles', '-l']

// Solaris lists the commands of an account's rights profiles, with what each runs as (documented:
// profiles(1)). ZFS never learns of it: `pfexec` starts zfs with these attributes.
async function hasProfile(shell: Shell, signal?: AbortSignal): Promise<boolean> {
  const { stdout } = await shell.run(PROFILES, { effect: 'read', signal })
  return /^\s+(\S*\/zfs|\*)\s.*\b(e?uid=(0|root)|privs=)/m.test(stdout)
}
