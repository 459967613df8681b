import { systemClock } from '../../clock.ts'
import { parseControllerConfig } from '../../config/config.ts'
import type { Log } from '../../log.ts'
import { readText } from '../../manifests/files.ts'
import { FullnessWatch } from '../../storage/fullness.ts'
import { keepSweeping } from '../../storage/volumes/sweep.ts'
import { openRealShell } from '../compose/hosts.ts'
import {
  composeInstallation,
  controllerServices,
  type Installation,
} from '../compose/installation.ts'
import { VERSION } from '../version.ts'
import type { CliCommand } from './command.ts'
import {
  endAtOnce,
  openOutput,
  type PluginOptions,
  pluginCommand,
  serve,
  serviceAccountOption,
} from './plugin.ts'

interface ControllerOptions extends PluginOptions {
  readonly kubernetes?: true
  readonly serviceAccount: string
}

export const controller: CliCommand = {
  outlivesOutput: true,
  define: program =>
    serviceAccountOption(
      pluginCommand(program, 'controller', 'serve the CSI controller').option(
        '--kubernetes',
        'run as one of several pods: hold the Lease of the driver, and write Events on claims',
      ),
    ).action(run),
}

async function run(options: ControllerOptions): Promise<void> {
  const config = parseControllerConfig(readText(options.config), options.config)
  const { log, output } = openOutput(options)
  const installation = composeInstallation(config, {
    openShell: openRealShell,
    log,
    clock: systemClock,
  })
  const work = () => beginWork(installation, log)
  if (!options.kubernetes) {
    const services = controllerServices(installation, VERSION)
    await serve({ services, log, output, start: work }, options)
    return
  }
  const { serviceAccount } = options
  const { joinCluster } = await import('../compose/kubernetes.ts')
  const cluster = joinCluster({ installation, serviceAccount, log })
  const { watch, isHeld } = cluster
  const services = controllerServices(installation, VERSION, isHeld)
  const start = () => cluster.start(work, () => void endAtOnce(output))
  await serve({ services, watch, log, output, start }, options)
}

/** What runs beside the calls; it touches hosts. */
function beginWork(installation: Installation, log: Log): () => Promise<void> {
  void installation.resume()
  const fullness = new FullnessWatch({ pools: installation.pools, log })
  const stopSweeping = keepSweeping(installation.reaper, { clock: systemClock, log, fullness })
  return async () => {
    await stopSweeping()
    await installation.stop()
  }
}
