import { types } from 'node:util'
import { systemClock } from '../../clock.ts'
import { parseGuestDisksConfig } from '../../config/guest-disks.ts'
import { type CsiClient, connect } from '../../csi/wire/client.ts'
import { describeError } from '../../errors.ts'
import type { Log, LogLevel } from '../../log.ts'
import { readText } from '../../manifests/files.ts'
import { openRealShell } from '../compose/hosts.ts'
import { readPodEnvironment } from '../compose/pod.ts'
import { onFirstSignal } from '../signals.ts'
import { VERSION } from '../version.ts'
import type { CliCommand } from './command.ts'
import { endAtOnce, logLevelOption, openOutput, serviceAccountOption } from './plugin.ts'

const DEFAULT_CONTROLLER = 'unix:///run/csi/csi.sock'
/** Well below the time after which another controller may take the lease over. */
const PROBE_EVERY_MS = 2_000
const PROBE_MS = 5_000

interface GuestDisksOptions {
  readonly config: string
  readonly controller: string
  readonly serviceAccount: string
  readonly logLevel: LogLevel
}

export const guestDisks: CliCommand = {
  outlivesOutput: true,
  define: program =>
    logLevelOption(
      serviceAccountOption(
        program
          .command('guest-disks')
          .description('keep the GuestDisks of a cluster: disks of guests without a kubelet')
          .requiredOption('--config <file>', 'configuration file: the guests, and who may use them')
          .option('--controller <address>', 'socket of the driver', DEFAULT_CONTROLLER),
      ),
    ).action(run),
}

async function run(options: GuestDisksOptions): Promise<void> {
  const config = parseGuestDisksConfig(readText(options.config), options.config)
  const { pod, host, port } = readPodEnvironment('guest-disks')
  const { log, output } = openOutput(options)
  // Other commands do without the library.
  const { ApiServer } = await import('../../kubernetes/api-server.ts')
  const { composeGuestDisks } = await import('../compose/guest-disks.ts')
  const driver = connect(options.controller)
  const ending = new AbortController()
  // Until now nothing was begun: a signal ends the process at once.
  onFirstSignal(() => ending.abort())
  log.info({ address: options.controller }, 'waits for the driver')
  if (!(await waitUntilReady(driver, ending.signal))) process.exit(0)

  const userAgent = `ldom-csi-guest-disks/${VERSION}`
  const api = new ApiServer({ host, port, userAgent, serviceAccount: options.serviceAccount })
  const { controller, close } = composeGuestDisks({
    config,
    driver,
    api,
    instance: pod,
    openShell: openRealShell,
    log,
    clock: systemClock,
  })
  log.info({}, 'the driver is ready: disks of guests are kept')
  const stop = controller.start()
  const why = await untilUnready(driver, { log, signal: ending.signal })
  if (why !== undefined) {
    // Another process may begin: nothing that is at work is waited for.
    log.error({ error: why }, 'the driver is gone or no longer ready: this process ends')
    await endAtOnce(output)
  }
  await stop()
  await close()
  api.close()
  process.exit(0)
}

async function waitUntilReady(driver: CsiClient, signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted) {
    if ((await probe(driver, signal)) === undefined) return true
    await systemClock.sleep(PROBE_EVERY_MS, signal).catch(() => {})
  }
  return false
}

/** Undefined: the signal was aborted. */
async function untilUnready(
  driver: CsiClient,
  { log, signal }: { readonly log: Log; readonly signal: AbortSignal },
): Promise<string | undefined> {
  while (!signal.aborted) {
    await systemClock.sleep(PROBE_EVERY_MS, signal).catch(() => {})
    const why = await probe(driver, signal)
    if (signal.aborted) return undefined
    if (why !== undefined) return why
    log.debug({}, 'the driver is ready')
  }
  return undefined
}

/** Undefined: it is ready. */
async function probe({ identity }: CsiClient, signal: AbortSignal): Promise<string | undefined> {
  try {
    const { ready } = await identity.Probe({}, { timeoutMs: PROBE_MS, signal })
    // Absent means ready, by CSI.
    return ready === undefined || ready.value ? undefined : 'it holds no lease'
  } catch (error) {
    if (!types.isNativeError(error)) throw error
    return describeError(error)
  }
}
