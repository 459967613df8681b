// The driver's two plugins behind sockets, on an installation with a real storage host.

import { SimShell } from '../../sim/sim-shell.ts'
import { ALL_CHANGES } from '../../src/bin/compose/changes.ts'
import { controllerServices, type Installation } from '../../src/bin/compose/installation.ts'
import { systemClock } from '../../src/clock.ts'
import { identityService } from '../../src/csi/identity.ts'
import { nodeService } from '../../src/csi/node.ts'
import { GuestHealth } from '../../src/guest/guest-health.ts'
import { SolarisPlatform } from '../../src/guest/solaris/solaris.ts'
import { parseGuestId } from '../../src/model/ids.ts'
import { createHost } from '../../src/shell/late-effects.ts'
import { type Plugin, servePlugin } from '../protocol/plugin.ts'
import type { OpenZfsInstallation } from './installation.ts'

/** The driver's own, where the configuration names none. */
export const DRIVER_NAME = 'vdisk.ldom-csi.io'

export interface Switches {
  readonly health: boolean
  readonly snapshotTopology: boolean
  readonly attachLimit: number
}

const ALL_ON: Switches = { health: true, snapshotTopology: true, attachLimit: 60 }

/** A controller that has just started. */
export async function serveController(
  installation: OpenZfsInstallation,
  { health, snapshotTopology, attachLimit }: Switches = ALL_ON,
): Promise<Plugin> {
  const { guests, ...config } = installation.configuration()
  const driver = await installation.driver({
    ...{ ...config, health, snapshotTopology },
    guests: guests.map(rule => ({ ...rule, attachLimit })),
  })
  return serveDriver(installation, driver)
}

/** The end of the controller is that of its driver. */
export async function serveDriver(
  installation: OpenZfsInstallation,
  driver: Installation,
): Promise<Plugin> {
  const plugin = await servePlugin(controllerServices(driver, '1.2.3'))
  return {
    ...plugin,
    end: async () => {
      await plugin.end()
      await installation.endDriver(driver)
    },
  }
}

/** The node plugin of a simulated Solaris guest. */
export function serveNode(
  installation: OpenZfsInstallation,
  guestId: string,
  { health, snapshotTopology, attachLimit }: Switches = ALL_ON,
): Promise<Plugin> {
  const shell = new SimShell(installation.world.host(guestId.replace('/', '-')))
  const watch = new GuestHealth({
    platform: new SolarisPlatform(shell),
    host: createHost({ changes: ALL_CHANGES, name: guestId, shell, clock: systemClock }),
  })
  return servePlugin([
    identityService({ driverName: DRIVER_NAME, version: '1.2.3', snapshotTopology }),
    nodeService({
      ...{ driverName: DRIVER_NAME, attachLimit },
      guest: parseGuestId(guestId),
      volumes: installation.node(guestId),
      health: health ? watch : undefined,
    }),
  ])
}
