// Creates pools: the configured paths, and the configured design.

import type { Clock } from '../../clock.ts'
import { Stmfadm } from '../../comstar/stmfadm.ts'
import type { ControllerConfig, DesignKind, PoolConfig, PoolConfigOf } from '../../config/config.ts'
import type { Hypervisor } from '../../hypervisors/hypervisor.ts'
import { DeviceTree } from '../../iscsi/devices.ts'
import { Iscsiadm } from '../../iscsi/iscsiadm.ts'
import { Semaphore } from '../../locks.ts'
import type { Host } from '../../shell/host.ts'
import { limited } from '../../shell/limited-shell.ts'
import { LocalDesign } from '../../storage/designs/local.ts'
import { LunDesign } from '../../storage/designs/lun/lun.ts'
import type { Design, Pool, PoolMachine, PoolPath } from '../../storage/pool.ts'
import { Zfs } from '../../zfs/zfs.ts'
import { lookUp } from './look-up.ts'
import { servedPath } from './machines.ts'

export interface PoolParts {
  readonly config: ControllerConfig
  readonly hosts: ReadonlyMap<string, Host>
  readonly machines: ReadonlyMap<string, Hypervisor>
  readonly clock: Clock
}

/**
 * More commands than one ssh connection carries, and few enough that the storage host still answers
 * reads.
 */
const WRITES_PER_POOL = 24

export function composePool(pool: PoolConfig, parts: PoolParts): Pool {
  const host = lookUp(parts.hosts, pool.host)
  const writes = new Semaphore(`writes of pool ${pool.name}`, WRITES_PER_POOL)
  return {
    name: pool.name,
    cluster: parts.config.cluster,
    dataset: pool.dataset,
    host,
    zfs: new Zfs(limited(host.shell, writes)),
    design: composeDesign(pool, { host, clock: parts.clock }),
    machines: composePaths(pool, parts),
  }
}

function composePaths(
  pool: PoolConfig,
  { config, hosts, machines }: PoolParts,
): ReadonlyMap<string, PoolMachine> {
  const names = [...new Set([...pool.paths].map(path => path.machine))]
  return new Map(
    names.map(name => {
      const machine = lookUp(config.machines, name)
      const paths = [...pool.paths]
        .filter(path => path.machine === name)
        .map((path): PoolPath => {
          const { domain, service, host } = servedPath(machine, path)
          return { serviceDomain: domain, service, host: lookUp(hosts, host) }
        })
      return [name, { hypervisor: lookUp(machines, name), paths }]
    }),
  )
}

interface DesignParts {
  readonly host: Host
  readonly clock: Clock
}

const DESIGNS: {
  readonly [K in DesignKind]: (pool: PoolConfigOf<K>, parts: DesignParts) => Design
} = {
  // The parser ensures exactly one path.
  local: ({ paths }, { clock }) =>
    new LocalDesign({ template: paths[0]?.device ?? '', devices, clock }),
  lun: ({ paths, export: { target, targetGroup } }, { host, clock }) => {
    const hostGroups = new Map(paths.map(path => [path.machine, path.hostGroup]))
    return new LunDesign({
      stmfadm: new Stmfadm(host.shell),
      target,
      targetGroup,
      hostGroup: machine => lookUp(hostGroups, machine),
      initiator: path => ({ iscsiadm: new Iscsiadm(path.host.shell), devices: devices(path) }),
      clock,
    })
  },
}

function composeDesign<K extends DesignKind>(pool: PoolConfigOf<K>, parts: DesignParts): Design {
  return DESIGNS[pool.design](pool, parts)
}

function devices(path: PoolPath): DeviceTree {
  return new DeviceTree(path.host.shell)
}
