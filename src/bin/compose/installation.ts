// The controller's composition: from a configuration to the working objects. It decides nothing and
// runs nothing. Only the shells can be replaced, so a simulated installation is composed exactly
// like a real one.

import { type ControllerConfig, findGuestRule } from '../../config/config.ts'
import { controllerService } from '../../csi/controller.ts'
import { disksService } from '../../csi/disks.ts'
import { identityService } from '../../csi/identity.ts'
import { groupControllerService } from '../../csi/snapshots.ts'
import { KNOWS_CONDITIONS } from '../../csi/wire/conditions.ts'
import type { Service } from '../../csi/wire/handler.ts'
import type { Hypervisor } from '../../hypervisors/hypervisor.ts'
import { KeyedLock } from '../../locks.ts'
import type { GuestId } from '../../model/volumes.ts'
import type { Host } from '../../shell/host.ts'
import { Attachments } from '../../storage/attachments/attachments.ts'
import { Health } from '../../storage/health.ts'
import type { Pool } from '../../storage/pool.ts'
import { SeenDisks } from '../../storage/seen-disks.ts'
import { GroupSnapshots } from '../../storage/snapshots/groups.ts'
import { SnapshotIndex } from '../../storage/snapshots/index-by-name.ts'
import { Snapshots } from '../../storage/snapshots/snapshots.ts'
import { VolumeChanges } from '../../storage/volumes/changes.ts'
import { Reaper } from '../../storage/volumes/reaper.ts'
import { Volumes } from '../../storage/volumes/volumes.ts'
import { openHost, type Surroundings } from './hosts.ts'
import { lookUp } from './look-up.ts'
import { composeMachine } from './machines.ts'
import { composePool } from './pools.ts'

export interface Installation {
  readonly config: ControllerConfig
  readonly hosts: ReadonlyMap<string, Host>
  readonly machines: ReadonlyMap<string, Hypervisor>
  readonly pools: ReadonlyMap<string, Pool>
  readonly volumes: Volumes
  readonly attachments: Attachments
  readonly changes: VolumeChanges
  readonly snapshots: Snapshots
  readonly groups: GroupSnapshots
  readonly reaper: Reaper
  /** Resumes what an earlier process left unsaved, and learns which names are taken. */
  resume(): Promise<void>
  /** Saves unsaved changes and closes the shells. */
  stop(): Promise<void>
}

export function composeInstallation(
  config: ControllerConfig,
  surroundings: Surroundings,
): Installation {
  const { clock } = surroundings
  const opened = [...config.hosts.values()].map(host => openHost(host, surroundings))
  const hosts = new Map(opened.map(({ host }) => [host.name, host]))
  const composed = [...config.machines.values()].map(machine => {
    const host = lookUp(hosts, machine.controlDomain)
    return composeMachine(machine, { ...surroundings, host, cluster: config.cluster })
  })
  const machines = new Map(composed.map(({ machine }) => [machine.machine, machine]))
  const pools = new Map(
    [...config.pools.values()].map(pool => [
      pool.name,
      composePool(pool, { config, hosts, machines, clock }),
    ]),
  )
  const lock = new KeyedLock()
  const reaper = new Reaper({ pools, lock })
  const snapshotOptions = { pools, lock, reaper, index: new SnapshotIndex(pools) }
  const volumes = new Volumes({ pools, lock, reaper, clock })
  const guestRule = ({ machine, guest }: GuestId) => findGuestRule(config.guests, machine, guest)
  return {
    config,
    hosts,
    machines,
    pools,
    volumes,
    attachments: new Attachments({ pools, lock, guestRule }),
    changes: new VolumeChanges({ pools, lock, guestRule }),
    snapshots: new Snapshots(snapshotOptions),
    groups: new GroupSnapshots(snapshotOptions),
    reaper,
    resume: async () => {
      await Promise.all([volumes.learnNames(), ...composed.map(({ resume }) => resume())])
    },
    stop: async () => {
      await Promise.all(composed.map(({ save }) => save()))
      for (const { close } of opened) close()
    },
  }
}

export function controllerServices(
  installation: Installation,
  version: string,
  isReady: () => boolean = () => true,
): readonly Service[] {
  const { config, volumes, attachments, changes, snapshots, groups, pools } = installation
  const { driverName, cluster, snapshotTopology } = config
  const health = config.health ? new Health({ pools }) : undefined
  const options = {
    driverName,
    volumes,
    attachments,
    changes,
    snapshots,
    pools,
    snapshotTopology,
    health,
  }
  return [
    identityService({
      driverName,
      version,
      snapshotTopology,
      manifest: { cluster, ...KNOWS_CONDITIONS },
      isReady,
    }),
    controllerService(options),
    groupControllerService({ ...options, groups }),
    disksService({ disks: new SeenDisks({ pools }) }),
  ]
}
