// The checks of `doctor` for a pool: its dataset, its free space, and the checks of its design.
// Reads only.

import { attempt, type Check, fail, ok, skip, warn } from '../checks.ts'
import { type Dialect, readDialect } from '../zfs/dialect.ts'
import { FULLNESS_PROPERTIES, fullnessOf } from './fullness.ts'
import { zpoolOf } from './places.ts'
import type { Pool, PoolExamination } from './pool.ts'
import { examinePrivileges } from './privileges.ts'

/** Runs no checks on a host that does not answer. */
export async function examinePool(
  pool: Pool,
  isUp: PoolExamination['isUp'],
  signal?: AbortSignal,
): Promise<readonly Check[]> {
  let dialect: Dialect | undefined
  const learn = (found: Dialect) => {
    dialect = found
  }
  const dataset = isUp(pool.host)
    ? await examineDataset(pool, learn, signal)
    : [skip(`pool ${pool.name}`, pool.host.name)]
  return [...dataset, ...(await pool.design.examine(pool, { isUp, dialect }, signal))]
}

function examineDataset(
  pool: Pool,
  learn: (dialect: Dialect) => void,
  signal?: AbortSignal,
): Promise<readonly Check[]> {
  const object = `pool ${pool.name}`
  const { host, zfs } = pool
  const wayOut = `allow the account on ${host.name} to run zfs (zfs allow, or a prefix)`
  return attempt(object, wayOut, async () => {
    const [dialect, found, health] = await Promise.all([
      readDialect(host.shell, signal),
      zfs.getProperties(['type', ...FULLNESS_PROPERTIES], [pool.dataset], signal),
      zfs.poolHealth(zpoolOf(pool), signal),
    ])
    const properties = found.get(pool.dataset)
    if (properties === undefined) {
      const missing = `dataset ${pool.dataset} does not exist on ${host.name}`
      return [fail(object, missing, `zfs create ${pool.dataset}`)]
    }
    learn(dialect)
    const { percent, availableBytes, isNearlyFull } = fullnessOf(properties, pool.dataset)
    const checks = [
      ok(
        object,
        `zfs (${dialect.name}) has dataset ${pool.dataset}, ${availableBytes} bytes available`,
      ),
    ]
    if (isNearlyFull) {
      checks.push(
        warn(
          object,
          `${percent} % of ${pool.dataset} are used or reserved, ${availableBytes} bytes are ` +
            'left: writes to thin volumes fail when none are left',
          `zfs list -o space -r ${pool.dataset} shows by what; free space or add disks`,
        ),
      )
    }
    if (properties.get('type')?.value !== 'filesystem') {
      checks.push(
        fail(
          object,
          `${pool.dataset} is not a file system: volumes cannot be created below it`,
          'name a dataset of type filesystem in the configuration',
        ),
      )
    }
    if (health !== 'ONLINE') {
      checks.push(warn(object, `the ZFS pool is ${health}`, 'see zpool status'))
    }
    return [...checks, ...(await examinePrivileges(pool, dialect, signal))]
  })
}
