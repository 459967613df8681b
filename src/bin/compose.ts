// Composition roots: from a configuration to the objects that do the work. Nothing is decided and
// nothing is run here; the shells alone can be exchanged, so that a simulated installation is
// composed exactly as a real one.

import type { Clock } from '../clock.ts'
import { Stmfadm } from '../comstar/stmfadm.ts'
import {
  type ControllerConfig,
  findGuestRule,
  type HostConfig,
  type NodeConfig,
  type PoolConfig,
} from '../config/config.ts'
import { controllerService } from '../csi/controller.ts'
import { identityService } from '../csi/identity.ts'
import { nodeService } from '../csi/node.ts'
import { groupControllerService } from '../csi/snapshots.ts'
import { KNOWS_CONDITIONS } from '../csi/wire/conditions.ts'
import type { Service } from '../csi/wire/handler.ts'
import { describeError } from '../errors.ts'
import { GuestHealth } from '../guest/guest-health.ts'
import { GuestVolumes } from '../guest/guest-volumes.ts'
import { LinuxPlatform } from '../guest/linux/linux.ts'
import { SolarisPlatform } from '../guest/solaris/solaris.ts'
import { ConfigurationSaver } from '../hypervisors/ldoms/configuration-saver.ts'
import { Ldm } from '../hypervisors/ldoms/ldm.ts'
import { LdomMachine } from '../hypervisors/ldoms/machine.ts'
import { savedPrefix } from '../hypervisors/ldoms/saved-configurations.ts'
import { DeviceTree } from '../iscsi/devices.ts'
import { Iscsiadm } from '../iscsi/iscsiadm.ts'
import { KeyedLock, Semaphore } from '../locks.ts'
import type { Log } from '../log.ts'
import type { GuestId } from '../model/volumes.ts'
import type { Host } from '../shell/host.ts'
import { createHost } from '../shell/late-effects.ts'
import { findLeftBehind } from '../shell/left-behind.ts'
import { LimitedShell } from '../shell/limited-shell.ts'
import { LocalShell } from '../shell/local.ts'
import { LoggingShell } from '../shell/logging-shell.ts'
import { withPrefix } from '../shell/prefix.ts'
import type { Shell } from '../shell/shell.ts'
import { SshShell } from '../shell/ssh/ssh.ts'
import { Attachments } from '../storage/attachments/attachments.ts'
import { LocalDesign } from '../storage/designs/local.ts'
import { LunDesign } from '../storage/designs/lun/lun.ts'
import { Health } from '../storage/health.ts'
import type { Design, Pool, PoolMachine, PoolPath } from '../storage/pool.ts'
import { GroupSnapshots } from '../storage/snapshots/groups.ts'
import { SnapshotIndex } from '../storage/snapshots/index-by-name.ts'
import { Snapshots } from '../storage/snapshots/snapshots.ts'
import { VolumeChanges } from '../storage/volumes/changes.ts'
import { Reaper } from '../storage/volumes/reaper.ts'
import { Volumes } from '../storage/volumes/volumes.ts'
import { Zfs } from '../zfs/zfs.ts'
import { ALL_CHANGES } from './compose/changes.ts'

/** A shell to a configured host, without its prefix, and how to let go of it. */
export type OpenShell = (host: HostConfig) => { readonly shell: Shell; readonly close: () => void }

export interface Surroundings {
  readonly openShell: OpenShell
  readonly log: Log
  readonly clock: Clock
}

export interface Installation {
  readonly config: ControllerConfig
  readonly hosts: ReadonlyMap<string, Host>
  readonly machines: ReadonlyMap<string, LdomMachine>
  readonly pools: ReadonlyMap<string, Pool>
  readonly volumes: Volumes
  readonly attachments: Attachments
  readonly changes: VolumeChanges
  readonly snapshots: Snapshots
  readonly groups: GroupSnapshots
  readonly reaper: Reaper
  /** Takes up what an earlier process left unsaved, and learns which names are taken. */
  resume(): Promise<void>
  /** Saves what is not saved yet, and closes the shells. */
  stop(): Promise<void>
}

/**
 * More than one ssh connection's worth of commands, less than what would keep a storage host from
 * answering reads.
 */
const WRITES_PER_POOL = 24
/** What was sent on a connection that broke may still be started after the next one is made. */
const SSH_GRACE_MS = 2_000
const SAVE_AFTER_QUIET_MS = 15_000
const SAVE_AT_THE_LATEST_MS = 120_000

export const openRealShell: OpenShell = ({ name, shell }) => {
  if (shell.kind === 'local') return { shell: new LocalShell(), close: () => {} }
  const ssh = new SshShell({ name, ...shell.ssh })
  return { shell: ssh, close: () => ssh.close() }
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
    return composeMachine(
      machine.name,
      { host, cluster: config.cluster, save: machine.saveConfiguration },
      surroundings,
    )
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
    }),
    controllerService(options),
    groupControllerService({ ...options, groups }),
  ]
}

export function composeNode(config: NodeConfig, version: string, surroundings: Surroundings) {
  const { driverName, machine, guest, shell, prefix, attachLimit, snapshotTopology } = config
  const { host, close } = openHost({ name: `${machine}/${guest}`, shell, prefix }, surroundings)
  const platform =
    config.platform === 'linux'
      ? new LinuxPlatform({ shell: host.shell, root: config.root })
      : new SolarisPlatform(host.shell)
  const volumes = new GuestVolumes({ platform, host, clock: surroundings.clock })
  const health = config.health ? new GuestHealth({ platform, host }) : undefined
  const services: readonly Service[] = [
    identityService({ driverName, version, snapshotTopology }),
    nodeService({ driverName, guest: { machine, guest }, attachLimit, volumes, health }),
  ]
  return { services, stop: async () => close() }
}

function openHost(config: HostConfig, { openShell, log, clock }: Surroundings) {
  const { shell, close } = openShell(config)
  const ssh = config.shell.kind === 'ssh' ? config.shell.ssh : undefined
  const onItsWay =
    ssh === undefined ? {} : { graceMs: SSH_GRACE_MS, leftBehind: () => findLeftBehind(ssh) }
  const logged = new LoggingShell(withPrefix(shell, config.prefix), config.name, log)
  return {
    host: createHost({
      name: config.name,
      shell: logged,
      changes: ALL_CHANGES,
      clock,
      ...onItsWay,
    }),
    close,
  }
}

function composeMachine(
  name: string,
  { host, cluster, save }: { host: Host; cluster: string; save: boolean },
  { log, clock }: Surroundings,
) {
  // The saver takes its turn among the machine's writes, and the machine tells it of each: one has
  // to come first.
  const prefix = save ? savedPrefix(cluster) : undefined
  const machine = new LdomMachine({
    machine: name,
    host,
    clock,
    onChanged: () => saver?.changed(),
    savedPrefix: prefix,
  })
  const saver =
    prefix !== undefined
      ? new ConfigurationSaver({
          machine: name,
          ldm: new Ldm(host.shell),
          clock,
          prefix,
          quietMs: SAVE_AFTER_QUIET_MS,
          maxDelayMs: SAVE_AT_THE_LATEST_MS,
          log,
          serialised: work => machine.serialised(work),
        })
      : undefined
  const flush = async () => {
    saver?.stop()
    await saver
      ?.flush()
      .catch(error =>
        log.error({ machine: name, error: describeError(error) }, 'configuration not saved'),
      )
  }
  return { machine, save: flush, resume: async () => saver?.resume() }
}

interface Composed {
  readonly config: ControllerConfig
  readonly hosts: ReadonlyMap<string, Host>
  readonly machines: ReadonlyMap<string, LdomMachine>
  readonly clock: Clock
}

function composePool(pool: PoolConfig, composed: Composed): Pool {
  const { config, hosts, clock } = composed
  const host = lookUp(hosts, pool.host)
  return {
    name: pool.name,
    cluster: config.cluster,
    dataset: pool.dataset,
    host,
    zfs: new Zfs(
      new LimitedShell(host.shell, new Semaphore(`writes of pool ${pool.name}`, WRITES_PER_POOL)),
    ),
    design: composeDesign(pool, host, clock),
    machines: composePaths(pool, composed),
  }
}

function composePaths(
  pool: PoolConfig,
  { config, hosts, machines }: Composed,
): ReadonlyMap<string, PoolMachine> {
  const names = [...new Set(pool.paths.map(path => path.machine))]
  return new Map(
    names.map(name => {
      const { serviceDomains } = lookUp(config.machines, name)
      const paths = pool.paths
        .filter(path => path.machine === name)
        .map(
          ({ serviceDomain, vds }): PoolPath => ({
            serviceDomain,
            service: vds,
            host: lookUp(hosts, lookUp(serviceDomains, serviceDomain)),
          }),
        )
      return [name, { hypervisor: lookUp(machines, name), paths }]
    }),
  )
}

function composeDesign(pool: PoolConfig, host: Host, clock: Clock): Design {
  const devices = (path: PoolPath) => new DeviceTree(path.host.shell)
  if (pool.design === 'local') {
    // One path: the configuration was checked.
    return new LocalDesign({ template: pool.paths[0]?.device ?? '', devices, clock })
  }
  const hostGroups = new Map(pool.paths.map(path => [path.machine, path.hostGroup]))
  return new LunDesign({
    stmfadm: new Stmfadm(host.shell),
    target: pool.export.target,
    targetGroup: pool.export.targetGroup,
    hostGroup: machine => lookUp(hostGroups, machine),
    initiator: path => ({ iscsiadm: new Iscsiadm(path.host.shell), devices: devices(path) }),
    clock,
  })
}

/** The configuration's names were checked when it was parsed. */
function lookUp<T>(map: ReadonlyMap<string, T>, name: string): T {
  const found = map.get(name)
  if (found === undefined) throw new Error(`nothing is named ${name} in the configuration`)
  return found
}
