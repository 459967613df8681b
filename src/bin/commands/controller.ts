import { systemClock } from '../../clock.ts'
import { parseControllerConfig } from '../../config/config.ts'
import { readText } from '../../manifests/files.ts'
import { FullnessWatch } from '../../storage/fullness.ts'
import { keepSweeping } from '../../storage/volumes/sweep.ts'
import { openRealShell } from '../compose/hosts.ts'
import { composeInstallation, controllerServices } from '../compose/installation.ts'
import { VERSION } from '../version.ts'
import type { CliCommand } from './command.ts'
import { openOutput, type PluginOptions, pluginCommand, serve } from './plugin.ts'

export const controller: CliCommand = {
  outlivesOutput: true,
  define: program => pluginCommand(program, 'controller', 'serve the CSI controller').action(run),
}

async function run(options: PluginOptions): Promise<void> {
  const config = parseControllerConfig(readText(options.config), options.config)
  const { log, output } = openOutput(options)
  const installation = composeInstallation(config, {
    openShell: openRealShell,
    log,
    clock: systemClock,
  })
  const start = () => {
    void installation.resume()
    const fullness = new FullnessWatch({ pools: installation.pools, log })
    const stopSweeping = keepSweeping(installation.reaper, { clock: systemClock, log, fullness })
    return async () => {
      await stopSweeping()
      await installation.stop()
    }
  }
  const services = controllerServices(installation, VERSION)
  await serve({ services, log, output, start }, options)
}
