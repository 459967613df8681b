import { formatVolumeTable, reportVolumes } from '../../cli/volumes.ts'
import type { Pools } from '../../storage/pool.ts'
import type { CliCommand } from './command.ts'
import { formatJson, withOutput } from './output.ts'
import { type ReportOptions, reportCommand, withInstallation } from './report.ts'

export const volumes: CliCommand = {
  outlivesOutput: false,
  define: program =>
    withOutput(
      reportCommand(
        program,
        'volumes',
        'list volumes with attachments and paths; exit status 1 when a machine is silent',
      ),
    ).action(({ config, output }: ReportOptions) =>
      withInstallation(config, ({ pools }) => report(pools, output)),
    ),
}

async function report(pools: Pools, output: ReportOptions['output']): Promise<void> {
  const { rows, unasked } = await reportVolumes(pools)
  for (const why of unasked) console.error(`ldom-csi: ${why}`)
  if (unasked.length > 0) process.exitCode = 1
  process.stdout.write(
    output === 'json' ? formatJson(rows) : formatVolumeTable(rows, process.stdout.columns),
  )
}
