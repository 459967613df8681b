import { formatFindings } from '../../cli/findings.ts'
import { audit as compareLayers } from '../../storage/audit/audit.ts'
import type { Pools } from '../../storage/pool.ts'
import type { CliCommand } from './command.ts'
import { formatJson, withOutput } from './output.ts'
import { type ReportOptions, reportCommand, withInstallation } from './report.ts'

export const audit: CliCommand = {
  outlivesOutput: false,
  define: program =>
    withOutput(
      reportCommand(
        program,
        'audit',
        'compare the layers; exit status 1 when something is in one and not in another',
      ),
    ).action(({ config, output }: ReportOptions) =>
      withInstallation(config, ({ pools }) => report(pools, output)),
    ),
}

async function report(pools: Pools, output: ReportOptions['output']): Promise<void> {
  const findings = await compareLayers(pools)
  if (findings.length > 0) process.exitCode = 1
  process.stdout.write(output === 'json' ? formatJson(findings) : formatFindings(findings))
}
