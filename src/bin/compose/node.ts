// The node plugin's composition: one guest, its shell, and the configured platform.

import type { GuestPlatform, NodeConfig } from '../../config/config.ts'
import type { HypervisorKind } from '../../config/hypervisors/hypervisors.ts'
import { identityService } from '../../csi/identity.ts'
import { nodeService } from '../../csi/node.ts'
import type { Service } from '../../csi/wire/handler.ts'
import { GuestHealth } from '../../guest/guest-health.ts'
import { GuestVolumes } from '../../guest/guest-volumes.ts'
import { type LinuxBus, VIO, XEN } from '../../guest/linux/bus.ts'
import { LinuxPlatform } from '../../guest/linux/linux.ts'
import type { Platform } from '../../guest/platform.ts'
import { SolarisPlatform } from '../../guest/solaris/solaris.ts'
import type { Shell } from '../../shell/shell.ts'
import { openHost, type Surroundings } from './hosts.ts'

/** The bus of Linux guests on each hypervisor. */
const LINUX_BUSES: { readonly [K in HypervisorKind]: LinuxBus } = { ldoms: VIO, xen: XEN }

const PLATFORMS: {
  readonly [K in GuestPlatform]: (config: NodeConfig, shell: Shell) => Platform
} = {
  linux: ({ root, hypervisor }, shell) =>
    new LinuxPlatform({ shell, root, bus: LINUX_BUSES[hypervisor] }),
  solaris: (_, shell) => new SolarisPlatform(shell),
}

export function composeNode(config: NodeConfig, version: string, surroundings: Surroundings) {
  const { driverName, machine, guest, shell, prefix, attachLimit, snapshotTopology } = config
  const { host, close } = openHost({ name: `${machine}/${guest}`, shell, prefix }, surroundings)
  const platform = PLATFORMS[config.platform](config, host.shell)
  const volumes = new GuestVolumes({ platform, host, clock: surroundings.clock })
  const health = config.health ? new GuestHealth({ platform, host }) : undefined
  const services: readonly Service[] = [
    identityService({ driverName, version, snapshotTopology }),
    nodeService({ driverName, guest: { machine, guest }, attachLimit, volumes, health }),
  ]
  return { services, volumes, stop: async () => close() }
}
