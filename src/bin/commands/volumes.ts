import { formatVolumeTable, listVolumeRows } from '../../cli/volumes.ts'
import type { Pools } from '../../storage/pool.ts'
import type { CliCommand } from './command.ts'
import {
  formatJson,
  type ReportOptions,
  reportCommand,
  withInstallation,
  withOutput,
} from './report.ts'

export const volumes: CliCommand = {
  outlivesOutput: false,
  define: program =>
    withOutput(
      reportCommand(program, 'volumes', 'list volumes with their attachments and paths'),
    ).action(({ config, output }: ReportOptions) =>
      withInstallation(config, ({ pools }) => report(pools, output)),
    ),
}

async function report(pools: Pools, output: ReportOptions['output']): Promise<void> {
  const rows = await listVolumeRows(pools)
  process.stdout.write(
    output === 'json' ? formatJson(rows) : formatVolumeTable(rows, process.stdout.columns),
  )
}
