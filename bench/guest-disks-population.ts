// Makes disks ready before anything is measured: driver and guest-disks in the process of the
// simulation, without ssh, which would take most of the time.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SimShell } from '../sim/sim-shell.ts'
import type { World } from '../sim/world.ts'
import { composeGuestDisks } from '../src/bin/compose/guest-disks.ts'
import { controllerServices, type Installation } from '../src/bin/compose/installation.ts'
import { systemClock } from '../src/clock.ts'
import { parseGuestDisksConfig } from '../src/config/guest-disks.ts'
import { connect } from '../src/csi/wire/client.ts'
import { startServer } from '../src/csi/wire/server.ts'
import { ApiServer } from '../src/kubernetes/api-server.ts'
import { silentLog } from '../src/log.ts'

export interface Cluster {
  readonly directory: string
  readonly configFile: string
  readonly port: number
  readonly serviceAccount: string
}

/** Returns how it ends. */
export async function keepGuestDisks(
  { directory, configFile, port, serviceAccount }: Cluster,
  { world, driver }: { readonly world: World; readonly driver: Installation },
): Promise<() => Promise<void>> {
  const server = await startServer({
    endpoint: `unix://${join(directory, 'population.sock')}`,
    services: controllerServices(driver, 'bench'),
    log: silentLog,
  })
  const client = connect(server.endpoint)
  const api = new ApiServer({ host: '127.0.0.1', port, userAgent: 'bench', serviceAccount })
  const { controller, close } = composeGuestDisks({
    config: parseGuestDisksConfig(readFileSync(configFile, 'utf8'), configFile),
    driver: client,
    api,
    instance: 'population',
    openShell: ({ name }) => {
      const guest = world.guests.get(name)
      if (guest === undefined) throw new Error(`no guest ${name}`)
      return { shell: new SimShell(guest.host), close: () => {} }
    },
    log: silentLog,
    clock: systemClock,
  })
  const stop = controller.start()
  return async () => {
    await stop()
    await close()
    api.close()
    client.close()
    await server.stop(0)
    await driver.stop()
  }
}
