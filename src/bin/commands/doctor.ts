import type { Check } from '../../checks.ts'
import { examine, formatChecks, provePaths } from '../../cli/doctor.ts'
import type { Installation } from '../compose/installation.ts'
import type { CliCommand } from './command.ts'
import { formatJson, withOutput } from './output.ts'
import { type ReportOptions, reportCommand, withInstallation } from './report.ts'

interface DoctorOptions extends ReportOptions {
  readonly prepare?: true
}

export const doctor: CliCommand = {
  outlivesOutput: false,
  define: program =>
    withOutput(
      reportCommand(
        program,
        'doctor',
        'check hosts, permissions, services and paths; exit status 1 when something is wrong',
      ).option(
        '--prepare',
        'also prove every path with a small labelled canary unit, which is made where it is ' +
          'missing',
      ),
    ).action((options: DoctorOptions) =>
      withInstallation(options.config, installation => report(installation, options)),
    ),
}

async function report(installation: Installation, options: DoctorOptions): Promise<void> {
  const tell = (checks: readonly Check[]) => {
    if (options.output === 'table') process.stdout.write(formatChecks(checks))
  }
  const examined = await examine(installation, undefined, tell)
  const proved = options.prepare ? await provePaths(installation.pools) : []
  tell(proved)
  const checks = [...examined, ...proved]
  if (options.output === 'json') process.stdout.write(formatJson(checks))
  if (checks.some(check => check.level === 'FAIL')) process.exitCode = 1
}
