import { systemClock } from '../../clock.ts'
import { parseNodeConfig } from '../../config/config.ts'
import { readText } from '../../manifests/files.ts'
import { openRealShell } from '../compose/hosts.ts'
import { composeNode } from '../compose/node.ts'
import { VERSION } from '../version.ts'
import type { CliCommand } from './command.ts'
import { openOutput, type PluginOptions, pluginCommand, serve } from './plugin.ts'

export const node: CliCommand = {
  outlivesOutput: true,
  define: program =>
    pluginCommand(program, 'node', 'serve the CSI node plugin of one guest').action(run),
}

async function run(options: PluginOptions): Promise<void> {
  const config = parseNodeConfig(readText(options.config), options.config)
  const { log, output } = openOutput(options)
  const { services, stop } = composeNode(config, VERSION, {
    openShell: openRealShell,
    log,
    clock: systemClock,
  })
  await serve({ services, log, output, start: () => stop }, options)
}
